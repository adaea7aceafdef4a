"""One call: the baseline every strategy is measured against.

START -> answer -> END
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypedDict

from langgraph.graph import END, START, StateGraph
from pydantic import Field

from outlay.answers import asked
from outlay.budget import Settings
from outlay.errors import BudgetExhaustedError
from outlay.outcome import Outcome, outcome_of, unpaid
from outlay.strategy import QuestionState, Strategy

if TYPE_CHECKING:
    from outlay.model import Model


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
        try:
            completion = await self.speak(self.model, asked(state["question"]), **self.config.model_dump())
        except BudgetExhaustedError as exc:
            return {"outcome": unpaid(exc)}
        return {"outcome": outcome_of(completion)}
