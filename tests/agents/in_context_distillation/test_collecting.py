"""Collecting as a Python API, on small worlds."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents.in_context_distillation.worlds import Corridor, Guide, bank_of, way

from outlay import Budget, ConfigurationError, Ledger, ModelUnavailableError, Price, Replay
from outlay.agents import InContextDistillation
from outlay.agents.in_context_distillation import PolicyTeacher
from outlay.agents.in_context_distillation.collecting import Attempt, Collection, collect
from outlay.environments import OneStep, Turn
from outlay.errors import ScorerError
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.environments import Environment
    from outlay.memory.demonstrations import Bank
    from outlay.outcome import Answer

PRICE = Price(input=3, output=15)
GUIDE = PolicyTeacher(Guide(), price=PRICE, prompt_tokens=100, output_tokens=10)
WAY = ("open", "go", "close")


def guided(**more: Any) -> InContextDistillation:
    return InContextDistillation(ScriptedModel([]), teacher=GUIDE, defer="always", k=0, n=1, **more)


def collected(bank: Bank, tasks: list[Environment], budget: Budget | None = None, **more: Any) -> Collection:
    strategy = more.pop("strategy", guided())

    async def inside() -> Collection:
        with Ledger(budget):
            return await collect(strategy, tasks, bank, **more)

    return asyncio.run(inside())


def corridors(*names: str, wanted: tuple[str, ...] = WAY) -> list[Environment]:
    return [Corridor(wanted, task=name) for name in names]


def test_every_run_is_in_the_bank_with_its_steps_its_teacher_and_its_cost(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank")
    found = collected(bank, corridors("a", "b"))
    assert (found.ending, found.added.kept, found.there) == ("finished", 2, 0)
    run = bank.get("a")[0]
    assert (run.goal, run.teacher, run.usage.calls) == ("get through the a", "guide", 3)
    assert [step.action for step in run.steps] == list(WAY)
    assert run.usage.usd == pytest.approx(3 * (100 * 3 + 10 * 15) / 1e6)


def test_a_failure_is_kept_for_its_cost_and_not_tried_again(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank")
    first = collected(bank, corridors("a"), strategy=guided(max_steps=2))
    again = collected(bank, corridors("a", "b"))
    assert (first.added.failed, again.there, again.added.kept) == (1, 1, 1)
    assert bank.stats().usage.calls == 2 + 3


def test_what_others_did_in_a_task_counts_as_done(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank", way("a", WAY))
    assert collected(bank, corridors("a")).there == 1


def test_a_run_that_the_fence_cut_short_is_not_kept(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank")
    tried: list[Attempt] = []
    found = collected(bank, corridors("a", "b", "c"), Budget(calls=4), concurrency=1, tell=tried.append)
    assert (found.ending, [attempt.task for attempt in tried]) == ("budget", ["a"])
    assert [run.task for run in bank.runs() if not run.inconclusive] == ["a"]
    # The step of the next one that was paid is counted all the same.
    assert bank.stats().usage.calls == 4
    assert collected(bank, corridors("a", "b", "c")).there == 1


def test_a_reply_that_reaches_its_own_cap_does_not_end_the_collection(tmp_path: Path) -> None:
    teacher = ScriptedModel(["on and on " * 20, r"\boxed{8}"], price=PRICE)
    strategy = InContextDistillation(teacher, teacher, defer="always", k=0, n=1, max_output_tokens=12)
    questions: list[Environment] = [OneStep("2 + 2?", task="x"), OneStep("3 + 5?", task="y")]

    async def succeeded(_: Environment, answer: Answer) -> bool:
        return answer.value == "8"

    bank = bank_of(tmp_path / "bank")
    found = collected(bank, questions, strategy=strategy, succeeded=succeeded, concurrency=1)
    assert (found.ending, found.added.kept, found.added.failed) == ("finished", 1, 1)


def test_a_teacher_that_is_lost_on_the_way_is_tried_again(tmp_path: Path) -> None:
    down = ModelUnavailableError("the server is down")
    teacher = ScriptedModel(["open", down, down, *WAY], price=PRICE, retries=0)
    strategy = InContextDistillation(teacher, teacher, defer="always", k=0, n=1)
    bank = bank_of(tmp_path / "bank")
    found = collected(bank, corridors("a", "b"), strategy=strategy, concurrency=1)
    assert (found.added.kept, len(found.failures)) == (1, 1)
    assert "the server is down" in found.failures[0]
    assert [run.inconclusive for run in bank.get("a")] == [1]
    assert collected(bank, corridors("a", "b")).there == 1


def test_what_the_student_did_for_the_teacher_is_no_demonstration(tmp_path: Path) -> None:
    student = ScriptedModel(["open"], price=PRICE)
    teacher = ScriptedModel([ModelUnavailableError("ill"), "go", "close"], price=PRICE, retries=0)
    strategy = InContextDistillation(student, teacher, defer="always", k=0, n=1)
    bank = bank_of(tmp_path / "bank")
    with pytest.raises(ModelUnavailableError, match="ill"):
        collected(bank, corridors("a"), strategy=strategy, concurrency=1)
    assert bank.trajectories() == ()
    assert [run.inconclusive for run in bank.get("a")] == [1]


def test_a_deadline_ends_it(tmp_path: Path) -> None:
    found = collected(bank_of(tmp_path / "bank"), corridors("a"), Budget(seconds=0))
    assert (found.ending, found.added.kept) == ("deadline", 0)


def test_a_question_is_right_if_whoever_collects_says_so(tmp_path: Path) -> None:
    teacher = ScriptedModel([r"\boxed{4}", r"\boxed{9}"], price=PRICE)
    strategy = InContextDistillation(teacher, teacher, defer="always", k=0, n=1)
    questions: list[Environment] = [OneStep("2 + 2?", task="x"), OneStep("3 + 5?", task="y")]

    async def succeeded(environment: Environment, answer: Answer) -> bool:
        return answer.value == {"x": "4", "y": "8"}[environment.task]

    bank = bank_of(tmp_path / "bank")
    found = collected(bank, questions, strategy=strategy, succeeded=succeeded, concurrency=1)
    assert (found.added.kept, found.added.failed) == (1, 1)
    assert [run.goal for run in bank.trajectories()] == ["2 + 2?"]


def test_a_question_alone_does_not_know_whether_it_was_answered(tmp_path: Path) -> None:
    teacher = ScriptedModel([r"\boxed{4}"], price=PRICE)
    strategy = InContextDistillation(teacher, teacher, defer="always", k=0, n=1)
    with pytest.raises(ConfigurationError, match="succeeded="):
        collected(bank_of(tmp_path / "bank"), [OneStep("2 + 2?")], strategy=strategy)
    assert teacher.requests == []


def test_what_cannot_be_scored_is_tried_again(tmp_path: Path) -> None:
    async def unscored(environment: Environment, _: Answer) -> bool:
        if environment.task == "a":
            raise ScorerError("the judge is ill")
        return True

    bank = bank_of(tmp_path / "bank")
    found = collected(bank, corridors("a", "b"), succeeded=unscored)
    assert found.failures == ("the judge is ill",)
    assert collected(bank, corridors("a", "b")).there == 1


def test_what_broke_off_is_counted_never_shown_and_tried_again(tmp_path: Path) -> None:
    async def unscored(_: Environment, __: Answer) -> bool:
        raise ScorerError("the judge is ill")

    bank = bank_of(tmp_path / "bank", way("b", WAY))
    for _ in range(2):
        with pytest.raises(ModelUnavailableError, match="ill"):
            collected(bank, corridors("a"), succeeded=unscored)
    stats = bank.stats()
    assert (stats.trajectories, stats.failed, stats.inconclusive, stats.usage.calls) == (1, 2, 2, 2 * 3)
    assert [run.task for run in bank.trajectories()] == ["b"]
    copy = bank_of(tmp_path / "copy", *bank.runs(), *bank.runs())
    assert copy.stats() == stats
    assert collected(bank, corridors("a")).added.kept == 1
    assert collected(bank, corridors("a")).there == 1
    after = bank.stats()
    assert (after.trajectories, after.inconclusive, after.usage.calls) == (2, 2, 3 * 3)
    assert after.usage.usd == pytest.approx(3 * 3 * (100 * 3 + 10 * 15) / 1e6)


class Broken(Corridor):
    """Asks a model behind its second door, which is away."""

    async def step(self, action: str) -> Turn:
        if self.place == 1:
            raise ModelUnavailableError("away")
        return await super().step(action)


def test_what_was_billed_before_a_model_failed_is_counted(tmp_path: Path) -> None:
    bank = bank_of(tmp_path / "bank")
    found = collected(bank, [Broken(WAY, task="x"), *corridors("y")])
    assert (found.added.kept, found.failures) == (1, ("away",))
    assert [(run.inconclusive, run.usage.calls) for run in bank.get("x")] == [(1, 2)]
    assert bank.stats().usage.usd == pytest.approx((2 + 3) * (100 * 3 + 10 * 15) / 1e6)


def test_replayed_calls_of_an_earlier_try_are_counted_once(tmp_path: Path) -> None:
    async def scored(_: Environment, __: Answer) -> bool:
        if len(bank.runs()) == 0:
            raise ScorerError("the judge is ill")
        return True

    def strategy() -> InContextDistillation:
        teacher = ScriptedModel([r"\boxed{4}"], price=PRICE, replay=Replay(tmp_path / "replay"))
        return InContextDistillation(teacher, teacher, defer="always", k=0, n=1)

    bank = bank_of(tmp_path / "bank")
    with pytest.raises(ModelUnavailableError, match="ill"):
        collected(bank, [OneStep("2 + 2?", task="x")], strategy=strategy(), succeeded=scored)
    paid = bank.stats().usage
    found = collected(bank, [OneStep("2 + 2?", task="x")], strategy=strategy(), succeeded=scored)
    assert (found.added.kept, paid.calls) == (1, 1)
    assert bank.stats().usage == paid


def test_nothing_but_failures_is_an_error(tmp_path: Path) -> None:
    teacher = ScriptedModel([ModelUnavailableError("away")] * 9, price=PRICE, retries=0)
    strategy = InContextDistillation(teacher, teacher, defer="always", k=0, n=1)
    with pytest.raises(ModelUnavailableError, match="away"):
        collected(bank_of(tmp_path / "bank"), corridors("a", "b"), strategy=strategy)


@pytest.mark.parametrize(
    ("tasks", "strategy", "says"),
    [
        (("a", "a"), guided(), "'a'"),
        (("a",), InContextDistillation(ScriptedModel([])), "teacher"),
    ],
    ids=["one name twice", "no teacher"],
)
def test_mistakes_are_said_before_anything_is_done(
    tmp_path: Path, tasks: tuple[str, ...], strategy: InContextDistillation, says: str
) -> None:
    with pytest.raises(ConfigurationError, match=says):
        collected(bank_of(tmp_path / "bank"), corridors(*tasks), strategy=strategy)


def test_every_task_is_closed(tmp_path: Path) -> None:
    tasks = [Corridor(WAY, task=name) for name in "abc"]
    collected(bank_of(tmp_path / "bank"), [*tasks])
    assert [task.place for task in tasks] == [-1, -1, -1]
