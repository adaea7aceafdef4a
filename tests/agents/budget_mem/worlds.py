"""A memory of four short talks, a model that does what each module and the answer ask, a watched router."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from memory.modules.history import CHUNKS, PRICE, reply

from outlay.agents import BudgetMem
from outlay.agents.budget_mem.prompts import FROM_NOTES, FROM_NOTHING, answer_prompt
from outlay.memory.conversations import Memory, Utterance
from outlay.memory.modules import Choice, Tier
from outlay.routers.tiers import Card, Features, FixedRouter, LearnedRouter
from outlay.testing import HashEmbedder, ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.modules import Decision, Router
    from outlay.model import Request

EMBEDDER = HashEmbedder(32)
ANSWER = "7 May 2023"
QUESTION = "When did Ann go to the pottery class?"


def paid_for(notes: str, tokens: int = 20, question: str = QUESTION) -> int:
    """Give the tokens of an answer that is read from `notes`, at most."""
    return len(answer_prompt(question, notes).split()) + tokens


def is_answer(request: Request) -> bool:
    asked = prompt(request)
    return FROM_NOTES in asked or FROM_NOTHING in asked


def line(request: Request) -> str:
    return ANSWER if is_answer(request) else reply(request)


def willing(**options: Any) -> ScriptedModel:
    return ScriptedModel(line, price=PRICE, **options)


def wordless(request: Request) -> str:
    """Answer, and say nothing that a module can read."""
    return ANSWER if is_answer(request) else "..."


def told(memory: Memory) -> Memory:
    """Tell a memory the talks; each is a chunk."""
    for talk in CHUNKS:
        lines = (said.split(": ", 1) for said in talk.text.splitlines())
        memory.append(
            *(Utterance(speaker=who, text=said, time=talk.time, session=str(talk.id)) for who, said in lines)
        )
    return memory


@dataclass
class Watched:
    """A router that notes what it was asked."""

    inner: Router = field(default_factory=lambda: FixedRouter(Tier.HIGH))
    asked: list[Decision] = field(default_factory=list)

    def choose(self, decision: Decision) -> Choice:
        self.asked.append(decision)
        return self.inner.choose(decision)


def policy(embedder: HashEmbedder = EMBEDDER, trade_offs: tuple[float, float] = (0.0, 0.9)) -> LearnedRouter:
    card = Card(
        features=Features(dimension=embedder.dimension, trade_off=True),
        embedder=embedder.name,
        hidden=8,
        trade_offs=trade_offs,
    )
    return LearnedRouter(card.new(torch.zeros(5, embedder.dimension)), card)


def strategy(memory: Memory | None, tiers: Any = "22222", model: Any = None, **options: Any) -> BudgetMem:
    asked = model or willing()
    return BudgetMem(asked, memory, tiers, **{"max_output_tokens": 60, "max_answer_tokens": 20, **options})


def asked_for(model: ScriptedModel) -> Sequence[str]:
    """Give the prompts of the answers."""
    return [prompt(request) for request in model.requests if is_answer(request)]
