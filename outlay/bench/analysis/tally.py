"""Records counted as they stream by: one array a condition, no record kept."""

from __future__ import annotations

import re
from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.analysis.findings import FailureCount
from outlay.budget import Usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from outlay.bench.items import Item
    from outlay.bench.trial import Condition, Trial
    from outlay.budget import Budget

MEASURES: Final = (
    "score",
    "own",
    "output_tokens",
    "prompt_tokens",
    "planning_tokens",
    "sequential_output_tokens",
    "sequential_total_tokens",
    "usd",
    "calls",
    "cached_tokens",
    "steps",
    "deferred",
    "student_usd",
    "teacher_usd",
)
"""What is averaged over the seeds of an item: the columns of `Tally.means`.

`own` is the score, but NaN where a record of the item fell back to the plain call.
"""

_NUMBER: Final = re.compile(r"\d+([.,]\d+)*")


@dataclass
class Tally:
    """What the records of one condition add up to."""

    condition: Condition
    items: int
    """How many are asked."""
    scored: array[float] = field(default_factory=lambda: array("d"))
    """The records with a score, one after the other: the item's place, then `MEASURES`."""
    records: int = 0
    failures: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By stage and the error's class."""
    examples: dict[tuple[str, str], str] = field(default_factory=dict)
    seconds: array[float] = field(default_factory=lambda: array("d"))
    """Of runs that ended and made all their calls."""
    fell_back: int = 0
    over: int = 0
    largest: dict[str, float] = field(default_factory=dict)
    stop_reasons: Counter[str] = field(default_factory=Counter)
    degradations: Counter[str] = field(default_factory=Counter)
    """With every number in them written N, so that like ones are counted together."""
    billed: Usage = field(default_factory=Usage)
    unconfirmed: Usage = field(default_factory=Usage)
    replayed: Usage = field(default_factory=Usage)
    judge: Usage = field(default_factory=Usage)
    teacher_alone: float | None = None
    """Dollars of a task that the teacher did alone for the bank."""
    collecting: float | None = None
    """Dollars that collecting the bank cost."""

    def add(self, trial: Trial, place: int) -> None:
        """Count a record of the item at `place`."""
        self.records += 1
        self.stop_reasons[trial.stop_reason or "failed"] += 1
        if trial.degraded is not None:
            self.degradations[_NUMBER.sub("N", trial.degraded)] += 1
        self.fell_back += trial.fell_back
        if trial.overshoot:
            self.over += 1
            self.largest = {
                unit: max(self.largest.get(unit, 0.0), trial.overshoot.get(unit, 0.0))
                for unit in self.largest | trial.overshoot
            }
        if trial.stop_reason is not None and not trial.replayed.calls:
            self.seconds.append(trial.seconds)
        self._bill(trial)
        self._score(trial, place)

    def _bill(self, trial: Trial) -> None:
        self.billed += trial.usage
        if trial.unconfirmed.calls:
            self.unconfirmed += trial.unconfirmed
        if trial.replayed.calls:
            self.replayed += trial.replayed
        if trial.judge.calls:
            self.judge += trial.judge

    def _score(self, trial: Trial, place: int) -> None:
        if trial.score is None:
            stage, kind, message = "score", "NoScore", "the record has no score and no failure"
            if trial.failure is not None:
                stage, kind, message = trial.failure.stage, trial.failure.kind, trial.failure.message
            self.failures[stage, kind] += 1
            self.examples.setdefault((stage, kind), message)
            return
        usage = trial.usage
        waited = trial.sequential or usage
        tokens = (usage.output_tokens, usage.prompt_tokens, trial.planning_tokens)
        sequential = (waited.output_tokens, waited.total_tokens)
        spent = (_dollars(usage), usage.calls, usage.cached_tokens)
        own = np.nan if trial.fell_back else trial.score
        self.scored.extend((place, trial.score, own, *tokens, *sequential, *spent, *self._acted(trial)))

    def _acted(self, trial: Trial) -> tuple[float, ...]:
        """Give steps, those deferred, and dollars by whom; NaN where nothing was acted."""
        if trial.episode is None:
            return (np.nan,) * 4
        played = trial.episode
        self.teacher_alone, self.collecting = played.teacher_alone, played.collecting
        return played.steps, played.deferred, _dollars(played.student), _dollars(played.teacher)

    @cached_property
    def means(self) -> NDArray[np.float64]:
        """Items by `MEASURES`, averaged over the seeds that have a score; NaN where none has.

        An unknown cost is NaN, too. To be asked for when every record is counted.
        """
        rows = np.array(self.scored).reshape(-1, 1 + len(MEASURES))
        places = rows[:, 0].astype(int)
        counts = np.bincount(places, minlength=self.items).astype(float)
        sums = [np.bincount(places, weights=measure, minlength=self.items) for measure in rows[:, 1:].T]
        means = np.divide(sums, counts, out=np.full((len(MEASURES), self.items), np.nan), where=counts > 0)
        return np.asarray(means.T)

    def measure(self, name: str) -> NDArray[np.float64]:
        """Give one of `MEASURES`, item by item."""
        return np.asarray(self.means[:, MEASURES.index(name)])

    @property
    def failure_counts(self) -> tuple[FailureCount, ...]:
        """Failures by kind, the most frequent first."""
        return tuple(
            FailureCount.model_validate({
                "stage": stage,
                "kind": kind,
                "records": count,
                "example": self.examples[stage, kind],
            })
            for (stage, kind), count in self.failures.most_common()
        )


def _dollars(usage: Usage) -> float:
    return np.nan if usage.usd is None else usage.usd


@dataclass(frozen=True)
class Count:
    """Every condition's tally, and what could not be counted."""

    tallies: tuple[Tally, ...]
    """In the order of their first records."""
    strays: int
    """Records of items that are not asked."""
    seeds: int
    """The most repetitions of an item."""


def count(items: Sequence[Item], trials: Iterable[Trial]) -> Count:
    """Count records, one pass, keeping none of them."""
    places: Mapping[str, int] = {item.id: place for place, item in enumerate(items)}
    tallies: dict[tuple[str, Budget, str | None], Tally] = {}
    strays = 0
    repetitions: set[int] = set()
    for trial in trials:
        place = places.get(trial.item)
        if place is None:
            strays += 1
            continue
        key = trial.strategy, trial.budget, trial.model
        if key not in tallies:
            tallies[key] = Tally(condition=trial.condition, items=len(items))
        tallies[key].add(trial, place)
        repetitions.add(trial.seed)
    return Count(tuple(tallies.values()), strays, len(repetitions))
