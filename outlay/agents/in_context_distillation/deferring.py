"""When a step is the teacher's, and what becomes of it when the teacher cannot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from outlay.agents.in_context_distillation.reading import chosen, noted, usable, worded_action
from outlay.agents.in_context_distillation.state import DeferUpdate, Sample
from outlay.agents.in_context_distillation.teaching import PolicyTeacher
from outlay.environments import OneStep
from outlay.errors import BudgetExhaustedError, ModelError, OutputInvalidError
from outlay.outcome import longest, stop_reason
from outlay.routers.cascade import Cascade, RandomDeferral

if TYPE_CHECKING:
    from outlay.agents.in_context_distillation.asking import Asking
    from outlay.agents.in_context_distillation.config import Config
    from outlay.agents.in_context_distillation.state import State
    from outlay.budget import Usage
    from outlay.environments import Environment
    from outlay.model import Model
    from outlay.routers.cascade import Verdict


class Taught(NamedTuple):
    """The teacher's step, what was waited for, and what was left out of the prompt."""

    proposal: Sample
    waited: list[Usage]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deferring:
    """The cascade of a strategy."""

    config: Config
    teacher: Model | PolicyTeacher | None
    asking: Asking

    def cascade(self, state: State, environment: Environment) -> Cascade:
        """Give the rule of agreement; over fewer samples where the money ended."""
        same = self.config.equivalence
        if same == "auto":
            same = "answer" if isinstance(environment, OneStep) else "action"
        n = self.config.n if state["stopped"] == "finished" else max(1, len(state["samples"]))
        return Cascade(n=n, rule=self.config.rule, equivalence=same)

    def handed_over(self, state: State) -> bool:
        """Whether the samples at hand send the step to the teacher."""
        if self.teacher is None or self.config.defer != "disagreement":
            return False
        found = state["verdict"]
        return found is None or not found.agreed or self._again(state, found)

    def straight(self, state: State, environment: Environment) -> bool:
        """Whether the student is not asked at all: always, or at random by the task and the step."""
        if self.teacher is None or isinstance(self.config.defer, str):
            return self.teacher is not None and self.config.defer == "always"
        die = RandomDeferral(share=self.config.defer, seed=self.config.seed or 0)
        return die.defers(f"{environment.task}/{len(state['taken'])}")

    def _again(self, state: State, found: Verdict) -> bool:
        """Whether the samples agree on what was done before with the same thing seen."""
        if not self.config.defer_repeats:
            return False
        action, seen = worded_action(chosen(state["samples"], found)), state["turn"].observation
        return any((step.observation, step.action) == (seen, action) for step in state["taken"])

    async def taught(self, state: State, environment: Environment) -> Taught:
        """Give the teacher's step.

        Raises:
            BudgetExhaustedError: The fence did not hold the call.
            ModelError: The teacher failed.
        """
        if isinstance(self.teacher, PolicyTeacher):
            action = await self.teacher.act(environment, state["turn"])
            return Taught(Sample(text=action, action=action), [])
        assert self.teacher is not None  # noqa: S101 - without one no step is deferred
        shown = state["demonstrations"] if self.config.teacher_demonstrations else ()
        said, notes = await self.asking.teach(self.teacher, environment, state, shown)
        sample = self.asking.read(said, environment, state["turn"])
        known = any(own.value for own in state["samples"])
        if sample.cut and sample.value is None and known:
            raise OutputInvalidError(f"{self.teacher.name} was cut short before it had an answer")
        if not worded_action(sample) or (sample.action is None and usable(state["samples"])):
            raise OutputInvalidError(f"{self.teacher.name} gave no action: {said.text[:80]!r}")
        return Taught(sample, longest([said]), notes)


def untaught(state: State, error: BudgetExhaustedError | ModelError) -> DeferUpdate:
    """Leave the step to the student, whose samples are drawn if they were not.

    Raises:
        ModelError: The teacher failed, the student had, too, and no step was taken before.
    """
    asked, alone = bool(state["samples"]), not usable(state["samples"])
    if isinstance(error, ModelError) and asked and alone and not state["taken"]:
        raise error
    stopped, why = state["stopped"], f"the teacher failed ({error})"
    if isinstance(error, BudgetExhaustedError):
        why = f"the budget did not pay for the teacher ({error})"
        stopped = stop_reason(error) if asked and alone else stopped
    notes = noted(state["notes"], [why])
    return {"handed": True, "proposal": None, "notes": notes, "path": state["path"], "stopped": stopped}
