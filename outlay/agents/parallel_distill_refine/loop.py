"""The loop of Parallel-Distill-Refine: draft, distil into a bounded workspace, draft again, refine.

START -> allot -> draft* -> gather -(distill)-> distill -> compose -> draft* -> gather ...
                            gather -(draw)-> compose -(the last round)-> refine -> END
                            gather -(agreed)-> vote -> END
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from outlay.agents.parallel_distill_refine.allotting import Allotting
from outlay.agents.parallel_distill_refine.config import LoopConfig
from outlay.agents.parallel_distill_refine.prompts import distilling_prompt
from outlay.agents.parallel_distill_refine.rounds import (
    ALL_FAILED,
    AT_RANDOM,
    UNANSWERED,
    UNREFINED,
    agree,
    left_out,
    longest,
    majority,
    narrowed,
    noted,
    of_round,
    prompt_of,
    read_drafts,
)
from outlay.agents.parallel_distill_refine.shape import (
    SEPARATE,
    Operator,
    Shape,
    distill_tokens,
    distills,
    writes,
)
from outlay.agents.parallel_distill_refine.state import (
    AllotUpdate,
    ComposeUpdate,
    DistillUpdate,
    DraftTask,
    DraftUpdate,
    GatherUpdate,
    Next,
    OutcomeUpdate,
    State,
)
from outlay.agents.parallel_distill_refine.workspace import (
    Workspace,
    chance,
    composed,
    picks_schema,
    read_distilled,
)
from outlay.errors import BudgetExhaustedError, ModelError, OutlayError
from outlay.ledger import require_fence
from outlay.outcome import on_its_own, outcome_of, prompt_in_full, unpaid
from outlay.strategy import Strategy, stop_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.budget import Usage
    from outlay.model import Completion, Model
    from outlay.outcome import Outcome, StopReason

ConfigT = TypeVar("ConfigT", bound=LoopConfig)


@dataclass(frozen=True, init=False)
class Loop(Strategy[ConfigT]):
    """Draft, distil, refine."""

    model: Model

    @property
    @abstractmethod
    def _widths(self) -> tuple[int, ...]:
        """M_r, as wide as the rounds may be; the last is 1."""

    @property
    @abstractmethod
    def _distill(self) -> Operator:
        """D, what makes a workspace of a round's drafts."""

    @property
    @abstractmethod
    def _k(self) -> int:
        """Drafts in a workspace that is made of drafts."""

    @property
    @abstractmethod
    def _agreement(self) -> float | None:
        """Share of a round's drafts with one answer at which it is taken; `None`: never."""

    def build(self) -> StateGraph[State]:
        graph = StateGraph(State)
        graph.add_node("allot", self.node(self.allot))
        graph.add_node("draft", self.node(self.draft))
        graph.add_node("gather", self.node(self.gather))
        graph.add_node("distill", self.node(self.distill))
        graph.add_node("compose", self.node(self.compose))
        graph.add_node("refine", self.node(self.refine))
        graph.add_node("vote", self.node(self.vote))
        graph.add_edge(START, "allot")
        graph.add_conditional_edges("allot", self.children, ["draft", "refine"])
        graph.add_edge("draft", "gather")
        graph.add_conditional_edges("gather", self.enough, ["draft", "distill", "compose", "refine", "vote"])
        graph.add_edge("distill", "compose")
        graph.add_conditional_edges("compose", self.children, ["draft", "refine"])
        graph.add_edge("refine", END)
        graph.add_edge("vote", END)
        return graph

    async def allot(self, state: State) -> AllotUpdate:
        wanted, allotting = self._widths, self._allotting
        sizes = await allotting.sizes(state["question"], self._distill)
        shape = await allotting.fit(wanted, sizes, self._distill) or Shape(widths=(1,), tokens=self._most)
        return {
            "sizes": sizes,
            "shape": shape,
            "held": await allotting.set_aside(sizes, shape),
            "round": 0,
            "attempt": 0,
            "workspaces": (Workspace(),),
            "stopped": "finished",
            "notes": narrowed(shape, wanted),
        }

    async def draft(self, state: DraftTask) -> DraftUpdate:
        completions: Sequence[Completion | OutlayError]
        try:
            completions = await self.model.sample(
                prompt_of(state["question"], state["workspace"]),
                state["count"],
                first=state["first"],
                max_output_tokens=state["tokens"],
                temperature=self.config.temperature,
                seed=self.config.seed,
                return_failures=True,
            )
        except (BudgetExhaustedError, ModelError) as exc:
            completions = [exc] * state["count"]
        return {"drafts": await read_drafts(completions, self.model, state["round"])}

    async def gather(self, state: State) -> GatherUpdate:
        """Decide what becomes of a round: its answer, another round, or another try."""
        drafts = of_round(state)
        usable = [draft for draft in drafts if draft.usable]
        if not usable:
            failed = any(draft.error and not draft.refused for draft in drafts)
            if failed and not state["attempt"]:
                return {"next": "draft", "attempt": 1}
            return {"next": "refine", "workspaces": (Workspace(),), "notes": [ALL_FAILED]}
        path, notes = [longest(usable)], left_out(drafts, usable)
        if self._agreement and agree(drafts, self._agreement):
            return {"next": "vote", "path": path, "notes": notes}
        wanted, sizes, distill = state["shape"].widths[1:], state["sizes"], self._distill
        later = await self._allotting.fit(wanted, sizes, distill, usable, held=bool(state["held"]))
        if later is None and distill != "random-k":
            distill, notes = "random-k", [*notes, AT_RANDOM]
            later = await self._allotting.fit(wanted, sizes, distill, usable, held=bool(state["held"]))
        if later is None:
            return {"next": "vote", "path": path, "notes": [*notes, UNREFINED], "stopped": "budget"}
        return {
            "next": "distill" if distills(distill, self._k, len(usable)) else "compose",
            "path": path,
            "shape": later,
            "operator": distill,
            "distilled": (),
            "notes": [*notes, *narrowed(later, wanted)],
        }

    async def distill(self, state: State) -> DistillUpdate:
        distill, question, place = state["operator"], state["question"], state["round"]
        texts = [draft.text for draft in of_round(state) if draft.usable]
        k = min(self._k, len(texts))
        schema = None if writes(distill) else picks_schema(len(texts), k)
        try:
            completions = await self.model.sample(
                distilling_prompt(distill, question, texts, k),
                state["shape"].widths[0] if distill in SEPARATE else 1,
                max_output_tokens=distill_tokens(distill, state["shape"].tokens, k, self.config.kappa),
                temperature=self.config.temperature,
                seed=self.config.seed,
                response_schema=schema,
                schema_name="Picks",
            )
        except (BudgetExhaustedError, ModelError) as exc:
            return {"distilled": (), "path": [], "notes": [f"distilling failed ({exc}): drafts at random"]}
        dice = chance(self.config.seed, question, place)
        made = [read_distilled(said, distill, len(texts), k, dice) for said in completions]
        paths = [on_its_own(said, prompt_in_full(completions)) for said in completions]
        return {
            "distilled": tuple(made),
            "path": [max(paths, key=lambda usage: usage.total_tokens)],
            "notes": [each.problem for each in made if each.problem],
        }

    async def compose(self, state: State) -> ComposeUpdate:
        config, place = self.config, state["round"]
        drafts = [draft for draft in of_round(state) if draft.usable]
        children = state["shape"].widths[0] if state["operator"] in SEPARATE else 1
        dice = [chance(config.seed, state["question"], place, child) for child in range(children)]
        made = composed(drafts, state["distilled"], self._k, config.kappa, dice)
        empty = f"no draft fits into {config.kappa} tokens: asked again without a workspace"
        return {
            "workspaces": made,
            "round": place + 1,
            "attempt": 0,
            "notes": [] if all(workspace.text for workspace in made) else [empty],
        }

    async def refine(self, state: State) -> OutcomeUpdate:
        drafts, workspace = state.get("drafts", []), state["workspaces"][0]
        prompt, temperature, seed = (
            prompt_of(state["question"], workspace),
            self.config.temperature,
            self.config.seed,
        )
        if not workspace.text and seed is not None:
            seed += len(drafts)  # the drafts were asked the same: under their seeds it would repeat one
        try:
            with self._answering(state):
                said = await self.speak(
                    self.model, prompt, max_output_tokens=self._most, temperature=temperature, seed=seed
                )
        except (BudgetExhaustedError, ModelError) as exc:
            if any(draft.usable for draft in drafts):
                reason = stop_reason(exc) if isinstance(exc, BudgetExhaustedError) else "finished"
                return {"outcome": self._settled(state, f"no refined answer ({exc})", reason)}
            if isinstance(exc, ModelError):
                raise
            return {"outcome": noted(unpaid(exc), state)}
        outcome, path = outcome_of(said), [on_its_own(said, said.usage.prompt_tokens)]
        if outcome.value is None and any(draft.value for draft in drafts):
            return {"outcome": self._settled(state, UNANSWERED, outcome.stop_reason, path)}
        return {"outcome": noted(outcome, state, path)}

    async def vote(self, state: State) -> OutcomeUpdate:
        with self._answering(state):
            return {"outcome": self._settled(state, None, state["stopped"])}

    def children(self, state: State) -> list[Send] | Literal["refine"]:
        """Which drafts come next?"""
        width, workspaces = state["shape"].widths[0], state["workspaces"]
        if len(state["shape"].widths) == 1:
            return "refine"
        each, before = width // len(workspaces), len(state.get("drafts", []))
        return [
            Send(
                "draft",
                DraftTask(
                    question=state["question"],
                    round=state["round"],
                    first=before + child * each,
                    count=each,
                    tokens=state["shape"].tokens,
                    workspace=workspace,
                ),
            )
            for child, workspace in enumerate(workspaces)
        ]

    def enough(self, state: State) -> list[Send] | Next:
        """Is there an answer already, or something to distill, or must the round be tried again?"""
        return self.children(state) if state["next"] == "draft" else state["next"]

    def _settled(
        self, state: State, problem: str | None, reason: StopReason, path: Sequence[Usage] = ()
    ) -> Outcome:
        outcome = majority(state["drafts"], problem, reason)
        self.say(outcome.text)
        return noted(outcome, state, path)

    @contextmanager
    def _answering(self, state: State) -> Iterator[None]:
        """Draw on what was set aside for the answer, and give back what is left of it."""
        with require_fence().open(state["held"], missing_ok=True) as kept:
            try:
                yield
            finally:
                if kept is not None:
                    kept.give_back()

    @property
    def _allotting(self) -> Allotting:
        least = self.config.min_draft_tokens
        return Allotting(self.model, k=self._k, kappa=self.config.kappa, most=self._most, least=least)

    @property
    def _most(self) -> int:
        return self.config.max_output_tokens or self.model.default_max_output_tokens
