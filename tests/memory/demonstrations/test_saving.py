"""Whether demonstrations pay: the figures of the paper, to the cent."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isinf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import break_even, net_saving

CENTS = st.integers(0, 10**6).map(lambda n: n / 1000)


@pytest.mark.parametrize(
    ("c_teacher", "c_method", "tasks", "episodes"),
    [
        pytest.param(0.059, 0.024, 500, 843, id="alfworld"),
        pytest.param(0.59, 0.171, 147, 207, id="appworld"),
        pytest.param(0.02, 0.024, 500, inf, id="dearer"),
        pytest.param(0.024, 0.024, 500, inf, id="as-dear"),
        pytest.param(0.5, 0, 0, 0, id="nothing-collected"),
        pytest.param(0, 0, 0, 0, id="nothing-at-all"),
        pytest.param(0.02, 0.024, 0, inf, id="free-but-dearer"),
        pytest.param(0.3, 0.2, 1, 3, id="a-whole-number-of-episodes"),
    ],
)
def test_break_even_is_exact(c_teacher: float, c_method: float, tasks: int, episodes: float) -> None:
    assert break_even(c_teacher, c_method, tasks) == episodes


def test_break_even_takes_what_collecting_did_cost() -> None:
    assert break_even(0.059, 0.024, c_demo=29.5) == 843
    assert break_even(0.059, 0.024, c_demo=0) == 0


def test_net_saving_is_the_paper_s() -> None:
    assert net_saving(1_000_000, c_teacher=0.059, c_method=0.024, c_demo=29.5) == 34970.5
    assert net_saving(0, c_teacher=0.059, c_method=0.024, c_demo=29.5) == -29.5


@given(CENTS, CENTS, CENTS)
def test_break_even_is_the_first_episode_without_a_loss(teacher: float, method: float, cost: float) -> None:
    episodes = break_even(teacher, method, c_demo=cost)
    gain = Fraction(str(teacher)) - Fraction(str(method))
    earned = [gain * n >= Fraction(str(cost)) for n in (episodes, episodes - 1) if not isinf(n) and n >= 0]
    assert earned in ([True, False], [True], [])
    assert isinf(episodes) == (gain < 0 or (gain == 0 and cost > 0))


@pytest.mark.parametrize("wrong", [-0.1, nan, inf])
def test_costs_that_are_none_are_refused(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match="at least 0"):
        break_even(wrong, 0.1, 5)
    with pytest.raises(ConfigurationError, match="at least 0"):
        net_saving(5, c_teacher=1, c_method=wrong, c_demo=0)


def test_break_even_needs_one_cost_of_collecting() -> None:
    with pytest.raises(ConfigurationError, match="either"):
        break_even(0.2, 0.1)
    with pytest.raises(ConfigurationError, match="either"):
        break_even(0.2, 0.1, 5, c_demo=1)
