"""Figures of a comparison, worked by hand on the toy."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import pytest
from bench.tiers.sample import KNOWN, TEST, ByKind, log
from bench.tiers.sample import by_kind as tried
from routers.tiers.toy import CHEAPEST

from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.findings import vector_words
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt

HARD_R_COST = 1 - sqrt(1e-3) / 0.04


def test_a_row_has_the_means_of_its_questions(by_kind: Findings) -> None:
    row = by_kind.of("learned")[1]
    assert (row.trade_off, row.run, row.foreseen) == (0.3, 1.0, None)
    assert (row.task.value, row.tokens) == (1.0, 500.0)
    assert row.usd.value == pytest.approx(5e-4)
    assert row.usd.low < 5e-4 < row.usd.high
    assert row.reward.value == pytest.approx(1 + 0.15 * (1 + HARD_R_COST) / 2)
    assert row.shares[2] == (0.5, 0.0, 0.5)
    assert dict(row.vectors) == {"all LOW": 0.5, "HIGH MID HIGH LOW MID": 0.5}


def test_reward_is_set_beside_the_best_constant_s(by_kind: Findings) -> None:
    found = by_kind.of("learned")[1].over_best
    assert found is not None
    assert found.value == pytest.approx(0.15 * (1 - HARD_R_COST) / 2)
    assert found.low > 0
    assert (found.verdict, found.p < 0.01) == ("better", True)
    assert by_kind.of("best constant")[1].over_best is None
    random = by_kind.of("random")[1].over_best
    assert random is not None
    assert random.verdict == "worse"


def test_gain_is_over_mixing_constants_at_equal_cost(by_kind: Findings) -> None:
    """Between LOW LOW MID LOW MID (0.75 for 2e-4) and HIGH MID HIGH LOW MID (1 for 1e-3)."""
    gain = by_kind.of("learned")[0].gain
    assert gain is not None
    assert gain.value == pytest.approx(1 - (0.75 + 0.25 * 3 / 8))
    assert gain.low > 0
    constants = [row.gain for row in by_kind.of("best constant")]
    assert [gain.value for gain in constants if gain] == pytest.approx([0.0, 0.0])


def test_among_equals_the_cheapest_is_best(by_kind: Findings) -> None:
    """At a trade-off of 0 three constants are right on every question."""
    assert by_kind.of("best constant")[0].constant == "HIGH MID HIGH LOW MID"
    assert by_kind.of("oracle")[0].usd.value == pytest.approx(5e-4)


def test_constants_stand_in_the_order_of_their_price(by_kind: Findings) -> None:
    prices = [one.usd.value for one in by_kind.constants]
    assert prices == sorted(prices)
    assert (len(prices), by_kind.constants[0].name, by_kind.constants[-1].name) == (12, "all LOW", "all HIGH")
    assert by_kind.constants[0].task.value == pytest.approx(0.6)


def test_awareness_is_of_the_tiers_chosen(by_kind: Findings, constant: Findings) -> None:
    aware, blind = (found.of("learned")[0].awareness for found in (by_kind, constant))
    assert aware is not None
    assert blind is not None
    assert (aware.kinds, aware.vector.bits, blind.vector.bits) == (1.0, 1.0, 0.0)
    assert aware.vector.p < 0.01
    assert by_kind.kinds == (("easy", 15), ("hard", 15))


def test_tiers_that_were_not_run_are_predicted(learnt: Learnt) -> None:
    found = compare(ByKind(CHEAPEST), learnt, KNOWN, TEST, draws=100)
    row = found.of("learned")[0]
    assert row.run == 0.5
    assert row.task.value < 0.9  # the nearest run has not the temporal tier that it takes
    assert dict(row.vectors)["LOW LOW HIGH LOW MID"] == 0.5
    assert row.foreseen is not None
    assert row.foreseen.task.value == pytest.approx(1.0, abs=0.06)
    assert row.foreseen.usd.value == pytest.approx(2.5e-4, abs=4e-5)


def test_without_a_test_log_all_are_tried_on_what_was_held_out(learnt: Learnt) -> None:
    found = tried(learnt, None)
    assert (found.is_held_out, found.questions, found.learnt_questions) == (True, 8, 24)
    difference = found.of("learned")[1].over_best
    assert difference is not None
    assert difference.verdict == "too few"


def test_questions_that_were_learnt_from_are_counted(learnt: Learnt) -> None:
    assert tried(learnt, log("mixed", range(30, 40))).shared == 2


def test_another_log_than_was_learnt_from_is_refused(learnt: Learnt) -> None:
    with pytest.raises(ConfigurationError, match="not the log that the policy was learnt from"):
        compare(ByKind(CHEAPEST), learnt, TEST)


def test_a_simulated_log_makes_a_simulated_report(learnt: Learnt, by_kind: Findings) -> None:
    assert not by_kind.simulated
    assert tried(learnt, log("formula", range(100, 104), simulated=True)).simulated


def test_vectors_are_named() -> None:
    assert vector_words((2, 2, 2, 2, 2)) == "all HIGH"
    assert vector_words((0, 1, 2, 0, 0)) == "LOW MID HIGH LOW LOW"
