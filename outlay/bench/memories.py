"""The memories of a bench: one for each history that its items are about, made when it is first asked for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from outlay.memory.conversations import Memory
from outlay.retrieval.embedders import USUAL, embedder_named

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from outlay.memory.conversations import Document, Utterance

    Told = tuple[Utterance | Document, ...]

MOST_OPEN: Final = 16
"""Memories kept open for further items; each has files open, and a process may have few."""


@dataclass(eq=False)
class _Place:
    """A memory, or where one is to be."""

    making: asyncio.Lock = field(default_factory=asyncio.Lock)
    memory: Memory | None = None
    users: int = 0


class Memories:
    """Temporary memories by what was told and the size of their chunks; used on one event loop.

    Args:
        embedder: As it is named on the command line.
        most_open: How many stay open that nobody uses.
    """

    def __init__(self, embedder: str = USUAL, *, most_open: int = MOST_OPEN) -> None:
        self._embedder = embedder
        self._most_open = most_open
        self._places: dict[tuple[Told, int], _Place] = {}

    @asynccontextmanager
    async def of(self, told: Told, chunk_tokens: int) -> AsyncIterator[Memory]:
        """Give the memory of a history, for as long as this is entered.

        Raises:
            ConfigurationError: `chunk_tokens` is too small, or the embedder's model is not there.
            RetrievalError: It cannot be written.
        """
        # Put last again: the first ones in the table were used the longest ago.
        place = self._places.pop((told, chunk_tokens), None) or _Place()
        self._places[told, chunk_tokens] = place
        place.users += 1
        try:
            async with place.making:
                if place.memory is None:
                    place.memory = await asyncio.to_thread(self._made, told, chunk_tokens)
            yield place.memory
        finally:
            place.users -= 1
            self._close_idle()

    def close(self) -> None:
        """Close them all; what was in them is deleted."""
        places, self._places = self._places, {}
        for place in places.values():
            if place.memory is not None:
                place.memory.close()

    def _made(self, told: Told, chunk_tokens: int) -> Memory:
        memory = Memory.temporary(embedder_named(self._embedder), chunk_tokens=chunk_tokens)
        try:
            memory.append(*told)
            len(memory)  # embeds all of it: else the first question would be charged the time
        except BaseException:
            memory.close()
            raise
        return memory

    def _close_idle(self) -> None:
        idle = [key for key, place in self._places.items() if not place.users]
        for key in idle[: max(0, len(idle) - self._most_open)]:
            memory = self._places.pop(key).memory
            if memory is not None:
                memory.close()
