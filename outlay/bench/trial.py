"""What a bench measures, and what it finds: conditions, and one record for each answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from outlay.bench.manifest import shown_model
from outlay.budget import Budget, Record, Usage
from outlay.outcome import StopReason, TraceEntry


class Condition(Record):
    """A strategy under a budget: a point of the frontier."""

    strategy: str
    """As on the command line, parameters in the order of its `Config`."""
    budget: Budget
    model: str | None = None
    """The model that answers; `None`: the only one of the bench."""

    @property
    def name(self) -> str:
        """The strategy, with the model where the bench has several."""
        return f"{self.strategy} by {shown_model(self.model)}" if self.model else self.strategy

    @property
    def label(self) -> str:
        """Names it for people: the strategy, and what it may spend."""
        return f"{self.name} @ {written(self.budget)}"


class Failure(Record):
    """Why a record has no score."""

    stage: Literal["run", "score"]
    """What failed: the strategy's run, or the scorer on its answer."""
    kind: str
    """The error's class."""
    message: str


class Played(Record):
    """What a report needs of an episode; a question is one of one step."""

    success: bool | None = None
    """As the environment said; `None`: it did not say, or the episode did not end."""
    steps: int = 0
    deferred: int = 0
    """The steps among them that were handed to the teacher."""
    student: Usage = Usage()
    """What everything but the teacher was billed."""
    teacher: Usage = Usage()
    teacher_alone: float | None = None
    """Dollars of a task that the teacher did alone for the bank; `None`: unknown, or there is no bank."""
    collecting: float | None = None
    """Dollars that collecting the bank cost, failures included; `None`: unknown, or there is no bank."""


class Trial(Record):
    """One record: a strategy's answer to one item, under one budget, with one seed."""

    strategy: str
    budget: Budget
    item: str
    """The item's id."""
    model: str | None = None
    """The model that answered; `None`: the only one of the bench."""
    seed: int
    """Which repetition this is, from 0; the sampling seed is made of it."""
    score: float | None = Field(default=None, ge=0, le=1)
    """What the scorer gave, 0 to 1; `None` where there is a failure, which is no 0."""
    failure: Failure | None = None
    text: str = ""
    value: str | None = None
    """The final answer in `text`."""
    stop_reason: StopReason | None = None
    """`None` where the run failed."""
    degraded: str | None = None
    fell_back: bool = False
    """Whether the strategy gave way to the plain call, which says nothing of the strategy."""
    usage: Usage = Usage()
    """What the run was billed; replayed calls as if they had been paid, unconfirmed ones included."""
    sequential: Usage | None = None
    """The part of `usage` that was waited for, of calls side by side the longest; `None`: all of it."""
    planning_tokens: int = 0
    """The output tokens of `usage` that went into planning, which E3 leaves out."""
    unconfirmed: Usage = Usage()
    """The part of `usage` whose outcome is unknown."""
    replayed: Usage = Usage()
    """The part of `usage` that a replay store served."""
    judge: Usage = Usage()
    """What a judging model was billed; no part of `usage`."""
    seconds: float = 0.0
    """Wall time of the run; of no meaning where `replayed` has calls."""
    overshoot: dict[str, float] = Field(default_factory=dict)
    """By how much `usage` is above the budget, by its fields; only those above."""
    episode: Played | None = None
    """Where the strategy acts."""
    trace: tuple[TraceEntry, ...] = ()

    @property
    def condition(self) -> Condition:
        """The point of the frontier that it belongs to."""
        return Condition(strategy=self.strategy, budget=self.budget, model=self.model)


def written(budget: Budget) -> str:
    """Write a budget as on the command line: `output_tokens=256`; `no limit` where there is none."""
    limits = budget.model_dump(exclude_none=True)
    return " ".join(f"{unit}={limit:g}" for unit, limit in limits.items()) or "no limit"


def over(usage: Usage, budget: Budget) -> dict[str, float]:
    """Give by how much `usage` is above `budget`, in the units where it is."""
    spent = {
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "usd": usage.usd or 0.0,
        "calls": usage.calls,
    }
    limits = budget.model_dump(exclude_none=True, exclude={"seconds"})
    return {unit: spent[unit] - limit for unit, limit in limits.items() if spent[unit] > limit}


def storable(value: Any) -> Any:
    """Give a JSON value whose texts UTF-8 can hold: a model may write half a character."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(storable, value))
    return value
