"""Strategies on a simulated model: each finds its question, and gets what it needs to work."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest
from pydantic import BaseModel, Field

from outlay.agents import Direct, PlanAndBudget, SelfConsistency
from outlay.budget import Budget
from outlay.testing import SimulatedModel, Simulation, simulated_questions

if TYPE_CHECKING:
    from outlay.outcome import Answer
    from outlay.strategy import Strategy

QUESTIONS = simulated_questions(30)


def answered(strategy: Strategy[Any], budget: Budget) -> list[Answer]:
    async def all_of_them() -> list[Answer]:
        return [await strategy.arun(question.question, budget) for question in QUESTIONS]

    return asyncio.run(all_of_them())


@pytest.mark.parametrize(
    "kind",
    [Direct, SelfConsistency, PlanAndBudget, lambda model: PlanAndBudget(model, solve="single")],
    ids=["direct", "self-consistency", "plan-and-budget", "plan-and-budget in one call"],
)
def test_a_model_that_is_always_right_is_right_with_every_strategy(kind: type[Direct]) -> None:
    model = SimulatedModel(QUESTIONS, Simulation(short=40, long=80), accuracy=lambda _sight: 1.0)
    found = answered(kind(model), Budget(output_tokens=4000))
    assert [answer.value for answer in found] == [question.answer for question in QUESTIONS]
    assert {answer.degraded for answer in found} == {None}


def test_a_plan_is_read_and_its_level_is_the_difficulty() -> None:
    found = answered(PlanAndBudget(SimulatedModel(QUESTIONS)), Budget(output_tokens=4000))
    levels = [answer.trace[1].update["assessment"]["level"] for answer in found]
    assert levels == [1 + round(4 * question.difficulty) for question in QUESTIONS]
    assert {len(answer.trace[0].update["plan"]["steps"]) for answer in found} == {4}


def test_a_budget_below_the_length_of_a_generation_leaves_no_answer() -> None:
    model = SimulatedModel(QUESTIONS, Simulation(short=100, long=100, spread=0))
    assert {(a.value, a.stop_reason) for a in answered(Direct(model), Budget(output_tokens=50))} == {
        (None, "budget")
    }


class Verdict(BaseModel):
    reason: str = Field(min_length=3, max_length=40)
    correct: bool
    verdict: Literal["A", "B"]
    answer: str
    score: int = Field(ge=1, le=10)


@pytest.mark.parametrize(
    ("p", "shown", "verdict"),
    [
        pytest.param(1.0, "right", (True, "A"), id="approves of a right answer"),
        pytest.param(1.0, "wrong", (False, "B"), id="disapproves of a wrong one"),
    ],
)
def test_a_judge_sees_whether_the_answer_shown_is_wrong(
    p: float, shown: str, verdict: tuple[bool, str]
) -> None:
    question = QUESTIONS[0]
    candidate = {"right": question.answer, "wrong": question.wrong[0]}[shown]
    model = SimulatedModel(QUESTIONS, accuracy=lambda _sight: p)
    prompt = f"{question.question}\nProposed: {candidate}\nIs it correct?"
    value = asyncio.run(model.parse(prompt, Verdict)).value
    assert (value.correct, value.verdict) == verdict
    assert value.answer == question.answer


def test_a_judge_is_as_wrong_as_is_stated() -> None:
    model = SimulatedModel(QUESTIONS, accuracy=lambda _sight: 0.6)
    schema = Verdict.model_json_schema()

    async def judged() -> list[bool]:
        prompt = f"{QUESTIONS[0].question}\nProposed: {QUESTIONS[0].answer}"
        found = await model.sample(prompt, 1000, response_schema=schema, temperature=1.0, seed=0)
        return [Verdict.model_validate_json(completion.text).correct for completion in found]

    verdicts = asyncio.run(judged())
    assert verdicts.count(True) / 1000 == pytest.approx(0.8, abs=0.05)
