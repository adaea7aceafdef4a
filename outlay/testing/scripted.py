"""A model that says what it is told to, through the real fences, retries and bills.

```python
model = ScriptedModel(["a plan", ModelUnavailableError("down"), "an answer"])
model = ScriptedModel(lambda request: "42" if "sum" in prompt(request) else "no idea")
```
"""

from __future__ import annotations

import asyncio
import json
from inspect import isawaitable
from itertools import count
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from outlay.budget import FREE, Price, Usage
from outlay.errors import ConfigurationError
from outlay.model import Choice, Chunk, Model, Reply, Request
from outlay.testing.words import cut, prompt_text, split

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    Tokens = Callable[[str], Sequence[str]]
    Line = str | Choice | Reply | BaseModel | Mapping[str, Any] | Exception
    Script = Sequence[Line] | Callable[[Request], Line | Awaitable[Line]]


class ScriptedModel(Model):
    """A `Model` whose replies are written down.

    Args:
        script: One line per sample in the order of asking, or a function of the request that gives
            one (or an awaitable of one). A line is what is said (a `str`; a `Choice`, with thinking
            or tool calls), a pydantic object or a mapping (said as JSON), an exception (raised), or
            a `Reply` (the whole request's reply as it stands, its usage included).
        tokens: Splits a text into its tokens, which join to the text; a token is a word without it.
        price: What a token costs; `None`: unknown.
        max_n: The most samples that one request may ask for.
        window: Tokens that prompt and output share; `None`: any number.
        delay: Seconds that a reply takes.
        options: Whatever else `Model` takes.
    """

    def __init__(
        self,
        script: Script,
        *,
        tokens: Tokens = split,
        price: Price | None = FREE,
        name: str = "scripted",
        max_n: int = 1,
        window: int | None = None,
        delay: float = 0.0,
        **options: Any,
    ) -> None:
        self._provider_script = ScriptedProvider(
            script, tokens=tokens, price=price, max_n=max_n, window=window, delay=delay
        )
        super().__init__(name, provider=self._provider_script, price=price, **options)

    @property
    def requests(self) -> list[Request]:
        """What was asked, in the order of asking."""
        return self._provider_script.requests

    @property
    def prompts(self) -> list[str]:
        """The text of each request's messages."""
        return [prompt(request) for request in self.requests]


class ScriptedProvider:
    """What stands behind a `ScriptedModel`; see there."""

    def __init__(
        self,
        script: Script,
        *,
        tokens: Tokens = split,
        price: Price | None = FREE,
        max_n: int = 1,
        window: int | None = None,
        delay: float = 0.0,
    ) -> None:
        self.requests: list[Request] = []
        self._line = script if callable(script) else _in_order(script)
        self._tokens = tokens
        self._price = price
        self._max_n = max_n
        self._window = window
        self._delay = delay

    async def complete(self, request: Request) -> Reply:
        """Give the next lines of the script, cut at the request's limit."""
        self.requests.append(request)
        lines = [await self._next(request) for _ in range(request.n)]
        if self._delay:
            await asyncio.sleep(self._delay)
        for line in lines:
            if isinstance(line, Reply):
                return line
        cuts = [self._cut(line, request) for line in lines if isinstance(line, Choice)]
        choices, counts = zip(*cuts, strict=True)
        usage = Usage(
            calls=1,
            generations=request.n,
            prompt_tokens=len(self._tokens(prompt(request))),
            output_tokens=sum(counts),
            reasoning_tokens=sum(len(self._tokens(choice.reasoning)) for choice in choices),
        )
        return Reply(choices=choices, usage=usage, output_tokens=counts)

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        """Give the next line of the script in pieces."""
        reply = await self.complete(request)
        choice = reply.choices[0]
        for piece in self._tokens(choice.reasoning):
            yield Chunk(reasoning=piece)
        for piece in self._tokens(choice.text):
            yield Chunk(text=piece)
        yield Chunk(tool_calls=choice.tool_calls, finish_reason=choice.finish_reason, usage=reply.usage)

    async def count_prompt(self, request: Request) -> int:
        """Count the tokens of the messages; tools and schemas cost nothing here."""
        return len(self._tokens(prompt(request)))

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        """Split `text` as the script's tokens."""
        return tuple(self._tokens(text))

    async def max_n(self) -> int:
        """Give the most samples that one request may ask for."""
        return self._max_n

    async def context_window(self) -> int | None:
        """Give the window."""
        return self._window

    def price(self, prompt_tokens: int) -> Price | None:  # noqa: ARG002 - one price
        """Give the price, whatever the prompt's length."""
        return self._price

    async def _next(self, request: Request) -> Choice | Reply:
        line = self._line(request)
        if isawaitable(line):
            line = await line
        if isinstance(line, Exception):
            raise line
        if isinstance(line, Choice | Reply):
            return line
        if isinstance(line, BaseModel):
            return Choice(text=line.model_dump_json())
        return Choice(text=line if isinstance(line, str) else json.dumps(line))

    def _cut(self, line: Choice, request: Request) -> tuple[Choice, int]:
        limit = request.max_output_tokens
        thought = cut(line.reasoning, limit, tokens=self._tokens)
        said = cut(line.text, limit - thought.tokens, request.stop, self._tokens)
        short = "length" in {thought.finish_reason, said.finish_reason}
        kept: dict[str, Any] = {"finish_reason": "length", "tool_calls": ()} if short else {}
        changed = {"text": said.text, "reasoning": thought.text} | kept
        return line.model_copy(update=changed), thought.tokens + said.tokens


def prompt(request: Request) -> str:
    """Give the text of a request's messages, one line each."""
    return prompt_text(request.messages)


def _in_order(script: Sequence[Line]) -> Callable[[Request], Line]:
    lines = list(script)
    place = count()

    def line(request: Request) -> Line:
        at = next(place)
        if at < len(lines):
            return lines[at]
        raise ConfigurationError(
            f"the script has {len(lines)} lines and was asked for one more: {prompt(request)[:200]!r}"
        )

    return line
