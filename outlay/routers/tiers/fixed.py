"""Routers that do not learn: what a policy must beat."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Choice, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.memory.modules.routing import Decision, ModuleName


@dataclass(frozen=True)
class FixedRouter:
    """The same tiers for every question.

    Raises:
        ConfigurationError: A module has no tier, or there is no such module.
    """

    tiers: Tier | Mapping[ModuleName, Tier] = Tier.LOW
    """One for all modules, or one for each."""

    def __post_init__(self) -> None:
        if not isinstance(self.tiers, int) and set(self.tiers) != set(MODULES):
            raise ConfigurationError(f"a FixedRouter needs one tier for each of {', '.join(MODULES)}")

    @classmethod
    def of(cls, tiers: Sequence[int]) -> FixedRouter:
        """Give the router of a tier vector, in the order of `MODULES`."""
        return cls({module: Tier(tier) for module, tier in zip(MODULES, tiers, strict=True)})

    @property
    def vector(self) -> tuple[Tier, ...]:
        """The tiers in the order of `MODULES`."""
        if isinstance(self.tiers, int):
            return (Tier(self.tiers),) * len(MODULES)
        return tuple(self.tiers[module] for module in MODULES)

    def choose(self, decision: Decision) -> Choice:
        return Choice(self.vector[MODULES.index(decision.module)])


@dataclass(frozen=True)
class RandomRouter:
    """A tier drawn for each module of each question, each as likely.

    Of the same question the same ones, with the same seed: runs side by side share no dice, and one that is
    resumed goes on as it would have.
    """

    seed: int = 0

    def choose(self, decision: Decision) -> Choice:
        key = f"{self.seed} {decision.module} ".encode() + decision.question.tobytes()
        dice = Random(blake2b(key, digest_size=8).digest())  # noqa: S311
        return Choice(Tier(dice.randrange(len(Tier))), 1 / len(Tier))
