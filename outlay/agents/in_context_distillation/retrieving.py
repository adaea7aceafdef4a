"""What the bank has for a step."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outlay.environments import OneStep
from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import Bank, Query

if TYPE_CHECKING:
    from outlay.agents.in_context_distillation.config import Config
    from outlay.environments import Environment
    from outlay.memory.demonstrations import Demonstration


def opened(given: Any) -> Bank:
    """Give a bank, opened where only its directory is given.

    Raises:
        ConfigurationError: It is neither.
        RetrievalError: It cannot be opened.
    """
    if isinstance(given, Bank):
        return given
    if isinstance(given, (str, Path)):
        return Bank.open(Path(given))
    raise ConfigurationError(f"bank is {given!r}: give a Bank, or its directory")


async def similar(
    bank: Bank | None, config: Config, environment: Environment, plan: str = "", observation: str = ""
) -> tuple[Demonstration, ...]:
    """Look demonstrations up, never the task's own: of a question also none that asks the same."""
    goal, answering = environment.goal, isinstance(environment, OneStep)
    if bank is None or not config.k or not any(text.strip() for text in (goal, plan, observation)):
        return ()
    # Embedding takes the processor for some milliseconds: other runs go on meanwhile.
    found = await asyncio.to_thread(
        bank.retrieve,
        Query(goal=goal, plan=plan, observation=observation),
        config.k + answering,
        window=config.window,
        exclude=(environment.task,),
    )
    return tuple(d for d in found if not (answering and d.goal.split() == goal.split()))[: config.k]
