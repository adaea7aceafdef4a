"""Plan-and-Budget: plan sub-questions, weigh them, and give each its part of the budget.

Lin et al. 2025, arXiv 2505.16122. A planner splits the problem into sub-questions and says how hard it is
and how much of the work each one takes; the problem's level sets the total, credits and a schedule over
positions divide it. `single` solves in one call with the parts as limits in words, as the authors' code
does; `sequential` asks one sub-question at a time with its part as a hard cap, hands on what it leaves, and
ends in a synthesis whose part was set aside before the first, as their equation says.

    START -> plan -(planned)-> assess -> allocate -> solve -> END
             plan -(too little, or no plan)-> solve
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Final, Literal, TypedDict

from langgraph.graph import END, START, StateGraph

from outlay.agents.plan_and_budget.config import Config
from outlay.agents.plan_and_budget.plan import (
    DEFAULT_LEVEL,
    UNREADABLE,
    Assessment,
    Plan,
    assessment_schema,
    clamp_level,
    credits_for,
    plan_schema,
    read_assessment,
    read_plan,
)
from outlay.agents.plan_and_budget.prompts import (
    SYNTHESIS,
    TAGS,
    VERSION,
    assessment_prompt,
    conversation,
    plan_prompt,
    single_prompt,
)
from outlay.agents.plan_and_budget.room import output_room
from outlay.agents.plan_and_budget.schedules import allocate
from outlay.agents.plan_and_budget.sequential import Allotment, Mode, Sequential, SubAnswer
from outlay.answers import asked
from outlay.errors import BudgetExhaustedError, ModelError
from outlay.ledger import require_fence
from outlay.outcome import Outcome, outcome_of, unpaid
from outlay.prompts import untagged
from outlay.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from outlay.model import Completion, Message, Model

    Key = tuple[str, str, int]

LEAST_STEP: Final = 12
"""Tokens below which a sub-question is not asked on its own."""
LEAST_PLAN: Final = 48
"""Tokens below which no plan is asked for."""
LEAST_ASSESSMENT: Final = 24
"""Tokens below which no assessment is asked for."""

ASSESSMENTS: Final = 3
"""Most times that an assessment is asked for."""
AGAIN: Final = 0.7
"""Least temperature of asking again: the same question would get the same answer."""

TOO_SMALL: Final = "the budget is too small to plan and still answer: answered directly"
NOT_FOLLOWED: Final = "the budget is too small to follow the plan: answered directly"
NOT_IN_SEQUENCE: Final = "the budget is too small for a call per step: solved in one call"
NO_PLAN: Final = "the planner gave no plan: answered directly"


class State(TypedDict):
    """The state of the graph."""

    question: str
    plan: Plan
    assessment: Assessment
    allotment: Allotment
    notes: tuple[str, ...]
    answers: tuple[SubAnswer, ...]
    outcome: Outcome


class PlanUpdate(TypedDict):
    """What `plan` writes."""

    plan: Plan
    notes: tuple[str, ...]


class AssessUpdate(TypedDict):
    """What `assess` writes."""

    assessment: Assessment
    notes: tuple[str, ...]


class AllocateUpdate(TypedDict):
    """What `allocate` writes."""

    allotment: Allotment
    notes: tuple[str, ...]


class SolveUpdate(TypedDict):
    """What `solve` writes."""

    answers: tuple[SubAnswer, ...]
    outcome: Outcome


@dataclass(frozen=True, init=False)
class PlanAndBudget(Strategy[Config]):
    """Plan, weigh, divide, solve."""

    name: ClassVar[str] = "plan-and-budget"
    summary: ClassVar[str] = "a plan, and for each of its steps the part of the budget it deserves"
    planning: ClassVar[frozenset[str]] = frozenset({"plan", "assess"})
    Config: ClassVar[type[Config]] = Config

    model: Model
    planner: Model | None = None

    def build(self) -> StateGraph[State]:
        graph = StateGraph(State)
        graph.add_node("plan", self.node(self.plan))
        graph.add_node("assess", self.node(self.assess))
        graph.add_node("allocate", self.node(self.allocate))
        graph.add_node("solve", self.node(self.solve))
        graph.add_edge(START, "plan")
        graph.add_conditional_edges("plan", self.planned, {"yes": "assess", "no": "solve"})
        graph.add_edge("assess", "allocate")
        graph.add_edge("allocate", "solve")
        graph.add_edge("solve", END)
        return graph

    async def plan(self, state: State) -> PlanUpdate:
        question, config = state["question"], self.config
        if cached := self._plans.get(self._key(question)):
            return {"plan": cached, "notes": ()}
        prompt = plan_prompt(question, config.max_steps)
        try:
            completion = await self._ask_planner(
                question, prompt, plan_schema(config.max_steps), config.plan_tokens, LEAST_PLAN
            )
        except BudgetExhaustedError:
            return {"plan": UNREADABLE, "notes": (TOO_SMALL,)}
        except ModelError as exc:
            return {"plan": UNREADABLE, "notes": (f"the planner failed ({exc}): answered directly",)}
        plan = read_plan(completion.text)
        if config.cache_plans and plan.readable:
            self._plans[self._key(question)] = plan
        return {"plan": plan, "notes": () if plan.readable else (NO_PLAN,)}

    async def assess(self, state: State) -> AssessUpdate:
        question, plan, config = state["question"], state["plan"], self.config
        if not config.assess or (config.level is not None and len(plan.steps) == 1):
            return {"assessment": Assessment(), "notes": ()}
        if cached := self._assessments.get(self._key(question)):
            return {"assessment": cached, "notes": ()}
        try:
            assessment, problem = await self._assessed(question, plan)
        except (BudgetExhaustedError, ModelError) as exc:
            return {"assessment": Assessment(), "notes": (f"no assessment ({exc}): equal credits",)}
        if config.cache_plans and not problem:
            self._assessments[self._key(question)] = assessment
        return {"assessment": assessment, "notes": (problem,) if problem else ()}

    async def allocate(self, state: State) -> AllocateUpdate:
        plan, assessment, config = state["plan"], state["assessment"], self.config
        level = assessment.level or DEFAULT_LEVEL if config.level is None else clamp_level(config.level)
        mode, total = await self._fit(state["question"], plan, config.level_budgets[level - 1])
        notes = state["notes"]
        if mode == "direct":
            notes = (NOT_FOLLOWED,)  # what the credits lack no longer matters
        elif mode == "single" and config.solve == "sequential":
            notes = (*notes, NOT_IN_SEQUENCE)
        synthesis = self._synthesis(total)
        parts = allocate(
            credits_for(plan, assessment)[0],
            total - synthesis,
            config.schedule,
            floor=config.floor,
            p=config.p,
            gamma=config.gamma,
            cosine_offset=config.cosine_offset,
            beta=(config.beta + config.beta[-1:] * len(plan.steps))[: len(plan.steps)],
        )
        made = Allotment(mode=mode, level=level, total=total, steps=parts, synthesis=synthesis)
        return {"allotment": made, "notes": notes}

    async def solve(self, state: State) -> SolveUpdate:
        plan, question, notes = state["plan"], state["question"], state["notes"]
        if not plan.readable or state["allotment"].mode == "direct":
            return await self._in_one_call(asked(question), None, notes)
        allotment = state["allotment"]
        if allotment.mode == "single":
            words = [max(1, int(part / self.config.tokens_per_word)) for part in allotment.steps]
            return await self._in_one_call(single_prompt(question, plan, words), allotment.total, notes)
        sequential = Sequential(self.model, ask=self._ask, speak=self._speak)
        try:
            answers, outcome = await sequential.solve(question, plan, allotment)
        except BudgetExhaustedError:
            return await self._in_one_call(asked(question), None, (NOT_FOLLOWED,))
        return {"answers": answers, "outcome": _noted(outcome, notes)}

    def planned(self, state: State) -> Literal["yes", "no"]:
        return "yes" if state["plan"].readable else "no"

    async def _assessed(self, question: str, plan: Plan) -> tuple[Assessment, str | None]:
        """Ask until the credits fit the plan, three times at most; then say what is wrong with them."""
        prompt, schema = assessment_prompt(question, plan), assessment_schema(len(plan.steps))
        assessment, problem = Assessment(), None
        for attempt in range(ASSESSMENTS):
            warmth = AGAIN if attempt else 0.0
            completion = await self._ask_planner(
                question, prompt, schema, self.config.assess_tokens, LEAST_ASSESSMENT, warmth
            )
            assessment = read_assessment(completion.text)
            problem = credits_for(plan, assessment)[1]
            if not problem:
                break
        return assessment, problem

    async def _fit(self, question: str, plan: Plan, wanted: int) -> tuple[Mode, int]:
        """Choose how to solve, and the tokens for it, by what the fence still holds."""
        steps = len(plan.steps)
        blank = conversation(question, plan, ("",) * steps, last=SYNTHESIS)
        claim = await self.model.worst_case(blank, max_output_tokens=1)
        left = require_fence().remaining
        if self.config.solve == "sequential":
            total = int(min(wanted, output_room(left, claim.price, claim.prompt_tokens, steps + 1)))
            if total - self._synthesis(total) >= LEAST_STEP * steps:
                return "sequential", total
        total = int(min(wanted, output_room(left, claim.price, claim.prompt_tokens, 1)))
        return ("single", total) if total >= LEAST_STEP * steps else ("direct", 0)

    def _synthesis(self, total: int) -> int:
        return min(self.config.synthesis_tokens, total // 2)

    async def _in_one_call(self, prompt: str, tokens: int | None, notes: Sequence[str]) -> SolveUpdate:
        try:
            said = await self._speak(prompt, tokens)
        except BudgetExhaustedError as exc:
            return {"answers": (), "outcome": unpaid(exc)}
        outcome = outcome_of(said).model_copy(update={"fell_back": tokens is None})
        return {"answers": (), "outcome": _noted(outcome, notes)}

    async def _ask_planner(
        self,
        question: str,
        prompt: str,
        schema: Mapping[str, Any],
        tokens: int,
        least: int,
        temperature: float = 0.0,
    ) -> Completion:
        """Ask the planner, while what the answer needs at least is out of its reach."""
        config, planner = self.config, self.planner or self.model
        answer = await self.model.worst_case(asked(question), max_output_tokens=config.min_answer_tokens)
        hold = require_fence().set_aside(answer, name="answer")
        try:
            return await planner.complete(
                prompt,
                response_schema=schema,
                schema_name="Plan",
                max_output_tokens=tokens,
                min_output_tokens=min(tokens, least),
                temperature=max(config.temperature, temperature),
                seed=config.seed,
            )
        finally:
            hold.give_back()

    async def _ask(self, messages: str | Sequence[Message], max_output_tokens: int | None) -> Completion:
        said = await self.model.complete(messages, max_output_tokens=max_output_tokens, **self._sampling())
        return untagged(said, TAGS)

    async def _speak(self, messages: str | Sequence[Message], max_output_tokens: int | None) -> Completion:
        said = await self.speak(self.model, messages, max_output_tokens=max_output_tokens, **self._sampling())
        return untagged(said, TAGS)

    def _sampling(self) -> dict[str, Any]:
        return {"temperature": self.config.temperature, "seed": self.config.seed}

    @cached_property
    def _plans(self) -> dict[Key, Plan]:
        return {}

    @cached_property
    def _assessments(self) -> dict[Key, Assessment]:
        return {}

    def _key(self, question: str) -> Key:
        return (self.planner or self.model).name, question, VERSION


def _noted(outcome: Outcome, notes: Sequence[str]) -> Outcome:
    said = [*notes, outcome.degraded] if outcome.degraded else notes
    return outcome.model_copy(update={"degraded": "; ".join(said) or None})
