"""What a strategy is given of an item: a question, or an environment to act in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from outlay.agents.spec import collaborators, parse_spec, strategy_named
from outlay.bench.sources.games import is_alfworld
from outlay.environments import AlfWorldGame, OneStep, TextWorldGame
from outlay.strategy import Strategy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from outlay.bench.items import Item
    from outlay.environments import Environment


def acts(spec: str) -> bool:
    """Whether the strategy that `spec` names can act in an environment: it then says how it enters one."""
    return strategy_named(parse_spec(spec)[0]).entered is not Strategy.entered


def remembers(spec: str) -> bool:
    """Whether the strategy that `spec` names answers out of a memory, and not out of its question."""
    return "memory" in collaborators(strategy_named(parse_spec(spec)[0]))


@asynccontextmanager
async def asked(spec: str, item: Item, games: Path | None) -> AsyncIterator[Any]:
    """Give what a strategy is run on, and close it behind the run.

    A question is put by its id to a strategy that acts, so that a bank leaves its own solution out; and
    without its context to one that has that in its memory.

    Args:
        spec: Of the strategy.
        item: What it is to do.
        games: The folder that the item's id is relative to; `None`: it is a question.

    Raises:
        ConfigurationError: There is no such game here.
    """
    if games is None:
        words = item.question if remembers(spec) else item.asked
        yield OneStep(words, task=item.id) if acts(spec) else words
        return
    # How many steps an episode may have is the strategy's to say.
    environment = game_of(item, games, max_steps=None)
    try:
        yield environment
    finally:
        await environment.close()


def game_of(item: Item, games: Path, *, max_steps: int | None) -> Environment:
    """Make the game that an item is, lost after `max_steps`.

    Raises:
        ConfigurationError: There is no such game here.
    """
    path = games / item.id
    if is_alfworld(item):
        return AlfWorldGame(path, max_steps=max_steps)
    return TextWorldGame(path, max_steps=max_steps, task=PurePosixPath(item.id).with_suffix("").as_posix())
