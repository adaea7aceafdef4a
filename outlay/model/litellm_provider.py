"""Every language model that LiteLLM reaches: the only importer of litellm."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
import os
import re
import warnings
from contextlib import aclosing
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

from outlay.errors import ConfigurationError, ModelError
from outlay.model.litellm_prices import price_from
from outlay.model.openai_http import ChatRequest, events, post
from outlay.model.prompt_bound import prompt_bound
from outlay.model.provider import ParameterRenamedError
from outlay.model.provider_errors import no_key, translate
from outlay.model.replies import StreamReader, read_reply, schema_instruction
from outlay.model.session import Wire, recorded_wire, shared_session
from outlay.model.tokenizers import BYTES, Tokenizer, byte_count, openai_tokenizer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from types import ModuleType

    from aiohttp import ClientSession

    from outlay.budget import Price
    from outlay.model.llama_cpp import LlamaCppServer
    from outlay.model.records import Choice, Chunk, Message, Reply, Request

MOST_SAMPLES: Final = 128
"""The most that OpenAI takes in one request."""
FEWER_SAMPLES: Final = {"gemini": 8, "vertex_ai": 8, "groq": 1, "deepseek": 1, "lm_studio": 1, "cohere": 1}
"""By provider, where LiteLLM lists the parameter and the provider takes less."""
DROPPED: Final = ("user", "metadata")
"""Parameters of the chat API that LiteLLM drops, or keeps for itself, where it does not list them."""
DIRECT: Final = {
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY"),
    "deepseek": ("https://api.deepseek.com/v1", "DEEPSEEK_API_KEY"),
    "mistral": ("https://api.mistral.ai/v1", "MISTRAL_API_KEY"),
    "together_ai": ("https://api.together.xyz/v1", "TOGETHERAI_API_KEY"),
    "xai": ("https://api.x.ai/v1", "XAI_API_KEY"),
    "custom_openai": (None, None),
    "hosted_vllm": (None, None),
    "lm_studio": (None, None),
    "llamafile": (None, None),
}
"""Providers that speak OpenAI's format: their usual address, and the variable of the key they need."""
LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""The two names of the output limit; some servers take only one of them."""
OWN_CLIENT: Final = frozenset(
    """
    anthropic bedrock cohere cohere_chat databricks gemini groq huggingface ollama ollama_chat vertex_ai
    """.split()
)
"""Providers whose requests LiteLLM sends through a client that it is given."""
_WANTS_NEW_LIMIT: Final = re.compile(
    r"max_tokens\b.{0,60}(?:not supported|unsupported|deprecated)|use\W+max_completion_tokens", re.IGNORECASE
)
_WANTS_OLD_LIMIT: Final = re.compile(
    r"(?:unsupported|unknown|unrecogni[sz]ed|unexpected|extra).{0,60}max_completion_tokens"
    r"|max_completion_tokens\b.{0,60}(?:not supported|not permitted|unknown|unrecogni[sz]ed)",
    re.IGNORECASE,
)
ODD_EVENTS: Final[tuple[type[Exception], ...]] = (ValueError, TypeError, KeyError)
"""What LiteLLM's own reading raises for odd events of a stream."""
REPLY_BYTES: Final = 2**20
TOKEN_BYTES: Final = 1024
"""The largest reply that is read: so much for it, and so much for each token that was reserved."""

OPENAI: Final = "api.openai.com"
OPENAI_BASES: Final = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
"""Environment variables that move OpenAI's models to another server."""
LONG: Final = 20_000
"""Characters of messages that are counted on a thread, so that other calls go on."""


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
        tokenizer: What counts prompts, if it is not to be found out.
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
        tokenizer: Tokenizer | None = None,
    ) -> None:
        self._model = model
        self._name = name or model
        self._api_base = api_base
        self._api_key = api_key
        self._timeout = timeout
        self._server = server
        self._price = price
        self._tokenizer = tokenizer
        self._supported: frozenset[str] | None = None
        self._known_route: tuple[str, str] | None = None
        self._limit_name: str | None = None

    async def complete(self, request: Request) -> Reply:
        await _loaded()
        try:
            reply = read_reply(await self._whole(request))
        except ModelError as exc:
            self._rename_limit(exc)
            raise
        if self._server is None or request.n == 1:
            return reply
        # The server reports the tokens of one choice only: https://github.com/ggml-org/llama.cpp
        cap = request.max_output_tokens
        counts = await asyncio.gather(*(self._count_choice(choice, cap) for choice in reply.choices))
        return reply.model_copy(update={"output_tokens": tuple(counts)})

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        await _loaded()
        reader, ended = StreamReader(), False
        received = (
            events(await self._chat_request(request, stream=True))
            if self._is_direct()
            else self._litellm_events(request)
        )
        try:
            async with aclosing(received):
                async for event in received:
                    ended = ended or event is None
                    yield reader.chunk(event)
        except ModelError as exc:
            exc.usage = exc.usage or reader.usage
            self._rename_limit(exc)
            raise
        yield reader.last(ended=ended or reader.told_usage)

    async def count_prompt(self, request: Request) -> int:
        if self._server is not None:
            return await self._server.count_prompt(request)
        await _loaded()
        # The first encoding takes a third of a second to load, and a long prompt long to encode.
        return (
            await asyncio.to_thread(self._bound, request) if self._is_slow(request) else self._bound(request)
        )

    def tokenizer(self) -> Tokenizer:
        """Return what counts prompts: tiktoken for a model that OpenAI itself serves, else UTF-8 bytes."""
        if self._tokenizer is None:
            if self._server is not None:
                self._tokenizer = Tokenizer("llama.cpp server, exact", byte_count)
            else:
                provider, model = self._route()
                own = provider == "openai" and self._is_openais_own()
                self._tokenizer = (own and openai_tokenizer(model)) or BYTES
        return self._tokenizer

    def _is_openais_own(self) -> bool:
        """Return True where OpenAI serves the model: another server may call any model `gpt-4o`."""
        named = (self._api_base, litellm().api_base, *map(os.environ.get, OPENAI_BASES))
        base = next((str(base) for base in named if base), f"https://{OPENAI}")
        host = urlsplit(base).hostname or ""
        return host == OPENAI or host.endswith(f".{OPENAI}")

    def _is_slow(self, request: Request) -> bool:
        return self._tokenizer is None or sum(len(str(m.get("content"))) for m in request.messages) > LONG

    def _bound(self, request: Request) -> int:
        messages = tuple(self._messages(request))
        schema = request.response_schema if self._constrains() else None  # else one of the messages has it
        whole = request.model_copy(update={"messages": messages, "response_schema": schema})
        return prompt_bound(whole, self.tokenizer())

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

    async def _whole(self, request: Request) -> Any:
        """Give the reply's JSON, in OpenAI's format whoever replies."""
        if self._is_direct():
            return await post(await self._chat_request(request))
        with recorded_wire() as wire:
            try:
                response = await self._call(request, wire)
            except ModelError:
                if wire.body().get("choices"):
                    return wire.body()  # paid for, and only LiteLLM cannot read it
                raise
        reply = response.model_dump(warnings=False)
        if self._route()[0].startswith("ollama"):
            reply["usage"] = _counted(reply["usage"], wire.body())
        return reply

    async def _litellm_events(self, request: Request) -> AsyncGenerator[Any, None]:
        """Give LiteLLM's events as JSON, without the finish reason and usage that it invents."""
        with recorded_wire() as wire:
            response = await self._call(request, wire, stream=True)
        try:
            async for piece in response:
                event = piece.model_dump(warnings=False)
                for choice in event.get("choices") or ():
                    choice["finish_reason"] = getattr(
                        response, "received_finish_reason", choice["finish_reason"]
                    )
                if not any(getattr(chunk, "usage", None) for chunk in getattr(response, "chunks", ())):
                    event["usage"] = None
                yield event
        except failures() + ODD_EVENTS as exc:
            raise self._translated(exc, wire) from exc
        finally:
            await _close(response)

    def _is_direct(self) -> bool:
        """Whether the server is asked without LiteLLM's wrapper, which costs three times the call.

        LiteLLM still finds the server and translates the parameters. `OUTLAY_DIRECT=0` in the environment
        sends every call through the wrapper, so that LiteLLM's callbacks see it.
        """
        provider, model = self._route()
        entry = litellm().model_cost.get(model) or {}
        speaks_chat = entry.get("mode") != "responses" and not model.startswith("responses/")
        return os.environ.get("OUTLAY_DIRECT") != "0" and provider in DIRECT and speaks_chat

    async def _chat_request(self, request: Request, *, stream: bool = False) -> ChatRequest:
        """Make the HTTP request of a direct call.

        Raises:
            ConfigurationError: There is no address or key, or the provider takes no such parameter.
        """
        provider, _ = self._route()
        base, key = await self._place()
        default_base, variable = DIRECT[provider]
        if not base and not default_base:
            raise ConfigurationError(f"{self._name} needs api_base=, the server's URL")
        if not key and not base and variable:
            raise no_key(self._name, variable)
        asked = self._asked(request)
        headers = _headers(asked)
        body = self._limited(self._body(request, asked, stream=stream), request)
        try:
            parts = urlsplit(base or default_base or "")
        except ValueError as exc:
            raise ConfigurationError(f"{self._name}: api_base is no URL: {exc}") from exc
        path = parts.path.rstrip("/").removesuffix("/chat/completions") + "/chat/completions"
        if key and not parts.username:
            headers.setdefault("Authorization", f"Bearer {key}")
        url = urlunsplit(parts._replace(path=path))
        return ChatRequest(url, headers, body, self._name, self._most_bytes(request))

    def _body(self, request: Request, asked: dict[str, Any], *, stream: bool) -> dict[str, Any]:
        """Translate a request to the provider's dialect, by LiteLLM's rules."""
        provider, model = self._route()
        if stream:
            asked["stream"] = True
            if "stream_options" in self._parameters():
                asked["stream_options"] = {"include_usage": True}
        extra = dict(asked.pop("extra_body", None) or {})
        kept: dict[str, Any] = {name: asked.pop(name) for name in DROPPED if name in asked}
        module = litellm()
        try:
            optional = module.utils.get_optional_params(model=model, custom_llm_provider=provider, **asked)
            translated = optional.pop("extra_body", None) or {}
            body = _chat_config(provider, model).transform_request(
                model=model,
                messages=self._messages(request),
                optional_params={n: v for n, v in optional.items() if n != "max_retries"},
                litellm_params={},
                headers={},
            )
        except failures() as exc:
            raise self._translated(exc, None) from exc
        except (TypeError, ValueError, KeyError, AttributeError) as exc:
            raise ConfigurationError(f"{self._name}: a parameter is of the wrong kind: {exc}") from exc
        body = {**body, **translated, **kept, **extra}
        return {name: value for name, value in body.items() if name != "stream" or value}

    async def _place(self) -> tuple[str | None, str | None]:
        """Give the server's base URL and key, as given or from the environment."""
        if self._server is not None and self._api_base is None:
            root, key = await self._server.place()
            return f"{root}/v1", key
        module = litellm()
        _, provider, key, base = module.get_llm_provider(
            self._model, api_base=self._api_base, api_key=self._api_key
        )
        named = provider.upper() if provider != "custom_openai" else "OPENAI"
        found = (os.environ.get(f"{named}_{name}") for name in ("BASE_URL", "API_BASE"))
        base = base or self._api_base or next(filter(None, found), None) or module.api_base
        return base, self._api_key or key or os.environ.get(f"{named}_API_KEY") or module.api_key

    def _limited(self, body: dict[str, Any], request: Request) -> dict[str, Any]:
        """Check that what is sent is what was reserved, under the limit's name that the server takes."""
        names = [name for name in LIMITS if name in body]
        if self._limit_name is not None:
            body = {self._limit_name if name in LIMITS else name: value for name, value in body.items()}
        limits = {body[name] for name in LIMITS if name in body}
        if not names or limits != {request.max_output_tokens} or (body.get("n") or 1) != request.n:
            raise ConfigurationError(
                f"{self._name}: the parameters given change how much is generated: give max_output_tokens= "
                "and Model.sample(messages, n) instead"
            )
        return body

    def _most_bytes(self, request: Request) -> int:
        """Give the largest reply that is read, in proportion to what was reserved."""
        tops = int(request.params.get("top_logprobs") or 0)
        return REPLY_BYTES + TOKEN_BYTES * (1 + tops) * request.max_output_tokens * request.n

    def _rename_limit(self, error: ModelError) -> None:
        """Use the other name of the output limit from the next attempt on, where the server asks for it.

        Raises:
            ParameterRenamedError: It does. Each of several calls under way may be refused once.
        """
        said = str(error)
        wanted = (
            LIMITS[1]
            if _WANTS_NEW_LIMIT.search(said)
            else LIMITS[0]
            if _WANTS_OLD_LIMIT.search(said)
            else None
        )
        if wanted is None or error.unknown or self._limit_name not in {None, wanted}:
            return
        self._limit_name = wanted
        raise ParameterRenamedError(said, model=error.model, usage=error.usage) from error

    async def _call(self, request: Request, wire: Wire, *, stream: bool = False) -> Any:
        arguments = await self._arguments(request, wire)
        if os.environ.pop("DISABLE_AIOHTTP_TRANSPORT", None):
            # With httpx below it LiteLLM sends a request again by itself, which no fence would see.
            logging.getLogger("outlay").warning(
                "DISABLE_AIOHTTP_TRANSPORT is ignored: it hides requests from the fence"
            )
        if stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        try:
            return await litellm().acompletion(**arguments)
        except failures() as exc:
            raise self._translated(exc, wire) from exc

    def _asked(self, request: Request) -> dict[str, Any]:
        """Give what a request says beside its messages, under the chat API's names."""
        optional = {
            "n": request.n if request.n > 1 else None,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop": list(request.stop) or None,
            "seed": request.seed,
            "tools": [dict(tool) for tool in request.tools] or None,
            "tool_choice": request.tool_choice,
            "response_format": self._response_format(request),
            "logprobs": request.logprobs,
        }
        return {
            **request.params,
            **{name: value for name, value in optional.items() if value is not None},
            "max_tokens": request.max_output_tokens,
        }

    async def _arguments(self, request: Request, wire: Wire) -> dict[str, Any]:
        base, key = self._api_base, self._api_key
        if base is None and self._server is not None:
            root, key = await self._server.place()
            base = f"{root}/v1"
        place = {"api_base": base, "api_key": key}
        asked = self._asked(request)
        if self._limit_name is not None:
            asked[self._limit_name] = asked.pop("max_tokens")
        return {
            **self._params(asked),
            **{name: value for name, value in place.items() if value is not None},
            "model": self._model,
            "messages": self._messages(request),
            "timeout": self._timeout,
            # Each of these is a call that no fence would see.
            "num_retries": 0,
            "max_retries": 0,
            # Its gateway calls the model again by itself, and needs packages that LiteLLM does not bring.
            "_skip_mcp_handler": True,
            "drop_params": False,
            "shared_session": shared_session(),
            "logger_fn": wire.log,
            **({"client": _http_client(shared_session())} if self._route()[0] in OWN_CLIENT else {}),
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
            messages.append(schema_instruction(request.response_schema))
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
            raise self._translated(exc, None) from exc
        return provider, model

    async def _count_choice(self, choice: Choice, cap: int) -> int:
        if choice.finish_reason == "length":
            return cap  # its text may be read back as fewer tokens than were sampled
        said = (
            choice.reasoning + choice.text + "".join(call.name + call.arguments for call in choice.tool_calls)
        )
        assert self._server is not None  # noqa: S101 - the caller asked
        return min(cap, len(await self._server.tokens(said)) + 1)  # and the token that ended it

    def _translated(self, error: Exception, wire: Wire | None) -> Exception:
        missing_key = self._missing_key() if wire is not None and not wire.sent else None
        return translate(error, model=self._name, url=self._api_base, wire=wire, missing_key=missing_key)

    def _missing_key(self) -> str | None:
        """Return the variable of the key that the provider needs and that is nowhere given."""
        if self._api_key is not None:
            return None
        missing = [str(name) for name in litellm().validate_environment(model=self._model)["missing_keys"]]
        keys = [name for name in missing if name.endswith(("_KEY", "_TOKEN"))]
        own = self._route()[0].upper()
        return next((name for name in keys if name.startswith(own)), next(iter(keys), None))


def _counted(usage: Any, body: dict[str, Any]) -> Any:
    """Drop the counts that LiteLLM makes up where Ollama's reply has none."""
    if "eval_count" not in body:
        return None
    return usage if "prompt_eval_count" in body else {**usage, "prompt_tokens": 0, "total_tokens": 0}


def _headers(asked: dict[str, Any]) -> dict[str, str]:
    """Take out of a request's parameters those that are sent as headers."""
    given = asked.pop("extra_headers", None) or {}
    headers = {str(name).title(): str(value) for name, value in given.items()}
    named = {name: asked.pop(name) for name in ("organization", "project") if name in asked}
    return headers | {f"Openai-{name.title()}": str(value) for name, value in named.items()}


async def _close(stream: Any) -> None:
    """Close the connection below LiteLLM's stream, so that the provider sees it go."""
    below = getattr(stream, "completion_stream", None)
    for name in ("aclose", "close"):
        close = getattr(below, name, None)
        if close is not None:
            closing = close()
            if inspect.isawaitable(closing):
                await closing
            return


@lru_cache(maxsize=4)
def _http_client(session: ClientSession) -> Any:
    """Return LiteLLM's HTTP client over our session, which records requests, and without redirects."""
    handlers = importlib.import_module("litellm.llms.custom_httpx.http_handler")
    transports = importlib.import_module("litellm.llms.custom_httpx.aiohttp_transport")
    transport = transports.LiteLLMAiohttpTransport(client=session, owns_session=False)
    return handlers.AsyncHTTPHandler(transport=transport, follow_redirects=False)


@cache
def _chat_config(provider: str, model: str) -> Any:
    module = litellm()
    return module.utils.ProviderConfigManager.get_provider_chat_config(model, module.LlmProviders(provider))


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
    warnings.filterwarnings("ignore", message="Pydantic serializer warnings")
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
