"""How the questions of a log are run: at stated tier vectors, and as a policy says."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from outlay.errors import ConfigurationError
from outlay.routers.tiers.fixed import FixedRouter
from outlay.routers.tiers.taken import followed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.modules import Router, Tier
    from outlay.routers.tiers.episode import Episode


class Way(NamedTuple):
    """How a question is run."""

    router: Router
    """Says the same tiers when it is asked the same."""
    trade_off: float | None = None
    """As the router is told; `None`: the strategy's own."""

    @property
    def vector(self) -> tuple[Tier, ...]:
        """The tiers, where they are stated; else empty."""
        return self.router.vector if isinstance(self.router, FixedRouter) else ()

    def is_in(self, own: Sequence[Episode], trade_off: float) -> bool:
        """Whether one of these runs of a question is at the tiers that this way takes.

        Args:
            own: The runs.
            trade_off: The strategy's.
        """
        if self.vector:
            return any(episode.tiers == self.vector for episode in own)
        if not own:
            return False
        episode, chosen = followed(self.router, own, trade_off if self.trade_off is None else self.trade_off)
        return episode.tiers == chosen


def at_vectors(vectors: Sequence[Sequence[int]]) -> tuple[Way, ...]:
    """Give the ways of tier vectors, each in the order of the modules.

    Those that begin alike come one after the other: a server's prompt cache serves them.

    Raises:
        ConfigurationError: One is given twice, or is none.
    """
    tiers = sorted({FixedRouter.of(vector).vector for vector in vectors})
    if len(tiers) != len(vectors):
        raise ConfigurationError("collecting takes each tier vector once, and one is given twice")
    return tuple(Way(FixedRouter.of(vector)) for vector in tiers)


def by_policy(policy: Router, trade_offs: Sequence[float]) -> tuple[Way, ...]:
    """Give the ways in which a policy has questions run: at what it takes at each trade-off.

    They are best collected before it is relied on: what a log does not have can only be predicted.
    """
    return tuple(Way(policy, trade_off) for trade_off in trade_offs)
