"""The hull: hand-worked, and what holds for every set of points."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.bench.analysis.hull import read, readings, upper_hull

COSTS = st.integers(1, 1000).map(float)
ACCURACIES = st.integers(0, 100).map(float)
POINTS = st.lists(st.tuples(COSTS, ACCURACIES), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("points", "corners"),
    [
        ([(10.0, 50.0)], [(0, 0), (10, 50)]),
        ([(10.0, 50.0), (20.0, 60.0)], [(0, 0), (10, 50), (20, 60)]),
        ([(10.0, 20.0), (20.0, 60.0)], [(0, 0), (20, 60)]),
        ([(10.0, 30.0), (20.0, 60.0)], [(0, 0), (20, 60)]),
        ([(10.0, 60.0), (20.0, 50.0), (30.0, 40.0)], [(0, 0), (10, 60), (30, 60)]),
        ([(10.0, 40.0), (10.0, 60.0)], [(0, 0), (10, 60)]),
        ([(10.0, 0.0)], [(0, 0), (10, 0)]),
    ],
    ids=["one", "concave", "below a chord", "on a chord", "falling", "one cost twice", "nothing right"],
)
def test_corners_worked_by_hand(
    points: list[tuple[float, float]], corners: list[tuple[float, float]]
) -> None:
    assert list(upper_hull(points)) == corners


@given(POINTS)
def test_it_is_concave_never_falls_starts_at_the_origin_and_covers_every_point(
    points: list[tuple[float, float]],
) -> None:
    hull = upper_hull(points)
    assert hull[0] == (0.0, 0.0)
    assert hull[-1] == (max(cost for cost, _ in points), max(accuracy for _, accuracy in points))
    slopes = np.diff([y for _, y in hull]) / np.diff([x for x, _ in hull])
    assert (slopes >= 0).all()
    assert (np.diff(slopes) < 0).all()
    assert all(read(hull, cost) >= accuracy - 1e-9 for cost, accuracy in points)
    assert set(hull[1:-1]) <= set(points)


@given(POINTS, st.floats(0, 1200))
def test_reading_rows_at_once_is_reading_each_hull(points: list[tuple[float, float]], at: float) -> None:
    costs, accuracies = np.array(points).T
    rows = readings(costs[None, :], accuracies[None, :], np.array([at]))
    assert rows == pytest.approx([read(upper_hull(points), at)])


def test_beyond_the_dearest_point_it_stays_at_its_top() -> None:
    assert read(upper_hull([(10.0, 50.0)]), 99.0) == 50.0
