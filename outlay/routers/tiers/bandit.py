"""LinUCB with disjoint linear models (Li et al. 2010, arXiv 1003.0146, algorithm 1), one bandit per module.

The arms of a bandit are the tiers. What a question earned is told to all five: none knows what the others
did, which is what the learned policy is set beside.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Choice, Tier
from outlay.routers.tiers.rewards import checked

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from outlay.memory.modules.routing import Decision
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.rewards import FixedReward

    Array = NDArray[np.float64]


class LinUCB:
    """Picks the tier that may be best: the reward it predicts, and `alpha` deviations of its uncertainty.

    It reads the question's vector and a constant, and learns the rewards of one trade-off.

    Args:
        dimension: d, of the question's vector.
        alpha: 0 picks what was best so far.
        ridge: The larger, the more a model must see to move.

    Raises:
        ConfigurationError: `alpha` is negative, or another is not positive.
    """

    def __init__(self, dimension: int, *, alpha: float = 1.0, ridge: float = 1.0) -> None:
        if dimension < 1 or alpha < 0 or ridge <= 0:
            raise ConfigurationError("LinUCB needs a dimension and a ridge above 0, and an alpha from 0 on")
        self.alpha = alpha
        self._size = dimension + 1
        shape = (len(MODULES), len(Tier))
        self._inverse = np.broadcast_to(np.eye(self._size) / ridge, (*shape, self._size, self._size)).copy()
        self._sums = np.zeros((*shape, self._size))

    def choose(self, decision: Decision) -> Choice:
        place, seen = MODULES.index(decision.module), self._seen(decision)
        spread = self._inverse[place] @ seen
        expected = (spread * self._sums[place]).sum(-1)
        return Choice(Tier(int(np.argmax(expected + self.alpha * np.sqrt(spread @ seen)))))

    def learn(self, decision: Decision, tier: Tier, reward: float) -> None:
        """Take in what came of `tier`.

        Raises:
            ConfigurationError: The reward is not finite, or the question's vector of another dimension.
        """
        place, seen = MODULES.index(decision.module), self._seen(decision)
        self._sums[place, tier] += float(checked("reward", reward)) * seen
        inverse = self._inverse[place, tier]
        spread = inverse @ seen
        # Sherman and Morrison: the inverse of A + x x'.
        inverse -= np.outer(spread, spread) / (1 + seen @ spread)

    def learn_log(self, episodes: Iterable[Episode], reward: FixedReward, trade_off: float) -> None:
        """Take in all that was logged, as it was worth at one trade-off."""
        for episode in episodes:
            worth = float(reward(episode.task, episode.total_usd, trade_off))
            for place, tier in enumerate(episode.tiers):
                self.learn(episode.decision(place, trade_off), tier, worth)

    def _seen(self, decision: Decision) -> Array:
        if decision.question.shape != (self._size - 1,):
            raise ConfigurationError(
                f"a question of shape {decision.question.shape} for a LinUCB of dimension {self._size - 1}"
            )
        return np.append(decision.question.astype(float), 1.0)
