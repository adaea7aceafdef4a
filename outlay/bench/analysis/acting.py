"""What episodes came to: dollars with intervals, who acted, and when a bank has paid for itself."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from outlay.bench.analysis.findings import Acting, Estimate
from outlay.bench.analysis.resampling import estimate, means, resampled_means
from outlay.memory.demonstrations import break_even

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.tally import Tally
    from outlay.budget import Budget

WHOLE: Final = 100.0
"""Percent."""


def mean_dollars(tallies: Sequence[Tally], draws: int, seed: int) -> list[Estimate | None]:
    """Give each condition's dollars of an item; the items are drawn as for accuracy."""
    columns = np.column_stack([_known(tally, "usd") for tally in tallies])
    averages, drawn = means(columns), resampled_means(columns, draws, seed)
    return [
        None if np.isnan(average) else estimate(average, drawn[:, i]) for i, average in enumerate(averages)
    ]


def acting(
    tallies: Sequence[Tally], dollars: Sequence[Estimate | None], draws: int, seed: int
) -> list[Acting | None]:
    """Give what each condition's episodes came to.

    Args:
        tallies: The conditions.
        dollars: What an item costs under each.
        draws: Resamples.
        seed: Of the resampling.
    """
    columns = np.column_stack([t.measure(name) for name in ("deferred", "steps") for t in tallies])
    once, drawn = _shares(means(columns)[None, :]), _shares(resampled_means(columns, draws, seed))
    alone = _alone(tallies, once[0], dollars)
    return [
        None
        if np.isnan(once[0, i])
        else Acting(
            steps=float(means(tally.measure("steps")[:, None])[0]),
            deferral=estimate(once[0, i], drawn[:, i]),
            student_usd=_mean(tally, "student_usd"),
            teacher_usd=_mean(tally, "teacher_usd"),
            teacher_alone=alone.get(tally.condition.budget, tally.teacher_alone),
            break_even=_break_even(tally, alone.get(tally.condition.budget), dollars[i]),
        )
        for i, tally in enumerate(tallies)
    ]


def _shares(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give deferred steps in percent of all, for each row: the columns of both stand one after the other."""
    deferred, steps = np.split(columns, 2, axis=1)
    known = steps > 0
    return np.asarray(np.divide(WHOLE * deferred, steps, out=np.full(steps.shape, np.nan), where=known))


def _alone(
    tallies: Sequence[Tally], deferral: NDArray[np.float64], dollars: Sequence[Estimate | None]
) -> dict[Budget, float]:
    """Give what an item costs where every step is the teacher's, by budget."""
    return {
        tally.condition.budget: _decimal(spent.value)
        for tally, share, spent in zip(tallies, deferral, dollars, strict=True)
        if share == WHOLE and spent is not None and _mean(tally, "student_usd") == 0
    }


def _break_even(tally: Tally, alone: float | None, spent: Estimate | None) -> int | Literal["never"] | None:
    teacher = tally.teacher_alone if alone is None else alone
    if tally.collecting is None or teacher is None or spent is None:
        return None
    after = break_even(teacher, _decimal(spent.value), c_demo=tally.collecting)
    return int(after) if isfinite(after) else "never"


def _decimal(mean: float) -> float:
    """Cut what averaging in floating point adds behind the digits that mean something."""
    return float(f"{mean:.12g}")


def _mean(tally: Tally, name: str) -> float | None:
    column = _known(tally, name)
    average = float(means(column[:, None])[0])
    return None if np.isnan(average) else average


def _known(tally: Tally, name: str) -> NDArray[np.float64]:
    """Give a measure item by item, all NaN where that of any item with a score is unknown."""
    column = tally.measure(name)
    scored = ~np.isnan(tally.measure("score"))
    return np.full(column.shape, np.nan) if np.isnan(column[scored]).any() else column
