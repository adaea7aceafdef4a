"""The page's toy (B6, B7, B8, B12), all its runs trained side by side."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from routers.tiers.toy import CHEAPEST, SUMMARY, TEMPORAL, VECTORS, Runs, learn, task_reward, usd

from outlay.routers.tiers import SWEEP, MovingReward

SEEDS = 20
SMALL = 10
GROUPS = (0.3,) * SEEDS + (0.0,) * SEEDS + (3.0,) * SEEDS + (1.0,) * SMALL + SWEEP[1:]
OF_SWEEP = slice(len(GROUPS) - len(SWEEP) + 1, None)


def part(runs: Runs, first: int, count: int) -> Runs:
    these = slice(first, first + count)
    return Runs(runs.tiers[these], runs.task[these], runs.usd[these])


@pytest.fixture(scope="module")
def aligned() -> Runs:
    return learn(GROUPS, MovingReward())


def optimal(runs: Runs) -> int:
    both = zip(runs.tiers_of("easy"), runs.tiers_of("hard"), strict=True)
    return sum(pair == (CHEAPEST["easy"], CHEAPEST["hard"]) for pair in both)


def test_a_trade_off_of_03_finds_the_cheapest_tiers_that_are_right(aligned: Runs) -> None:
    assert optimal(part(aligned, 0, SEEDS)) >= 19


def test_rewards_that_are_right_or_wrong_at_random_do_not_keep_it_from_that() -> None:
    assert optimal(learn((0.3,) * SEEDS, MovingReward(), noisy=True)) >= 19


def test_at_no_trade_off_the_tiers_that_decide_are_right(aligned: Runs) -> None:
    hard = part(aligned, SEEDS, SEEDS).tiers_of("hard")
    assert sum(tiers[TEMPORAL] == 2 and tiers[SUMMARY] >= 1 for tiers in hard) == SEEDS


def test_a_trade_off_of_3_pays_nothing(aligned: Runs) -> None:
    dear = part(aligned, 2 * SEEDS, SEEDS)
    assert sum(tiers == (0,) * 5 for tiers in dear.tiers_of("hard")) >= 15
    assert sum(tiers == (0,) * 5 for tiers in dear.tiers_of("easy")) >= 15


def test_aligned_rewards_keep_what_unaligned_ones_lose(aligned: Runs) -> None:
    assert optimal(part(aligned, 3 * SEEDS, SMALL)) == SMALL
    unaligned = learn((1.0,) * SMALL, MovingReward(aligned=False))
    assert optimal(unaligned) <= 3  # the page has 2 of 10
    assert sum(tiers[TEMPORAL] == 0 for tiers in unaligned.tiers_of("hard")) >= SMALL // 2


def test_mean_cost_never_rises_with_the_trade_off(aligned: Runs) -> None:
    free = part(aligned, SEEDS, SEEDS).usd.mean()
    costs = [free, *aligned.usd[OF_SWEEP]]
    assert all(dearer <= 1.05 * cheaper for cheaper, dearer in pairwise(costs))


def test_the_router_pays_by_question_half_of_what_the_best_constant_pays(aligned: Runs) -> None:
    runs = part(aligned, 0, SEEDS)
    right = runs.task == 1.0
    assert right.sum() >= 19
    assert runs.usd[right].mean() == pytest.approx(2.5e-4, rel=0.1)
    every = torch.tensor(VECTORS)
    always_right = task_reward(torch.ones(len(VECTORS), dtype=torch.int64), every) == 1.0
    assert float(usd(every)[always_right].min()) == pytest.approx(5e-4)
