"""Where an episode begins and ends: what every environment of this package has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.environments.protocol import Turn


class Episodic(ABC):
    """An environment that refuses steps outside an episode, and ends one at its step cap.

    A step that is cancelled or fails ends the episode, since nobody knows whether it was done.
    It is a context manager that closes itself.
    """

    def __init__(self, max_steps: int | None) -> None:
        if max_steps is not None and max_steps < 1:
            raise ConfigurationError(f"max_steps is {max_steps}: an episode has at least one step")
        self.max_steps = max_steps
        self._running = False
        self._closed = False
        self._steps = 0

    async def reset(self) -> Turn:
        if self._closed:
            raise ConfigurationError("this environment is closed: make another one")
        self._running = False
        turn = await self._begin()
        self._steps = 0
        return self._shown(turn)

    async def step(self, action: str) -> Turn:
        if not self._running:
            why = "is closed" if self._closed else "has no running episode"
            raise ConfigurationError(f"this environment {why}: a step needs a `reset` before, and no end")
        self._running = False
        turn = await self._advance(action)
        self._steps += 1
        return self._shown(turn)

    async def close(self) -> None:
        if not self._closed:
            self._closed, self._running = True, False
            await self._release()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _shown(self, turn: Turn) -> Turn:
        over = turn.done or self._steps == self.max_steps
        self._running = not over
        return turn.model_copy(update={"done": over, "success": turn.success if over else None})

    @abstractmethod
    async def _begin(self) -> Turn:
        """Give the first turn."""

    @abstractmethod
    async def _advance(self, action: str) -> Turn:
        """Do `action`; `success` is what it would be if the episode ended here."""

    async def _release(self) -> None:  # noqa: B027 - most hold nothing
        """Give back what is held."""
