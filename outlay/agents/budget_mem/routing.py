"""Who picks the tiers: what was given for it, and what it is told."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from outlay.agents.budget_mem.state import Picked
from outlay.errors import ConfigurationError
from outlay.memory.modules import MODULES, Decision, Tier
from outlay.routers.tiers import FixedRouter, RandomRouter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from outlay.agents.budget_mem.config import Config
    from outlay.budget import Budget
    from outlay.memory.conversations import History
    from outlay.memory.modules import ModuleName, Router, Tiering
    from outlay.retrieval import Embedder

    Vector = NDArray[np.float32]

WORDS: Final = {tier.name.lower(): tier for tier in Tier}
RANDOM: Final = "random"


@runtime_checkable
class Particular(Protocol):
    """A router that fits one embedder, one tiering and some trade-offs only."""

    def check(self, embedder: Embedder | None, tiering: Tiering, trade_off: float) -> None:
        """Raise `PolicyError` where it does not fit."""
        ...


def router_of(given: Any, config: Config, embedder: Embedder | None) -> Router:
    """Give the router that was given, or named: by `low`, `mid`, `high`, `random`, tiers or a policy's path.

    Without one: MID under `implementation`, whose rules cost no tokens, else LOW.

    Args:
        given: What was given.
        config: The strategy's.
        embedder: Of its memory; `None`: it has none yet.

    Raises:
        ConfigurationError: It is none.
        PolicyError: A policy cannot be read, or does not fit.
    """
    if given is None:
        return FixedRouter(Tier.MID if config.tiering == "implementation" else Tier.LOW)
    if isinstance(given, (str, PathLike)):
        given = _named(given, config, embedder)
    elif isinstance(given, (list, tuple)) and len(given) == len(MODULES) and set(given) <= set(Tier):
        given = FixedRouter.of(given)
    if not callable(getattr(given, "choose", None)):
        raise ConfigurationError(f"router is {given!r}: give a router, its policy's path, or {_words()}")
    if isinstance(given, Particular):
        given.check(embedder, config.tiering, config.trade_off)
    router: Router = given
    return router


def _named(given: str | PathLike[str], config: Config, embedder: Embedder | None) -> Router:
    word = str(given)
    if word in WORDS:
        return FixedRouter(WORDS[word])
    if word == RANDOM:
        return RandomRouter(config.seed)
    if len(word) == len(MODULES) and set(word) <= {str(int(tier)) for tier in Tier}:
        return FixedRouter.of([int(tier) for tier in word])
    if not Path(word).is_file():
        raise ConfigurationError(f"router={word}: there is no such policy; give its path, or {_words()}")
    from outlay.routers.tiers import LearnedRouter  # noqa: PLC0415 - it loads torch

    return LearnedRouter.load(word, embedder=embedder, tiering=config.tiering)


def _words() -> str:
    return f"{', '.join(WORDS)}, {RANDOM}, or a tier from 0 to 2 for each of {', '.join(MODULES)}, as 20012"


@dataclass(frozen=True)
class Deciding:
    """Asks the router, with vectors of the memory's embedder."""

    router: Router
    memory: History
    trade_off: float

    async def question(self, question: str) -> Vector:
        """Give the question's vector."""
        vector: Vector = (await self._embedded([question]))[0]
        return vector

    async def chunks(self, ids: Sequence[int], like: Vector) -> Vector:
        """Give the mean of the chunks' vectors, zeros without any; of the dimension of `like`."""
        if not ids:
            return like * 0
        return _mean(await asyncio.to_thread(self.memory.vectors, ids))

    async def lists(self, lists: Iterable[Sequence[str]]) -> Vector | None:
        """Give the mean of the vectors of the lists that have lines; `None` where none has."""
        texts = ["\n".join(lines) for lines in lists if lines]
        return _mean(await self._embedded(texts)) if texts else None

    def choose(self, module: ModuleName, question: Vector, given: Vector, left: Budget | None) -> Picked:
        """Ask for the tier of a module."""
        choice = self.router.choose(Decision(module, question, given, left, self.trade_off))
        return Picked(module=module, tier=Tier(choice.tier), probability=choice.probability)

    async def _embedded(self, texts: Sequence[str]) -> Vector:
        # It takes the processor for some milliseconds: other runs go on meanwhile.
        return await asyncio.to_thread(self.memory.embedder.embed, texts)


def _mean(rows: Vector) -> Vector:
    mean: Vector = rows.mean(axis=0)
    return mean
