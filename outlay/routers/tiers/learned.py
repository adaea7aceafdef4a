"""The router that is learnt: a policy, and what it fits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import torch

from outlay.memory.modules.routing import Choice, Tier
from outlay.routers.tiers import checkpoint
from outlay.routers.tiers.features import places
from outlay.routers.tiers.policy import Policy, States

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from outlay.memory.modules.routing import Decision, Tiering
    from outlay.retrieval import Embedder
    from outlay.routers.tiers.checkpoint import Card
    from outlay.routers.tiers.episode import Episode


@dataclass(frozen=True, eq=False)
class LearnedRouter:
    """Picks the tier its policy thinks likeliest, or, to learn, draws one."""

    policy: Policy
    card: Card
    """What the policy fits; decisions that do not fit are refused."""
    generator: torch.Generator | None = None
    """What to draw from; `None`: the likeliest tier is picked."""
    _drawing: Lock = field(default_factory=Lock, init=False, repr=False)

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, embedder: Embedder | None = None, tiering: Tiering | None = None
    ) -> LearnedRouter:
        """Read a policy that was saved.

        Raises:
            PolicyError: It cannot be read, or does not fit these modules, this embedder or this tiering.
        """
        return cls(*checkpoint.load(path, embedder=embedder, tiering=tiering))

    def save(self, path: str | PathLike[str]) -> None:
        """Write the policy and what it fits, all or nothing."""
        checkpoint.save(path, self.policy, self.card)

    def check(self, embedder: Embedder | None, tiering: Tiering, trade_off: float) -> None:
        """Refuse an embedder, a tiering, or a trade-off, that the policy was not trained with.

        Raises:
            PolicyError: It is another one.
        """
        checkpoint.check_fit(self.card, embedder, tiering, "the policy")
        checkpoint.check_trade_off(self.card, trade_off)

    def sampling(self, seed: int) -> LearnedRouter:
        """Give the same router, which draws: the same seed draws the same in the same order."""
        return replace(self, generator=torch.Generator().manual_seed(seed))

    def choose(self, decision: Decision) -> Choice:
        """Pick the tier of one module.

        Raises:
            PolicyError: The decision does not fit the policy.
        """
        return self.choose_all([decision])[0]

    def choose_all(self, decisions: Sequence[Decision]) -> tuple[Choice, ...]:
        """Pick the tiers of several decisions at once, none of which waits for another.

        Raises:
            PolicyError: A decision is of another dimension, of a module that is not known, or at a trade-off
                that the policy was not trained for.
        """
        if not decisions:
            return ()
        chances = self._logits(decisions).softmax(-1)
        picked = self._picked(chances)
        likely = chances.gather(-1, picked[:, None])[:, 0]
        return tuple(
            Choice(Tier(tier), chance) for tier, chance in zip(picked.tolist(), likely.tolist(), strict=True)
        )

    def log_likelihoods(self, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.float64]:
        """Give how likely the tiers of logged episodes are with the policy, were they drawn: logs, `(r,)`.

        Raises:
            PolicyError: An episode, or the trade-off, does not fit the policy.
        """
        if not episodes:
            return np.empty(0)
        asked = [e.decision(place, trade_off) for e in episodes for place in range(len(e.tiers))]
        tiers = torch.tensor([e.tiers for e in episodes])
        logs = self._logits(asked).log_softmax(-1).reshape(*tiers.shape, -1)
        taken: NDArray[np.float64] = logs.gather(-1, tiers[..., None])[..., 0].sum(-1).double().numpy()
        return taken

    def is_greedy(self, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.bool_]:
        """Say of logged episodes whether their tiers are the likeliest with the policy, all five: `(r,)`.

        Raises:
            PolicyError: An episode, or the trade-off, does not fit the policy.
        """
        if not episodes:
            return np.empty(0, dtype=bool)
        asked = [e.decision(place, trade_off) for e in episodes for place in range(len(e.tiers))]
        tiers = torch.tensor([e.tiers for e in episodes])
        same = self._logits(asked).argmax(-1).reshape(tiers.shape) == tiers
        return np.asarray(same.all(-1).numpy())

    def _logits(self, decisions: Sequence[Decision]) -> torch.Tensor:
        for decision in decisions:
            checkpoint.check_trade_off(self.card, decision.trade_off)
        device = self.policy.descriptions.device
        states = States(
            torch.from_numpy(self.card.features.rows(decisions)).to(device),
            torch.from_numpy(places(decisions)).to(device),
        )
        with torch.inference_mode():
            logits: torch.Tensor = self.policy(states)[0].cpu()
        return logits

    def _picked(self, chances: torch.Tensor) -> torch.Tensor:
        if self.generator is None:
            return chances.argmax(-1)
        with self._drawing:
            return torch.multinomial(chances, 1, generator=self.generator)[:, 0]
