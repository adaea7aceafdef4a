"""What calibration reads and what it finds: values, and how they are said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from pydantic import Field, model_validator

from outlay.budget import Amount, Record, Settings
from outlay.routers.cascade.agreement import Cascade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

FEWEST_ITEMS: Final = 20
"""On fewer, what is chosen is a guess."""

BEATS: Final = "no less accurate and no dearer, and better in one of the two"

Who = Literal["student alone", "cascade", "teacher alone"]


class Observation(Settings):
    """A labelled item: what the student's samples and the teacher said of it, and what that cost."""

    values: tuple[str | None, ...] = Field(min_length=1)
    """The N samples in the order of drawing; `None` is invalid. Under `judge`, as one has unified all of
    them."""
    right: tuple[bool, ...]
    """Whether each sample is right."""
    usd: tuple[Amount, ...]
    """Dollars of each sample as it was billed: of one request the first carries the prompt."""
    teacher_right: bool
    teacher_usd: Amount
    judge_usd: Amount = 0.0
    """Dollars of comparing the samples; charged to every rule that compares."""

    @model_validator(mode="after")
    def _of_one_length(self) -> Self:
        if not len(self.values) == len(self.right) == len(self.usd):
            raise ValueError("values, right and usd must have one entry per sample")
        return self


class Interval(Record):
    """A figure and between what it lies."""

    value: float
    low: float
    high: float


class Figures(Record):
    """What a way to answer comes to, per item."""

    accuracy: Interval
    """The share of items answered right."""
    deferral: Interval
    """The share of items that the teacher answers."""
    usd: Interval
    """Mean dollars, all samples and the teacher included."""

    def beats(self, other: Figures) -> bool:
        """Whether it is as accurate and as cheap as the other, and better in one of the two."""
        ours, theirs = (self.accuracy.value, -self.usd.value), (other.accuracy.value, -other.usd.value)
        return ours != theirs and ours[0] >= theirs[0] and ours[1] >= theirs[1]


class Candidate(Record):
    """A way to answer that was tried."""

    who: Who
    cascade: Cascade | None = None
    """`None` for the student or the teacher alone."""
    figures: Figures
    """On all items: optimistic for the one that was chosen on them."""

    @property
    def name(self) -> str:
        """Say it in words: `2 equal of 3`; `most of 3`, where the teacher is asked only if none is valid."""
        if self.cascade is None:
            return self.who
        needed, n = self.cascade.needed, self.cascade.n
        return f"most of {n}" if needed == 1 < n else f"{needed} equal of {n}" if n > 1 else "1 if valid"


class Calibration(Record):
    """What every rule comes to on a user's own items, and the one that serves what was asked for best."""

    items: int
    accuracy: float | None
    """The share of right answers that was asked for."""
    usd: float | None
    """The dollars per item that were asked for."""
    confidence: float
    """Of the intervals."""
    candidates: tuple[Candidate, ...]
    """The student alone, cascades from the fewest samples on, the teacher alone."""
    chosen: Candidate
    """The cheapest that reaches `accuracy`, or the most accurate within `usd`; where there is none, the most
    accurate, or the cheapest."""
    met: bool
    """Whether it serves what was asked for, on the items it was chosen on."""
    held_out: Figures
    """What choosing so gives on items that were not chosen on, by cross-validation."""
    saved: Interval
    """Dollars per item by which the teacher alone is dearer than that."""
    in_waves: bool
    """Whether cascades were priced as buying no sample that their verdict does not need."""
    folds: int
    """Parts in the cross-validation; as many as items: each was left out alone."""

    @property
    def cascade(self) -> Cascade | None:
        """The rule to use; `None`: no cascade, but the student or the teacher alone."""
        return self.chosen.cascade

    @property
    def student(self) -> Candidate:
        """The student alone: its first sample."""
        return self.candidates[0]

    @property
    def teacher(self) -> Candidate:
        """The teacher alone: no samples are drawn."""
        return self.candidates[-1]

    @property
    def pays(self) -> bool:
        """Whether a cascade was chosen that neither model alone beats, on items that were not chosen on.

        Nor does it pay to be dearer than the teacher alone for an accuracy that may be noise.
        """
        return self.cascade is not None and self._unpaid() is None

    @property
    def remarks(self) -> tuple[str, ...]:
        """Say what the table does not: whether a cascade pays, and how far the choice can be trusted."""
        return tuple(self._remarks())

    def _unpaid(self) -> str | None:
        """Say why the chosen cascade does not pay; `None`: it does."""
        held, teacher = self.held_out, self.teacher.figures
        for alone in (self.teacher, self.student):
            if alone.figures.beats(held):
                return f"held out, the {alone.who} is {BEATS}"
        if held.usd.value > teacher.usd.value and held.accuracy.low <= teacher.accuracy.value:
            return "held out, it is dearer than the teacher alone, and no more accurate beyond the noise"
        return None

    def _remarks(self) -> Iterator[str]:
        if not self.met:
            yield (
                "nothing reaches that accuracy: this is the most accurate"
                if self.accuracy is not None
                else "nothing is as cheap as that: this is the cheapest"
            )
        if self.cascade is None:
            yield f"a cascade does not pay here: the {self.chosen.who} serves it best"
        elif why := self._unpaid():
            yield f"a cascade does not pay here: {why}"
        yield from self._beaten()
        yield from self._doubts()

    def _beaten(self) -> Iterator[str]:
        for alone in (self.teacher, self.student):
            names = [c.name for c in self.candidates if c.cascade and alone.figures.beats(c.figures)]
            if names:
                yield f"beside these, the {alone.who} is {BEATS}: {', '.join(names)}"

    def _doubts(self) -> Iterator[str]:
        held = self.held_out
        if self.met and self.accuracy is not None and held.accuracy.low < self.accuracy:
            short = "falls short of" if held.accuracy.value < self.accuracy else "may fall short of"
            yield f"held out, it {short} the accuracy that was asked for"
        if self.met and self.usd is not None and held.usd.high > self.usd:
            over = "costs" if held.usd.value > self.usd else "may cost"
            yield f"held out, it {over} more than was asked for"
        if self.items < FEWEST_ITEMS:
            yield f"{self.items} items are too few to rely on: label {FEWEST_ITEMS} or more"

    def __str__(self) -> str:
        asked = (
            f"the cheapest that is right on {self.accuracy:.1%} of the items"
            if self.accuracy is not None
            else f"the most accurate for ${self.usd:.6f} per item"
        )
        width = max(len(candidate.name) for candidate in self.candidates)
        rows = [
            f"{'*' if candidate == self.chosen else ' '} {candidate.name:{width}}  {_row(candidate.figures)}"
            for candidate in self.candidates
        ]
        return "\n".join([
            f"Asked for: {asked}. {self.items} items; intervals of {self.confidence:.0%}.",
            f"  {'':{width}}  {'right':>22}  {'deferred':>22}  dollars per item",
            *rows,
            f"Chosen: {self.chosen.name}. Choosing so, on items not chosen on ({self.folds} folds):",
            f"  {'':{width}}  {_row(self.held_out)}",
            f"Saved against the teacher alone: {_dollars(self.saved)} per item.",
            *(f"Note: {remark}." for remark in self.remarks),
        ])


def _row(figures: Figures) -> str:
    return f"{_percent(figures.accuracy)}  {_percent(figures.deferral)}  {_dollars(figures.usd)}"


def _percent(share: Interval) -> str:
    return f"{share.value:6.1%} [{share.low:6.1%},{share.high:6.1%}]"


def _dollars(usd: Interval) -> str:
    return f"{usd.value:.6f} [{usd.low:.6f}, {usd.high:.6f}]"
