"""The loop of Parallel-Distill-Refine: draft, distil into a bounded workspace, draft again, refine.

START -> allot -> draft* -> gather -(distill)-> distill -> compose -> draft* -> gather ...
                            gather -(draw)-> compose -(the last round)-> refine -> END
                            gather -(agreed)-> vote -> END
"""

from __future__ import annotations

from abc import abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from outlay.agents.parallel_distill_refine.allotting import HOLD, Allotting
from outlay.agents.parallel_distill_refine.config import LoopConfig
from outlay.agents.parallel_distill_refine.prompts import TAGS, distilling_prompt
from outlay.agents.parallel_distill_refine.rounds import (
    ALL_FAILED,
    AT_RANDOM,
    UNANSWERED,
    UNREFINED,
    agree,
    crowded,
    left_out,
    majority,
    mostly_marked,
    narrowed,
    noted,
    of_round,
    prompt_of,
    read_drafts,
    waited_for,
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
    drawn,
    picks_schema,
    read_distilled,
)
from outlay.errors import BudgetExhaustedError, ModelError, OutlayError
from outlay.ledger import require_fence
from outlay.outcome import longest, outcome_of, unpaid
from outlay.prompts import untagged
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
        await allotting.set_aside(sizes, shape, self._distill)
        return {
            "sizes": sizes,
            "shape": shape,
            "round": 0,
            "attempt": 0,
            "workspaces": (Workspace(),),
            "stopped": "finished",
            "drafts": None,
            "path": (),
            "notes": narrowed(shape, wanted),
        }

    async def draft(self, state: DraftTask) -> DraftUpdate:
        completions = await self._sampled(
            prompt_of(state["question"], state["workspace"]),
            state["count"],
            first=state["first"],
            max_output_tokens=state["tokens"],
            min_output_tokens=min(state["tokens"], self.config.min_draft_tokens),
        )
        return {"drafts": await read_drafts(completions, self.model, state["round"])}

    async def gather(self, state: State) -> GatherUpdate:
        """Decide what becomes of a round: its answer, another round, or another try."""
        drafts = of_round(state)
        usable = [draft for draft in drafts if draft.usable]
        path, notes = (*state["path"], *waited_for(drafts)), (*state["notes"], *left_out(drafts))
        if self._agreement and agree(drafts, self._agreement):
            if state["round"] == 0 and state["shape"].widths[0] == self._widths[0]:
                notes = tuple(left_out(drafts))  # what later rounds would have lacked, nobody missed
            return {"next": "vote", "path": path, "notes": notes}
        if not usable:
            # What was cut short would be cut again under the same cap: only failures are tried again.
            failed = any(draft.error and not draft.refused for draft in drafts)
            if failed and not state["attempt"]:
                return {"next": "draft", "attempt": 1, "path": path}
            none = f"no draft of round {state['round'] + 1} could be used" if state["round"] else ALL_FAILED
            return {"next": "refine", "path": path, "notes": (*notes, none)}
        wanted, distill, allotting = state["shape"].widths[1:], self._distill, self._allotting
        held = allotting.held()
        later = await allotting.fit(wanted, state["sizes"], distill, usable, held=held)
        if later is None and distill != "random-k":
            distill = "random-k"
            later = await allotting.fit(wanted, state["sizes"], distill, usable, held=held)
            notes = (*notes, AT_RANDOM) if later else notes
        if later is None:
            return {"next": "vote", "path": path, "notes": notes, "stopped": "budget"}
        return {
            "next": "distill" if distills(distill, self._k, len(usable)) else "compose",
            "path": path,
            "shape": later,
            "operator": distill,
            "distilled": (),
            "notes": (*notes, *narrowed(later, wanted)),
        }

    async def distill(self, state: State) -> DistillUpdate:
        distill, config = state["operator"], self.config
        drafts = [draft for draft in of_round(state) if draft.usable]
        dice = chance(config.seed, state["question"], state["round"])
        order = drawn(len(drafts), len(drafts), dice)  # what stands first or last weighs more with a model
        k = min(self._k, len(drafts))
        completions = await self._sampled(
            distilling_prompt(distill, state["question"], [drafts[place].text for place in order], k),
            state["shape"].widths[0] if distill in SEPARATE else 1,
            max_output_tokens=distill_tokens(state["shape"].tokens, config.kappa),
            response_schema=None if writes(distill) else picks_schema(len(drafts), k),
            schema_name="Picks",
        )
        made = tuple(read_distilled(said, distill, order, k, config.kappa, dice) for said in completions)
        return {
            "distilled": made,
            "path": (*state["path"], *longest(completions)),
            "notes": (*state["notes"], *(each.problem for each in made if each.problem)),
        }

    async def compose(self, state: State) -> ComposeUpdate:
        config, place = self.config, state["round"]
        drafts = [draft for draft in of_round(state) if draft.usable]
        children = state["shape"].widths[0] if state["operator"] in SEPARATE else 1
        dice = [chance(config.seed, state["question"], place, child) for child in range(children)]
        made = composed(drafts, state["distilled"], self._k, config.kappa, dice)
        return {
            "workspaces": made,
            "round": place + 1,
            "attempt": 0,
            "notes": (*state["notes"], *crowded(made, min(self._k, len(drafts)), config.kappa)),
        }

    async def refine(self, state: State) -> OutcomeUpdate:
        drafts, workspace = state.get("drafts", []), state["workspaces"][0]
        known = any(draft.usable or draft.value for draft in drafts)
        prompt = prompt_of(state["question"], workspace)
        with self._answering():  # where the drafts were asked the same, it is one more of them
            (said,) = await self._sampled(prompt, 1, first=len(drafts), max_output_tokens=self._most)
        if isinstance(said, OutlayError) and known:
            reason = stop_reason(said) if isinstance(said, BudgetExhaustedError) else "finished"
            return {"outcome": self._settled(state, f"no refined answer ({said})", reason)}
        if isinstance(said, BudgetExhaustedError):
            return {"outcome": noted(unpaid(said), state)}
        if isinstance(said, OutlayError):
            raise said
        plain = not workspace.text and len(self._widths) > 1
        outcome, path = outcome_of(said).model_copy(update={"fell_back": plain}), longest([said])
        cut = said.is_cut or not said.text.strip()
        if outcome.value is None and known and (cut or mostly_marked(drafts)):
            return {"outcome": self._settled(state, UNANSWERED, outcome.stop_reason, path)}
        self.say(outcome.text)
        return {"outcome": noted(outcome, state, path)}

    async def vote(self, state: State) -> OutcomeUpdate:
        problem = UNREFINED if state["stopped"] == "budget" else None
        return {"outcome": self._settled(state, problem, state["stopped"])}

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

    async def _sampled(self, prompt: str, n: int, **options: Any) -> Sequence[Completion | OutlayError]:
        """Ask n times; a failure stands in its place."""
        config = self.config
        try:
            sampled = await self.model.sample(
                prompt, n, temperature=config.temperature, seed=config.seed, return_failures=True, **options
            )
        except (BudgetExhaustedError, ModelError) as exc:
            return (exc,) * n
        return [said if isinstance(said, OutlayError) else untagged(said, TAGS) for said in sampled]

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Draw on what was set aside for the answer, and give back what is left of it."""
        with require_fence().open(HOLD, missing_ok=True) as kept:
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
