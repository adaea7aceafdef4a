"""BudgetMem: a question over a long history, answered from what five modules extract at query time.

February 2026, arXiv 2602.06025. Chunks of the history are retrieved; a filter, three extracting modules and
a summary work on them, each at a tier (LOW, MID, HIGH) that a router picks; a fixed model answers from the
summary. Beyond the paper: the fence around a run holds, the answer's part of it is set aside first, the
router is told what is left for the modules, and a module that cannot be paid falls to a rule that is free.

    START -> retrieve -(found)-> filter -> {entity, temporal, topic} -> summary -> answer -> END
             retrieve -(nothing)-> answer
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self

from langgraph.graph import END, START, StateGraph

from outlay.agents.budget_mem.allotting import (
    FEWER,
    FEWEST_ANSWER_TOKENS,
    Allotting,
    hold_name,
    left_for_modules,
    less,
    share_of_time,
    within_time,
)
from outlay.agents.budget_mem.config import Config
from outlay.agents.budget_mem.prompts import TAGS, answer_prompt
from outlay.agents.budget_mem.reading import answered, waited_for
from outlay.agents.budget_mem.routing import Deciding, router_of
from outlay.agents.budget_mem.state import ChooseUpdate, ExtractUpdate, OutcomeUpdate, RetrieveUpdate, State
from outlay.agents.budget_mem.trimming import Trimming
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.memory.conversations import History, Memory
from outlay.memory.modules import MODULES, Modules, Tier
from outlay.outcome import unpaid
from outlay.prompts import untagged
from outlay.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from outlay.agents.budget_mem.state import Picked
    from outlay.memory.conversations import Chunk
    from outlay.memory.modules import Router
    from outlay.model import Completion, Model

ListName = Literal["entity", "temporal", "topic"]

LISTS: Final[tuple[ListName, ...]] = ("entity", "temporal", "topic")
STAGES: Final = {"filter": 4, "entity": 3, "temporal": 3, "topic": 3, "summary": 2}
"""How many stages are still to come with each module, answering included."""
NO_MEMORY: Final = "no memory was given"
NOTHING_FOUND: Final = "the memory has nothing"
ALONE: Final = "answered from the question alone"
TOO_LATE: Final = "looking in the memory took all the time there was"


@dataclass(frozen=True, init=False)
class BudgetMem(Strategy[Config]):
    """Answers from a memory; its modules work at the tiers that a router picks.

    `routed(answer)` tells the tiers.

    Args:
        model: Answers, and does the modules' work where no other model is given for a tier.
        memory: A `Memory`, any `History`, or a directory.
        router: Any `Router`; the path of a policy; `low`, `mid`, `high` or `random`; or a tier for each
            module in their order, such as `"20012"`. Unless given: MID under `implementation`, whose rules
            cost no tokens, else LOW.
        low: The modules' model at LOW.
        mid: At MID.
        high: At HIGH.
    """

    name: ClassVar[str] = "budget-mem"
    summary: ClassVar[str] = (
        "what a long history says on the question, each part of it at the tier it is worth"
    )
    planning: ClassVar[frozenset[str]] = frozenset({"filter", *LISTS, "summary"})
    stored: ClassVar[frozenset[str]] = frozenset({"memory", "router"})
    Config: ClassVar[type[Config]] = Config

    model: Model
    memory: History | None = None
    router: Router | None = None
    low: Model | None = None
    mid: Model | None = None
    high: Model | None = None

    def __init__(self, *collaborators: Any, **parameters: Any) -> None:
        super().__init__(*collaborators, **parameters)
        if self.config.tiering == "capacity" and not (self.low or self.mid or self.high):
            raise ConfigurationError("tiering=capacity needs models of its tiers: give low=, mid= or high=")
        embedder = None if self.memory is None else self.memory.embedder
        object.__setattr__(self, "router", router_of(self.router, self.config, embedder))

    @classmethod
    def collaborator(cls, name: str, given: Any) -> Any:
        if name == "memory" and isinstance(given, (str, Path)):
            return Memory.open(given)
        if name == "memory" and given is not None and not isinstance(given, History):
            raise ConfigurationError(f"memory is {given!r}: give a Memory, another History, or its directory")
        return given if name in cls.stored else super().collaborator(name, given)

    def over(self, memory: History) -> Self:
        """Give the same strategy on another memory.

        Raises:
            PolicyError: Its policy was trained with another embedder than that memory's.
        """
        return replace(self, memory=memory)

    def build(self) -> StateGraph[State]:
        graph = StateGraph(State)
        graph.add_node("retrieve", self.node(self.retrieve))
        graph.add_node("filter", self._working(self.filter))
        graph.add_node("entity", self._working(self.entity))
        graph.add_node("temporal", self._working(self.temporal))
        graph.add_node("topic", self._working(self.topic))
        graph.add_node("summary", self._working(self.summarise, "summary"))
        graph.add_node("answer", self.node(self.answer))
        graph.add_edge(START, "retrieve")
        graph.add_conditional_edges("retrieve", self.found, ["filter", "answer"])
        for name in LISTS:
            graph.add_edge("filter", name)
        graph.add_edge(list(LISTS), "summary")
        graph.add_edge("summary", "answer")
        graph.add_edge("answer", END)
        return graph

    async def retrieve(self, state: State) -> RetrieveUpdate:
        question, memory = state["question"], self.memory
        hits: tuple[tuple[Chunk, float], ...] = ()
        late = False
        if memory is not None:
            found = await within_time(partial(memory.retrieve, question, self.config.k))
            hits, late = found or (), found is None
        missing = TOO_LATE if late else NO_MEMORY if memory is None else NOTHING_FOUND
        notes = [] if hits else [missing]
        if "hold" in state:  # of a run before on this thread, that was broken off
            self._allotting(state["hold"]).give_back()
        hold = hold_name()
        allotted = await self._allotting(hold).allot(question, [chunk for chunk, _ in hits])
        kept = hits[: allotted.chunks]
        if allotted.tokens and len(kept) < len(hits):
            notes = [FEWER.format(kept=len(kept), found=len(hits))]
        return {
            "chunks": tuple(chunk for chunk, _ in kept),
            "similarities": tuple(float(similarity) for _, similarity in kept),
            "answer_tokens": allotted.tokens,
            "hold": hold,
            "picked": () if kept or memory is None else await self._unused(question),
            "extracted": None,
            "notes": tuple(notes),
        }

    async def filter(self, state: State) -> ChooseUpdate:
        question, chunks = state["question"], state["chunks"]
        deciding, modules = self._deciding, self._modules
        asked = await deciding.question(question)
        given = await deciding.chunks([chunk.id for chunk in chunks], asked)
        picked = [deciding.choose("filter", asked, given, left_for_modules())]
        with share_of_time(STAGES["filter"]):
            kept = await modules.filter(question, chunks, state["similarities"], picked[0].tier)
        passed = _by_id(chunks, kept.chunks)
        await self._allotting(state["hold"]).shrink(question, passed, state["answer_tokens"])
        given, left = await deciding.chunks(kept.chunks, asked), left_for_modules()
        # Chosen here, one after the other: in the order of their ends a router that draws would not repeat.
        for name in LISTS:
            picked.append(deciding.choose(name, asked, given, left))
            if left is not None:
                left = less(left, await modules.worst_case(name, question, passed, picked[-1].tier))
        return {"picked": tuple(picked), "extracted": {"filter": kept}}

    async def entity(self, state: State) -> ExtractUpdate:
        return await self._extract("entity", state)

    async def temporal(self, state: State) -> ExtractUpdate:
        return await self._extract("temporal", state)

    async def topic(self, state: State) -> ExtractUpdate:
        return await self._extract("topic", state)

    async def summarise(self, state: State) -> ChooseUpdate:
        question, found, deciding = state["question"], state["extracted"], self._deciding
        entity, temporal, topic = (found[name].lines for name in LISTS)
        kept = found["filter"].chunks
        asked = await deciding.question(question)
        given = await deciding.lists([entity, temporal, topic])
        if given is None:
            given = await deciding.chunks(kept, asked)
        picked = deciding.choose("summary", asked, given, left_for_modules())
        with share_of_time(STAGES["summary"]):
            chunks = _by_id(state["chunks"], kept)
            made = await self._modules.summarise(question, chunks, entity, temporal, topic, picked.tier)
        return {"picked": (*state["picked"], picked), "extracted": {"summary": made}}

    async def answer(self, state: State) -> OutcomeUpdate:
        extracted, allotting = state["extracted"], self._allotting(state["hold"])
        notes = [
            *state["notes"],
            *(note for name in MODULES if name in extracted for note in extracted[name].notes),
        ]
        try:
            with allotting.answering():
                try:
                    completion, cut = await self._said(state, allotting)
                except BudgetExhaustedError:
                    # Others who share the fence took what was left when the prompt was fitted.
                    completion, cut = await self._said(state, replace(allotting, sure=True))
        except BudgetExhaustedError as exc:
            outcome = unpaid(exc)
            told = "; ".join(filter(None, (*notes, outcome.degraded)))
            return {"outcome": outcome.model_copy(update={"degraded": told})}
        alone = () if state["chunks"] else (ALONE,)
        outcome = answered(completion, [*notes, *alone, *cut], waited_for(LISTS))
        return {"outcome": outcome.model_copy(update={"fell_back": bool(alone)})}

    def found(self, state: State) -> Literal["filter", "answer"]:
        """Is there anything to extract from, and an answer that it is paid for?"""
        return "filter" if state["chunks"] else "answer"

    async def _said(self, state: State, allotting: Allotting) -> tuple[Completion, tuple[str, ...]]:
        """Answer from as much of the summary as can be paid for; with a note where that is not all."""
        question, extracted = state["question"], state["extracted"]
        # Without an answer that can be paid for, the call is refused, and the refusal says what was short.
        tokens = state["answer_tokens"] or self.config.max_answer_tokens
        material = ""
        cut: tuple[str, ...] = ()
        if "summary" in extracted:
            material, cut = await Trimming(allotting, question, tokens).trim(
                extracted["summary"],
                _by_id(state["chunks"], extracted["filter"].chunks),
                [extracted[name].lines for name in LISTS],
            )
        completion = await self.speak(
            self.model,
            answer_prompt(question, material),
            max_output_tokens=tokens,
            min_output_tokens=min(tokens, FEWEST_ANSWER_TOKENS),
            temperature=self.config.temperature,
        )
        return untagged(completion, TAGS), cut

    async def _extract(self, name: ListName, state: State) -> ExtractUpdate:
        tier = next(one.tier for one in state["picked"] if one.module == name)
        chunks = _by_id(state["chunks"], state["extracted"]["filter"].chunks)
        with share_of_time(STAGES[name]):
            made = await self._modules.extract(name, state["question"], chunks, tier)
        return {"extracted": {name: made}}

    async def _unused(self, question: str) -> tuple[Picked, ...]:
        """Ask for every tier though no module will work, so that a log of choices has all of them."""
        deciding = self._deciding
        asked = await deciding.question(question)
        given = await deciding.chunks((), asked)
        return tuple(deciding.choose(name, asked, given, left_for_modules()) for name in MODULES)

    def _working(
        self, method: Callable[[State], Awaitable[Mapping[str, Any]]], name: str | None = None
    ) -> Any:
        """Make the node of a module: if it fails, nothing stays set aside for an answer."""

        async def work(state: State) -> Mapping[str, Any]:
            with self._allotting(state["hold"]).kept():
                return await method(state)

        return self.node(work, name or method.__name__)

    def _allotting(self, hold: str) -> Allotting:
        return Allotting(self.model, self.config.top_k, self.config.max_answer_tokens, hold)

    @property
    def _deciding(self) -> Deciding:
        router, memory = self.router, self.memory
        if router is None or memory is None:
            raise AssertionError  # `retrieve` finds nothing without a memory, and a router is always made
        return Deciding(router, memory, self.config.trade_off)

    @property
    def _modules(self) -> Modules:
        config, memory = self.config, self.memory
        if memory is None:
            raise AssertionError  # as above
        models = {Tier.LOW: self.low, Tier.MID: self.mid, Tier.HIGH: self.high}
        return Modules(
            {tier: model or self.model for tier, model in models.items()},
            config.tiering,
            top_k=config.top_k,
            max_output_tokens=config.max_output_tokens,
            most_lines=config.most_lines,
            temperature=config.temperature,
            embedder=memory.embedder,
        )


def _by_id(chunks: Iterable[Chunk], ids: Iterable[int]) -> list[Chunk]:
    known = {chunk.id: chunk for chunk in chunks}
    return [known[id_] for id_ in ids]
