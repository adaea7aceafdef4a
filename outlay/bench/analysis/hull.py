"""The best that mixing conditions can do: the upper concave hull of points and the origin.

Asking a part of the questions of one condition and the rest of another gives every point between
the two, and asking none costs and earns nothing: left of the cheapest point the hull is a mix with
questions left unanswered. It never falls: what is not needed need
not be spent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray


def upper_hull(points: Iterable[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """Give the corners of the hull, left to right: from cost 0 up, then level to the dearest point.

    Args:
        points: Cost and accuracy, neither negative.
    """
    highest = {0.0: 0.0}
    for cost, accuracy in points:
        highest[cost] = max(accuracy, highest.get(cost, 0.0))
    highest[max(highest)] = max(highest.values())
    corners: list[tuple[float, float]] = []
    for point in sorted(highest.items()):
        while len(corners) > 1 and not _turns_right(corners[-2], corners[-1], point):
            corners.pop()
        corners.append(point)
    return tuple(corners)


def read(hull: tuple[tuple[float, float], ...], cost: float) -> float:
    """Give the hull's accuracy at a cost; its top beyond the dearest point."""
    costs, accuracies = zip(*hull, strict=True)
    return float(np.interp(cost, costs, accuracies))


def readings(
    costs: NDArray[np.float64], accuracies: NDArray[np.float64], at: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Read the hull of each row's points at the row's own cost, all rows at once.

    The hull at a cost is the best of the points that are no dearer and of the chords that span
    it, which needs no walk around each row's corners.

    Args:
        costs: Rows by points.
        accuracies: Rows by points.
        at: A cost for each row.
    """
    origin = np.zeros((len(at), 1))
    costs, accuracies = np.hstack([origin, costs]), np.hstack([origin, accuracies])
    at = at[:, None]
    affordable = costs <= at
    best = np.where(affordable, accuracies, 0.0).max(axis=1)
    for left in range(costs.shape[1]):
        run = costs - costs[:, [left]]
        spans = affordable[:, [left]] & ~affordable
        rise = accuracies - accuracies[:, [left]]
        share = np.divide(at - costs[:, [left]], run, out=np.zeros_like(run), where=spans)
        chords = np.where(spans, accuracies[:, [left]] + rise * share, 0.0)
        best = np.maximum(best, chords.max(axis=1))
    return np.asarray(best)


def _turns_right(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> bool:
    return (b[0] - a[0]) * (c[1] - a[1]) < (b[1] - a[1]) * (c[0] - a[0])
