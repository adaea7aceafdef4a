"""Hearing a streamed reply on the calls loop, and passing it on to whatever loop its caller is on."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from outlay.errors import ModelUnavailableError
from outlay.model.records import Choice, Reply, StreamEvent
from outlay.model.thinking import ThinkingSplitter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable

    from outlay.model.records import Chunk


class Mailbox:
    """A queue whose reader is on its own event loop and whose writer is on another thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[StreamEvent | None] = asyncio.Queue()

    def put(self, event: StreamEvent | None) -> None:
        """Write; `None` ends it. Nothing happens where the reader's loop is gone."""
        if not self._loop.is_closed():
            try:
                self._loop.call_soon_threadsafe(self._queue.put_nowait, event)
            except RuntimeError:
                # The loop was closed in this instant.
                return

    async def get(self) -> StreamEvent | None:
        """Read."""
        return await self._queue.get()


class Listener:
    """Collects a stream into a reply, and passes its pieces on."""

    def __init__(self, give: Callable[[StreamEvent], None]) -> None:
        self.heard = False
        """Whether anything was passed on: after that, starting again would say it twice."""
        self.received: list[str] = []
        """Every piece of text, reasoning and tool calls of the last attempt, passed on or not."""
        self._give = give

    async def listen(self, stream: AsyncIterator[Chunk], alive: Callable[[], None]) -> Reply:
        """Read `stream` to its end, calling `alive` with each piece.

        Raises:
            ModelUnavailableError: It ended before its answer did.
        """
        self.received.clear()
        chunks: list[Chunk] = []
        in_pieces = False
        splitter = ThinkingSplitter()
        async with aclosing(_closing(stream)) as pieces:
            async for chunk in pieces:
                alive()
                chunks.append(chunk)
                in_pieces = in_pieces or bool(chunk.received)
                calls = () if in_pieces else (f" {call.name} {call.arguments}" for call in chunk.tool_calls)
                self.received += (chunk.text, chunk.reasoning, chunk.received, *calls)
                splitter.has_thought(bool(chunk.reasoning))
                self._pass_on(chunk, *splitter.feed(chunk.text))
        self._pass_on(None, *splitter.end())
        return _reply(chunks)

    def _pass_on(self, chunk: Chunk | None, text: str, thinking: str) -> None:
        reasoning = (chunk.reasoning if chunk else "") + thinking
        if text or reasoning:
            self.heard = True
            self._give(StreamEvent(text=text, reasoning=reasoning))


def _reply(chunks: list[Chunk]) -> Reply:
    finish = next((chunk.finish_reason for chunk in reversed(chunks) if chunk.finish_reason), None)
    usage = next((chunk.usage for chunk in reversed(chunks) if chunk.usage), None)
    if finish is None:
        raise ModelUnavailableError("the stream was cut before its answer ended", usage=usage, unknown=True)
    logprobs = tuple(token for chunk in chunks for token in chunk.logprobs)
    choice = Choice(
        text="".join(chunk.text for chunk in chunks),
        reasoning="".join(chunk.reasoning for chunk in chunks),
        finish_reason=finish,
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        logprobs=logprobs or None,
    )
    return Reply(choices=(choice,), usage=usage)


async def _closing(stream: AsyncIterator[Chunk]) -> AsyncGenerator[Chunk, None]:
    """Make sure that `stream` is closed at once when its reader stops."""
    try:
        async for chunk in stream:
            yield chunk
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
