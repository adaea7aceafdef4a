"""Every language model that LiteLLM reaches: the only importer of litellm."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import ConfigurationError
from outlay.model import litellm_replies as replies
from outlay.model.litellm_errors import translate
from outlay.model.litellm_prices import price_from
from outlay.model.prompt_bound import prompt_bound
from outlay.model.session import shared_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from types import ModuleType

    from outlay.budget import Price
    from outlay.model.llama_cpp import LlamaCppServer
    from outlay.model.records import Choice, Chunk, Message, Reply, Request

MOST_SAMPLES: Final = 128
"""The most that OpenAI takes in one request."""
FEWER_SAMPLES: Final = {"gemini": 8, "vertex_ai": 8, "groq": 1, "deepseek": 1, "lm_studio": 1, "cohere": 1}
"""By provider, where LiteLLM lists the parameter and the provider takes less."""
DROPPED: Final = ("user", "metadata")
"""Parameters of the chat API that LiteLLM drops, or keeps for itself, where it does not list them."""


class LiteLLMProvider:
    """A model behind LiteLLM.

    Args:
        model: As LiteLLM spells it.
        name: What its errors call it, if not that.
        api_base: Where the server is, if not where LiteLLM would look.
        api_key: If not in the environment.
        timeout: Seconds of silence after which a request is given up.
        server: The llama.cpp server that serves the model, where it is one: it is asked for exact
            counts, and where it is if `api_base` is not given.
        price: If it is not to be looked up.
    """

    def __init__(
        self,
        model: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        timeout: float = 600.0,
        server: LlamaCppServer | None = None,
        price: Price | None = None,
        name: str | None = None,
    ) -> None:
        self._model = model
        self._name = name or model
        self._api_base = api_base
        self._api_key = api_key
        self._timeout = timeout
        self._server = server
        self._price = price
        self._supported: frozenset[str] | None = None
        self._known_route: tuple[str, str] | None = None

    async def complete(self, request: Request) -> Reply:
        counted = self._server is not None and request.n > 1
        response = await self._call(request, stream=False, logprobs=request.logprobs)
        reply = replies.reply(response)
        if not counted:
            return reply
        # The server reports the tokens of one choice only: https://github.com/ggml-org/llama.cpp
        cap = request.max_output_tokens
        counts = await asyncio.gather(*(self._count_choice(choice, cap) for choice in reply.choices))
        return reply.model_copy(update={"output_tokens": tuple(counts)})

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        response = await self._call(request, stream=True, logprobs=request.logprobs)
        reader = replies.StreamReader(response)
        try:
            async for piece in response:
                yield reader.chunk(piece)
        except failures() as exc:
            raise self._translated(exc) from exc
        finally:
            await replies.close_stream(response)
        yield reader.last()

    async def count_prompt(self, request: Request) -> int:
        if self._server is not None:
            return await self._server.count_prompt(request)
        await _loaded()
        return prompt_bound(self._messages(request), request.tools, request.response_schema)

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        return None if self._server is None else await self._server.tokens(text)

    async def max_n(self) -> int:
        if self._server is not None:
            return await self._server.slots()
        await _loaded()
        return FEWER_SAMPLES.get(self._route()[0], MOST_SAMPLES) if "n" in self._parameters() else 1

    async def context_window(self) -> int | None:
        return None if self._server is None else await self._server.window()

    def price(self, prompt_tokens: int) -> Price | None:  # noqa: ARG002 - the price holds long prompts
        if self._price is not None:
            return self._price
        provider, model = self._route()
        return price_from(litellm().model_cost, (self._model, model), provider)

    async def _call(self, request: Request, *, stream: bool, logprobs: bool | None) -> Any:
        module = await _loaded()
        arguments = await self._arguments(request)
        if stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        if logprobs is not None:
            arguments["logprobs"] = logprobs
        try:
            return await module.acompletion(**arguments)
        except failures() as exc:
            raise self._translated(exc) from exc

    async def _arguments(self, request: Request) -> dict[str, Any]:
        base, key = self._api_base, self._api_key
        if base is None and self._server is not None:
            root, key = await self._server.place()
            base = f"{root}/v1"
        optional = {
            "n": request.n if request.n > 1 else None,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "tools": [dict(tool) for tool in request.tools] or None,
            "tool_choice": request.tool_choice,
            "response_format": self._response_format(request),
            "api_base": base,
            "api_key": key,
        }
        return {
            **self._params(request.params),
            **{name: value for name, value in optional.items() if value is not None},
            "model": self._model,
            "messages": self._messages(request),
            "max_tokens": request.max_output_tokens,
            "timeout": self._timeout,
            # Each of these is a call that no fence would see.
            "num_retries": 0,
            "max_retries": 0,
            # Its gateway calls the model again by itself, and needs packages that LiteLLM does not bring.
            "_skip_mcp_handler": True,
            "drop_params": False,
            "shared_session": shared_session(),
        }

    def _params(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Move what LiteLLM would drop without a word to where it does not."""
        lost = {name: params[name] for name in DROPPED if name in params and name not in self._parameters()}
        if not lost:
            return dict(params)
        provider, _ = self._route()
        if provider not in {"openai", *litellm().openai_compatible_providers}:
            raise ConfigurationError(f"{self._name}: {provider} takes no {', '.join(lost)}: leave it out")
        kept = {name: value for name, value in params.items() if name not in lost}
        return {**kept, "extra_body": {**lost, **(params.get("extra_body") or {})}}

    def _messages(self, request: Request) -> list[Message]:
        messages: list[Message] = [dict(message) for message in request.messages]
        if request.response_schema is not None and not self._constrains():
            messages.append(replies.schema_instruction(request.response_schema))
        return messages

    def _response_format(self, request: Request) -> dict[str, Any] | None:
        if request.response_schema is None or not self._constrains():
            return None
        schema = {"name": request.schema_name, "schema": dict(request.response_schema), "strict": True}
        return {"type": "json_schema", "json_schema": schema}

    def _constrains(self) -> bool:
        """Whether the provider decodes under a JSON schema."""
        if self._server is not None:
            return True
        provider, model = self._route()
        if "response_format" not in self._parameters():
            return False
        known = litellm().model_cost.get(model) or litellm().model_cost.get(self._model)
        return known is None or bool(litellm().supports_response_schema(model, provider))

    def _parameters(self) -> frozenset[str]:
        if self._supported is None:
            provider, model = self._route()
            names = litellm().get_supported_openai_params(model=model, custom_llm_provider=provider)
            self._supported = frozenset(names or ())
        return self._supported

    def _route(self) -> tuple[str, str]:
        if self._known_route is None:
            self._known_route = self._find_route()
        return self._known_route

    def _find_route(self) -> tuple[str, str]:
        try:
            model, provider, *_ = litellm().get_llm_provider(self._model, api_base=self._api_base)
        except failures() as exc:
            raise self._translated(exc) from exc
        return provider, model

    async def _count_choice(self, choice: Choice, cap: int) -> int:
        if choice.finish_reason == "length":
            return cap  # its text may be read back as fewer tokens than were sampled
        said = (
            choice.reasoning + choice.text + "".join(call.name + call.arguments for call in choice.tool_calls)
        )
        assert self._server is not None  # noqa: S101 - the caller asked
        return min(cap, len(await self._server.tokens(said)) + 1)  # and the token that ended it

    def _translated(self, error: Exception) -> Exception:
        return translate(error, model=self._name, url=self._api_base)


@cache
def litellm() -> ModuleType:
    """Import LiteLLM (seconds of CPU), told to keep off the network and the console."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module("litellm")
    # What LiteLLM's own code sets off, at import and later; none of it is the user's to cure.
    warnings.filterwarnings("ignore", message=".* on TypedDict class .* `ReadOnly` qualifier")
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"litellm\.")
    vars(module).update(suppress_debug_info=True, telemetry=False)
    for name in ("LiteLLM", "LiteLLM Proxy", "LiteLLM Router"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return module


@cache
def failures() -> tuple[type[Exception], ...]:
    """Give the classes of everything that LiteLLM raises for a failed call."""
    import aiohttp  # noqa: PLC0415 - loaded with LiteLLM, not before
    import httpx  # noqa: PLC0415
    import openai  # noqa: PLC0415

    own = vars(importlib.import_module("litellm.exceptions")).values()
    raised = tuple(kind for kind in own if isinstance(kind, type) and issubclass(kind, Exception))
    return (*raised, openai.OpenAIError, httpx.HTTPError, aiohttp.ClientError, OSError)


async def _loaded() -> ModuleType:
    if not litellm.cache_info().currsize:
        await asyncio.to_thread(litellm)
    return litellm()
