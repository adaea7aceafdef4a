"""What a teacher saw and did in one task, and what of it is worth showing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Self

from pydantic import Field, model_validator

from outlay.budget import Settings, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

_NOTHING_HAPPENED: Final = re.compile(r"\W*nothing\s+happen(?:s|ed)\W*", re.IGNORECASE)


class Step(Settings):
    """What was seen, and what was then done."""

    observation: str = ""
    """What the environment said before the action; empty in question answering."""
    reasoning: str = ""
    action: str
    """What was done; in question answering, the solution with its answer marked."""


class Trajectory(Settings):
    """One run of a teacher on one task, from the first observation to the last action.

    What the environment said after the last action is no step: there is no action in it to follow, and no
    student stands there with something left to decide.
    """

    task: str = Field(min_length=1)
    """The id of the task, environment or question: what it must not be shown to."""
    goal: str = ""
    """What was asked; in question answering, the question."""
    plan: str = ""
    steps: tuple[Step, ...] = ()
    success: bool
    usage: Usage = Usage()
    """What this run cost."""
    teacher: str = ""
    """Who ran it."""
    inconclusive: int = Field(default=0, ge=0)
    """0, unless the run broke off or could not be judged: then which such try at the task it was, from 1.

    Nobody knows what it came to, so it is no success; but it was paid for.
    """

    @model_validator(mode="after")
    def _says_what_was_reached(self) -> Self:
        if self.success and not self.goal.strip():
            raise ValueError("a trajectory that succeeded must say its `goal`")
        if self.success and self.inconclusive:
            raise ValueError(
                "an inconclusive trajectory is no success: take `inconclusive` out, or say false"
            )
        return self


def cleaned(trajectory: Trajectory) -> Trajectory:
    """Take out what did nothing, so that no student copies it.

    An observation that says only that nothing happened goes, with the action that made it so and the
    reasoning for that action: what was done next stands under the observation before, for the environment
    had not changed. (Deleting the action taken *on* such an observation would keep the futile one and lose
    the one that worked.) So goes a step without an action, such as a closing observation.
    """
    steps = _without_futile(step for step in trajectory.steps if step.action.strip())
    return trajectory.model_copy(update={"steps": steps})


def window(steps: int, around: int, margin: int) -> range:
    """Give the places of up to `margin` steps on either side of one, clipped at the ends of `steps`."""
    return range(max(0, around - margin), min(steps, around + margin + 1))


def _without_futile(steps: Iterable[Step]) -> tuple[Step, ...]:
    kept: list[Step] = []
    for step in steps:
        if not _NOTHING_HAPPENED.fullmatch(step.observation):
            kept.append(step)
        elif kept:
            kept[-1] = step.model_copy(update={"observation": kept[-1].observation})
    return tuple(kept)
