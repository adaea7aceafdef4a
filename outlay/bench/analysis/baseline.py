"""Conditions beside the baseline: its hull, read at what each condition really spent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.analysis.comparisons import verdict
from outlay.bench.analysis.figures import is_baseline
from outlay.bench.analysis.findings import AXES, AtSpend
from outlay.bench.analysis.hull import readings
from outlay.bench.analysis.resampling import bootstrap_p, enough, estimate, holm, means, resampled_means
from outlay.bench.analysis.tally import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Axis, Verdict
    from outlay.bench.analysis.tally import Tally
    from outlay.bench.trial import Condition

    Scored = tuple[NDArray[np.float64], NDArray[np.float64]]
    """Scores and costs, item by item."""


def at_spend(tallies: Sequence[Tally], draws: int, seed: int) -> tuple[AtSpend, ...]:
    """Set every condition that is no baseline beside its model's baseline, on each axis, at its own spend.

    In every draw the items are drawn anew, and with them the condition's accuracy and spend, the
    baseline's points, their hull and the reading. The best of noisy points lies too high, and higher
    still in the draws, so the interval is the basic one, which takes the draws' lift back off. That
    is a part of the bias only where many points are equally good, and the difference itself keeps
    all of it: corrected, it would no longer be what the two accuracies beside it differ by.
    """
    columns = _Columns()
    planned = [comparison for axis in AXES for comparison in _planned(tallies, axis, columns)]
    if not planned:
        return ()
    enough_draws = enough(draws, max(sum(c.axis == axis for c in planned) for axis in AXES))
    once = means(columns.stacked)[None, :]
    drawn = resampled_means(columns.stacked, enough_draws, seed)
    return tuple(
        found
        for axis in AXES
        for found in _found([comparison for comparison in planned if comparison.axis == axis], once, drawn)
    )


@dataclass
class _Columns:
    """Columns to be resampled together, like ones once."""

    places: dict[bytes, int] = field(default_factory=dict)

    def place(self, values: NDArray[np.float64]) -> int:
        return self.places.setdefault(values.tobytes(), len(self.places))

    @property
    def stacked(self) -> NDArray[np.float64]:
        return np.column_stack([np.frombuffer(column) for column in self.places])


COVERAGE: Final = 0.9
"""A baseline condition is left out of a comparison if it has less than this part of the items that the
baseline condition with the most of them has: one that was tried on a few items must not shrink all others."""


@dataclass(frozen=True)
class _Comparison:
    """Where the columns of a comparison stand."""

    condition: Condition
    axis: Axis
    items: int
    accuracy: int
    cost: int
    baseline_accuracies: tuple[int, ...]
    baseline_costs: tuple[int, ...]

    def differences(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give accuracy less the hull's reading, for each row of `table`."""
        return np.asarray(table[:, self.accuracy] - self.hull(table))

    def hull(self, table: NDArray[np.float64]) -> NDArray[np.float64]:
        return readings(
            table[:, self.baseline_costs], table[:, self.baseline_accuracies], table[:, self.cost]
        )


def _planned(tallies: Sequence[Tally], axis: Axis, columns: _Columns) -> Iterator[_Comparison]:
    known = [
        # A vote of one sample is still a point of the baseline.
        (tally.condition, 100 * tally.measure("score" if is_baseline(tally.condition) else "own"), cost)
        for tally in tallies
        if (cost := _cost(tally, axis)) is not None
    ]
    if not any(np.nansum(cost) for _, _, cost in known):
        return
    for condition, scores, cost in known:
        if is_baseline(condition):
            continue
        baseline = [(s, c) for other, s, c in known if is_baseline(other) and other.model == condition.model]
        if not baseline:
            continue
        beside = _covering(baseline, ~np.isnan(scores))
        common = ~np.isnan([scores, *(s for s, _ in beside)]).any(axis=0)
        if not common.any():
            continue
        yield _Comparison(
            condition=condition,
            axis=axis,
            items=int(common.sum()),
            accuracy=columns.place(np.where(common, scores, np.nan)),
            cost=columns.place(np.where(common, cost, np.nan)),
            baseline_accuracies=tuple(columns.place(np.where(common, s, np.nan)) for s, _ in beside),
            baseline_costs=tuple(columns.place(np.where(common, c, np.nan)) for _, c in beside),
        )


def _covering(baseline: Sequence[Scored], items: NDArray[np.bool_]) -> list[Scored]:
    """Leave out the baseline conditions that would take many of a condition's items from the comparison."""
    shared = [int((~np.isnan(scores) & items).sum()) for scores, _ in baseline]
    return [one for one, count in zip(baseline, shared, strict=True) if count >= COVERAGE * max(shared)]


def _cost(tally: Tally, axis: Axis) -> NDArray[np.float64] | None:
    """Give each item's cost; `None` where there is no score or some cost is unknown."""
    by = dict(zip(MEASURES, tally.means.T, strict=True))
    if axis == "total_tokens":
        by[axis] = by["output_tokens"] + by["prompt_tokens"]
    scored = ~np.isnan(by["score"])
    return by[axis] if scored.any() and not np.isnan(by[axis][scored]).any() else None


def _found(
    comparisons: Sequence[_Comparison], once: NDArray[np.float64], drawn: NDArray[np.float64]
) -> Iterator[AtSpend]:
    found = [float(comparison.differences(once)[0]) for comparison in comparisons]
    draws = [
        2 * difference - comparison.differences(drawn)
        for comparison, difference in zip(comparisons, found, strict=True)
    ]
    p = [bootstrap_p(reflected) for reflected in draws]
    rows = zip(comparisons, found, draws, p, holm(p), strict=True)
    for comparison, difference, reflected, single, adjusted in rows:
        spend = float(once[0, comparison.cost])
        yield AtSpend(
            condition=comparison.condition,
            axis=comparison.axis,
            items=comparison.items,
            spend=spend,
            accuracy=float(once[0, comparison.accuracy]),
            baseline_accuracy=float(comparison.hull(once)[0]),
            difference=estimate(difference, reflected),
            p=single,
            p_holm=adjusted,
            beyond=spend > float(once[0, comparison.baseline_costs].max()),
            below=spend < float(once[0, comparison.baseline_costs].min()),
            verdict=_verdict(difference, reflected, adjusted, comparison.items),
        )


def _verdict(difference: float, reflected: NDArray[np.float64], p: float, items: int) -> Verdict:
    """Give no verdict where the corrected draws lie on the other side of 0 than the difference."""
    said = verdict(difference, p, items)
    is_at_odds = difference * float(np.nanmedian(reflected)) <= 0
    return "noise" if said in {"better", "worse"} and is_at_odds else said
