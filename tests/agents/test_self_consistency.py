from typing import Any

import pytest

from outlay.agents import SelfConsistency
from outlay.agents.self_consistency import confidence
from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError, ModelError, ModelRefusedError, ModelUnavailableError
from outlay.model import Choice
from outlay.testing import ScriptedModel

Line = str | Choice | Exception


def boxed(value: object) -> str:
    return rf"so it is \boxed{{{value}}}"


def test_votes_are_on_answers_and_not_on_texts() -> None:
    script = [f"reason {i} gives {boxed(v)}" for i, v in enumerate((41, 42, 42, 42, 41))]
    answer = SelfConsistency(ScriptedModel(script), n=5, threshold=1).run("?")
    assert (answer.value, answer.usage.generations) == ("42", 5)


def test_spellings_of_one_number_are_one_vote() -> None:
    script = [boxed(41), "The answer is 42.", boxed("42.0"), r"\boxed{42}", "The answer is $42"]
    answer = SelfConsistency(ScriptedModel(script), n=5, threshold=1).run("?")
    assert answer.value == "42"


@pytest.mark.parametrize(
    ("script", "value"),
    [
        (["The answer is **The Hague**.", r"\boxed{the hague}", "Rome"], "The Hague"),
        ([r"\boxed{\text{The Hague}}", "The Hague.", "Rome"], "The Hague"),
        (["Rome", "the capital is Paris.", "The capital is Paris"], "the capital is Paris"),
        (["The answer is $1,200.", r"\boxed{1200}", "7"], "$1,200"),
    ],
)
def test_the_value_has_the_words_of_the_first_answer_that_won(script: list[str], value: str) -> None:
    answer = SelfConsistency(ScriptedModel(script), n=3, threshold=1).run("?")
    assert answer.value == value


def test_ties_go_to_the_first_seen() -> None:
    script = [boxed(v) for v in (7, 8, 8, 7)]
    answer = SelfConsistency(ScriptedModel(script), n=4, threshold=1).run("?")
    assert answer.value == "7"


@pytest.mark.parametrize("waves", [True, None])
def test_unanimous_answers_stop_after_at_most_five(*, waves: bool | None) -> None:
    model = ScriptedModel(lambda _: boxed(42), max_n=8)
    answer = SelfConsistency(model, n=32, waves=waves).run("?")
    assert (answer.value, answer.usage.generations) == ("42", 4)
    assert (answer.stop_reason, answer.degraded) == ("finished", None)


def test_all_in_one_request_pays_for_one_prompt() -> None:
    model = ScriptedModel(lambda _: boxed(42), max_n=8)
    answer = SelfConsistency(model, n=8, waves=False).run("a question of some words")
    assert (answer.usage.calls, answer.usage.generations) == (1, 8)


def test_a_leader_that_cannot_be_overtaken_ends_it() -> None:
    model = ScriptedModel([boxed(1), boxed(2), boxed(1), boxed(1), boxed(3)])
    answer = SelfConsistency(model, n=5, threshold=1, waves=True).run("?")
    assert (answer.value, answer.usage.generations) == ("1", 4)


def test_a_failed_sample_costs_that_sample_and_not_the_run() -> None:
    script: list[Line] = [boxed(1), ModelRefusedError("no"), boxed(1), boxed(2)]
    answer = SelfConsistency(ScriptedModel(script), n=4, threshold=1).run("?")
    assert (answer.value, answer.degraded) == ("1", "1 of 4 samples failed")


def test_when_every_sample_fails_the_run_fails_with_the_cause() -> None:
    model = ScriptedModel(lambda _: ModelUnavailableError("down"), retries=0)
    with pytest.raises(ModelError, match="down"):
        SelfConsistency(model, n=3).run("?")


def test_a_sample_cut_before_it_marked_an_answer_abstains() -> None:
    long = "first 99 " + "word " * 50
    answer = SelfConsistency(ScriptedModel([long, boxed(7)]), n=2, max_output_tokens=20, threshold=1).run("?")
    assert answer.value == "7"


def test_truncated_thinking_is_no_answer() -> None:
    script: list[Line] = [Choice(text="", reasoning="hm 12", finish_reason="length"), boxed(7)]
    answer = SelfConsistency(ScriptedModel(script), n=2, threshold=1).run("?")
    assert answer.value == "7"


def test_a_tight_budget_draws_fewer_samples_rather_than_useless_ones() -> None:
    model = ScriptedModel(lambda _: boxed(7), max_n=8)
    strategy = SelfConsistency(model, n=5, min_sample_tokens=100)
    answer = strategy.run("?", Budget(output_tokens=250))
    first = model.requests[0]
    assert (first.n, first.max_output_tokens, answer.value) == (2, 125, "7")


def test_running_out_says_how_many_samples_voted() -> None:
    model = ScriptedModel([boxed(1), boxed(2)])
    answer = SelfConsistency(model, n=5, threshold=1).run("?", Budget(calls=2))
    assert (answer.stop_reason, answer.value) == ("budget", "1")
    assert answer.degraded is not None
    assert answer.degraded.startswith("the budget paid for 2 of 5 samples")


def test_confidence_is_the_beta_rule() -> None:
    assert confidence(0, 0) == 0.5
    assert confidence(3, 0) == 0.9375
    assert confidence(4, 0) == 0.96875
    assert confidence(2, 2) == 0.5
    assert confidence(4, 1) == pytest.approx(0.890625)


def waited(waves: int, prompt_tokens: int, output_tokens: int) -> Usage:
    return Usage(
        calls=waves,
        generations=waves,
        prompt_tokens=prompt_tokens,
        output_tokens=output_tokens,
        usd=None,
    )


@pytest.mark.parametrize(
    ("max_n", "calls"), [(1, 3), (2, 2), (8, 1)], ids=["single", "two requests", "shared"]
)
def test_side_by_side_the_longest_sample_is_waited_for_with_its_whole_prompt(max_n: int, calls: int) -> None:
    script = [boxed(7), "at some length, " + boxed(7), boxed(8)]  # 18, 34 and 18 characters
    model = ScriptedModel(script, tokens=list, max_n=max_n)
    answer = SelfConsistency(model, n=3, waves=False).run("?")
    prompt = len(model.prompts[0])
    assert answer.sequential == waited(1, prompt, 34)
    assert (answer.usage.prompt_tokens, answer.usage.output_tokens) == (calls * prompt, 70)


@pytest.mark.parametrize("max_n", [1, 8], ids=["single", "shared"])
def test_waves_are_waited_for_one_after_another(max_n: int) -> None:
    script = [boxed(1), "well, " + boxed(2), boxed(1), "hm, " + boxed(1)]  # three, then one that settles it
    model = ScriptedModel(script, tokens=list, max_n=max_n)
    answer = SelfConsistency(model, n=5, threshold=1, waves=True).run("?")
    assert answer.sequential == waited(2, 2 * len(model.prompts[0]), 24 + 22)


@pytest.mark.parametrize("failed", [0, 1, 2])
def test_a_failed_sample_is_not_waited_for(failed: int) -> None:
    script: list[Line] = [boxed(1), boxed(1)]
    script.insert(failed, ModelRefusedError("no"))
    model = ScriptedModel(script, tokens=list)
    answer = SelfConsistency(model, n=3, threshold=1, waves=False).run("?")
    assert answer.sequential == waited(1, len(model.prompts[0]), 18)


def test_samples_before_the_end_of_the_budget_are_waited_for() -> None:
    model = ScriptedModel([boxed(1), boxed(22)], tokens=list)
    answer = SelfConsistency(model, n=5, threshold=1).run("?", Budget(calls=2))
    assert answer.sequential == waited(1, len(model.prompts[0]), 19)


def test_where_nothing_is_sampled_nothing_is_waited_for() -> None:
    answer = SelfConsistency(ScriptedModel([]), n=3).run("?", Budget(calls=0))
    assert (answer.sequential, answer.usage) == (None, Usage())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [({"n": 0}, "n:"), ({"threshold": 0.4}, "threshold:"), ({"m": 3}, "m:")],
    ids=["no-samples", "threshold-below-half", "unknown"],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        SelfConsistency(ScriptedModel([]), **parameters)


def test_samples_that_were_all_cut_are_no_answer() -> None:
    model = ScriptedModel(lambda _: "he has 3 and " * 50, max_n=8)
    answer = SelfConsistency(model, n=3).run("?", Budget(total_tokens=100))
    assert (answer.value, answer.stop_reason) == (None, "budget")
    assert "cut short" in (answer.degraded or "")
