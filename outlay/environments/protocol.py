"""What an environment is, and who acts in it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from outlay.budget import Record


class Turn(Record):
    """What an actor is shown before it acts."""

    observation: str
    """What is seen, without the goal."""
    admissible: tuple[str, ...] | None = None
    """Every action that does something here; `None`: the environment does not tell."""
    done: bool = False
    """Whether the episode is over, won, lost or at its step cap."""
    success: bool | None = None
    """Whether the goal was reached; `None` before the end, and where nobody can tell."""
    reward: float = 0.0
    """What the last action earned, on the environment's own scale."""


class Environment(Protocol):
    """A task to be done action by action.

    An episode begins with `reset`. A step before that, after the end or after `close` is a
    `ConfigurationError`. What an actor does wrong inside an episode is an observation, never an error.
    """

    @property
    def task(self) -> str:
        """What tells this task from every other, so that its own demonstrations can be left out."""

    @property
    def goal(self) -> str:
        """What is to be reached; may be empty before the first `reset`."""

    @property
    def instructions(self) -> str:
        """What an actor must know about the form of actions; may be empty."""

    async def reset(self) -> Turn:
        """Begin an episode, ending the one that ran."""

    async def step(self, action: str) -> Turn:
        """Do `action`."""

    async def close(self) -> None:
        """Give back everything that is held; a second time does nothing."""


@runtime_checkable
class Policy(Protocol):
    """An actor that is no language model."""

    @property
    def name(self) -> str:
        """What it is called in a bill."""

    async def act(self, environment: Environment, turn: Turn) -> str:
        """Give the next action, whoever took the ones before."""
