"""What a llama.cpp server tells about its model: tokens, template, slots and window."""

from __future__ import annotations

import asyncio
import codecs
import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import ConfigurationError, ModelUnavailableError
from outlay.model.prompt_bound import prompt_fields
from outlay.model.session import shared_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.model.records import Message, Request

REMEMBERED_PROMPTS: Final = 1024
SECONDS: Final = 30.0
OK: Final = 200


class LlamaCppServer:
    """The parts of the server's API that are not OpenAI's; all methods run on the calls loop.

    Args:
        locate: Gives the server's root URL and key, starting it where that is ours to do. It may
            block, and is called once.
    """

    def __init__(self, locate: Callable[[], tuple[str, str | None]]) -> None:
        self._locate = locate
        self._place: asyncio.Task[tuple[str, str | None]] | None = None
        self._props: dict[str, Any] | None = None
        self._counts: OrderedDict[str, int] = OrderedDict()

    async def place(self) -> tuple[str, str | None]:
        """Give the server's root URL and key."""
        if self._place is None or (self._place.done() and self._failed(self._place)):
            self._place = asyncio.ensure_future(asyncio.to_thread(self._locate))
        # Shielded: a cancelled caller must not stop the start that others wait for.
        return await asyncio.shield(self._place)

    async def slots(self) -> int:
        """Give how many generations it runs at once."""
        return int((await self._properties())["total_slots"])

    async def window(self) -> int:
        """Give the tokens that one prompt and its output share."""
        return int((await self._properties())["default_generation_settings"]["n_ctx"])

    async def count_prompt(self, request: Request) -> int:
        """Count the prompt's tokens exactly.

        Raises:
            ConfigurationError: There are tools, and the model's template leaves them out.
        """
        asked = {
            "messages": request.messages,
            "tools": request.tools,
            "tool_choice": request.tool_choice,
            **_template_settings(request),
        }
        key = json.dumps(asked, sort_keys=True, default=dict)
        count = self._counts.get(key)
        if count is None:
            count = self._counts[key] = await self._count(request)
            if len(self._counts) > REMEMBERED_PROMPTS:
                self._counts.popitem(last=False)
        return count

    async def tokens(self, text: str) -> tuple[str, ...]:
        """Split `text` into the model's tokens."""
        asked = {"content": text, "with_pieces": True, "parse_special": True, "add_special": False}
        found = (await self._post("/tokenize", asked))["tokens"]
        return _pieces([token["piece"] for token in found])

    async def _count(self, request: Request) -> int:
        prompt = await self._render(request, request.tools)
        if request.tools and prompt == await self._render(request, ()):
            raise ConfigurationError(
                f"the chat template of {request.model} leaves `tools` out, so the model would never see "
                "them: use a model whose template knows tools, or ask for JSON with Model.parse"
            )
        asked = {"content": prompt, "parse_special": True, "add_special": True}
        return len((await self._post("/tokenize", asked))["tokens"])

    async def _render(self, request: Request, tools: tuple[Message, ...]) -> str:
        asked: dict[str, Any] = {"messages": request.messages, **_template_settings(request)}
        if tools:
            asked["tools"] = tools
            if request.tool_choice is not None:
                asked["tool_choice"] = request.tool_choice
        return str((await self._post("/apply-template", asked))["prompt"])

    async def _properties(self) -> dict[str, Any]:
        if self._props is None:
            self._props = await self._ask("GET", "/props", None)
        return self._props

    async def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return await self._ask("POST", path, body)

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        import aiohttp  # noqa: PLC0415 - imported with LiteLLM, not before

        root, key = await self.place()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        limit = aiohttp.ClientTimeout(total=SECONDS)
        try:
            async with shared_session().request(
                method, root + path, json=body, headers=headers, timeout=limit
            ) as response:
                said = await response.text()
        except (aiohttp.ClientError, TimeoutError) as exc:
            message = f"the llama.cpp server at {root} does not answer {path}: is it running? ({exc})"
            raise ModelUnavailableError(message, sent=False) from exc
        if response.status != OK:
            raise ConfigurationError(f"the llama.cpp server at {root} refused {path}: {said[:400]}")
        answer: dict[str, Any] = json.loads(said)
        return answer

    @staticmethod
    def _failed(task: asyncio.Task[tuple[str, str | None]]) -> bool:
        return task.cancelled() or task.exception() is not None


def _template_settings(request: Request) -> dict[str, Any]:
    """Return what the server renders the prompt from, beside messages and tools."""
    settings = dict(prompt_fields(request.params))
    if request.response_schema is not None:
        schema = {"name": request.schema_name, "schema": request.response_schema}
        settings["response_format"] = {"type": "json_schema", "json_schema": schema}
    return settings


def _pieces(pieces: list[str | list[int]]) -> tuple[str, ...]:
    """Decode tokens; a character that several tokens share falls to the last of them."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return tuple(
        decoder.decode(piece.encode() if isinstance(piece, str) else bytes(piece)) for piece in pieces
    )
