"""The vectors are those of the method's description; budgets of real numbers are hand-worked."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.agents.plan_and_budget.schedules import SCHEDULES, Schedule, allocate, bam
from outlay.errors import ConfigurationError

NAMES: tuple[Schedule, ...] = get_args(Schedule)
DECAYS: tuple[Schedule, ...] = ("weighted", "linear", "polynomial", "exponential")

schedules = st.sampled_from(NAMES)
credits_lists = st.lists(st.integers(0, 100), min_size=1, max_size=8)
totals = st.integers(0, 2000)


@pytest.mark.parametrize(
    ("credits", "total", "schedule", "expected"),
    [
        ([20, 80], 200, "uniform", (100, 100)),
        ([20, 80], 200, "weighted", (40, 160)),
        ([20, 80], 200, "linear", (66, 134)),
        ([20, 80], 200, "polynomial", (100, 100)),
        ([20, 80], 200, "exponential", (43, 157)),
        ([20, 80], 200, "cosine", (147, 53)),
        ([25] * 4, 450, "uniform", (113, 113, 112, 112)),
        ([25] * 4, 450, "weighted", (113, 113, 112, 112)),
        ([25] * 4, 450, "linear", (180, 135, 90, 45)),
        ([25] * 4, 450, "polynomial", (240, 135, 60, 15)),
        ([25] * 4, 450, "exponential", (131, 118, 106, 95)),
        ([25] * 4, 450, "cosine", (207, 160, 65, 18)),
        ([30, 20, 50], 450, "weighted", (135, 90, 225)),
        ([30, 20, 50], 450, "linear", (225, 100, 125)),
        ([30, 20, 50], 450, "polynomial", (304, 90, 56)),
        ([30, 20, 50], 450, "exponential", (153, 91, 206)),
        ([30, 20, 50], 450, "cosine", (297, 108, 45)),
        ([10, 20, 30, 40], 600, "weighted", (60, 120, 180, 240)),
        ([10, 20, 30, 40], 600, "linear", (120, 180, 180, 120)),
        ([10, 20, 30, 40], 600, "polynomial", (192, 216, 144, 48)),
        ([10, 20, 30, 40], 600, "exponential", (73, 133, 179, 215)),
        ([10, 20, 30, 40], 600, "cosine", (155, 241, 148, 56)),
        ([20] * 5, 600, "polynomial", (273, 175, 99, 43, 10)),
        ([50, 30, 15, 5], 200, "polynomial", (141, 48, 11, 0)),
    ],
)
def test_allocate_divides_as_published(
    credits: list[int], total: int, schedule: Schedule, expected: tuple[int, ...]
) -> None:
    assert allocate(credits, total, schedule) == expected


def test_a_floor_leaves_no_step_without_tokens() -> None:
    assert allocate([50, 30, 15, 5], 200, "polynomial", floor=10) == (123, 49, 18, 10)


def test_the_floor_shrinks_to_what_the_total_can_pay() -> None:
    assert allocate([50, 30, 15, 5], 22, "weighted", floor=10) == (7, 5, 5, 5)


@pytest.mark.parametrize("schedule", NAMES)
def test_a_single_step_gets_everything(schedule: Schedule) -> None:
    assert allocate([100], 350, schedule) == (350,)


@pytest.mark.parametrize("schedule", NAMES)
def test_credits_of_zero_are_equal_ones(schedule: Schedule) -> None:
    assert allocate([0, 0], 100, schedule) == allocate([1, 1], 100, schedule)


@pytest.mark.parametrize(
    ("parameters", "schedule", "expected"),
    [
        ({"p": 1}, "polynomial", (180, 135, 90, 45)),
        ({"p": 0}, "polynomial", (113, 113, 112, 112)),
        ({"gamma": 0.5}, "exponential", (240, 120, 60, 30)),
        ({"cosine_offset": 0}, "cosine", (226, 168, 56, 0)),
    ],
    ids=["power 1 is linear", "power 0 is flat", "halving", "the last step loses its offset"],
)
def test_hyper_parameters_shape_the_decay(
    parameters: dict[str, Any], schedule: Schedule, expected: tuple[int, ...]
) -> None:
    assert allocate([25] * 4, 450, schedule, **parameters) == expected


@given(credits_lists, totals, schedules, st.integers(0, 60))
def test_allocate_loses_no_token(credits: list[int], total: int, schedule: Schedule, floor: int) -> None:
    budgets = allocate(credits, total, schedule, floor=floor)
    assert sum(budgets) == total
    assert min(budgets) >= min(floor, total // len(credits))


@given(credits_lists, totals, schedules, st.integers(1, 1000))
def test_scaling_all_credits_changes_nothing(
    credits: list[int], total: int, schedule: Schedule, factor: int
) -> None:
    scaled = [factor * credit for credit in credits]
    assert allocate(scaled, total, schedule) == allocate(credits, total, schedule)


@given(st.integers(1, 10), st.integers(1, 100), totals, schedules)
def test_equal_credits_never_grow_along_the_plan(
    steps: int, credit: int, total: int, schedule: Schedule
) -> None:
    budgets = allocate([credit] * steps, total, schedule)
    assert list(budgets) == sorted(budgets, reverse=True)


@settings(max_examples=500)
@given(credits_lists.filter(any), totals, st.sampled_from(DECAYS))
def test_floats_and_rational_arithmetic_agree(credits: list[int], total: int, schedule: Schedule) -> None:
    floats = [float(credit) for credit in credits]
    assert allocate(floats, total, schedule) == _rational(credits, total, schedule)


@pytest.mark.parametrize(
    ("credits", "beta", "expected"),
    [
        ((1, 4), (1, 1), (100, 200)),
        ((1, 8), (2, 2), (100, 200)),
        ((1, 1), (1, 2), (250, 50)),
        ((1, 4), (), (100, 200)),
        ((0, 4), (), (0, 300)),
    ],
    ids=["equal beta 1", "equal beta 2", "unequal beta", "beta is 1 unless given", "nothing uncertain"],
)
def test_bam_is_the_exact_optimum(
    credits: tuple[int, ...], beta: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert bam(credits, 300, beta) == pytest.approx(expected, abs=0.1)
    assert allocate(credits, 300, "bam", beta=beta) == pytest.approx(expected, abs=1)


uncertain_steps = st.lists(st.tuples(st.floats(0.01, 1000), st.floats(1, 4)), min_size=2, max_size=6)


@given(uncertain_steps, st.integers(10, 5000))
def test_bam_makes_every_step_worth_the_same_next_token(steps: list[tuple[float, float]], total: int) -> None:
    credits, beta = zip(*steps, strict=True)
    budgets = bam(credits, total, beta)
    assert math.fsum(budgets) == pytest.approx(total)
    gains = [math.log(c * b) - (b + 1) * math.log(x) for c, b, x in zip(credits, beta, budgets, strict=True)]
    assert gains == pytest.approx([gains[0]] * len(gains), abs=1e-6)


@pytest.mark.parametrize(
    ("credits", "total", "parameters", "message"),
    [
        ([], 100, {}, "credits"),
        ([1, -1], 100, {}, "credits"),
        ([math.nan], 100, {}, "credits"),
        ([1, 1], -1, {}, "total"),
        ([1, 1], 100, {"schedule": "hyperbolic"}, "known: uniform, weighted"),
        ([1, 1], 100, {"schedule": "bam", "beta": (1,)}, "one finite beta"),
        ([1, 1], 100, {"schedule": "bam", "beta": (1, 0)}, "one finite beta"),
    ],
)
def test_bad_numbers_are_the_callers_mistake(
    credits: list[float], total: int, parameters: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        allocate(credits, total, **{"schedule": "linear", **parameters})


def test_every_schedule_is_a_row_of_the_table() -> None:
    assert tuple(SCHEDULES) == NAMES


def _rational(credits: list[int], total: int, schedule: Schedule) -> tuple[int, ...]:
    """Eq. 7 and its rounding in fractions, written down a second time."""
    steps = len(credits)
    decay = {
        "weighted": [Fraction(1)] * steps,
        "linear": [Fraction(steps - i) for i in range(steps)],
        "polynomial": [Fraction((steps - i) ** 2) for i in range(steps)],
        "exponential": [Fraction(9, 10) ** i for i in range(steps)],
    }[schedule]
    weights = [credit * d for credit, d in zip(credits, decay, strict=True)]
    shares = [weight * total / sum(weights) for weight in weights]
    budgets = [int(share) for share in shares]
    for i in sorted(range(steps), key=lambda i: -shares[i])[: total - sum(budgets)]:
        budgets[i] += 1
    return tuple(budgets)
