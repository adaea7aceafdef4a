"""A module's work on one question, and the tiers it falls through where one fails."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from outlay.errors import BudgetExhaustedError, ModelError
from outlay.memory.modules.prompts import TAGS
from outlay.memory.modules.reading import answer_in
from outlay.memory.modules.routing import Tier
from outlay.prompts import untagged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outlay.memory.modules.prompts import Manner
    from outlay.memory.modules.routing import ModuleName, Tiering
    from outlay.model import Completion, Model

FEWEST_OUTPUT_TOKENS: Final = 16
"""A call that may say less than this says nothing useful, and is not made."""

MANNERS: Final[Mapping[Tiering, Mapping[Tier, Manner]]] = {
    "implementation": {Tier.HIGH: "direct"},
    "reasoning": {Tier.LOW: "direct", Tier.MID: "steps", Tier.HIGH: "plan"},
    "capacity": dict.fromkeys(Tier, "plan"),
}
"""How the tiers that ask a model are told to reason; the other tiers ask none."""

T = TypeVar("T")


@dataclass(frozen=True)
class Asking:
    """How a model is asked."""

    model: Model
    max_output_tokens: int
    temperature: float | None

    async def __call__(self, prompt: str) -> Completion:
        return await self.model.complete(
            prompt,
            max_output_tokens=self.max_output_tokens,
            min_output_tokens=min(FEWEST_OUTPUT_TOKENS, self.max_output_tokens),
            temperature=self.temperature,
        )


@dataclass(frozen=True)
class Task(Generic[T]):
    """A module's work on one question, in the two ways in which it can be done."""

    name: ModuleName
    prompt: Callable[[Manner], str]
    read: Callable[[str], T | None]
    """Reads a model's answer; `None` where it cannot."""
    rule: Callable[[Tier], T]
    """Does it at LOW or MID without a model; called in a thread."""


@dataclass(frozen=True)
class Reached(Generic[T]):
    """What a task came to."""

    value: T
    used: Tier
    by_rule: bool
    """Whether no model made it."""
    notes: tuple[str, ...]


async def descend(
    task: Task[T], tier: Tier, tiering: Tiering, asking: Callable[[Tier], Asking]
) -> Reached[T]:
    """Do `task` at `tier`, or at the next lower one that works.

    A tier fails where its reply cannot be read, its model fails, or no fence can hold its call; what was
    spent on it stays spent. Below LOW stands the rule that LOW is under `implementation`, which costs
    nothing, so that there is a result in any case.

    Raises:
        ConfigurationError: A package is missing.
    """
    notes: list[str] = []
    for used in sorted((t for t in Tier if t <= tier), reverse=True):
        manner = MANNERS[tiering].get(used)
        if manner is None:
            return Reached(await asyncio.to_thread(task.rule, used), used, by_rule=True, notes=tuple(notes))
        try:
            completion = await asking(used)(task.prompt(manner))
        except (BudgetExhaustedError, ModelError) as exc:
            notes.append(f"{task.name} at {used.name}: {exc}")
            continue
        value = _read(task, completion, reasoned=manner != "direct")
        if completion.is_cut:
            notes.append(f"{task.name} at {used.name}: the reply was cut short")
        if value is not None:
            return Reached(value, used, by_rule=False, notes=tuple(notes))
        notes.append(f"{task.name} at {used.name}: the reply cannot be read: {completion.text[:100]!r}")
    notes.append(f"{task.name}: no model's reply could be had or used, so that it was done by rule")
    return Reached(await asyncio.to_thread(task.rule, Tier.LOW), Tier.LOW, by_rule=True, notes=tuple(notes))


def _read(task: Task[T], completion: Completion, *, reasoned: bool) -> T | None:
    answer = answer_in(untagged(completion, TAGS), reasoned=reasoned)
    return None if answer is None else task.read(answer)
