"""An episode that was played, step by step, and what it cost."""

from __future__ import annotations

from typing import Literal

from outlay.budget import Record, Usage


class Taken(Record):
    """One step that was taken: what was seen, what was done about it, and by whom."""

    observation: str
    reasoning: str = ""
    action: str
    by: Literal["student", "teacher"] = "student"
    """Whose action it was."""
    deferred: bool = False
    """Whether the step was handed to the teacher, also where the teacher then failed."""
    agreed: bool | None = None
    """Whether the student's samples agreed; `None` where none were compared."""
    share: float | None = None
    """Of the student's samples, the share that the largest group of equal ones has."""


class Episode(Record):
    """From the beginning of a task to its end, or to where it was given up."""

    task: str
    goal: str
    plan: str = ""
    steps: tuple[Taken, ...] = ()
    success: bool | None = None
    """What the environment said at the end; `None` where it cannot tell, or the episode did not end."""
    failure: str | None = None
    """Why it broke off: nobody could be reached for the next step. That says nothing of who acted."""
    student: Usage = Usage()
    """What the student cost."""
    teacher: Usage = Usage()
    """What the teacher cost."""
    judge: Usage = Usage()
    """What it cost to have a model say which samples agree, whoever the judge was."""
    teacher_alone: float | None = None
    """Dollars that an episode costs whose every step is the teacher's; `None` where unknown."""
    break_even: float | None = None
    """Episodes like this one after which the demonstrations are paid for; `None` where unknown."""

    @property
    def usage(self) -> Usage:
        """What all of it cost."""
        return self.student + self.teacher + self.judge

    @property
    def deferral_rate(self) -> float:
        """The share of the steps that were handed to the teacher; 0 of no steps."""
        return sum(step.deferred for step in self.steps) / len(self.steps) if self.steps else 0.0

    @property
    def saved(self) -> float | None:
        """Dollars saved against the teacher alone; negative where it cost more, `None` where unknown."""
        spent = self.usage.usd
        return None if self.teacher_alone is None or spent is None else self.teacher_alone - spent
