"""The figures of each condition, and the frontiers they make."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.agents.plan_and_budget.metric import e3
from outlay.bench.analysis.acting import acting, mean_dollars
from outlay.bench.analysis.findings import (
    AXES,
    Figures,
    Frontier,
    Latency,
    Line,
    Overshoot,
    Point,
    Spend,
)
from outlay.bench.analysis.hull import upper_hull
from outlay.bench.analysis.resampling import estimate, means, resampled_means
from outlay.bench.analysis.tally import MEASURES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Acting, Axis, Estimate
    from outlay.bench.analysis.tally import Tally
    from outlay.bench.trial import Condition
    from outlay.budget import Budget

BASELINE: Final = ("direct", "self-consistency")
"""The strategies that every other one must beat at equal spend."""

_MOST_DEGRADATIONS: Final = 10


def is_baseline(condition: Condition) -> bool:
    """Tell whether a condition is one that the others are set beside."""
    return condition.strategy.partition(":")[0] in BASELINE


def in_order(tallies: Sequence[Tally]) -> list[Tally]:
    """Sort the baseline first, the rest by strategy in order of appearance, each by budget."""
    first: dict[str, int] = {}
    for tally in tallies:
        first.setdefault(tally.condition.name, len(first))

    def place(tally: Tally) -> tuple[object, ...]:
        strategy = tally.condition.strategy
        known = is_baseline(tally.condition)
        by_name = _by_number(strategy) if known else ()
        return not known, by_name, first[tally.condition.name], size(tally.condition.budget)

    return sorted(tallies, key=place)


def size(budget: Budget) -> tuple[float, ...]:
    """Give what budgets are sorted by: each unit in turn, no limit last."""
    return tuple(float("inf") if limit is None else float(limit) for _, limit in budget)


def figures(tallies: Sequence[Tally], draws: int, seed: int) -> tuple[Figures, ...]:
    """Give the figures of each condition, in the order given."""
    scores = np.column_stack([100 * tally.measure("score") for tally in tallies])
    averages, drawn = means(scores), resampled_means(scores, draws, seed)
    dollars = mean_dollars(tallies, draws, seed)
    episodes = acting(tallies, dollars, draws, seed)
    return tuple(
        _figures(tally, estimate(averages[i], drawn[:, i]) if tally.scored else None, dollars[i], episodes[i])
        for i, tally in enumerate(tallies)
    )


def frontiers(rows: Sequence[Figures]) -> tuple[Frontier, ...]:
    """Give the frontier on each axis that has costs."""
    return tuple(frontier for axis in AXES if (frontier := _frontier(rows, axis)) is not None)


def _figures(
    tally: Tally, accuracy: Estimate | None, dollars: Estimate | None, episodes: Acting | None
) -> Figures:
    spend = _spend(tally.means) if accuracy else None
    scored = len(tally.scored) // (1 + len(MEASURES))
    output = tally.billed.output_tokens
    return Figures(
        condition=tally.condition,
        baseline=is_baseline(tally.condition),
        items=int((~np.isnan(tally.means[:, 0])).sum()),
        records=tally.records,
        scored=scored,
        failed=tally.records - scored,
        failures=tally.failure_counts,
        accuracy=accuracy,
        spend=spend,
        dollars=dollars,
        acting=episodes,
        e3=_e3(accuracy, spend.output_tokens - spend.planning_tokens if spend else 0),
        e3_total=_e3(accuracy, spend.output_tokens if spend else 0),
        latency=_latency(tally),
        overshoot=Overshoot(records=tally.over, largest=tally.largest),
        stop_reasons=dict(tally.stop_reasons.most_common()),
        cut_short=sum(n for said, n in tally.degradations.items() if "cut short" in said),
        degraded=tally.degradations.total(),
        fell_back=tally.fell_back,
        degradations=dict(tally.degradations.most_common(_MOST_DEGRADATIONS)),
        billed=tally.billed,
        unconfirmed=tally.unconfirmed,
        replayed=tally.replayed,
        replayed_share=tally.replayed.output_tokens / output if output else 0.0,
        judge=tally.judge,
    )


def _spend(per_item: NDArray[np.float64]) -> Spend:
    """Average over items; dollars are known only where every item's are."""
    rows = per_item[~np.isnan(per_item[:, 0])]
    mean = dict(zip(MEASURES, rows.mean(axis=0).tolist(), strict=True))
    return Spend(
        output_tokens=mean["output_tokens"],
        prompt_tokens=mean["prompt_tokens"],
        total_tokens=mean["output_tokens"] + mean["prompt_tokens"],
        planning_tokens=mean["planning_tokens"],
        sequential_output_tokens=mean["sequential_output_tokens"],
        sequential_total_tokens=mean["sequential_total_tokens"],
        usd=None if np.isnan(mean["usd"]) else mean["usd"],
        calls=mean["calls"],
        cached_tokens=mean["cached_tokens"],
    )


def _e3(accuracy: Estimate | None, tokens: float) -> float | None:
    # Means of 100% may be a rounding error above it.
    return e3(min(accuracy.value, 100.0), tokens) if accuracy and tokens > 0 else None


def _latency(tally: Tally) -> Latency | None:
    if not tally.seconds:
        return None
    p50, p95 = np.percentile(tally.seconds, [50, 95])
    return Latency(p50=float(p50), p95=float(p95), records=len(tally.seconds))


def _frontier(rows: Sequence[Figures], axis: Axis) -> Frontier | None:
    lines: dict[str, list[Point]] = {}
    for condition, point in _points(rows, axis):
        lines.setdefault(condition.name, []).append(point)
    points = [point for line in lines.values() for point in line]
    if not any(point.cost for point in points):
        return None
    known = [(point.cost, point.accuracy.value) for point in points if is_baseline(point.condition)]
    return Frontier(
        axis=axis,
        lines=tuple(
            Line(
                strategy=strategy,
                baseline=is_baseline(line[0].condition),
                points=tuple(sorted(line, key=lambda point: point.cost)),
            )
            for strategy, line in lines.items()
        ),
        hull=upper_hull((point.cost, point.accuracy.value) for point in points),
        baseline_hull=upper_hull(known) if known else (),
    )


def _points(rows: Sequence[Figures], axis: Axis) -> Iterator[tuple[Condition, Point]]:
    for row in rows:
        cost = row.spend.on(axis) if row.spend else None
        if row.accuracy is not None and cost is not None:
            yield row.condition, Point(condition=row.condition, cost=cost, accuracy=row.accuracy)


def _by_number(text: str) -> tuple[tuple[int, str], ...]:
    """Sort n=9 before n=10."""
    return tuple((int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", text))
