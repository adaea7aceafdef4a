"""One policy for every trade-off; `bench/one_policy.py` is the whole of it."""

from __future__ import annotations

import numpy as np
from routers.tiers.sweeping import alone, best, graded, one

from outlay.routers.tiers import SWEEP

ENDS = (0.0, 0.9)


def test_one_policy_is_worth_what_those_of_each_trade_off_are() -> None:
    world = graded()
    together, each = one(world, SWEEP, 2, 300).mean(1), alone(world, SWEEP, 2, 300).mean(1)
    assert (together >= 0.98 * each).all()
    # Neither is beside something that has learnt little.
    ceiling = best(world, SWEEP)
    assert (each >= 0.95 * ceiling).all()
    assert (np.maximum(together, each) <= ceiling + 1e-9).all()


def test_the_graded_toy_wants_other_tiers_at_either_end() -> None:
    world = graded()
    free, dear = (
        np.argmax(world.reward(world.task, world.usd, trade_off) - 1e-9 * world.usd, axis=1)
        for trade_off in ENDS
    )
    assert (world.usd[free] > world.usd[dear]).sum() >= 3
