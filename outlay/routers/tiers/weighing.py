"""How much of a log speaks for a router: importance weights, and how many episodes they are worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.learned import LearnedRouter

FEWEST_EPISODES: Final = 10
LEAST_SHARE: Final = 0.2
"""Of the questions: a log that had run for each what the policy does would be worth about all of them."""


class Support(Record):
    """What the episodes of a log weigh when they are taken for those of a router at one trade-off."""

    trade_off: float
    episodes: int
    questions: int
    effective_sample_size: float
    """(sum w)^2 / sum w^2 of the weights w, as if so many episodes were the router's own (Kong 1992), which
    draws its tiers."""
    greatest_weight: float
    """1 where the router draws as the log was drawn."""
    task: float | None
    """Mean task reward of the router by these weights, which sum to 1 (self-normalised importance sampling);
    `None` where no weight is positive."""
    usd: float | None
    """Mean dollars, likewise."""

    @property
    def thin(self) -> bool:
        """Whether the log says little of what the policy does, for the questions that are in it."""
        return self.effective_sample_size < max(FEWEST_EPISODES, LEAST_SHARE * self.questions)


def support(router: LearnedRouter, episodes: Sequence[Episode], trade_off: float) -> Support:
    """Weigh a log as if `router` had drawn its tiers.

    Raises:
        PolicyError: The log, or the trade-off, does not fit the router.
    """
    weights = importance_weights(router, episodes, trade_off)
    total, squares = weights.sum(), (weights**2).sum()
    shares = weights / total if total else None
    return Support(
        trade_off=trade_off,
        episodes=len(episodes),
        questions=len({e.id for e in episodes}),
        effective_sample_size=float(total**2 / squares) if squares else 0.0,
        greatest_weight=float(weights.max(initial=0.0)),
        task=None if shares is None else float(shares @ np.array([e.task for e in episodes])),
        usd=None if shares is None else float(shares @ np.array([e.total_usd for e in episodes])),
    )


def importance_weights(
    router: LearnedRouter, episodes: Sequence[Episode], trade_off: float
) -> NDArray[np.float64]:
    """Give how much likelier each episode's tiers are with `router` than when it was run: `(r,)`."""
    was = np.log([e.behaviour for e in episodes])
    return np.asarray(np.exp(router.log_likelihoods(episodes, trade_off) - was))
