"""What the strategy does with its budget, on a model whose replies are written down."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from outlay import Budget, ModelRefusedError, Price
from outlay.agents import PlanAndBudget
from outlay.agents.plan_and_budget.prompts import SYNTHESIS
from outlay.outcome import TraceEntry
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay import Answer
    from outlay.model import Request

QUESTION = "How many apples and pears?"
PLAN = {"steps": ["the apples", "the pears", "the sum"]}
ASSESSMENT = {"level": 1, "credits": [20, 30, 50]}
LONG = " ".join(["word"] * 500)


class Script:
    """Says what each kind of call is told to; a step's reply may be an error."""

    def __init__(self, **said: Any) -> None:
        self.said = {
            "plan": PLAN,
            "assess": ASSESSMENT,
            "step": "3 + 4 = 7",
            "synthesis": r"\boxed{7}",
        } | said

    def __call__(self, request: Request) -> Any:
        said = self.said[kind(request)]
        return said if isinstance(said, Exception) or kind(request) not in {"plan", "assess"} else _json(said)


def kind(request: Request) -> str:
    asked = str(request.messages[-1]["content"])
    marks = {"plan": '"steps"', "assess": '"credits"', "step": "Step ", "synthesis": SYNTHESIS}
    return next((name for name, mark in marks.items() if mark in asked), "whole")


def scripted(**said: Any) -> ScriptedModel:
    return ScriptedModel(Script(**{"whole": r"It is \boxed{7}", **said}))


def kinds(model: ScriptedModel) -> list[str]:
    return [kind(request) for request in model.requests]


def caps(model: ScriptedModel) -> list[int]:
    return [request.max_output_tokens for request in model.requests]


def wrote(answer: Answer, node: str) -> dict[str, Any]:
    (entry,) = (entry for entry in answer.trace if entry.node == node)
    assert isinstance(entry, TraceEntry)
    return entry.update


def _json(said: Any) -> str:
    return said if isinstance(said, str) else json.dumps(said)


def test_sequential_asks_each_step_and_then_once_more() -> None:
    model = scripted()
    answer = PlanAndBudget(model).run(QUESTION)
    assert kinds(model) == ["plan", "assess", "step", "step", "step", "synthesis"]
    assert (answer.value, answer.stop_reason, answer.degraded) == ("7", "finished", None)


def test_single_solves_in_one_call() -> None:
    model = scripted()
    answer = PlanAndBudget(model, solve="single").run(QUESTION)
    assert kinds(model) == ["plan", "assess", "whole"]
    assert (answer.value, answer.degraded) == ("7", None)


def test_single_states_the_parts_in_words_and_caps_the_call_at_the_total() -> None:
    model = scripted()
    parameters: dict[str, Any] = {
        "schedule": "weighted",
        "floor": 1,
        "synthesis_tokens": 20,
        "tokens_per_word": 1.5,
    }
    PlanAndBudget(model, solve="single", **parameters).run(QUESTION)
    assert re.findall(r"at most (\d+) words", model.prompts[-1]) == ["24", "36", "60"]
    assert caps(model)[-1] == 200


def test_no_limit_of_zero_words_is_stated() -> None:
    model = scripted(assess={"level": 1, "credits": [100, 1, 1]})
    PlanAndBudget(model, solve="single", floor=1, tokens_per_word=50).run(QUESTION)
    assert re.findall(r"at most (\d+) word", model.prompts[-1]) == ["3", "1", "1"]


def test_the_plan_cache_saves_both_planner_calls() -> None:
    model = scripted()
    strategy = PlanAndBudget(model, cache_plans=True)
    first, again = (strategy.run(QUESTION) for _ in range(2))
    assert kinds(model)[6:] == ["step", "step", "step", "synthesis"]
    assert wrote(again, "allocate") == wrote(first, "allocate")


def test_another_question_is_no_hit() -> None:
    model = scripted()
    strategy = PlanAndBudget(model, cache_plans=True)
    strategy.run(QUESTION)
    strategy.run("How many plums?")
    assert kinds(model).count("plan") == 2


def test_plans_are_not_kept_unless_asked_for() -> None:
    model = scripted()
    strategy = PlanAndBudget(model)
    strategy.run(QUESTION)
    strategy.run(QUESTION)
    assert kinds(model).count("plan") == 2


def test_another_model_may_plan() -> None:
    planner, model = scripted(), scripted()
    PlanAndBudget(model, planner=planner).run(QUESTION)
    assert kinds(planner) == ["plan", "assess"]
    assert kinds(model) == ["step", "step", "step", "synthesis"]


@pytest.mark.parametrize(
    ("label", "said", "level", "total"),
    [
        (None, 4, 4, 450),
        (2, 4, 2, 250),
        (0, 4, 1, 200),
        (6, 4, 5, 600),
        ("hard", 4, 3, 350),
        (None, 0, 1, 200),
        (None, 6, 5, 600),
        (None, "hard", 3, 350),
    ],
)
def test_the_level_is_the_label_else_the_planners(
    label: int | str | None, said: int | str, level: int, total: int
) -> None:
    model = scripted(assess={"level": said, "credits": [20, 30, 50]})
    answer = PlanAndBudget(model, level=label).run(QUESTION)
    allotment = wrote(answer, "allocate")["allotment"]
    assert (allotment["level"], allotment["total"]) == (level, total)


def test_a_smaller_user_budget_wins_and_pays_for_the_planner_too() -> None:
    model = scripted()
    answer = PlanAndBudget(model).run(QUESTION, Budget(output_tokens=180))
    planning = answer.trace[0].usage + answer.trace[1].usage
    assert wrote(answer, "allocate")["allotment"]["total"] == 180 - planning.output_tokens
    assert planning.output_tokens > 0


def test_the_bill_tells_planning_from_solving() -> None:
    answer = PlanAndBudget(scripted()).run(QUESTION)
    by_node = {fence.name: fence.usage for fence in answer.report.children}
    assert sum(by_node[node].output_tokens for node in ("plan", "assess")) == 13
    assert by_node["solve"].output_tokens == answer.usage.output_tokens - 13


@pytest.mark.parametrize("tokens", [1, 60, 140])
def test_too_small_a_budget_is_spent_on_the_answer(tokens: int) -> None:
    model = scripted()
    answer = PlanAndBudget(model).run(QUESTION, Budget(output_tokens=tokens))
    assert kinds(model) == ["whole"]
    assert "too small to plan" in (answer.degraded or "")


def test_too_few_calls_for_the_steps_solve_in_one() -> None:
    model = scripted()
    answer = PlanAndBudget(model).run(QUESTION, Budget(calls=4))
    assert kinds(model) == ["plan", "assess", "whole"]
    assert "too small for a call per step" in (answer.degraded or "")


def test_what_a_step_leaves_goes_to_the_next_and_at_last_to_the_synthesis() -> None:
    model = scripted()
    answer = PlanAndBudget(model, schedule="weighted", synthesis_tokens=20).run(QUESTION)
    assert wrote(answer, "allocate")["allotment"]["steps"] == [45, 56, 79]
    assert caps(model)[2:] == [45, 45 - 5 + 56, 45 - 5 + 56 - 5 + 79, 20 + 180 - 15]


def test_a_step_cut_at_its_allotment_goes_on_as_it_is() -> None:
    model = scripted(step=LONG)
    answer = PlanAndBudget(model, schedule="weighted", synthesis_tokens=20).run(QUESTION)
    assert [step["spent"] for step in wrote(answer, "solve")["answers"]] == [45, 56, 79]
    assert model.prompts[3].count("word") >= 45
    assert (answer.value, answer.stop_reason) == ("7", "finished")


def test_the_synthesis_can_be_paid_whatever_the_steps_take() -> None:
    model = scripted(step=LONG)
    answer = PlanAndBudget(model).run(QUESTION, Budget(output_tokens=200))
    assert kinds(model)[-1] == "synthesis"
    assert caps(model)[-1] == 32
    assert answer.usage.output_tokens <= 200


@pytest.mark.parametrize("limit", [Budget(total_tokens=900), Budget(usd=0.0012)], ids=["total", "dollars"])
def test_the_synthesis_is_set_aside_in_every_unit(limit: Budget) -> None:
    model = ScriptedModel(Script(step=LONG), price=Price(input=1, output=2))
    answer = PlanAndBudget(model).run(QUESTION, limit)
    assert kinds(model)[-1] == "synthesis"
    assert answer.value == "7"


def test_a_failed_step_costs_that_step() -> None:
    replies: Iterator[Any] = iter(["3", ModelRefusedError("no"), "7"])
    model = ScriptedModel(lambda request: next(replies) if kind(request) == "step" else Script()(request))
    answer = PlanAndBudget(model).run(QUESTION)
    assert (answer.value, answer.degraded) == ("7", "failed steps: 2")
    assert "(no answer)" in model.prompts[-1]


def test_a_failed_synthesis_falls_back_on_the_last_step() -> None:
    answer = PlanAndBudget(scripted(synthesis=ModelRefusedError("no"))).run(QUESTION)
    assert (answer.text, answer.value) == ("3 + 4 = 7", "7")
    assert "the last step's is taken" in (answer.degraded or "")


def test_a_synthesis_without_an_answer_falls_back_on_the_last_step() -> None:
    answer = PlanAndBudget(scripted(synthesis="...")).run(QUESTION)
    assert answer.value == "7"
    assert "the synthesis gave no answer" in (answer.degraded or "")


def test_a_provider_that_always_fails_is_an_error() -> None:
    broken = ModelRefusedError("no")
    model = scripted(plan=broken, whole=broken)
    with pytest.raises(ModelRefusedError):
        PlanAndBudget(model).run(QUESTION)


def test_steps_and_synthesis_that_all_fail_are_an_error() -> None:
    broken = ModelRefusedError("no")
    with pytest.raises(ModelRefusedError):
        PlanAndBudget(scripted(step=broken, synthesis=broken)).run(QUESTION)


def test_a_failed_planner_leaves_a_direct_answer() -> None:
    model = scripted(plan=ModelRefusedError("no"))
    answer = PlanAndBudget(model).run(QUESTION)
    assert kinds(model) == ["plan", "whole"]
    assert "the planner failed" in (answer.degraded or "")


def test_an_unreadable_plan_leaves_a_direct_answer() -> None:
    model = scripted(plan="I would just add them.")
    answer = PlanAndBudget(model).run(QUESTION)
    assert kinds(model) == ["plan", "whole"]
    assert answer.degraded == "the planner gave no plan: answered directly"


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (ModelRefusedError("no"), "no assessment (no): equal credits"),
        ("rather hard", "the planner gave no readable credits: equal credits"),
        ({"level": 3, "credits": [50, 50]}, "the planner gave 2 credits for 3 steps: equal credits"),
    ],
    ids=["failed", "prose", "mismatch"],
)
def test_without_usable_credits_every_step_gets_the_same(said: Any, problem: str) -> None:
    answer = PlanAndBudget(scripted(assess=said), schedule="weighted", synthesis_tokens=50).run(QUESTION)
    assert wrote(answer, "allocate")["allotment"]["steps"] == [100, 100, 100]
    assert answer.degraded == problem


def test_assessing_can_be_left_out() -> None:
    model = scripted()
    answer = PlanAndBudget(model, assess=False).run(QUESTION)
    assert kinds(model) == ["plan", "step", "step", "step", "synthesis"]
    assert answer.degraded is None


def test_the_planner_is_held_to_its_schema() -> None:
    model = scripted()
    PlanAndBudget(model, max_steps=3).run(QUESTION)
    schemas = [request.response_schema for request in model.requests[:2]]
    assert [schema is not None for schema in schemas] == [True, True]


@pytest.mark.parametrize(
    ("schedule", "parts"),
    [
        ("uniform", [50, 50, 50]),
        ("weighted", [30, 45, 75]),
        ("linear", [53, 53, 44]),
        ("polynomial", [77, 51, 22]),
        ("exponential", [34, 46, 70]),
        ("cosine", [73, 60, 17]),
        ("bam", [39, 48, 63]),
    ],
)
def test_the_schedule_is_a_parameter(schedule: str, parts: list[int]) -> None:
    answer = PlanAndBudget(scripted(), schedule=schedule, synthesis_tokens=50, floor=1).run(QUESTION)
    assert sum(parts) == 150
    assert wrote(answer, "allocate")["allotment"]["steps"] == parts


def test_beta_of_the_last_step_holds_for_all_further_ones() -> None:
    answers = [
        PlanAndBudget(scripted(), schedule="bam", beta=beta).run(QUESTION) for beta in [(1, 2), (1, 2, 2, 2)]
    ]
    allotments = [wrote(answer, "allocate") for answer in answers]
    assert allotments[0] == allotments[1]


def test_prompts_begin_with_what_they_share() -> None:
    model = scripted()
    PlanAndBudget(model).run(QUESTION)
    steps = [prompt(request) for request in model.requests[2:]]
    assert all(later.startswith(earlier) for earlier, later in itertools.pairwise(steps))


def test_a_last_step_without_an_answer_is_not_said_to_be_taken() -> None:
    answer = PlanAndBudget(scripted(synthesis="...", step=LONG)).run(QUESTION)
    assert (answer.text, answer.value, answer.degraded) == ("...", None, "the synthesis gave no answer")


def test_what_is_planned_but_not_followed_is_not_said_to_be_too_small_to_plan() -> None:
    model = scripted(plan={"steps": ["the apples " * 12, "the pears " * 12, "the sum " * 12]})
    answer = PlanAndBudget(model, assess=False, min_answer_tokens=8).run(QUESTION, Budget(output_tokens=60))
    assert kinds(model) == ["plan", "whole"]
    assert "too small to plan" not in str(answer.degraded)
    assert "too small to follow the plan" in str(answer.degraded)
    assert answer.fell_back
