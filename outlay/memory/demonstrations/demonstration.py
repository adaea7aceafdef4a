"""What is looked for in the bank, and what comes back."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from outlay.budget import Record, Settings
from outlay.memory.demonstrations.trajectory import Step, Trajectory, window


class Query(Settings):
    """Where a student stands; an empty field is not asked about."""

    goal: str = ""
    plan: str = ""
    observation: str = ""
    """Empty in question answering and before the first step."""

    @model_validator(mode="after")
    def _asks_something(self) -> Self:
        if not self.texts:
            raise ValueError("a query needs a goal, a plan or an observation")
        return self

    @property
    def texts(self) -> dict[str, str]:
        """What is asked, by key."""
        return {key: text for key, text in self if text.strip()}


class Demonstration(Record):
    """The part of a trajectory that fits a query."""

    task: str
    goal: str
    plan: str
    steps: tuple[Step, ...]
    """Consecutive steps of the trajectory."""
    matched: int
    """Which of `steps` is closest to the observation; the first where none was asked about."""
    start: int
    """Where `steps` begin in the trajectory."""
    length: int
    """How many steps the whole trajectory has."""
    score: float
    """The mean similarity over the keys asked about, about -1 to 1; comparable within one retrieval."""


def shown(trajectory: Trajectory, step: int, margin: int, score: float) -> Demonstration:
    """Cut the window of +/- `margin` steps around a step out of a trajectory."""
    places = window(len(trajectory.steps), step, margin)
    return Demonstration(
        task=trajectory.task,
        goal=trajectory.goal,
        plan=trajectory.plan,
        steps=trajectory.steps[places.start : places.stop],
        matched=step - places.start,
        start=places.start,
        length=len(trajectory.steps),
        score=score,
    )
