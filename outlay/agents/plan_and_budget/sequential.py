"""One call per sub-question, each with its part as a hard cap, then a synthesis.

The paper's equation: a_j = f(s_j, b_j), then S(a_1 .. a_m). What a step leaves unspent goes to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

from outlay.agents.plan_and_budget.prompts import SYNTHESIS, conversation
from outlay.answers import extract
from outlay.budget import Record
from outlay.errors import BudgetExhaustedError, ModelError
from outlay.ledger import require_fence
from outlay.outcome import Outcome, StopReason, stop_reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.plan_and_budget.plan import Plan
    from outlay.model import Completion, Message, Model

Mode = Literal["sequential", "single", "direct"]

HOLD: Final = "synthesis"
"""The name under which the synthesis is set aside, and billed."""


class Allotment(Record):
    """How the solve's budget is divided."""

    mode: Mode
    """What the budget allows of what was asked for."""
    level: int
    """Difficulty of the problem, 1 to 5."""
    total: int
    """B, tokens of the solve; 0 for `direct`, which takes what there is."""
    steps: tuple[int, ...] = ()
    """b, tokens of each sub-question."""
    synthesis: int = 0
    """Tokens of the final answer."""


class SubAnswer(Record):
    """What came of one sub-question."""

    question: str
    text: str = ""
    """As far as its allotment let it go."""
    cut: bool = False
    """Whether it was cut off there."""
    allotted: int
    """Tokens it could take, with what the steps before it left."""
    spent: int = 0
    """Tokens it took."""
    error: str | None = None
    """Why there is no answer."""


class Ask(Protocol):
    """Makes a call as the strategy's configuration says."""

    async def __call__(self, messages: Sequence[Message], max_output_tokens: int) -> Completion: ...


@dataclass(frozen=True)
class Sequential:
    """Solves a planned question step by step, inside the fence around it.

    Args:
        model: What answers; asked here only for worst cases.
        ask: Makes the call of a step.
        speak: Makes the call whose text is the answer.
    """

    model: Model
    ask: Ask
    speak: Ask

    async def solve(
        self, question: str, plan: Plan, allotment: Allotment
    ) -> tuple[tuple[SubAnswer, ...], Outcome]:
        """Answer every step, then the question.

        Raises:
            BudgetExhaustedError: The synthesis could not be set aside; nothing was spent.
            ModelError: No step and no synthesis gave an answer, and the provider is to blame.
        """
        blank = conversation(question, plan, ("",) * len(plan.steps), last=SYNTHESIS)
        claim = await self.model.worst_case(blank, max_output_tokens=allotment.synthesis)
        answered = claim.prompt_tokens + sum(allotment.steps)
        fence = require_fence()
        fence.set_aside(claim.model_copy(update={"prompt_tokens": answered}), name=HOLD)
        answers, spare, stopped = await self._steps(question, plan, allotment)
        with fence.open(HOLD):
            outcome = await self._synthesise(question, plan, answers, allotment.synthesis + spare)
        if stopped and outcome.stop_reason == "finished":
            outcome = outcome.model_copy(update={"stop_reason": stopped})
        return tuple(answers), outcome.model_copy(update={"degraded": _left_out(plan, answers, outcome)})

    async def _steps(
        self, question: str, plan: Plan, allotment: Allotment
    ) -> tuple[list[SubAnswer], int, StopReason | None]:
        answers: list[SubAnswer] = []
        spare = 0
        for number, part in enumerate(allotment.steps, 1):
            so_far = conversation(question, plan, [answer.text for answer in answers])
            step = SubAnswer(question=plan.steps[number - 1].question, allotted=part + spare)
            try:
                with require_fence().allot(name=f"step {number}"):
                    answers.append(await self._step(step, so_far))
            except BudgetExhaustedError as exc:
                return answers, spare, stop_reason(exc)
            spare = max(0, step.allotted - answers[-1].spent)
        return answers, spare, None

    async def _step(self, step: SubAnswer, so_far: Sequence[Message]) -> SubAnswer:
        try:
            said = await self.ask(so_far, step.allotted)
        except ModelError as exc:
            spent = exc.usage.output_tokens if exc.usage else 0
            return step.model_copy(update={"error": str(exc), "spent": spent})
        cut = said.is_cut
        return step.model_copy(
            update={"text": said.text.strip(), "cut": cut, "spent": said.usage.output_tokens}
        )

    async def _synthesise(
        self, question: str, plan: Plan, answers: Sequence[SubAnswer], tokens: int
    ) -> Outcome:
        asked = conversation(question, plan, [answer.text for answer in answers], last=SYNTHESIS)
        best = next((answer for answer in reversed(answers) if answer.text), None)
        try:
            with require_fence().allot(name=HOLD):
                said = await self.speak(asked, tokens)
        except (BudgetExhaustedError, ModelError) as exc:
            if best is None and isinstance(exc, ModelError):
                raise
            reason = stop_reason(exc) if isinstance(exc, BudgetExhaustedError) else "finished"
            return _outcome("", best, reason, f"no synthesis ({exc})")
        cut = said.is_cut
        value = extract(said.text, marked=cut)
        if value is None and best is not None:
            return _outcome(said.text, best, "budget" if cut else "finished", "the synthesis gave no answer")
        return Outcome(text=said.text, value=value, stop_reason="budget" if cut else "finished")


def _outcome(text: str, best: SubAnswer | None, reason: StopReason, problem: str) -> Outcome:
    """Fall back on the last answered step."""
    if best is None:
        return Outcome(text=text, stop_reason=reason, degraded=problem)
    number = extract(best.text, "number", marked=best.cut)
    value = number or extract(best.text, marked=best.cut)
    taken = ": the last step's is taken" if value is not None or not text else ""
    return Outcome(text=text or best.text, value=value, stop_reason=reason, degraded=f"{problem}{taken}")


def _left_out(plan: Plan, answers: Sequence[SubAnswer], outcome: Outcome) -> str | None:
    failed = [str(number) for number, answer in enumerate(answers, 1) if answer.error]
    unpaid = len(plan.steps) - len(answers)
    notes = [
        f"failed steps: {', '.join(failed)}" if failed else None,
        f"the budget did not pay for {unpaid} of {len(plan.steps)} steps" if unpaid else None,
        outcome.degraded,
    ]
    return "; ".join(note for note in notes if note) or None
