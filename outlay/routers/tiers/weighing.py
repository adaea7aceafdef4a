"""How much of a log speaks for a router: importance weights, and how much of what it does was run at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import numpy as np

from outlay.budget import Record
from outlay.routers.tiers.episode import behaviours

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers.episode import Episode

FEWEST_EPISODES: Final = 10
LEAST_SHARE: Final = 0.2
"""Of the questions: a log that had run for each what the policy does would be worth about all of them."""
LEAST_COVERED: Final = 0.5
"""Of what the policy does: with less, most of it is nothing that was ever seen."""


class Likely(Protocol):
    """A router that says how likely it is to do what was logged."""

    def log_likelihoods(self, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.float64]:
        """Give one for each episode, were the tiers drawn: logs, `(r,)`."""
        ...

    def is_greedy(self, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.bool_]:
        """Say of each episode whether the likeliest tiers were run, `(r,)`."""
        ...


class Support(Record):
    """What the episodes of a log weigh when they are taken for those of a router at one trade-off.

    Weights say nothing of tier vectors that no question could be run at, however likely the router is to
    choose them: the coverages do.
    """

    trade_off: float
    episodes: int
    questions: int
    run: float
    """The share of questions that were run at the likeliest tiers, which are what the router takes; the mean
    of their weights, so that it is the same in expectation where tiers were drawn."""
    run_sample_size: float
    """How many episodes the log is worth for the likeliest tiers: (sum w)^2 / sum w^2 of their weights w
    (Kong 1992)."""
    coverage: float
    """How likely the router would be, were it to draw its tiers, to draw some that could be in the log: the
    mean weight."""
    effective_sample_size: float
    """Likewise for a router that draws, as if so many of the episodes that there are were its own."""
    greatest_weight: float
    """1 where the router draws as the log was drawn."""

    @property
    def thin(self) -> bool:
        """Whether the log says little of what the policy does, for the questions that are in it."""
        few = self.run_sample_size < max(FEWEST_EPISODES, LEAST_SHARE * self.questions)
        return few or min(self.run, self.coverage) < LEAST_COVERED


def support(router: Likely, episodes: Sequence[Episode], trade_off: float) -> Support:
    """Weigh a log as if `router` had drawn its tiers, and as if it had taken the likeliest.

    Raises:
        PolicyError: The log, or the trade-off, does not fit the router.
    """
    drawn = _weighed(importance_weights(router, episodes, trade_off))
    taken = _weighed(router.is_greedy(episodes, trade_off) / behaviours(episodes))
    return Support(
        trade_off=trade_off,
        episodes=len(episodes),
        questions=len({e.id for e in episodes}),
        run=taken.mean,
        run_sample_size=taken.size,
        coverage=drawn.mean,
        effective_sample_size=drawn.size,
        greatest_weight=drawn.greatest,
    )


def importance_weights(router: Likely, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.float64]:
    """Give how much likelier each episode's tiers are with `router` than when it was run: `(r,)`."""
    was = np.log(behaviours(episodes))
    return np.asarray(np.exp(router.log_likelihoods(episodes, trade_off) - was))


class _Weighed(NamedTuple):
    mean: float
    size: float
    greatest: float


def _weighed(weights: NDArray[np.float64]) -> _Weighed:
    total, squares = weights.sum(), (weights**2).sum()
    # Of tiers that were drawn, luck makes the mean more than 1, which no share is.
    mean = min(1.0, float(total / len(weights))) if len(weights) else 0.0
    return _Weighed(mean, float(total**2 / squares) if squares else 0.0, float(weights.max(initial=0.0)))
