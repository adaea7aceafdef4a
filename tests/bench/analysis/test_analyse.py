"""Findings from records whose answers can be worked out by hand."""

from __future__ import annotations

from itertools import chain

import numpy as np
import pytest
from bench_records import LOOSE, TIGHT, failed, items, manifest, right, trial, trials
from scipy.stats import binomtest

from outlay.bench.analysis import analyse, baseline
from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError

PLAN = "plan-and-budget"
VOTE = "self-consistency:n=3"


def test_the_figures_of_a_condition() -> None:
    records = [
        trial(0, 1.0, spend=(40, 100), planning_tokens=20, seconds=1.0, overshoot={"output_tokens": 3}),
        trial(
            1,
            0.0,
            spend=(60, 300),
            planning_tokens=0,
            seconds=3.0,
            stop_reason="budget",
            degraded="cut short at 7",
        ),
        failed(2),
    ]
    (row,) = analyse(manifest(), items(3), records).figures
    assert (row.items, row.records, row.scored, row.failed) == (2, 3, 2, 1)
    assert row.accuracy
    assert (row.accuracy.value, row.accuracy.low, row.accuracy.high) == (50.0, 0.0, 100.0)
    assert row.spend
    assert (row.spend.output_tokens, row.spend.prompt_tokens, row.spend.total_tokens) == (50, 200, 250)
    assert row.spend.usd == pytest.approx(250e-6)
    assert (row.e3, row.e3_total) == (2500 / 40, 2500 / 50)
    assert row.latency
    assert (row.latency.p50, row.latency.p95) == pytest.approx((2.0, 2.9))
    assert row.latency.records == 2
    assert (row.overshoot.records, row.overshoot.largest) == (1, {"output_tokens": 3})
    assert row.stop_reasons == {"finished": 1, "budget": 1, "failed": 1}
    assert (row.cut_short, row.degraded, row.degradations) == (1, 1, {"cut short at N": 1})
    assert [(f.stage, f.kind, f.records) for f in row.failures] == [("run", "ModelUnavailableError", 1)]
    assert row.billed.output_tokens == 110


def test_seeds_of_an_item_are_averaged_first() -> None:
    records = [
        trial(0, 1.0, seed=0),
        trial(0, 0.0, seed=1),
        trial(0, 0.0, seed=2),
        failed(1),
        trial(1, 1.0, seed=1),
    ]
    findings = analyse(manifest(), items(2), records)
    assert findings.seeds == 3
    (row,) = findings.figures
    assert row.accuracy
    assert row.accuracy.value == pytest.approx(100 * (1 / 3 + 1) / 2)
    assert (row.items, row.records, row.failed) == (2, 5, 1)


def test_sequential_tokens_are_all_where_a_record_does_not_say() -> None:
    waited = Usage(calls=2, prompt_tokens=60, output_tokens=25, usd=None)
    records = [
        trial(0, 1.0, spend=(40, 100), sequential=waited),
        trial(0, 1.0, seed=1, spend=(20, 100), sequential=waited.model_copy(update={"output_tokens": 15})),
        trial(1, 0.0, spend=(60, 300)),
        failed(2, sequential=waited),
    ]
    (row,) = analyse(manifest(), items(3), records).figures
    assert row.spend
    assert (row.spend.sequential_output_tokens, row.spend.sequential_total_tokens) == (40, 220)
    assert (row.spend.output_tokens, row.spend.total_tokens) == (45, 245)


def test_replayed_records_have_no_latency_and_judges_are_apart() -> None:
    spent = Usage(calls=1, output_tokens=10)
    records = [
        trial(0, 1.0, usage=spent, replayed=spent, judge=Usage(calls=1, output_tokens=5)),
        trial(1, 1.0, usage=spent, unconfirmed=spent, judge=Usage(calls=1, output_tokens=6)),
    ]
    (row,) = analyse(manifest(), items(2), records).figures
    assert row.latency
    assert row.latency.records == 1
    assert row.replayed_share == 0.5
    assert (row.judge.output_tokens, row.billed.output_tokens, row.unconfirmed.calls) == (11, 20, 1)


def test_a_condition_that_only_failed_has_no_figures_rather_than_zeros() -> None:
    records = [failed(0, strategy=PLAN), *trials([1.0])]
    direct, plan = analyse(manifest(), items(1), records).figures
    assert direct.accuracy is not None
    assert (plan.accuracy, plan.spend, plan.e3, plan.latency) == (None, None, None, None)
    assert plan.failed == 1


def test_unknown_dollars_stay_unknown() -> None:
    unpriced = Usage(calls=1, output_tokens=10, usd=None)
    records = [
        *trials([1.0, 0.0]),
        *trials([1.0], strategy=PLAN),
        trial(1, 1.0, strategy=PLAN, usage=unpriced),
    ]
    findings = analyse(manifest(), items(2), records)
    assert [row.spend.usd for row in findings.figures if row.spend] == [pytest.approx(40e-6), None]
    assert {found.axis for found in findings.at_spend} == {"output_tokens", "total_tokens"}
    dollars = findings.frontier("usd")
    assert dollars
    assert [line.strategy for line in dollars.lines] == ["direct"]


def test_a_free_model_has_no_frontier_of_dollars() -> None:
    free = Usage(calls=1, output_tokens=10)
    findings = analyse(manifest(), items(2), trials([1.0, 0.0], usage=free))
    assert [frontier.axis for frontier in findings.frontiers] == ["output_tokens", "total_tokens"]


def test_the_baseline_comes_first_its_samples_by_number_and_budgets_by_size() -> None:
    strategies = (PLAN, "self-consistency:n=10", "self-consistency:n=9", "direct")
    records = [
        record
        for name in strategies
        for budget in (LOOSE, TIGHT)
        for record in trials([1.0], strategy=name, budget=budget)
    ]
    findings = analyse(manifest(), items(1), records)
    assert [(row.condition.strategy, row.condition.budget) for row in findings.figures] == [
        (name, budget)
        for name in ("direct", "self-consistency:n=9", "self-consistency:n=10", PLAN)
        for budget in (TIGHT, LOOSE)
    ]
    assert [row.baseline for row in findings.figures] == [True] * 6 + [False] * 2
    assert findings.budgets == (TIGHT, LOOSE)


def test_the_baseline_is_read_at_the_total_spend_prompts_included() -> None:
    records = [
        *trials(right(20, 40), spend=(10, 90)),
        *trials(right(30, 40), spend=(60, 240), strategy=VOTE),
        *trials(right(28, 40), spend=(20, 180), strategy=PLAN),
    ]
    by_axis = {found.axis: found for found in analyse(manifest(), items(40), records).at_spend}
    total = by_axis["total_tokens"]
    # (100, 50%) and (300, 75%): at 200 tokens 62.5%
    assert (total.spend, total.accuracy, total.baseline_accuracy) == pytest.approx((200.0, 70.0, 62.5))
    assert total.difference.value == pytest.approx(7.5)
    assert total.difference.low < 7.5 < total.difference.high
    assert (total.items, total.beyond, total.verdict) == (40, False, "noise")
    # (10, 50%) and (60, 75%): at 20 tokens 55%
    assert by_axis["output_tokens"].baseline_accuracy == pytest.approx(55.0)
    assert by_axis["usd"].baseline_accuracy == pytest.approx(62.5)


@pytest.mark.parametrize(
    ("spend", "below", "reading"),
    [((10, 40), True, 25.0), ((10, 90), False, 50.0), ((10, 190), False, 50.0)],
    ids=["cheaper than any baseline", "as dear", "dearer"],
)
def test_left_of_the_cheapest_baseline_a_part_of_the_questions_is_unanswered(
    spend: tuple[int, int],
    below: bool,  # noqa: FBT001
    reading: float,
) -> None:
    records = [*trials(right(20, 40), spend=(10, 90)), *trials([1.0] * 40, spend=spend, strategy=PLAN)]
    findings = analyse(manifest(), items(40), records)
    (found,) = [found for found in findings.at_spend if found.axis == "total_tokens"]
    assert (found.below, found.baseline_accuracy) == (below, reading)


@pytest.mark.parametrize(
    ("plan", "spend", "verdict", "beyond"),
    [
        (40, (10, 90), "better", False),
        (2, (10, 90), "worse", False),
        (20, (10, 90), "noise", False),
        (20, (10, 190), "noise", True),
        (40, (10, 190), "better", True),
    ],
    ids=["better", "worse", "the same", "the same for more", "better for more"],
)
def test_verdicts_at_equal_spend(plan: int, spend: tuple[int, int], verdict: str, beyond: bool) -> None:  # noqa: FBT001
    records = [*trials(right(20, 40), spend=(10, 90)), *trials(right(plan, 40), spend=spend, strategy=PLAN)]
    findings = analyse(manifest(), items(40), records)
    (found,) = [found for found in findings.at_spend if found.axis == "total_tokens"]
    assert (found.verdict, found.beyond) == (verdict, beyond)
    assert found.baseline_accuracy == 50.0


def test_of_equally_good_baselines_the_best_lies_too_high_and_the_interval_takes_a_part_off() -> None:
    rng = np.random.default_rng(3)
    votes = [trials(rng.binomial(1, 0.5, 40), strategy=f"self-consistency:n={n}") for n in range(2, 9)]
    records = [*chain(*votes), *trials(rng.binomial(1, 0.5, 40), strategy=PLAN)]
    found, *_ = analyse(manifest(), items(40), records, draws=500).at_spend
    of_votes = [sum(record.score or 0.0 for record in vote) / 0.4 for vote in votes]
    assert found.baseline_accuracy == pytest.approx(max(of_votes))
    assert found.baseline_accuracy > 55.0
    assert found.difference.value == pytest.approx(found.accuracy - found.baseline_accuracy)
    assert (found.difference.low + found.difference.high) / 2 > found.difference.value + 2.0


@pytest.mark.parametrize(
    ("difference", "reflected", "p", "said"),
    [
        (5.0, 6.0, 0.01, "better"),
        (-5.0, -2.0, 0.01, "worse"),
        (-5.0, 4.0, 0.01, "noise"),
        (5.0, 6.0, 0.5, "noise"),
    ],
    ids=["above", "below", "at odds", "inside the noise"],
)
def test_a_verdict_needs_the_difference_on_the_side_of_its_corrected_draws(
    difference: float, reflected: float, p: float, said: str
) -> None:
    assert baseline._verdict(difference, np.array([reflected]), p, 40) == said


def test_few_items_get_no_verdict() -> None:
    records = [*trials([0.0] * 6), *trials([1.0] * 6, strategy=PLAN)]
    findings = analyse(manifest(), items(6), records)
    assert {found.verdict for found in findings.at_spend} == {"too few"}
    assert {pair.verdict for pair in findings.pairs} == {"too few"}


def test_only_items_that_all_have_are_compared() -> None:
    records = [*trials([1.0] * 30), failed(0, strategy=PLAN), *trials([1.0] * 30, strategy=PLAN)[1:25]]
    findings = analyse(manifest(), items(30), records)
    assert {found.items for found in findings.at_spend} == {24}
    (pair,) = findings.pairs
    assert (pair.items, pair.first_accuracy, pair.second_accuracy) == (24, 100.0, 100.0)


def test_without_a_baseline_nothing_is_set_beside_it() -> None:
    findings = analyse(manifest(), items(2), trials([1.0, 0.0], strategy=PLAN))
    assert findings.at_spend == ()
    assert findings.frontiers[0].baseline_hull == ()


def test_a_pair_of_right_and_wrong_is_tested_as_mcnemar_did() -> None:
    first = [1.0] * 12 + [0.0] * 3 + [1.0] * 10
    second = [0.0] * 12 + [1.0] * 3 + [1.0] * 10
    findings = analyse(manifest(), items(25), [*trials(first), *trials(second, strategy=VOTE)])
    (pair,) = findings.pairs
    assert (pair.test, pair.wins, pair.losses, pair.items) == ("McNemar", 12, 3, 25)
    assert pair.difference.value == pytest.approx(36.0)
    assert pair.p == pytest.approx(binomtest(12, 15).pvalue)
    # by hand: 2 * (1 + 15 + 105 + 455) / 2**15
    assert pair.p == pytest.approx(2 * 576 / 2**15)
    assert (pair.p_holm, pair.verdict) == (pair.p, "better")


def test_a_pair_of_partial_scores_is_tested_by_permutation() -> None:
    findings = analyse(manifest(), items(25), [*trials([0.5] * 25), *trials([0.25] * 25, strategy=VOTE)])
    (pair,) = findings.pairs
    assert (pair.test, pair.verdict) == ("permutation", "better")
    assert (pair.difference.low, pair.difference.high) == (25.0, 25.0)


def test_two_conditions_that_agree_everywhere_differ_by_nothing() -> None:
    findings = analyse(manifest(), items(25), [*trials([1.0] * 25), *trials([1.0] * 25, strategy=VOTE)])
    (pair,) = findings.pairs
    assert (pair.p, pair.difference.value, pair.verdict) == (1.0, 0.0, "noise")


def test_of_many_conditions_those_of_one_budget_are_compared_and_it_is_said() -> None:
    records = [
        trial(0, 1.0, strategy=f"self-consistency:n={n}", budget=Budget(output_tokens=tokens))
        for n in range(1, 17)
        for tokens in (100, 200)
    ]
    findings = analyse(manifest(), items(1), records)
    assert len(findings.pairs) == 2 * 16 * 15 / 2
    assert all(pair.first.budget == pair.second.budget for pair in findings.pairs)
    assert findings.pairs_note == "there are 32 conditions, so only those of the same budget are compared"


def test_of_very_many_conditions_each_is_compared_with_the_best_of_its_budget() -> None:
    records = [trial(0, float(n == 7), strategy=f"self-consistency:n={n}") for n in range(1, 41)]
    findings = analyse(manifest(), items(1), records)
    assert len(findings.pairs) == 39
    assert all(
        "self-consistency:n=7" in {pair.first.strategy, pair.second.strategy} for pair in findings.pairs
    )
    assert "most accurate" in (findings.pairs_note or "")


def test_records_of_other_items_are_left_out_and_counted() -> None:
    findings = analyse(manifest(), items(1), [trial(0, 1.0), trial(7, 0.0)])
    assert (findings.strays, findings.records, findings.items) == (1, 1, 1)


def test_the_same_records_and_seed_give_the_same_findings() -> None:
    records = [*trials(right(20, 40)), *trials(right(28, 40), strategy=PLAN)]
    assert analyse(manifest(), items(40), iter(records)) == analyse(manifest(), items(40), records)


@pytest.mark.parametrize(
    ("draws", "number", "said"),
    [(2000, 0, "no records"), (99, 1, "at least 100 draws")],
    ids=["nothing to report on", "too few draws"],
)
def test_what_cannot_be_analysed_is_said(draws: int, number: int, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        analyse(manifest(), items(1), trials([1.0] * number), draws=draws)
