"""Routers that do not learn: what a policy must beat."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """A tier drawn for every decision; the same seed draws the same ones in the same order.

    Raises:
        ConfigurationError: The probabilities are not three, at least 0, that sum to 1.
    """

    seed: int = 0
    probabilities: tuple[float, float, float] = (1 / 3, 1 / 3, 1 / 3)
    """Of LOW, MID and HIGH."""
    _dice: Random = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        shares = self.probabilities
        if len(shares) != len(Tier) or not all(p >= 0 for p in shares) or abs(sum(shares) - 1) > 1e-6:  # noqa: PLR2004
            raise ConfigurationError(
                "a RandomRouter needs the probabilities of LOW, MID and HIGH, which sum to 1"
            )
        object.__setattr__(self, "_dice", Random(self.seed))  # noqa: S311

    def choose(self, decision: Decision) -> Choice:  # noqa: ARG002 - the protocol's
        [tier] = self._dice.choices(tuple(Tier), self.probabilities)
        return Choice(tier, self.probabilities[tier])
