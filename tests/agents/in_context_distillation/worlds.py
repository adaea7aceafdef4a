"""Small worlds for episodes: what they want is written down, so that a test knows what is right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from outlay.environments import Turn
from outlay.memory.demonstrations import Bank, Step, Trajectory
from outlay.retrieval import Index
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outlay.environments import Environment


class Corridor:
    """Wants one action after another; a wrong one is said to be wrong and changes nothing."""

    instructions = ""

    def __init__(self, wanted: Sequence[str], *, task: str = "corridor", admissible: bool = False) -> None:
        self.task, self.goal = task, f"get through the {task}"
        self.wanted = tuple(wanted)
        self.place = 0
        self.actions: list[str] = []
        self._admissible = tuple(sorted({*self.wanted, "wait"})) if admissible else None

    async def reset(self) -> Turn:
        self.place, self.actions = 0, []
        return self._turn()

    async def step(self, action: str) -> Turn:
        self.actions.append(action)
        if action == self.wanted[self.place]:
            self.place += 1
            return self._turn()
        return self._turn("Nothing happens. ")

    async def close(self) -> None:
        self.place = -1

    def _turn(self, said: str = "") -> Turn:
        done = self.place == len(self.wanted)
        return Turn(
            observation=f"{said}You are at door {self.place}.",
            admissible=self._admissible,
            done=done,
            success=done or None,
        )


class Guide:
    """Knows the way through a corridor."""

    name = "guide"

    async def act(self, environment: Environment, turn: Turn) -> str:  # noqa: ARG002
        assert isinstance(environment, Corridor)
        return environment.wanted[environment.place]


def way(task: str, wanted: Sequence[str], **more: Any) -> Trajectory:
    """Give how somebody went through a corridor."""
    steps = [Step(observation=f"You are at door {n}.", action=action) for n, action in enumerate(wanted)]
    return Trajectory(task=task, goal=f"get through the {task}", steps=tuple(steps), success=True, **more)


def bank_of(path: Path, *trajectories: Trajectory) -> Bank:
    """Make a bank without a real embedder."""
    bank = Bank(Index.create(path, HashEmbedder(), keys=("goal", "plan", "observation")))
    bank.add(trajectories)
    return bank
