"""Figures of a comparison, worked by hand on the toy."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench.tiers.sample import KNOWN, TEST, ByKind, log
from bench.tiers.sample import by_kind as tried
from routers.tiers.toy import CHEAPEST

from outlay.bench.tiers.by_question import ByQuestion
from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.facts import LogFacts
from outlay.bench.tiers.findings import vector_words
from outlay.bench.tiers.words import sentences
from outlay.budget import Price
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
    assert row.over_best is not None
    assert row.over_best.verdict == "not run"
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
    fewer = KNOWN._replace(episodes=KNOWN.episodes[:-1])
    for other, test in ((TEST, None), (TEST, TEST), (fewer, TEST)):
        with pytest.raises(ConfigurationError, match="not the log that the policy was learnt from"):
            compare(ByKind(CHEAPEST), learnt, other, test)


def test_a_log_in_another_order_is_the_same(learnt: Learnt) -> None:
    turned = KNOWN._replace(episodes=KNOWN.episodes[::-1])
    assert (turned.digest, TEST.digest == turned.digest) == (learnt.digest, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("embedder", "e"),
        ("model", "another"),
        ("strategy", "budget-mem:k=3"),
        ("price", Price(input=1, output=2)),
        ("scorer", "f1"),
    ],
)
def test_a_test_that_was_made_otherwise_is_refused(learnt: Learnt, name: str, value: object) -> None:
    facts = KNOWN.facts.model_copy(update={"strategy": "budget-mem", "price": Price(input=1, output=1)})
    other = TEST._replace(facts=facts.model_copy(update={name: value}))
    with pytest.raises(ConfigurationError, match=f"was made with {name} "):
        compare(ByKind(CHEAPEST), learnt, KNOWN._replace(facts=facts), other)


def test_a_test_of_which_nothing_is_known_is_taken(learnt: Learnt) -> None:
    assert tried(learnt, TEST._replace(facts=LogFacts())).questions == 30


def test_a_simulated_log_makes_a_simulated_report(learnt: Learnt, by_kind: Findings) -> None:
    assert not by_kind.simulated
    assert tried(learnt, log("formula", range(100, 104), simulated=True)).simulated


def test_questions_of_one_conversation_are_drawn_and_flipped_together(
    by_kind: Findings, learnt: Learnt
) -> None:
    """Thirty questions in twenty groups, of two each where they are hard: no more evidence than twenty."""
    group = [f"c{int(e.id[1:]) % 20}" for e in TEST.episodes]
    grouped = [e.model_copy(update={"group": name}) for e, name in zip(TEST.episodes, group, strict=True)]
    found = tried(learnt, TEST._replace(episodes=tuple(grouped)))
    own, alone = (one.of("learned")[1] for one in (found, by_kind))
    assert (found.groups, found.units, by_kind.groups, by_kind.units) == (20, 20, 30, 30)
    assert own.reward.value == pytest.approx(alone.reward.value)
    assert own.over_best is not None
    assert alone.over_best is not None
    assert own.over_best.p > alone.over_best.p
    said = " ".join(sentences(found))
    assert "of 20 groups, such as conversations: questions of one are no independent evidence" in said


@pytest.mark.parametrize(("count", "said"), [(1, "1 group"), (3, "3 groups")])
def test_of_a_few_conversations_questions_are_drawn_and_that_is_said(
    learnt: Learnt, count: int, said: str
) -> None:
    few = [e.model_copy(update={"group": f"c{int(e.id[1:]) % count}"}) for e in TEST.episodes]
    found = tried(learnt, TEST._replace(episodes=tuple(few)))
    assert (found.groups, found.units, found.shared_groups) == (count, 30, 0)
    assert f"Those are of {said}, such as conversations, too few to be drawn anew" in " ".join(
        sentences(found)
    )


def test_conversations_that_were_learnt_from_are_counted(learnt: Learnt) -> None:
    same, other = (
        log._replace(episodes=tuple(e.model_copy(update={"group": "c"}) for e in log.episodes))
        for log in (KNOWN, TEST)
    )
    found = compare(
        ByKind(CHEAPEST), learnt.model_copy(update={"digest": same.digest}), same, other, draws=50
    )
    assert (found.shared, found.shared_groups) == (0, 1)
    assert "1 group of theirs, such as a conversation, had questions that were learnt from" in " ".join(
        sentences(found)
    )


def test_intervals_of_groups_are_of_the_ratio_of_their_sums() -> None:
    """Two groups, of one question at 0 and of three at 1: drawn anew they come to 0, 3/4 or 1."""
    column = np.array([[0.0, 0.0, 0.0], [1.0] * 3, [1.0] * 3, [1.0] * 3])
    table = ByQuestion.of([column], 200, 0, np.array([0, 1, 1, 1]))
    assert set(np.unique(table.drawn)) == {0.0, 0.75, 1.0}


def test_vectors_are_named() -> None:
    assert vector_words((2, 2, 2, 2, 2)) == "all HIGH"
    assert vector_words((0, 1, 2, 0, 0)) == "LOW MID HIGH LOW LOW"
