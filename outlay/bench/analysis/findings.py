"""What an analysis finds: the figures of each condition, frontiers and comparisons.

Everything a report says comes from here. Several seeds of an item are averaged first, so that
items are the units of every mean and of every resampling. Accuracy is in percent. Intervals are
95% bootstrap intervals over items.
"""

from __future__ import annotations

from typing import Final, Literal

from outlay.bench.manifest import Manifest
from outlay.bench.trial import Condition
from outlay.budget import Budget, Record, Usage

Axis = Literal["output_tokens", "total_tokens", "usd"]
"""What a cost is counted in."""

AXES: Final[dict[Axis, str]] = {
    "output_tokens": "output tokens",
    "total_tokens": "total tokens",
    "usd": "dollars",
}
"""Every axis, and what people call it."""

Verdict = Literal["better", "worse", "noise", "too few"]
"""What a comparison says: adjusted p below 0.05 either way, not below, or too few items to say."""

Test = Literal["McNemar", "permutation"]
"""Exact, where all scores are 0 or 1; signs of differences flipped, where they are not."""


class Estimate(Record):
    """A figure and its 95% bootstrap interval."""

    value: float
    low: float
    high: float


class Spend(Record):
    """Means per item, over the records that have a score."""

    output_tokens: float
    prompt_tokens: float
    total_tokens: float
    planning_tokens: float
    """The part of `output_tokens` that planned."""
    sequential_output_tokens: float
    """The part of `output_tokens` that was waited for: of calls side by side, the longest."""
    sequential_total_tokens: float
    """The same of `total_tokens`, the prompts of these calls in full."""
    usd: float | None
    """Dollars; `None` where any record's are unknown."""
    calls: float
    cached_tokens: float
    """The part of `prompt_tokens` that came out of the server's cache."""

    def on(self, axis: Axis) -> float | None:
        """Give the spend on an axis; `None` where it is unknown."""
        return {
            "output_tokens": self.output_tokens,
            "total_tokens": self.total_tokens,
            "usd": self.usd,
        }[axis]


class Acting(Record):
    """What a condition's episodes came to, over the items that have a score."""

    steps: float
    """Mean of an episode; of a question 1."""
    deferral: Estimate
    """The steps that were handed to the teacher, in percent of all."""
    student_usd: float | None
    """Dollars of an item that everything but the teacher cost; `None` where any record's are unknown."""
    teacher_usd: float | None
    """Dollars of an item that the teacher cost; `None` where any record's are unknown."""
    teacher_alone: float | None
    """Dollars of an item that the teacher does alone: as measured here under the same budget, else what
    collecting the bank cost for each of its tasks."""
    break_even: int | Literal["never"] | None
    """Items after which the bank has paid for itself, beside the teacher alone; `None` where it has no
    price, or there is none."""


class Latency(Record):
    """Seconds of wall time of the records whose calls were all made, none replayed."""

    p50: float
    p95: float
    records: int
    """How many there were."""


class Overshoot(Record):
    """What was spent above the budget."""

    records: int
    """How many were above it in any unit."""
    largest: dict[str, float]
    """The largest excess, by field of `Usage`."""


class FailureCount(Record):
    """How often something failed in one way."""

    stage: Literal["run", "score"]
    kind: str
    """The error's class."""
    records: int
    example: str
    """The first message."""


class Figures(Record):
    """What a condition came to."""

    condition: Condition
    baseline: bool
    """Whether it is one of those that the others are set beside."""
    items: int
    """Items with at least one score: what `accuracy` and `spend` are over."""
    records: int
    scored: int
    """Records with a score."""
    failed: int
    """Records without one: left out of accuracy and spend, never counted as 0."""
    failures: tuple[FailureCount, ...]
    """By kind, the most frequent first."""
    accuracy: Estimate | None
    """Mean score in percent; `None` where nothing has a score."""
    spend: Spend | None
    """`None` where nothing has a score."""
    dollars: Estimate | None
    """Mean of an item with its interval; `None` where any record's are unknown, or nothing has a score."""
    acting: Acting | None
    """`None` where the strategy only answers."""
    e3: float | None
    """Accuracy squared over mean output tokens, planning left out; `None` where there are none."""
    e3_total: float | None
    """The same over all output tokens."""
    latency: Latency | None
    """`None` where every record has replayed calls."""
    overshoot: Overshoot
    stop_reasons: dict[str, int]
    """Records by why the run ended; `failed` where the run failed."""
    cut_short: int
    """Records whose answer, or a sample of it, was cut off at a token limit."""
    degraded: int
    """Records whose strategy had to leave something out; those cut short are among them."""
    fell_back: int = 0
    """Records whose strategy gave way to the plain call: in `accuracy` and `spend`, in no comparison."""
    degradations: dict[str, int]
    """Records by what was left out, the ten most frequent."""
    billed: Usage
    """The sum over all records, failed ones too."""
    unconfirmed: Usage
    """The part of `billed` whose outcome is unknown."""
    replayed: Usage
    """The part of `billed` that a replay store served."""
    replayed_share: float
    """The part of the billed output tokens that a replay store served, 0 to 1."""
    judge: Usage
    """What a judging model was billed for all records; no part of `billed`."""


class Point(Record):
    """A condition on a frontier."""

    condition: Condition
    cost: float
    """Mean spend per item, in the unit of the axis."""
    accuracy: Estimate


class Line(Record):
    """A strategy over its budgets, the cheapest first."""

    strategy: str
    baseline: bool
    points: tuple[Point, ...]


class Frontier(Record):
    """Accuracy against one kind of cost."""

    axis: Axis
    lines: tuple[Line, ...]
    hull: tuple[tuple[float, float], ...]
    """Corners (cost, accuracy) of the upper concave hull of all points and the origin, left to
    right. It never falls: it goes on level from the most accurate point to the dearest."""
    baseline_hull: tuple[tuple[float, float], ...]
    """The same of the baseline's points alone; empty where there is no baseline."""


class AtSpend(Record):
    """A condition beside the baseline's hull, read at the condition's own mean spend."""

    condition: Condition
    axis: Axis
    items: int
    """Those on which the condition and the baseline conditions have scores; of these, ones that were measured
    on much fewer items are left out."""
    spend: float
    """The condition's mean over those items, all calls included, in the unit of the axis."""
    accuracy: float
    """The condition's over those items."""
    baseline_accuracy: float
    """The baseline's hull at `spend`."""
    difference: Estimate
    """Accuracy less the baseline's, in percentage points, with the basic interval of a paired bootstrap.

    The value is not corrected for the baseline being the best of noisy points, and so leans low; the
    interval takes the lift that the draws show off, and may lie off-centre or leave the value out."""
    p: float
    """Two-sided, of the same bootstrap."""
    p_holm: float
    """`p`, adjusted by Holm over the comparisons on this axis."""
    beyond: bool
    """Whether `spend` is above the baseline's dearest point, so that the hull's top is used."""
    below: bool
    """Whether `spend` is below the baseline's cheapest condition, so that what it is set beside is a mix:
    a part of the questions asked of the baseline, the rest left unanswered."""
    verdict: Verdict

    @property
    def measured(self) -> bool:
        """Whether the baseline was measured on both sides of `spend`; reports round what was not."""
        return not (self.beyond or self.below)


class Pair(Record):
    """Two conditions on the same items."""

    first: Condition
    second: Condition
    items: int
    """Those on which both have scores."""
    first_accuracy: float
    """In percent, over those items."""
    second_accuracy: float
    """In percent, over those items."""
    difference: Estimate
    """Accuracy of `first` less that of `second`, in percentage points; paired bootstrap."""
    wins: int
    """Items on which `first` scored more."""
    losses: int
    """Items on which `first` scored less."""
    test: Test
    p: float
    """Two-sided."""
    p_holm: float
    """`p`, adjusted by Holm over all pairs."""
    verdict: Verdict


class Findings(Record):
    """All there is to report on a bench."""

    manifest: Manifest
    items: int
    """Items asked."""
    records: int
    """Records analysed."""
    strays: int
    """Records of items that the bench does not have, left out."""
    seeds: int
    """The most repetitions that an item has in a condition."""
    budgets: tuple[Budget, ...]
    """Every budget, the smallest first."""
    figures: tuple[Figures, ...]
    """Each condition: the baseline first, then by strategy in order of appearance, by budget."""
    frontiers: tuple[Frontier, ...]
    """Output tokens, total tokens and, where they are known and not all 0, dollars."""
    at_spend: tuple[AtSpend, ...]
    """Every condition that is no baseline beside the baseline, axis by axis."""
    pairs: tuple[Pair, ...]
    """Conditions against each other, in the order of `figures`."""
    pairs_note: str | None
    """Which pairs were left out and why; `None` where none were."""
    draws: int
    """Resamples behind the intervals."""
    seed: int
    """Of the resampling."""

    @property
    def axis(self) -> Axis:
        """What cost is counted in first: dollars where a teacher has a price of its own, else all tokens."""
        priced = self.manifest.teacher is not None and self.frontier("usd") is not None
        return "usd" if priced else "total_tokens"

    def frontier(self, axis: Axis) -> Frontier | None:
        """Give the frontier on an axis; `None` where its costs are unknown or all 0."""
        return next((frontier for frontier in self.frontiers if frontier.axis == axis), None)
