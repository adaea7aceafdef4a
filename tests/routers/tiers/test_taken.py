"""What routers take of a log, worked by hand on the toy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from routers.tiers.worlds import designed

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers import FixedReward, FixedRouter, awareness
from outlay.routers.tiers.taken import (
    by_best_constant,
    by_constants,
    by_dice,
    by_lin_ucb,
    by_oracle,
    by_router,
    contenders,
)

if TYPE_CHECKING:
    from outlay.routers.tiers.taken import Taken

DESIGN = (
    (0, 0, 0, 0, 0),
    (1, 1, 1, 1, 1),
    (2, 2, 2, 2, 2),
    (0, 1, 2, 0, 1),
    (1, 2, 0, 1, 2),
    (2, 0, 1, 2, 0),
    (0, 2, 1, 1, 0),
    (1, 0, 2, 2, 1),
    (2, 1, 0, 0, 2),
)
LOG = designed(range(20), DESIGN)
REWARD = FixedReward(low=0.0, high=0.04, alpha=0.5)


def means(taken: Taken) -> tuple[float, float, float]:
    """Give mean task reward, dollars and reward."""
    task, usd = np.array([e.task for e in taken.episodes]), np.array([e.total_usd for e in taken.episodes])
    return float(task.mean()), float(usd.mean()), float(REWARD(task, usd, taken.trade_off).mean())


def test_a_constant_comes_to_what_was_logged_of_it() -> None:
    taken = by_router(FixedRouter(Tier.LOW), LOG, 0.3, name="all LOW")
    assert (taken.name, taken.trade_off, taken.run) == ("all LOW", 0.3, 1.0)
    assert means(taken) == pytest.approx((0.6, 0.0, 0.6 + 0.3 * 0.5))
    assert set(taken.chosen) == {(Tier.LOW,) * 5}


def test_a_vector_that_was_not_run_is_taken_for_the_nearest_that_was() -> None:
    taken = by_router(FixedRouter.of((0, 0, 2, 0, 1)), LOG, 0.0, name="one")
    assert taken.run == 0.0
    assert {e.tiers for e in taken.episodes} == {DESIGN[3]}
    assert set(taken.chosen) == {(0, 0, 2, 0, 1)}


def test_the_oracle_pays_only_where_it_helps() -> None:
    free, dear = (by_oracle(LOG, REWARD, trade_off) for trade_off in (0.3, 10.0))
    assert means(free)[:2] == pytest.approx((1.0, (0.0 + 6e-4) / 2))
    assert means(dear)[1] == 0.0


def test_nobody_beats_the_oracle_and_it_beats_the_best_constant() -> None:
    trade_offs = [0.0, 0.3, 0.9]
    every = list(contenders(FixedRouter.of(DESIGN[4]), LOG, LOG, REWARD, trade_offs))
    assert len(every) == 5 * len(trade_offs)
    for trade_off in trade_offs:
        rewards = {one.name: means(one)[2] for one in every if one.trade_off == trade_off}
        assert len(rewards) == 5
        assert max(rewards.values()) <= rewards["oracle"] + 1e-9
    rewards = {one.name: means(one)[2] for one in every if one.trade_off == 0.3}
    assert rewards["oracle"] > rewards["best constant"] > rewards["random"]


def test_the_best_constant_is_chosen_on_one_log_and_tried_on_another() -> None:
    easy = tuple(e for e in LOG if e.kind == "easy")
    assert means(by_best_constant(easy, LOG, REWARD, 0.3))[:2] == pytest.approx((0.6, 0.0))
    cheap_cost = FixedReward(low=0.0, high=0.04, alpha=0.1)
    assert means(by_best_constant(LOG, LOG, cheap_cost, 0.3))[:2] == pytest.approx((1.0, 6e-4))


def test_constants_are_those_run_for_every_question() -> None:
    found = by_constants(LOG[:-1], 0.3)
    assert len(found) == len(DESIGN) - 1
    assert found[0].name == " ".join(["LOW"] * len(MODULES))
    with pytest.raises(ConfigurationError, match="no tier vector was run for every question"):
        by_best_constant((LOG[0], LOG[10]), LOG, REWARD, 0.3)


def test_random_is_every_run() -> None:
    assert by_dice(LOG, 0.0).episodes == LOG


def test_lin_ucb_pays_by_kind_on_questions_it_has_not_seen() -> None:
    taken = by_lin_ucb(designed(range(20)), designed(range(100, 120)), REWARD, 0.3)
    assert awareness([e.kind for e in taken.episodes], taken.chosen).vector.p < 0.05
    assert means(taken)[0] > 0.9


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without episodes"):
        by_router(FixedRouter(Tier.LOW), [], 0.0, name="one")
