"""What a comparison says in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench.tiers.sample import KNOWN, TEST, ByKind, log
from bench.tiers.sample import by_kind as tried
from routers.tiers.toy import CHEAPEST

from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.trade_offs import trade_off_words
from outlay.bench.tiers.words import sentences, support_words, title
from outlay.routers.tiers import Support

if TYPE_CHECKING:
    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt


def support(trade_off: float, size: float = 38.0, **changes: float) -> Support:
    facts = {"run": 0.8, "coverage": 0.7, "greatest_weight": 12.0, "effective_sample_size": 300.0} | changes
    return Support(trade_off=trade_off, episodes=480, questions=40, run_sample_size=size, **facts)


def test_a_policy_that_beats_the_best_constant_is_said_to(by_kind: Findings) -> None:
    said = " ".join(sentences(by_kind))
    assert "earns more than the best constant, beyond the noise: in reward +0.059" in said
    assert "p = 0.004 at a trade-off of 0.3" in said
    assert (
        "Tiers follow the kind of question; of 1.00 bits that there are to say of it they say: 1.00" in said
    )
    assert "the policy gains +0.156 of task reward; beyond the noise (95% intervals): +0.156" in said
    assert "The policy goes by the question; tier vectors that it takes: 2, most often" in said
    assert "SIMULATED" not in said
    assert "optimistic" not in said
    assert title(by_kind) == "Tiers learnt from known, tried on test"


def test_a_policy_that_was_hardly_run_is_not_said_to_beat_anyone(learnt: Learnt) -> None:
    """Half of the questions were run at what it takes; the nearest runs would say that it is better."""
    found = compare(ByKind(CHEAPEST), learnt, KNOWN, TEST, draws=100)
    said = sentences(found)
    assert said[1].startswith("Nobody can tell whether the policy beats the best constant")
    assert "chose, or the constant has: 50% at trade-offs of 0 to 0.3." in said[1]
    assert said[2].startswith("Where the tiers it chose were not run, the nearest run stands for them")
    assert not any("beyond the noise" in sentence or "the policy has" in sentence for sentence in said)


def test_a_vector_that_one_missing_run_makes_no_constant_is_named(learnt: Learnt, by_kind: Findings) -> None:
    missing = TEST._replace(episodes=tuple(e for e in TEST.episodes if (e.id, sum(e.tiers)) != ("q100", 10)))
    said = " ".join(sentences(tried(learnt, missing)))
    assert "No constants, as runs of some questions are missing: all HIGH; one of them may be better" in said
    assert "No constants" not in " ".join(sentences(by_kind))


def test_a_constant_policy_is_called_one(constant: Findings) -> None:
    said = " ".join(sentences(constant))
    assert "The policy is constant: all MID for every question at every trade-off." in said
    assert "Tiers do not follow the kind of question beyond chance" in said
    assert "earns less than the best constant, beyond the noise" in said


def test_held_out_questions_are_called_optimistic(learnt: Learnt) -> None:
    found = tried(learnt, None)
    said = " ".join(sentences(found))
    assert "the 8 held out, by which the policy was chosen: its figures are optimistic" in said
    assert "On 8 questions nobody can tell whether the policy beats the best constant" in said
    assert "the questions held out" in title(found)


def test_a_simulated_model_is_said_first(learnt: Learnt) -> None:
    found = tried(learnt, log("formula", range(100, 104), simulated=True))
    assert sentences(found)[0].startswith("SIMULATED MODEL")


def test_thin_support_is_named_with_its_trade_offs() -> None:
    said = support_words([support(0.0), support(0.3, run=0.12, coverage=0.05)])
    assert said.startswith(
        "SUPPORT IS THIN at a trade-off of 0.3 (12% of the questions, 5% were it to draw them): of 480 "
    )
    said = support_words([support(0.0, coverage=0.6), support(0.3, 25.0)])
    assert "at least 80% of the questions were run at the tiers that it takes, worth 25 of 480" in said
    assert "at least 60% of its draws" in said


@pytest.mark.parametrize(
    ("questions", "size", "thin"),
    [(10, 9.9, True), (10, 10.0, False), (100, 19.0, True), (100, 20.0, False)],
)
def test_support_is_thin_below_ten_episodes_or_a_fifth_of_the_questions(
    *, questions: int, size: float, thin: bool
) -> None:
    assert support(0.0, size).model_copy(update={"questions": questions}).thin == thin


@pytest.mark.parametrize(
    ("run", "coverage", "thin"), [(0.5, 0.5, False), (0.49, 0.9, True), (0.9, 0.49, True)]
)
def test_support_is_thin_where_most_of_what_the_policy_does_was_not_run(
    *, run: float, coverage: float, thin: bool
) -> None:
    assert support(0.0, run=run, coverage=coverage).thin == thin


def test_neighbouring_trade_offs_are_a_range() -> None:
    sweep = (0.0, 0.05, 0.1, 0.3)
    assert trade_off_words([0.0, 0.05, 0.3], sweep) == "trade-offs of 0 to 0.05 and 0.3"
    assert trade_off_words([0.1], sweep) == "a trade-off of 0.1"
