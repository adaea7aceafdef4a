"""What routers come to on a log, worked by hand on the toy."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from routers.tiers.toy import CHEAPEST
from routers.tiers.worlds import designed

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Choice, Decision, Tier
from outlay.routers.tiers import (
    FixedReward,
    FixedRouter,
    at_random,
    awareness,
    best_constant,
    compare,
    constants,
    evaluate,
    lin_ucb,
    oracle,
)

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
CHEAP_RIGHT = (0, 1, 2, 0, 1)
"""The cheapest vector of the design that is right on every question: 6e-4 dollars."""
REWARD = FixedReward(low=0.0, high=0.04, alpha=0.5)


def test_a_constant_comes_to_what_was_logged_of_it() -> None:
    [point] = evaluate(FixedRouter(Tier.LOW), LOG, REWARD, [0.3], name="all LOW")
    assert (point.name, point.usd, point.tokens) == ("all LOW", 0.0, 0.0)
    assert point.task == pytest.approx(0.6)
    assert point.reward == pytest.approx(0.6 + 0.3 * 0.5)
    assert point.run == 1.0
    assert point.gain == pytest.approx(0.0)
    assert point.shares == ((1.0, 0.0, 0.0),) * 5


def test_a_vector_that_was_not_run_is_taken_for_the_nearest_that_was() -> None:
    [point] = evaluate(FixedRouter.of((0, 0, 2, 0, 1)), LOG, REWARD, [0.0])
    assert point.run == 0.0
    assert point.task == 1.0
    assert point.shares[1] == (0.0, 1.0, 0.0)


def test_the_oracle_pays_only_where_it_helps() -> None:
    free, dear = oracle(LOG, REWARD, [0.3, 10.0])
    assert free.task == 1.0
    assert free.usd == pytest.approx((0.0 + 6e-4) / 2)
    assert dear.usd == 0.0


def test_nobody_beats_the_oracle_and_it_beats_the_best_constant() -> None:
    trade_offs = [0.0, 0.3, 0.9]
    points = compare(FixedRouter.of(DESIGN[4]), LOG, LOG, REWARD, trade_offs)
    for number, trade_off in enumerate(trade_offs):
        [ceiling] = [p for p in points if p.name == "oracle" and p.trade_off == trade_off]
        assert all(p.reward <= ceiling.reward + 1e-9 for p in points if p.trade_off == trade_off)
        assert len([p for p in points if p.trade_off == trade_off]) == 5, number
    by_name = {p.name: p for p in points if p.trade_off == 0.3}
    assert by_name["oracle"].reward > by_name["best constant"].reward > by_name["random"].reward
    assert by_name["oracle"].gain > 0.1


def test_the_best_constant_is_chosen_on_one_log_and_tried_on_another() -> None:
    easy = tuple(e for e in LOG if e.kind == "easy")
    [point] = best_constant(easy, LOG, REWARD, [0.3])
    assert point.usd == 0.0
    assert point.task == pytest.approx(0.6)
    [both] = best_constant(LOG, LOG, FixedReward(low=0.0, high=0.04, alpha=0.1), [0.3])
    assert both.usd == pytest.approx(6e-4)
    assert both.task == 1.0


def test_constants_are_those_run_for_every_question_the_cheapest_first() -> None:
    holes = LOG[:-1]
    found = constants(holes, REWARD, 0.3)
    assert len(found) == len(DESIGN) - 1
    assert [p.usd for p in found] == sorted(p.usd for p in found)
    assert found[0].name == "LOW LOW LOW LOW LOW"
    with pytest.raises(ConfigurationError, match="no tier vector was run for every question"):
        best_constant((LOG[0], LOG[10]), LOG, REWARD, [0.3])


def test_random_is_the_mean_over_what_was_run() -> None:
    [point] = at_random(LOG, REWARD, [0.0])
    assert point.task == pytest.approx(np.mean([e.task for e in LOG]))
    assert point.usd == pytest.approx(np.mean([e.total_usd for e in LOG]))


def test_lin_ucb_pays_by_kind_on_questions_it_has_not_seen() -> None:
    [point] = lin_ucb(designed(range(20)), designed(range(100, 120)), REWARD, [0.3])
    assert point.awareness is not None
    assert point.awareness.vector.p < 0.05
    assert point.task > 0.9


def test_gain_is_against_mixing_constants_for_the_same_dollars() -> None:
    class Mixing:
        """Answers every other pair of questions at a constant that is right, whatever they are."""

        def __init__(self) -> None:
            self.asked = 0

        def choose(self, decision: Decision) -> Choice:  # noqa: ARG002 - the protocol's
            number = self.asked // 5
            self.asked += 1
            return Choice(Tier(CHEAP_RIGHT[(self.asked - 1) % 5] if number // 2 % 2 else 0))

    [point] = evaluate(Mixing(), LOG, REWARD, [0.0])
    assert point.usd == pytest.approx(3e-4)
    assert point.task == pytest.approx(0.8)
    assert point.gain == pytest.approx(0.0, abs=1e-9)
    assert point.awareness is not None
    assert point.awareness.vector.p > 0.5


def test_an_empty_log_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="without episodes"):
        evaluate(FixedRouter(Tier.LOW), [], REWARD, [0.0])


def test_tiers_that_follow_the_kind_say_all_there_is_to_say() -> None:
    kinds = ["easy", "hard"] * 20
    told = awareness(kinds, [tuple(map(Tier, CHEAPEST[kind])) for kind in kinds])
    assert told.kinds == told.vector.bits == pytest.approx(1.0)
    assert told.vector.p < 0.01
    assert [round(module.bits, 6) for module in told.modules] == [0, 0, 1, 0, 1]


def test_constant_tiers_say_nothing() -> None:
    told = awareness(["a", "b", "c"] * 5, [(Tier.HIGH,) * 5] * 15)
    assert (told.vector.bits, told.vector.p) == (0.0, 1.0)
    assert told.kinds == pytest.approx(log2(3))


def test_tiers_by_dice_say_no_more_than_chance() -> None:
    dice = np.random.default_rng(4)
    kinds = [f"{k}" for k in dice.integers(3, size=60)]
    told = awareness(kinds, [tuple(map(Tier, row)) for row in dice.integers(3, size=(60, 5))])
    assert told.vector.bits > 1.0
    assert told.vector.bits == pytest.approx(told.vector.chance, abs=0.15)
    assert told.vector.p > 0.02


def test_awareness_needs_questions() -> None:
    with pytest.raises(ConfigurationError, match="one tier vector for each question"):
        awareness([], [])
