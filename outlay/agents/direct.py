"""One call: the baseline every strategy is measured against.

START -> answer -> END
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import Field

from outlay.answers import FINAL_ANSWER, extract
from outlay.budget import Settings
from outlay.errors import BudgetExhaustedError
from outlay.strategy import Outcome, QuestionState, Strategy, stop_reason

if TYPE_CHECKING:
    from outlay.model import Model

PROMPT = "{question}\n\n{final_answer}"

NOTHING_SPENT = "the budget did not pay for a call"
CUT_SHORT = "the answer was cut short at its token limit"


class Config(Settings):
    """Parameters of `Direct`."""

    max_output_tokens: int | None = Field(default=None, gt=0)
    """Most tokens the answer may take; `None`: the model's own default, within the fence."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    seed: int | None = None
    """Sampling seed, where the provider honours one."""


class Update(TypedDict):
    """What the node writes."""

    outcome: Outcome


@dataclass(frozen=True, init=False)
class Direct(Strategy[Config]):
    """Ask once."""

    name: ClassVar[str] = "direct"
    summary: ClassVar[str] = "one call, as long as the budget allows"
    Config: ClassVar[type[Config]] = Config

    model: Model

    def build(self) -> StateGraph[QuestionState]:
        graph = StateGraph(QuestionState)
        graph.add_node("answer", self.node(self.answer))
        graph.add_edge(START, "answer")
        graph.add_edge("answer", END)
        return graph

    async def answer(self, state: QuestionState) -> Update:
        prompt = PROMPT.format(question=state["question"], final_answer=FINAL_ANSWER)
        try:
            completion = await self.speak(self.model, prompt, **self.config.model_dump())
        except BudgetExhaustedError as exc:
            return {"outcome": Outcome(text="", stop_reason=stop_reason(exc), degraded=NOTHING_SPENT)}
        cut = completion.finish_reason == "length"
        return {
            "outcome": Outcome(
                text=completion.text,
                value=extract(completion.text),
                stop_reason="budget" if cut else "finished",
                degraded=CUT_SHORT if cut else None,
            )
        }
