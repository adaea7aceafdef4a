"""Who acts at a step: acceptance test A5 of the method page, and what happens when somebody cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from agents.in_context_distillation.worlds import Corridor, Guide, bank_of, way

from outlay import Budget, ConfigurationError, ModelError, ModelUnavailableError, Price
from outlay.agents import InContextDistillation
from outlay.agents.in_context_distillation import PolicyTeacher
from outlay.memory.demonstrations import Step, Trajectory
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.model import Request

PRICE = Price(input=0.4, output=1.6)
DEAR = Price(input=3, output=15)


def student(*lines: Any, **options: Any) -> ScriptedModel:
    return ScriptedModel(lines, price=PRICE, max_n=3, name="student", **options)


def teacher(*lines: Any, **options: Any) -> ScriptedModel:
    return ScriptedModel(lines, price=DEAR, name="teacher", retries=0, **options)


def test_when_the_samples_agree_the_student_acts_and_nobody_asks_the_teacher() -> None:
    dear = teacher()
    world = Corridor(["go east"])
    answer = InContextDistillation(student("go east", "go east", "go east"), dear).run(world)
    assert world.actions == ["go east"]
    assert dear.requests == []
    assert answer.episode is not None
    assert answer.episode.success
    assert answer.episode.deferral_rate == 0
    assert answer.episode.teacher.calls == 0


def test_one_sample_of_another_mind_and_the_teacher_acts_for_that_step_only() -> None:
    dear = teacher("go east")
    world = Corridor(["go east", "go north"])
    said = ["go west", "go west", "go east", *["go north"] * 3]
    answer = InContextDistillation(student(*said), dear).run(world)
    assert world.actions == ["go east", "go north"]
    assert len(dear.requests) == 1
    assert answer.episode is not None
    assert [step.by for step in answer.episode.steps] == ["teacher", "student"]
    assert answer.episode.deferral_rate == 0.5


@pytest.mark.parametrize("said", [["", "", ""], ["fly", "fly", "fly"]], ids=["empty", "not admissible"])
def test_samples_that_are_no_action_never_agree(said: list[str]) -> None:
    world = Corridor(["go east"], admissible=True)
    answer = InContextDistillation(student(*said), teacher("go east")).run(world)
    assert world.actions == ["go east"]
    assert answer.episode is not None
    assert answer.episode.steps[0].deferred


def test_case_and_space_are_no_disagreement() -> None:
    world = Corridor(["Go to desk 1"])
    InContextDistillation(student("Go to desk 1", " go to desk 1 ", "go to desk 1"), teacher()).run(world)
    assert world.actions == ["Go to desk 1"]


def test_two_of_three_are_enough_by_majority() -> None:
    world = Corridor(["go east"])
    dear = teacher()
    InContextDistillation(student("go east", "go west", "go east"), dear, rule="majority").run(world)
    assert world.actions == ["go east"]
    assert dear.requests == []


def test_a_third_sample_is_not_bought_where_two_decide() -> None:
    cheap = ScriptedModel(["go west", "go east", *["go on"] * 3], price=PRICE, name="student")
    world = Corridor(["go east", "go on"])
    answer = InContextDistillation(cheap, teacher("go east"), waves=True).run(world)
    assert answer.episode is not None
    assert [step.by for step in answer.episode.steps] == ["teacher", "student"]
    assert len(cheap.requests) == 2 + 3


def test_where_one_request_shares_the_prompt_all_samples_come_at_once() -> None:
    cheap = student("go west", "go east", "go east")
    InContextDistillation(cheap, teacher("go east")).run(Corridor(["go east"]))
    assert [request.n for request in cheap.requests] == [3]


def test_one_sample_is_trusted() -> None:
    dear = teacher()
    world = Corridor(["go east"])
    InContextDistillation(student("go east"), dear, n=1).run(world)
    assert world.actions == ["go east"]
    assert dear.requests == []


def test_at_temperature_0_it_warns() -> None:
    world = Corridor(["go east"])
    answer = InContextDistillation(student(*["go east"] * 3), teacher(), temperature=0).run(world)
    assert "temperature 0" in str(answer.degraded)


def test_a_teacher_that_fails_leaves_the_step_to_most_of_the_students_samples() -> None:
    world = Corridor(["go east"])
    dear = teacher(ModelUnavailableError("down"))
    answer = InContextDistillation(student("go west", "go east", "go east"), dear).run(world)
    assert world.actions == ["go east"]
    assert answer.episode is not None
    step = answer.episode.steps[0]
    assert (step.by, step.deferred) == ("student", True)
    assert "the teacher failed" in str(answer.degraded)
    assert answer.episode.teacher.calls == 1


def test_a_student_that_fails_hands_over() -> None:
    world = Corridor(["go east"])
    down = ScriptedModel([ModelUnavailableError("down")] * 3, price=PRICE, max_n=3, retries=0)
    answer = InContextDistillation(down, teacher("go east")).run(world)
    assert world.actions == ["go east"]
    assert answer.episode is not None
    assert answer.episode.steps[0].by == "teacher"


def test_a_student_that_fails_and_has_no_teacher_is_an_error() -> None:
    down = ScriptedModel([ModelUnavailableError("down")] * 3, price=PRICE, max_n=3, retries=0)
    with pytest.raises(ModelError):
        InContextDistillation(down).run(Corridor(["go east"]))


def test_a_budget_too_small_for_the_teacher_leaves_the_step_to_the_student() -> None:
    world = Corridor(["go east"])
    dear = teacher("go east")
    answer = InContextDistillation(student("go east", "go east", "go west"), dear).run(
        world, Budget(usd=0.0003)
    )
    assert world.actions == ["go east"]
    assert dear.requests == []
    assert "did not pay for the teacher" in str(answer.degraded)
    assert answer.usage.usd is not None
    assert answer.usage.usd <= 0.0003


def test_a_budget_too_small_for_anything_is_an_answer_without_a_step() -> None:
    world = Corridor(["go east"])
    answer = InContextDistillation(student(), teacher()).run(world, Budget(output_tokens=0))
    assert answer.stop_reason == "budget"
    assert world.actions == []
    assert answer.episode is not None
    assert answer.episode.steps == ()


def test_always_and_never() -> None:
    world = Corridor(["go east"])
    cheap = student()
    InContextDistillation(cheap, teacher("go east"), defer="always").run(world)
    assert (world.actions, cheap.requests) == (["go east"], [])
    dear = teacher()
    InContextDistillation(student("go west", "go west", "go east"), dear, defer="never", max_steps=1).run(
        world
    )
    assert (world.actions, dear.requests) == (["go west"], [])
    with pytest.raises(ConfigurationError, match="needs a teacher"):
        InContextDistillation(student(), defer="always").run(world)


def test_random_deferral_is_the_same_for_the_same_seed() -> None:
    def by(seed: int) -> list[str]:
        cheap = ScriptedModel(lambda _: "go east", price=PRICE, max_n=3)
        dear = ScriptedModel(lambda _: "go east", price=DEAR)
        made = InContextDistillation(cheap, dear, defer=0.5, n=1, seed=seed).run(Corridor(["go east"] * 20))
        assert made.episode is not None
        return [step.by for step in made.episode.steps]

    assert by(1) == by(1)
    assert by(1) != by(2)
    assert {"student", "teacher"} == set(by(1))


def test_a_policy_teaches_at_its_price() -> None:
    expert = PolicyTeacher(Guide(), DEAR, prompt_tokens=1200, output_tokens=80)
    world = Corridor(["go east", "go north"])
    answer = InContextDistillation(student(), expert, defer="always").run(world)
    assert answer.episode is not None
    assert answer.episode.success
    assert answer.episode.teacher.usd == pytest.approx(2 * 0.0048, abs=1e-12)


def test_an_episode_that_goes_round_in_circles_ends_early() -> None:
    cheap = ScriptedModel(lambda _: "wait", price=PRICE, max_n=3)
    world = Corridor(["go east"])
    answer = InContextDistillation(cheap, max_steps=30).run(world)
    assert len(world.actions) < 10
    assert "ended early" in str(answer.degraded)
    assert answer.episode is not None
    assert not answer.episode.success


def test_a_step_that_was_taken_before_with_the_same_thing_seen_can_go_to_the_teacher() -> None:
    cheap = ScriptedModel(lambda _: "wait", price=PRICE, max_n=3)
    world = Corridor(["go east", "go north"])
    expert = PolicyTeacher(Guide(), DEAR)
    answer = InContextDistillation(cheap, expert, defer_repeats=True).run(world)
    # Each door is looked at twice, once with "Nothing happens", before a step would be the same again.
    assert world.actions == ["wait", "wait", "go east", "wait", "wait", "go north"]
    assert answer.episode is not None
    assert answer.episode.success
    assert [step.by for step in answer.episode.steps] == ["student", "student", "teacher"] * 2
    assert [step.agreed for step in answer.episode.steps] == [True] * 6


def test_an_episode_ends_at_its_step_cap() -> None:
    told = iter(range(1000))
    cheap = ScriptedModel(lambda _: f"try key {next(told) // 1}", price=PRICE)
    world = Corridor(["go east"])
    answer = InContextDistillation(cheap, n=1, max_steps=7).run(world)
    assert len(world.actions) == 7
    assert "not done after 7 steps" in str(answer.degraded)


def test_demonstrations_of_like_steps_reach_the_student_and_its_own_never(tmp_path: Path) -> None:
    bank = bank_of(
        tmp_path / "bank",
        way("corridor", ["the way itself"]),
        way("green corridor", ["turn the green key", "go north"]),
    )
    cheap = ScriptedModel(lambda _: "go north", price=PRICE, max_n=3)
    InContextDistillation(cheap, bank=bank, max_steps=1).run(Corridor(["go east"]))
    assert "turn the green key" in cheap.prompts[0]
    assert "the way itself" not in cheap.prompts[0]


def test_the_teacher_sees_demonstrations_only_when_asked_to(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank", way("green corridor", ["turn the green key"]))
    for shown in (False, True):
        dear = teacher("go east")
        InContextDistillation(student(), dear, bank, defer="always", teacher_demonstrations=shown).run(
            Corridor(["go east"])
        )
        assert ("turn the green key" in dear.prompts[0]) is shown


def test_what_is_left_out_of_the_teachers_prompt_is_said(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank", *[way(f"hall {n}", ["push " * 60]) for n in range(4)])
    dear = ScriptedModel(lambda _: "go east", price=DEAR, window=300)
    answer = InContextDistillation(student(), dear, bank, defer="always", teacher_demonstrations=True).run(
        Corridor(["go east"])
    )
    assert "demonstrations were left out" in str(answer.degraded)


def test_long_observations_in_demonstrations_are_cut_before_any_is_left_out(tmp_path: Path) -> None:
    steps = (Step(observation="You are at door 0. " + "dust " * 300, action="go west"),)
    halls = [Trajectory(task=f"hall {n}", goal=f"hall {n}", steps=steps, success=True) for n in range(2)]
    cheap = ScriptedModel(lambda _: "go east", price=PRICE, max_n=3, window=600)
    answer = InContextDistillation(cheap, bank=bank_of(tmp_path / "bank", *halls)).run(Corridor(["go east"]))
    assert "observations in demonstrations were cut" in str(answer.degraded)
    assert "left out" not in str(answer.degraded)
    assert cheap.prompts[0].count("go west") == 2


def test_an_empty_bank_is_a_student_without_examples(tmp_path: Path) -> None:
    cheap = student(*["go east"] * 3)
    answer = InContextDistillation(cheap, bank=bank_of(tmp_path / "bank")).run(Corridor(["go east"]))
    assert "similar tasks" not in cheap.prompts[0]
    assert "example" not in cheap.prompts[0]
    assert "no demonstration" in str(answer.degraded)
    assert answer.episode is not None
    assert answer.episode.success


def test_a_prompt_too_long_loses_the_least_alike_demonstrations_and_then_early_steps(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank", *[way(f"hall {n}", ["push " * 30]) for n in range(6)])

    def line(request: Request) -> str:
        assert len(prompt(request).split()) < 300
        return "go east"

    cheap = ScriptedModel(line, price=PRICE, max_n=3, window=300)
    world = Corridor(["go east"] * 40)
    answer = InContextDistillation(cheap, bank=bank, max_steps=40).run(world)
    assert answer.episode is not None
    assert answer.episode.success
    assert "demonstrations were left out" in str(answer.degraded)
    assert "early steps were left out" in str(answer.degraded)
