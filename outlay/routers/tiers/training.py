"""Learning by doing: the policy answers a batch of questions, sees what that earned, and is improved."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from outlay.budget import Record
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Tier
from outlay.routers.tiers.episode import FIVE, unpacked
from outlay.routers.tiers.policy import ActorCritic, States
from outlay.routers.tiers.ppo import Batch, Diagnostics, adam, ppo_update

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.features import Features
    from outlay.routers.tiers.ppo import PPO
    from outlay.routers.tiers.rewards import Rewarding


class Played(NamedTuple):
    """A batch of questions that a policy answered: B of them, perhaps in several runs."""

    states: States
    """`(B, ..., 5)`, and features after that."""
    actions: Tensor
    """Tiers: `(B, ..., 5)`."""
    log_probs: Tensor
    """Of the actions, when they were taken: `(B, ..., 5)`."""
    task: Tensor
    """What the answers earned: `(B, ...)`."""
    usd: Tensor
    """Dollars of all modules together: `(B, ...)`."""
    trade_off: Tensor
    """Lambda, as the policy was told: `(B, ...)`."""


class Rollout(Protocol):
    """Has a batch of questions answered at the tiers that a policy draws."""

    def __call__(self, policy: ActorCritic) -> Played:
        """Answer a batch; called without gradients."""
        ...


class Progress(Record):
    """How training stood at an update: means over its batch, and over runs."""

    update: int
    """From 1."""
    reward: float
    task: float
    usd: float
    shares: tuple[tuple[float, ...], ...]
    """By module, then by tier: how often the tier was drawn."""
    diagnostics: Diagnostics


def train(
    policy: ActorCritic, rollout: Rollout, rewarding: Rewarding, ppo: PPO, *, updates: int
) -> Iterator[Progress]:
    """Improve `policy` in place, one update for each progress that is asked for.

    Raises:
        ConfigurationError: A reward is not finite, or a cost negative.
    """
    optimiser = adam(policy, ppo)
    for update in range(1, updates + 1):
        with torch.no_grad():
            played = rollout(policy)
        rewards = rewarding(_array(played.task), _array(played.usd), _array(played.trade_off))
        returns = torch.as_tensor(rewards, dtype=torch.float32, device=played.log_probs.device)
        batch = Batch(played.states, played.actions, played.log_probs, returns)
        yield Progress(
            update=update,
            reward=float(returns.mean()),
            task=float(played.task.float().mean()),
            usd=float(played.usd.mean()),
            shares=_shares(played.actions),
            diagnostics=ppo_update(policy, optimiser, batch, ppo),
        )


def played(episodes: Sequence[Episode], features: Features) -> Played:
    """Give what was really run as a batch, to learn from it as it was drawn.

    Raises:
        ConfigurationError: There are no episodes.
        PolicyError: Vectors are of another dimension.
    """
    if not episodes:
        raise ConfigurationError("there is nothing to learn from without an episode")
    questions = features.vectors([unpacked(e.question) for e in episodes])
    given = features.vectors([unpacked(v) for e in episodes for v in e.given])
    trade_off = np.array([e.trade_off for e in episodes], dtype=np.float32)
    rows = features.joined(
        questions[:, None].repeat(FIVE, axis=1),
        given.reshape(len(episodes), FIVE, features.dimension),
        trade_off[:, None].repeat(FIVE, axis=1),
        np.array([e.left for e in episodes], dtype=np.float32),
    )
    return Played(
        states=States(torch.from_numpy(rows), torch.arange(FIVE).expand(len(episodes), FIVE)),
        actions=torch.tensor([e.tiers for e in episodes]),
        log_probs=torch.tensor([e.log_probs for e in episodes]),
        task=torch.tensor([e.task for e in episodes], dtype=torch.float64),
        usd=torch.tensor([e.total_usd for e in episodes], dtype=torch.float64),
        trade_off=torch.from_numpy(trade_off),
    )


def _array(values: Tensor) -> NDArray[np.float64]:
    return np.asarray(values.double().cpu().numpy())


def _shares(actions: Tensor) -> tuple[tuple[float, ...], ...]:
    drawn = actions.reshape(-1, actions.shape[-1])
    return tuple(
        tuple(float((drawn[:, place] == tier).float().mean()) for tier in Tier)
        for place in range(drawn.shape[-1])
    )
