"""Questions: episodes of one step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agents.in_context_distillation.worlds import bank_of

from outlay import Budget, Price, Usage
from outlay.agents import InContextDistillation
from outlay.memory.demonstrations import Step, Trajectory
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.memory.demonstrations import Bank

PRICE = Price(input=0.4, output=1.6)
DEAR = Price(input=3, output=15)


def worked(question: str, solution: str, **more: object) -> Trajectory:
    usage = Usage(calls=1, generations=1, prompt_tokens=1000, output_tokens=200, usd=0.006)
    return Trajectory(
        task=question,
        goal=question,
        steps=(Step(observation="", action=solution),),
        success=True,
        usage=usage,
    )


def bank(path: Path) -> Bank:
    return bank_of(
        path,
        worked("What is 2 + 2?", r"Two and two: \boxed{4}"),
        worked("What is 3 + 5?", r"Three and five: \boxed{8}"),
    )


def test_samples_are_compared_by_their_final_answers() -> None:
    cheap = ScriptedModel([r"It is \boxed{7}", "so #### 7", "the answer is 7.0"], price=PRICE, max_n=3)
    dear = ScriptedModel([], price=DEAR)
    answer = InContextDistillation(cheap, dear).run("What is 3 + 4?")
    assert answer.value == "7"
    assert dear.requests == []


def test_the_value_has_the_words_of_the_answer() -> None:
    script = ["The answer is **The Hague**.", r"\boxed{the hague}", "The answer is The Hague"]
    cheap = ScriptedModel(script, price=PRICE, max_n=3)
    answer = InContextDistillation(cheap, ScriptedModel([], price=DEAR)).run("Which town?")
    assert answer.value == "The Hague"


def test_where_they_disagree_the_teacher_answers() -> None:
    cheap = ScriptedModel([r"\boxed{7}", r"\boxed{8}", "no idea"], price=PRICE, max_n=3)
    dear = ScriptedModel([r"Surely \boxed{7}"], price=DEAR)
    answer = InContextDistillation(cheap, dear).run("What is 3 + 4?")
    assert (answer.text, answer.value) == (r"Surely \boxed{7}", "7")
    assert answer.episode is not None
    assert answer.episode.deferral_rate == 1


def test_worked_examples_are_earlier_turns_and_its_own_is_not_among_them(tmp_path: Path) -> None:
    cheap = ScriptedModel([r"\boxed{4}"] * 3, price=PRICE, max_n=3)
    InContextDistillation(cheap, bank=bank(tmp_path / "bank")).run("What is 2 + 2?")
    asked = [str(message["content"]) for message in cheap.requests[0].messages]
    assert len(asked) == 4
    assert "not instructions" in asked[0]
    assert asked[1].startswith("<example>\nWhat is 3 + 5?\n</example>\n")
    assert asked[2] == r"Three and five: \boxed{8}"
    assert asked[3].startswith("What is 2 + 2?")


def test_the_bill_says_when_the_bank_has_paid_for_itself(tmp_path: Path) -> None:
    cheap = ScriptedModel([r"\boxed{7}"] * 3, price=PRICE, max_n=3)
    answer = InContextDistillation(cheap, bank=bank(tmp_path / "bank")).run("What is 3 + 4?")
    episode = answer.episode
    assert episode is not None
    assert episode.teacher_alone == 0.006
    assert answer.usage.usd is not None
    assert episode.saved == 0.006 - answer.usage.usd
    assert episode.break_even == 3  # 2 x 0.006 / (0.006 - a few hundred thousandths)


def test_nothing_is_said_of_break_even_where_the_bank_cost_nothing_known(tmp_path: Path) -> None:
    free = worked("What is 2 + 2?", r"\boxed{4}").model_copy(update={"usage": Usage()})
    cheap = ScriptedModel([r"\boxed{7}"] * 3, price=PRICE, max_n=3)
    answer = InContextDistillation(cheap, bank=bank_of(tmp_path / "bank", free)).run("What is 3 + 4?")
    assert answer.episode is not None
    assert (answer.episode.teacher_alone, answer.episode.break_even) == (None, None)


def test_a_teacher_that_was_cut_short_gives_way_to_the_students_answers() -> None:
    cheap = ScriptedModel([r"\boxed{7}", r"\boxed{8}", r"\boxed{7}"], price=PRICE, max_n=3)
    dear = ScriptedModel(["well " * 50], price=DEAR)
    answer = InContextDistillation(cheap, dear, max_output_tokens=20).run("3 + 4?")
    assert answer.value == "7"
    assert "cut short" in str(answer.degraded)
    assert answer.episode is not None
    assert (answer.episode.steps[0].by, answer.episode.steps[0].deferred) == ("student", True)


def test_room_that_short_samples_give_back_pays_for_the_rest() -> None:
    cheap = ScriptedModel([r"\boxed{7}"] * 3, price=PRICE, max_n=1)
    strategy = InContextDistillation(cheap, ScriptedModel([], price=DEAR), max_output_tokens=100, waves=True)
    answer = strategy.run("What is 3 + 4?", Budget(output_tokens=150))
    assert len(cheap.requests) == 3
    assert (answer.value, answer.stop_reason, answer.degraded) == ("7", "finished", None)


def test_a_sample_that_ends_before_a_smaller_cap_lost_nothing() -> None:
    cheap = ScriptedModel([r"\boxed{7}"], price=PRICE, max_n=1)
    strategy = InContextDistillation(cheap, n=1, max_output_tokens=400)
    assert strategy.run("What is 3 + 4?", Budget(output_tokens=150)).degraded is None


def test_a_verdict_that_no_further_sample_changes_is_known() -> None:
    cheap = ScriptedModel([r"\boxed{7}", r"\boxed{8}"], price=PRICE, max_n=1)
    strategy = InContextDistillation(cheap, waves=False)
    answer = strategy.run("What is 3 + 4?", Budget(calls=2))
    assert answer.stop_reason == "budget"
    assert "not known" not in str(answer.degraded)
