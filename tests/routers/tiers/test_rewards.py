"""Rewards against tables worked by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.routers.tiers import Alignment, CostNormaliser, FixedReward, MovingReward, Scale, reward
from outlay.routers.tiers.rewards import alpha

if TYPE_CHECKING:
    from collections.abc import Sequence

COSTS = [0.0, 1e-4, 4e-4, 9e-4, 16e-4]
TASK = [0.0, 0.5, 1.0, 1.0]
R_COST = [1.0, 0.75, 0.25, 0.0]

dollars = st.lists(st.floats(0, 1), min_size=1, max_size=30)


def test_cost_rewards_of_the_table() -> None:
    scale = CostNormaliser().add(COSTS)
    assert scale.r_cost(COSTS) == pytest.approx([1.0, 0.7778, 0.5, 0.2222, 0.0], abs=1e-4)


@pytest.mark.parametrize(
    ("costs", "rewards"),
    [
        ([0.0] * 4, [1.0] * 4),
        ([0.04] * 4, [0.0] * 4),
        ([0.04], [0.0]),
        ([0.0] * 99 + [0.01], [1.0] * 99 + [0.0]),
    ],
    ids=["all free", "all the same", "a single one", "one that is not free"],
)
def test_costs_that_do_not_spread(costs: Sequence[float], rewards: Sequence[float]) -> None:
    assert CostNormaliser().add(costs).r_cost(costs) == pytest.approx(rewards)


def test_the_batch_counts_before_it_is_rewarded_and_the_window_forgets() -> None:
    normaliser = CostNormaliser(window=3)
    normaliser.add([1.0, 1.0, 1.0])
    assert normaliser.add([0.0, 0.01]) == pytest.approx(Scale.of([1.0, 0.0, 0.01]))
    assert float(normaliser.add([0.0, 0.01]).high) < 0.2


def test_alpha_and_both_published_rewards_of_the_table() -> None:
    factor = Alignment().add(TASK, R_COST)
    paper = reward(TASK, R_COST, 0.3, factor)
    code = reward(TASK, R_COST, 0.3, factor, form="code")
    assert float(factor) == pytest.approx(1.0488088, abs=1e-7)
    assert paper == pytest.approx([0.3146, 0.7360, 1.0787, 1.0000], abs=1e-4)
    assert code == pytest.approx([0.3000, 0.7017, 1.0285, 0.9535], abs=1e-4)
    assert paper / code == pytest.approx([1.048809] * 4, abs=1e-6)


def test_alpha_is_one_until_there_is_something_to_align() -> None:
    assert float(Alignment().add([0.5], [0.5])) == 1.0
    assert float(Alignment().add([0.0, 1.0], [0.5, 0.5])) == 1.0


def test_where_no_answer_differs_cost_alone_decides() -> None:
    rewards = MovingReward()([1.0, 1.0, 1.0], [0.0, 1e-4, 4e-4], 0.3)
    assert list(np.argsort(-rewards)) == [0, 1, 2]
    assert float(alpha([1.0, 1.0], [0.0, 1.0])) == pytest.approx(1e-5 / 0.5)


def test_runs_side_by_side_have_windows_of_their_own() -> None:
    task, usd = np.array([TASK, TASK[::-1]]).T, np.array([COSTS[:4], COSTS[1:]]).T
    together = MovingReward()
    alone = [MovingReward(), MovingReward()]
    for _ in range(2):
        both = together(task, usd, [0.3, 0.9])
        for run, trade_off in enumerate([0.3, 0.9]):
            assert both[:, run] == pytest.approx(alone[run](task[:, run], usd[:, run], trade_off))


def test_unaligned_is_alpha_one() -> None:
    r_cost = CostNormaliser().add(COSTS[:4]).r_cost(COSTS[:4])
    assert MovingReward(aligned=False)(TASK, COSTS[:4], 0.5) == pytest.approx(TASK + 0.5 * r_cost)


def test_a_fixed_reward_is_the_one_of_its_log_and_survives_json() -> None:
    fixed = FixedReward.of(TASK, COSTS[:4])
    assert fixed(TASK, COSTS[:4], 0.7) == pytest.approx(MovingReward()(TASK, COSTS[:4], 0.7))
    assert FixedReward.model_validate_json(fixed.model_dump_json()) == fixed


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match="task reward"):
        MovingReward()([wrong, 1.0], [0.0, 0.0], 0.3)
    with pytest.raises(ConfigurationError, match="cost"):
        MovingReward()([0.0, 1.0], [wrong, 0.0], 0.3)
    with pytest.raises(ConfigurationError, match="trade-off"):
        reward([0.0], [0.0], wrong, 1.0)


def test_a_negative_cost_and_an_empty_window_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cost"):
        CostNormaliser().add([-1e-9])
    with pytest.raises(ConfigurationError, match="window"):
        CostNormaliser(0)
    with pytest.raises(ConfigurationError, match="window"):
        Alignment(0)


@settings(deadline=None)
@given(dollars)
def test_cost_rewards_stay_between_0_and_1_and_never_rise_with_cost(costs: list[float]) -> None:
    rewards = CostNormaliser().add(costs).r_cost(sorted(costs))
    assert ((rewards >= 0) & (rewards <= 1)).all()
    assert (np.diff(rewards) <= 0).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=30), st.floats(0, 3))
def test_the_two_forms_rank_alike(pairs: list[tuple[float, float]], trade_off: float) -> None:
    task, r_cost = np.array(pairs).T
    factor = alpha(task, r_cost)
    paper, code = (reward(task, r_cost, trade_off, factor, form=form) for form in ("paper", "code"))
    assert paper == pytest.approx(code * factor, rel=1e-9, abs=1e-12)


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=9), min_size=1, max_size=9
    )
)
def test_alpha_is_that_of_the_window_and_of_nothing_before_it(
    batches: list[list[tuple[float, float]]],
) -> None:
    alignment = Alignment(window=7)
    for batch in batches:
        found = alignment.add(*np.array(batch).T)
    task, r_cost = np.array([pair for batch in batches for pair in batch][-7:]).T
    if r_cost.std() > 1e-3:
        assert float(found) == pytest.approx(float(alpha(task, r_cost)), rel=1e-3)
