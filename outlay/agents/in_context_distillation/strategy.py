"""In-context distillation with self-consistency cascades.

December 2025, arXiv 2512.02543. A cheap student acts; at every step it is shown what a dear teacher
did in similar situations, and samples its action several times. Where the samples agree it acts;
where they do not, the teacher is asked for that one step. A question is an episode of one step.

    START -> begin -(plan)-> plan -> retrieve -> sample -> agree -(undecided)-> sample ...
             agree -(agreed)-> act -(not done)-> retrieve ...
             agree -(disagreed)-> defer -> act -(done)-> finish -> END
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from langgraph.graph import END, START, StateGraph

from outlay.agents.in_context_distillation.asking import Asking, Prompt, Wave
from outlay.agents.in_context_distillation.config import Config
from outlay.agents.in_context_distillation.deferring import Deferring, untaught
from outlay.agents.in_context_distillation.ending import collected, episode_of, in_circles, outcome
from outlay.agents.in_context_distillation.reading import (
    chosen,
    noted,
    shortened,
    unpaid,
    unread,
    usable,
    worded_action,
)
from outlay.agents.in_context_distillation.retrieving import opened, similar
from outlay.agents.in_context_distillation.state import (
    ActUpdate,
    AgreeUpdate,
    BeginUpdate,
    DeferUpdate,
    FinishUpdate,
    PlanUpdate,
    RetrieveUpdate,
    SampleUpdate,
    State,
    clean,
)
from outlay.agents.in_context_distillation.teaching import PolicyTeacher, current_environment
from outlay.environments import OneStep, Taken, Turn
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError, OutlayError
from outlay.outcome import longest
from outlay.routers.cascade import Cascade, Judge, verdict
from outlay.strategy import Strategy, stop_reason
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.environments import Environment
    from outlay.memory.demonstrations import Bank
    from outlay.model import Model


@dataclass(frozen=True, init=False)
class InContextDistillation(Strategy[Config]):
    """A student with a teacher's steps in its context, and the teacher where its samples disagree.

    `run` takes a question, or an `Environment` to act in; its answer's `episode` says what was done.
    """

    name: ClassVar[str] = "in-context-distillation"
    summary: ClassVar[str] = "a cheap student shown a teacher's steps; the teacher where its samples disagree"
    planning: ClassVar[frozenset[str]] = frozenset({"plan"})
    stored: ClassVar[frozenset[str]] = frozenset({"bank"})
    Config: ClassVar[type[Config]] = Config

    model: Model
    teacher: Model | PolicyTeacher | None = None
    bank: Bank | None = None
    judge: Model | None = None

    @classmethod
    def collaborator(cls, name: str, given: Any) -> Any:
        if name == "bank" and given is not None:
            return opened(given)
        if name == "teacher" and isinstance(given, PolicyTeacher):
            return given
        return super().collaborator(name, given)

    @contextmanager
    def entered(self, question: Any) -> Iterator[str]:
        environment = None if isinstance(question, str) else question
        if environment is not None and not callable(getattr(environment, "step", None)):
            raise ConfigurationError(f"{environment!r} is neither a question nor an environment")
        # Also for a question, which may be asked inside an episode: the environment there is not its own.
        token = current_environment.set(environment)
        try:
            if environment is not None:
                yield environment.goal or environment.task
                return
            with super().entered(question) as words:
                yield words
        finally:
            current_environment.reset(token)

    def build(self) -> StateGraph[State]:
        graph = StateGraph(State)
        graph.add_node("begin", self.node(self.begin))
        graph.add_node("plan", self.node(self.plan))
        graph.add_node("retrieve", self.node(self.retrieve))
        graph.add_node("sample", self.node(self.sample))
        graph.add_node("agree", self.node(self.agree))
        graph.add_node("defer", self.node(self.defer))
        graph.add_node("act", self.node(self.act))
        graph.add_node("finish", self.node(self.finish))
        graph.add_edge(START, "begin")
        graph.add_conditional_edges("begin", self.first, ["plan", "retrieve"])
        graph.add_edge("plan", "retrieve")
        graph.add_conditional_edges("retrieve", self.whose, ["sample", "defer"])
        graph.add_edge("sample", "agree")
        graph.add_conditional_edges("agree", self.agreed, ["sample", "act", "defer", "finish"])
        graph.add_conditional_edges("defer", self.answered, ["act", "sample", "finish"])
        graph.add_conditional_edges("act", self.done, ["retrieve", "finish"])
        graph.add_edge("finish", END)
        return graph

    async def begin(self, state: State) -> BeginUpdate:
        if self.teacher is None and self.config.defer not in {"disagreement", "never"}:
            raise ConfigurationError(f"defer={self.config.defer} needs a teacher: give teacher=")
        environment = self._environment(state)
        warned = self.config.temperature == 0 and self.config.n > 1
        return {
            "turn": Turn(observation="") if isinstance(environment, OneStep) else await environment.reset(),
            "plan": "",
            "taken": (),
            "demonstrations": (),
            **clean(),
            "notes": ("at temperature 0 samples agree whether they are right or not",) if warned else (),
            "path": (),
            "stopped": "finished",
            "cut": False,
        }

    async def plan(self, state: State) -> PlanUpdate:
        environment = self._environment(state)
        shown = await similar(self.bank, self.config, environment)
        try:
            said = await self._asking.plan(self.model, environment, state["turn"], shown)
        except BudgetExhaustedError as exc:
            return {"plan": "", "notes": state["notes"], "path": (), "stopped": stop_reason(exc)}
        except ModelError as exc:
            notes = (*state["notes"], f"no plan ({exc})")
            return {"plan": "", "notes": notes, "path": (), "stopped": "finished"}
        return {
            "plan": said.text.strip(),
            "notes": state["notes"],
            "path": tuple(longest([said])),
            "stopped": "finished",
        }

    async def retrieve(self, state: State) -> RetrieveUpdate:
        again = self.config.retrieve == "step" or not state["taken"]
        if self.bank is None or not self.config.k or not again:
            return {"demonstrations": state["demonstrations"], "notes": state["notes"]}
        environment = self._environment(state)
        seen = "" if isinstance(environment, OneStep) else state["turn"].observation
        found = await similar(self.bank, self.config, environment, state["plan"], seen)
        nothing = () if found else ("the bank has no demonstration for this",)
        return {"demonstrations": found, "notes": noted(state["notes"], nothing)}

    async def sample(self, state: State) -> SampleUpdate:
        asking, drawn, environment = self._asking, state["samples"], self._environment(state)
        prompt = Prompt([], ())
        try:
            prompt = await asking.prompt(self.model, environment, state, state["demonstrations"])
            wave = await asking.wave(
                self.model,
                prompt.messages,
                state["turn"],
                state["unified"].labels or [sample.value for sample in drawn],
                self._cascade(state),
                asking.most(self.model, environment, state["turn"]),
            )
            said = await asking.sample(self.model, prompt.messages, wave, state["turn"], first=len(drawn))
        except BudgetExhaustedError as exc:
            notes = noted(state["notes"], prompt.notes)
            return {"samples": drawn, "notes": notes, "path": state["path"], "stopped": stop_reason(exc)}
        except ModelError as exc:
            wave, said = Wave(1, 1), (exc,)
        refused = [c for c in said if isinstance(c, BudgetExhaustedError)]
        came = [c for c in said if not isinstance(c, BudgetExhaustedError)]
        samples = [asking.read(c, environment, state["turn"]) for c in came]
        nobody_else = self.teacher is None or self.config.defer != "disagreement"
        if nobody_else and not state["taken"] and not usable([*drawn, *samples]):
            raise next(c for c in came if isinstance(c, OutlayError))
        return {
            "samples": (*drawn, *samples),
            "notes": noted(state["notes"], prompt.notes, shortened(samples, wave.cap) if wave.short else ()),
            "path": (*state["path"], *longest(said)),
            "stopped": stop_reason(refused[0]) if refused else state["stopped"],
        }

    async def agree(self, state: State) -> AgreeUpdate:
        values = [sample.value for sample in state["samples"]]
        cascade, unified = self._cascade(state), state["unified"]
        if cascade.equivalence == "judge":
            situation = f"{self._environment(state).goal}\n\n{state['turn'].observation}".strip()
            judge = Judge(self.judge or self.model)
            unified = await judge.unify(values, cascade, known=unified, situation=situation)
            values = list(unified.labels)
        found = verdict(values, cascade)
        notes = noted(state["notes"], [f"the judge could not say ({why})" for why in unified.failures])
        if found is not None:
            notes = noted(notes, unread(state["samples"]), self._undecided(values, cascade))
        return {"unified": unified, "verdict": found, "notes": notes}

    def _undecided(self, values: Sequence[str | None], cascade: Cascade) -> tuple[str, ...]:
        """Say so where samples that the budget did not pay for could have changed the verdict."""
        n = self.config.n
        whole = cascade.model_copy(update={"n": n})
        return (unpaid(len(values), n),) if verdict(values, whole) is None else ()

    async def defer(self, state: State) -> DeferUpdate:
        try:
            taught = await self._deferring.taught(state, self._environment(state))
        except (BudgetExhaustedError, ModelError) as exc:
            return untaught(state, exc)
        return {
            "handed": True,
            "proposal": taught.proposal,
            "notes": noted(state["notes"], taught.notes),
            "path": (*state["path"], *taught.waited),
            "stopped": state["stopped"],
        }

    async def act(self, state: State) -> ActUpdate:
        environment, proposal, found = self._environment(state), state["proposal"], state["verdict"]
        sample = proposal or chosen(state["samples"], found)
        action = worded_action(sample) or sample.text.strip()
        turn, stopped, whole = state["turn"], state["stopped"], state["stopped"] == "finished"
        if self._answers(state):
            self.say(action)
            turn = Turn(observation="", done=True)
        else:
            try:
                turn = await environment.step(action)
            except BudgetExhaustedError as exc:  # of a model that the environment asks
                stopped = stop_reason(exc)
        taken = Taken(
            observation=state["turn"].observation,
            reasoning=sample.reasoning,
            action=action,
            by="student" if proposal is None else "teacher",
            deferred=state["handed"],
            agreed=found.agreed if found and whole else None,
            share=found.share if found and whole else None,
        )
        return {
            "turn": turn,
            "stopped": stopped,
            "cut": sample.cut,
            "taken": (*state["taken"], taken),
            **clean(),
        }

    async def finish(self, state: State) -> FinishUpdate:
        environment, run = self._environment(state), current_run.get()
        # Counting what a bank cost reads its store: other runs go on meanwhile.
        cost = await asyncio.to_thread(collected, self.bank, self.teacher.name if self.teacher else "")
        episode = episode_of(environment, state, run.fence if run else None, cost)
        return {"outcome": outcome(environment, state, episode, self.config.repeats)}

    def first(self, state: State) -> Literal["plan", "retrieve"]:
        return "plan" if self.config.plan and not self._answers(state) else "retrieve"

    def whose(self, state: State) -> Literal["sample", "defer"]:
        return "defer" if self._deferring.straight(state, self._environment(state)) else "sample"

    def agreed(self, state: State) -> Literal["sample", "act", "defer", "finish"]:
        found, samples = state["verdict"], state["samples"]
        if not samples and state["stopped"] != "finished":
            return "finish"
        if found is None and state["stopped"] == "finished":
            return "sample"
        if self._deferring.handed_over(state):
            return "defer"
        return "act" if any(map(worded_action, samples)) or self._answers(state) else "finish"

    def answered(self, state: State) -> Literal["act", "sample", "finish"]:
        if state["proposal"] or usable(state["samples"]):
            return "act"
        return "finish" if state["samples"] or state["stopped"] != "finished" else "sample"

    def done(self, state: State) -> Literal["retrieve", "finish"]:
        over = state["turn"].done or state["stopped"] != "finished"
        long = len(state["taken"]) >= self.config.max_steps
        round_and_round = in_circles(state["taken"], self.config.repeats)
        return "finish" if over or long or round_and_round else "retrieve"

    @property
    def _asking(self) -> Asking:
        return Asking(self.config)

    @property
    def _deferring(self) -> Deferring:
        return Deferring(self.config, self.teacher, self._asking)

    def _environment(self, state: State) -> Environment:
        return current_environment.get() or OneStep(state["question"])

    def _answers(self, state: State) -> bool:
        return isinstance(self._environment(state), OneStep)

    def _cascade(self, state: State) -> Cascade:
        return self._deferring.cascade(state, self._environment(state))
