"""Naming trade-offs: neighbours in a sweep as a range."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.report.phrases import listed

if TYPE_CHECKING:
    from collections.abc import Sequence


def trade_off_words(at: Sequence[float], sweep: Sequence[float]) -> str:
    """Name trade-offs; neighbours in the sweep as a range."""
    return f"{'a trade-off' if len(at) == 1 else 'trade-offs'} of {listed(ranges(at, sweep))}"


def ranges(at: Sequence[float], sweep: Sequence[float]) -> list[str]:
    """Write trade-offs that are neighbours in the sweep as one."""
    runs: list[list[float]] = []
    for one in at:
        if runs and sweep.index(one) == sweep.index(runs[-1][-1]) + 1:
            runs[-1].append(one)
        else:
            runs.append([one])
    return [f"{run[0]:g}" if len(run) == 1 else f"{run[0]:g} to {run[-1]:g}" for run in runs]
