"""Routers that a learned one is set beside."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pytest
from routers.tiers.worlds import DIMENSION, designed

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Decision, Tier
from outlay.routers.tiers import FixedReward, FixedRouter, LinUCB, RandomRouter
from outlay.routers.tiers.outcomes import earnings

if TYPE_CHECKING:
    from outlay.memory.modules.routing import ModuleName

ASKED = [Decision(module, np.ones(2, np.float32), np.ones(2, np.float32)) for module in MODULES]


def test_a_fixed_router_always_says_the_same() -> None:
    assert [FixedRouter(Tier.MID).choose(d).tier for d in ASKED] == [Tier.MID] * 5
    mixed = FixedRouter.of((0, 1, 2, 0, 1))
    assert tuple(mixed.choose(d).tier for d in ASKED) == mixed.vector == (0, 1, 2, 0, 1)
    assert mixed.choose(ASKED[0]).probability == 1.0


def test_a_fixed_router_needs_a_tier_for_every_module() -> None:
    with pytest.raises(ConfigurationError, match="filter, entity, temporal, topic, summary"):
        FixedRouter({"filter": Tier.LOW})


def asked(question: float, module: ModuleName = "topic") -> Decision:
    vector = np.full(2, question, np.float32)
    return Decision(module, vector, vector)


def test_a_random_router_draws_each_tier_as_often_and_says_how_likely_that_was() -> None:
    choices = [RandomRouter(1).choose(asked(number)) for number in range(600)]
    counts = Counter(choice.tier for choice in choices)
    assert all(abs(counts[tier] - 200) < 50 for tier in Tier)
    assert {choice.probability for choice in choices} == {1 / 3}


def test_what_is_drawn_hangs_on_seed_module_and_question_and_not_on_what_was_asked_before() -> None:
    def drawn(seed: int, module: ModuleName = "topic", *, backwards: bool = False) -> list[Tier]:
        router, numbers = RandomRouter(seed), range(40)
        order = reversed(numbers) if backwards else numbers
        by_number = {number: router.choose(asked(number, module)).tier for number in order}
        return [by_number[number] for number in numbers]

    assert drawn(1) == drawn(1, backwards=True)
    assert drawn(1) != drawn(2)
    assert drawn(1) != drawn(1, "entity")


def test_lin_ucb_keeps_the_inverse_that_its_ridge_regression_has() -> None:
    dice = np.random.default_rng(0)
    bandit = LinUCB(3, alpha=0.0, ridge=2.0)
    seen, rewards = dice.standard_normal((40, 3)).astype(np.float32), dice.random(40)
    for row, worth in zip(seen, rewards, strict=True):
        bandit.learn(Decision("topic", row, row), Tier.MID, float(worth))
    with_one = np.c_[seen, np.ones(40)].astype(float)
    weights = np.linalg.solve(with_one.T @ with_one + 2.0 * np.eye(4), with_one.T @ rewards)
    tried = Decision("topic", np.array([0.5, -1.0, 2.0], np.float32), seen[0])
    expected = float(np.array([0.5, -1.0, 2.0, 1.0]) @ weights)
    # LOW and HIGH were never seen and promise 0: MID is picked exactly where it promises more.
    assert (bandit.choose(tried).tier == Tier.MID) is (expected > 0)
    opposite = Decision("topic", -np.asarray(tried.question) - 2 * seen[0], seen[0])
    promised = float(np.append(opposite.question, 1.0) @ weights)
    assert (bandit.choose(opposite).tier == Tier.MID) is (promised > 0)


def test_lin_ucb_tries_what_it_does_not_know_and_then_keeps_what_is_best() -> None:
    bandit, picked = LinUCB(2, alpha=1.0), []
    for _ in range(60):
        tier = bandit.choose(ASKED[0]).tier
        picked.append(tier)
        bandit.learn(ASKED[0], tier, (0.1, 0.9, 0.5)[tier])
    assert set(picked[:10]) == set(Tier)
    assert set(picked[-20:]) == {Tier.MID}


def test_lin_ucb_learns_from_a_log_which_kind_needs_what() -> None:
    episodes = designed(range(24))
    bandit = LinUCB(DIMENSION, alpha=0.0)
    bandit.learn_log(episodes, FixedReward.of(*earnings(episodes).T), 0.3)
    by_kind = {e.kind: [bandit.choose(e.decision(place, 0.3)).tier for place in range(5)] for e in episodes}
    assert by_kind["easy"] == [Tier.LOW] * 5
    assert by_kind["hard"][MODULES.index("temporal")] == Tier.HIGH


def test_lin_ucb_refuses_what_is_no_reward_and_what_does_not_fit() -> None:
    with pytest.raises(ConfigurationError, match="reward of nan"):
        LinUCB(2).learn(ASKED[0], Tier.LOW, float("nan"))
    with pytest.raises(ConfigurationError, match="dimension 3"):
        LinUCB(3).choose(ASKED[0])
    with pytest.raises(ConfigurationError, match="above 0"):
        LinUCB(2, ridge=0.0)
