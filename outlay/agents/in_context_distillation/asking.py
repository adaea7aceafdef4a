"""The calls of an episode: prompts that fit, samples that the fence affords."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outlay.agents.in_context_distillation.prompts import (
    TAGS,
    action_schema,
    planning_messages,
    question_messages,
    read_action,
    read_answer,
    read_code,
    step_messages,
    unwrapped,
)
from outlay.agents.in_context_distillation.state import Sample
from outlay.environments import OneStep
from outlay.errors import ModelError, OutlayError
from outlay.ledger import require_fence
from outlay.prompts import untagged
from outlay.routers.cascade import Terms, in_waves, next_wave

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.in_context_distillation.config import Config
    from outlay.agents.in_context_distillation.prompts import Messages
    from outlay.agents.in_context_distillation.state import State
    from outlay.environments import Environment, Taken, Turn
    from outlay.ledger import Claim
    from outlay.memory.demonstrations import Demonstration
    from outlay.model import Completion, Model
    from outlay.routers.cascade import Cascade

LISTED_TOKENS: Final = 64
ACTION_TOKENS: Final = 256
THOUGHT_TOKENS: Final = 128
"""Most tokens of a student's action where the environment lists them, of any other, and of a thought."""
PLAN_TOKENS: Final = 160
LEAST_ACTION: Final = 12
LEAST_ANSWER: Final = 96
"""Fewer tokens than these are not worth paying the teacher for."""
USED: Final = 0.25
"""The part of its cap that a sample is taken to fill, where waves and one request are compared."""
OBSERVED: Final = 400
"""Most characters of an observation in a demonstration where the prompt is too long (as in ICRL)."""
SHORTENED: Final = "observations in demonstrations were cut: the prompt was too long"
UNSEEN: Final = "demonstrations were left out: the prompt was too long"
FORGOTTEN: Final = "early steps were left out: the prompt was too long"
GAP: Final = " ... "
SEEN: Final = 200
"""Fewest characters of what is seen now, where nothing else is left to be cut."""
CLIPPED: Final = "what is seen now was cut: the prompt was too long"
OVERLONG: Final = "the prompt is longer than there is room for, and nothing in it can be left out"


class Prompt(NamedTuple):
    """Messages that fit, and what had to be left out for it."""

    messages: Messages
    notes: tuple[str, ...]


class Wave(NamedTuple):
    """How many samples to draw, and of how many tokens."""

    samples: int
    cap: int
    short: bool = False
    """Whether the budget, and not the configuration, sets `cap`."""


@dataclass(frozen=True)
class Asking:
    """Makes the calls of an episode as a config says."""

    config: Config

    async def prompt(
        self, model: Model, environment: Environment, state: State, shown: Sequence[Demonstration]
    ) -> Prompt:
        """Lay out the prompt of a step so that it fits the window.

        Long observations in demonstrations are cut first; then the demonstrations that are least alike
        are left out, then the earliest steps; at last what is seen now loses its middle.
        """
        taken, turn, notes = state["taken"], state["turn"], list[str]()
        short, most = tuple(map(_shortened, shown)), self.most(model, environment, turn)
        while True:
            messages = self._messages(environment, turn, state["plan"], taken, shown)
            if await self._fits(model, messages, turn, most):
                return Prompt(messages, tuple(notes))
            if shown != short:
                shown, left_out = short, SHORTENED
            elif shown:
                shown = short = shown[:-1]
                left_out = UNSEEN
            elif taken:
                taken, left_out = taken[(len(taken) + 1) // 2 :], FORGOTTEN
            elif len(turn.observation) > SEEN:
                turn, left_out = _clipped(turn), CLIPPED
            else:
                return Prompt(messages, (*notes, OVERLONG))
            notes = list(dict.fromkeys([*notes, left_out]))

    async def wave(
        self,
        model: Model,
        messages: Messages,
        turn: Turn,
        drawn: Sequence[str | None],
        cascade: Cascade,
        cap: int,
    ) -> Wave:
        """Choose how many samples to draw next: all, or the fewest that could decide, if that is cheaper.

        Args:
            model: The student.
            messages: Its prompt.
            turn: What is seen, and what can be done.
            drawn: The samples there are, as they are compared.
            cascade: When they agree.
            cap: Most tokens of a sample.
        """
        left = self.config.n - len(drawn)
        claim = await model.worst_case(messages, max_output_tokens=cap, **self._constraint(turn))
        count = left
        if await self._in_waves(model, claim, cascade):
            count = next_wave(drawn, cascade)
        room = claim.output_within(require_fence().remaining)
        if room is None or room >= count * cap:
            return Wave(count, cap)
        fewer = max(1, min(count, room // cap))
        tokens = max(1, min(cap, room // fewer))
        return Wave(fewer, tokens, short=tokens < cap)

    async def sample(
        self, model: Model, messages: Messages, wave: Wave, turn: Turn, *, first: int
    ) -> tuple[Completion | OutlayError, ...]:
        """Draw a wave of samples of what to do at `turn`; those that failed are errors in their places.

        Raises:
            BudgetExhaustedError: The fence did not hold one of them.
        """
        try:
            return await model.sample(
                messages,
                wave.samples,
                first=first,
                max_output_tokens=wave.cap,
                temperature=self.config.temperature,
                seed=self.config.seed,
                return_failures=True,
                **self._constraint(turn),
            )
        except ModelError as exc:
            return (exc,) * wave.samples

    async def teach(
        self, teacher: Model, environment: Environment, state: State, shown: Sequence[Demonstration]
    ) -> tuple[Completion, tuple[str, ...]]:
        """Ask the teacher for the step; beside its reply what was left out of its prompt."""
        prompt = await self.prompt(teacher, environment, state, shown)
        answering = isinstance(environment, OneStep)
        # How many tokens a teacher needs is its own affair: it may think before it acts.
        most = self.config.max_output_tokens or teacher.default_max_output_tokens
        said = await teacher.complete(
            prompt.messages,
            max_output_tokens=most,
            min_output_tokens=min(most, LEAST_ANSWER if answering else LEAST_ACTION),
            temperature=0.0,
            seed=self.config.seed,
        )
        return said, prompt.notes

    async def plan(
        self, model: Model, environment: Environment, turn: Turn, shown: Sequence[Demonstration]
    ) -> Completion:
        """Ask for a plan."""
        messages = planning_messages(environment.goal, environment.instructions, turn, shown)
        said = await model.complete(
            messages,
            max_output_tokens=PLAN_TOKENS,
            temperature=self.config.temperature,
            seed=self.config.seed,
        )
        return untagged(said, TAGS)

    def read(self, said: Completion | OutlayError, environment: Environment, turn: Turn) -> Sample:
        """Read a reply as an answer, as code, or as an action of the environment, as they are compared."""
        if isinstance(said, OutlayError):
            return Sample(error=str(said))
        said = untagged(said, TAGS)
        if self.config.equivalence == "python":
            return read_code(said)
        if not isinstance(environment, OneStep):
            said = unwrapped(said) if self._constraint(turn) else said
            return read_action(said, turn.admissible)
        return read_answer(said, whole=self.config.equivalence not in {"auto", "answer"})

    def _constraint(self, turn: Turn) -> dict[str, Any]:
        """Give the options of a call that can say nothing but what can be done, if that is known."""
        if not self.config.constrain or self.config.reasoning or not turn.admissible:
            return {}
        return {"response_schema": action_schema(turn.admissible)}

    async def _in_waves(self, model: Model, claim: Claim, cascade: Cascade) -> bool:
        """Whether stopping early saves more samples than asking again costs prompts."""
        if self.config.waves is not None:
            return self.config.waves
        terms = Terms(
            prompt_tokens=claim.prompt_tokens,
            output_tokens=claim.max_output_tokens * USED,
            price=claim.price,
            per_request=await model.most_samples(),
        )
        return in_waves(cascade, terms)

    def _messages(
        self,
        environment: Environment,
        turn: Turn,
        plan: str,
        taken: Sequence[Taken],
        shown: Sequence[Demonstration],
    ) -> Messages:
        if isinstance(environment, OneStep):
            program = self.config.equivalence == "python"
            return question_messages(environment.goal, shown, program=program)
        return step_messages(
            environment.goal,
            environment.instructions,
            turn,
            taken,
            shown,
            self.config,
            plan=plan,
        )

    async def _fits(self, model: Model, messages: Messages, turn: Turn, most: int) -> bool:
        window = await model.context_window()
        if window is None and self.config.max_prompt_tokens is None:
            return True
        # A window smaller than the longest reply is divided between prompt and reply.
        beside = None if window is None else window - min(most, window // 2)
        rooms = [room for room in (self.config.max_prompt_tokens, beside) if room is not None]
        claim = await model.worst_case(messages, max_output_tokens=1, **self._constraint(turn))
        return claim.prompt_tokens <= min(rooms)

    def most(self, model: Model, environment: Environment, turn: Turn) -> int:
        """Give the most tokens of a student's sample."""
        if self.config.max_output_tokens is not None:
            return self.config.max_output_tokens
        if isinstance(environment, OneStep):
            return model.default_max_output_tokens
        action = ACTION_TOKENS if turn.admissible is None else LISTED_TOKENS
        return action + (THOUGHT_TOKENS if self.config.reasoning else 0)


def _shortened(demonstration: Demonstration) -> Demonstration:
    steps = tuple(
        step.model_copy(update={"observation": f"{step.observation[:OBSERVED]} ..."})
        if len(step.observation) > OBSERVED
        else step
        for step in demonstration.steps
    )
    return demonstration.model_copy(update={"steps": steps})


def _clipped(turn: Turn) -> Turn:
    """Keep the first and the last quarter of what is seen."""
    quarter = max(SEEN // 2 - len(GAP), len(turn.observation) // 4)
    seen = f"{turn.observation[:quarter]}{GAP}{turn.observation[-quarter:]}"
    return turn.model_copy(update={"observation": seen})
