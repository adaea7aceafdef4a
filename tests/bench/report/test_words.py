"""What is said of findings, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench_records import LOOSE, failed, items, manifest, right, trial, trials

from outlay.bench.analysis import analyse
from outlay.bench.report.words import sentences, title
from outlay.budget import Usage

if TYPE_CHECKING:
    from outlay.bench.trial import Trial

PLAN = "plan-and-budget"
VOTE = "self-consistency:n=3"
BASELINE = [*trials(right(20, 40), spend=(10, 90)), *trials(right(28, 40), spend=(20, 280), strategy=VOTE)]


def _said(records: list[Trial], number: int = 40, **of: object) -> str:
    return "\n".join(sentences(analyse(manifest(**of), items(number), records)))


@pytest.mark.parametrize(
    ("records", "said"),
    [
        (
            [*BASELINE, *trials([1.0] * 40, spend=(10, 90), strategy=PLAN)],
            "beats the baseline at equal total tokens (100 an item): 100.0% against 50.0%, +50.0 points",
        ),
        (
            [*BASELINE, *trials([0.0] * 40, spend=(10, 90), strategy=PLAN)],
            "plan-and-budget at 100 output tokens loses to the baseline",
        ),
        (
            [*BASELINE, *trials(right(21, 40), spend=(10, 90), strategy=PLAN)],
            "is inside the noise for plan-and-budget at 100 output tokens +2.5 [",
        ),
        (
            [*BASELINE, *trials(right(21, 40), spend=(10, 90), strategy=PLAN)],
            "No strategy is shown to beat the baseline at equal total tokens.",
        ),
        (
            [*BASELINE, *trials(right(28, 40), spend=(10, 390), strategy=PLAN)],
            (
                "(70.0% at 400 an item, at most +0 points) spent more total tokens than the baseline's "
                "dearest condition"
            ),
        ),
        (trials([1.0] * 40, strategy=PLAN), "There is no baseline to set the strategies beside"),
        (BASELINE, "No strategy but the baseline has scores on the same items"),
        (
            [*BASELINE[:40], *trials([1.0] * 40, strategy=PLAN)],
            "The baseline is direct alone, which is easier to beat than the two together.",
        ),
        (BASELINE, f"the most accurate is {VOTE}: 70.0%, before direct (50.0%), a lead "),
        (BASELINE[:40], "the most accurate is direct: 50.0% (the only strategy)."),
        (
            [*BASELINE[:40], *trials(right(20, 40), strategy=VOTE)],
            "the most accurate is direct: 50.0%, level with",
        ),
        (BASELINE, "No record failed."),
        (
            [*BASELINE, failed(0, budget=LOOSE)],
            "1 of 81 records failed (1 ModelUnavailableError while running); they are left out of accuracy",
        ),
        (BASELINE, "Overshoot is 0: none of 80 records spent more than its budget."),
        (
            [trial(0, 1.0, overshoot={"output_tokens": 12, "usd": 0.5}), trial(1, 1.0)],
            "1 of 2 records spent more than their budget, at most by 12 output tokens and $0.50: direct",
        ),
        (trials([1.0] * 40), "got all or nothing"),
        ([*BASELINE, trial(99, 1.0)], "1 record of items that were not asked are left out."),
        (BASELINE[:60], "1 condition of 2 lack scores on some items, most of all self-consistency:n=3"),
    ],
    ids=[
        "better",
        "worse",
        "inside the noise",
        "none better",
        "beyond",
        "no baseline",
        "only the baseline",
        "half a baseline",
        "the best",
        "the only one",
        "level",
        "no failure",
        "failures",
        "no overshoot",
        "overshoot",
        "all right",
        "strays",
        "gaps",
    ],
)
def test_it_says(records: list[Trial], said: str) -> None:
    assert said in _said(records)


CHEAP = [*BASELINE, *trials([1.0] * 40, spend=(5, 45), strategy=PLAN)]


def test_cheaper_than_any_baseline_it_is_set_beside_a_mix_and_beats_nothing() -> None:
    said = _said(CHEAP)
    assert (
        "beside a mix, of answering some questions by the baseline and leaving the rest unanswered: "
        "plan-and-budget at 100 output tokens (100.0% at 50 an item) is above such a mix (about 25%, "
        "about +75 points, "
    ) in said
    assert "No strategy is shown to beat the baseline at equal total tokens." in said
    assert "beats" not in said


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (
            [1.0] * 30 + [0.0] * 30,
            "before plan-and-budget (50.0% of 60); on the 50 items of both, direct has 80.0% against 60.0%, ",
        ),
        (
            [1.0] * 50 + [0.0] * 20,
            "on the 50 items of both, direct has 80.0% against 100.0%, a loss beyond the noise (McNemar",
        ),
    ],
    ids=["a lead", "a loss"],
)
def test_of_unlike_items_the_common_ones_say_who_leads(plan: list[float], said: str) -> None:
    direct = trials([0.0] * 10 + [1.0] * 40)
    assert said in _said([*direct, *trials(plan, strategy=PLAN)], 80)


def test_without_common_items_nobody_leads() -> None:
    said = _said([*trials([1.0] * 20), *trials([0.0] * 40, strategy=PLAN)[20:]])
    assert "they are not compared on the same items." in said


def test_the_second_of_a_pair_leads_as_the_first_does() -> None:
    said = _said([*trials([0.0] * 40), *trials([1.0] * 40, strategy=PLAN)])
    assert "plan-and-budget: 100.0%, before direct (0.0%), a lead beyond the noise (McNemar" in said


def test_it_says_that_differences_from_the_baseline_are_not_corrected() -> None:
    said = "are not corrected for its being the best of several noisy points"
    assert said in _said(CHEAP)
    assert said not in _said(BASELINE)


def test_with_few_items_it_says_that_nothing_can_be_said() -> None:
    said = _said([*trials([0.0] * 6), *trials([1.0] * 6, strategy=PLAN)], 6)
    assert "With scores on 6 items there is too little data to say which strategy is better" in said
    assert "beats" not in said
    assert "beyond the noise" not in said


def test_a_simulated_model_is_named_so_first() -> None:
    findings = analyse(manifest(simulated=True), items(40), BASELINE)
    assert sentences(findings)[0].startswith("SIMULATED MODEL: some-model is a simulation")
    assert title(findings) == "SIMULATED MODEL · some-model · sums.jsonl · 40 items"
    assert "SIMULATED" not in _said(BASELINE)


def test_it_says_what_counting_in_dollars_changes() -> None:
    dear = Usage(calls=1, output_tokens=10, prompt_tokens=90, usd=1.0)
    cheap = Usage(calls=1, output_tokens=10, prompt_tokens=90, usd=0.001)
    records = [*trials(right(20, 40), usage=dear), *trials(right(20, 40), usage=cheap, strategy=PLAN)]
    said = _said(records)
    assert "Counted in dollars instead, plan-and-budget at 100 output tokens is above a mix of the " in said
    assert "baseline and questions left unanswered at $0.001 an item" in said
    assert "Counted in output tokens instead, the verdicts are the same." in said


@pytest.mark.parametrize(
    ("part", "said"),
    [
        (
            "unconfirmed",
            "The outcome of 1 call is unknown; they are billed as the most they can have cost, 5 ",
        ),
        ("replayed", "50% of the output tokens were replayed"),
        ("judge", "Judging took 1 call and 5 tokens ($0.10), which are in no strategy's spend."),
    ],
    ids=["unconfirmed", "replayed", "judge"],
)
def test_it_says_what_stands_on_the_bill_besides(part: str, said: str) -> None:
    record = trial(0, 1.0).model_copy(update={part: Usage(calls=1, output_tokens=5, usd=0.1)})
    assert said in _said([record], 1)


def test_it_says_where_dollars_are_unknown() -> None:
    assert "Dollars are unknown for 1 condition" in _said([trial(0, 1.0, usage=Usage(calls=1, usd=None))], 1)


def test_dearer_than_any_baseline_it_is_not_shown_to_beat_it() -> None:
    said = _said([*BASELINE, *trials([1.0] * 40, spend=(10, 390), strategy=PLAN)])
    assert "plan-and-budget at 100 output tokens (100.0% at 400 an item, at most +30 points)" in said
    assert "No strategy is shown to beat the baseline at equal total tokens." in said


def test_an_answer_of_the_plain_call_is_not_compared_as_the_strategys_own() -> None:
    own = trials([1.0] * 40, spend=(10, 90), strategy=PLAN)
    fallen = [one.model_copy(update={"fell_back": place < 10}) for place, one in enumerate(own)]
    findings = analyse(manifest(), items(40), [*BASELINE, *fallen])
    said = " ".join(sentences(findings))
    assert "10 records fell back to the plain call (10 of 40 with plan-and-budget at 100 output" in said
    assert {pair.items for pair in findings.pairs if PLAN in {pair.first.strategy, pair.second.strategy}} == {
        30
    }
    assert {found.items for found in findings.at_spend} == {30}
    none = [one.model_copy(update={"fell_back": True}) for one in own]
    alone = analyse(manifest(), items(40), [*BASELINE, *none])
    assert alone.at_spend == ()
    assert "most accurate is plan" not in " ".join(sentences(alone))


def test_a_strategy_is_set_beside_its_own_models_baseline() -> None:
    def by(model: str, records: list[Trial]) -> list[Trial]:
        return [one.model_copy(update={"model": model}) for one in records]

    weak = [*trials([0.0] * 40), *trials([1.0] * 40, strategy=PLAN)]
    strong = [*trials([1.0] * 40), *trials([1.0] * 40, strategy=PLAN)]
    found = analyse(manifest(models=("a", "b")), items(40), [*by("a", weak), *by("b", strong)])
    assert {(one.condition.model, one.baseline_accuracy) for one in found.at_spend} == {
        ("a", 0.0),
        ("b", 100.0),
    }
    assert {(p.first.name, p.second.name) for p in found.pairs} >= {("direct by a", "direct by b")}
    assert title(found) == "a and b · sums.jsonl · 40 items"
