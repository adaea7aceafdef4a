"""One policy for every trade-off, set beside policies that each know only theirs, on two toys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import torch
from routers.tiers.toy import KINDS, TEMPORAL, VECTORS, task_reward, usd

from outlay.routers.tiers import PPO, SWEEP, FixedReward, Played, Policy, SideBySide, States, train
from outlay.routers.tiers.outcomes import codes
from outlay.routers.tiers.walking import drawn_trade_offs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from outlay.routers.tiers import ActorCritic

DIMENSION: Final = 8
HIDDEN: Final = 32
LEARNING: Final = PPO(learning_rate=3e-3)
GAINS: Final = (0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3)
"""Of the graded toy: what the dearest temporal module adds, by kind of question."""


class World(NamedTuple):
    """Kinds of question, and what each earns at every tier vector; all on one scale that stays."""

    name: str
    task: NDArray[np.float64]
    """`(kinds, 243)`."""
    usd: NDArray[np.float64]
    """`(243,)`."""
    reward: FixedReward

    @classmethod
    def of(cls, name: str, task: NDArray[np.float64]) -> World:
        """Give the world whose scale is that of tiers drawn by dice."""
        dollars = usd(torch.tensor(VECTORS)).numpy()
        return cls(name, task, dollars, FixedReward.of(task.ravel(), np.tile(dollars, len(task))))

    def vectors(self) -> Tensor:
        """Give what a policy sees of each kind: `(kinds, d)`."""
        rows = torch.randn(len(self.task), DIMENSION, generator=torch.Generator().manual_seed(1))
        return torch.nn.functional.normalize(rows, dim=1)

    def rewards(self, tiers: Tensor, trade_off: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the mean reward over kinds of tiers `(kinds, runs, 5)` at a trade-off each: `(runs,)`."""
        run = codes(tiers.numpy())
        kinds = np.arange(len(self.task))[:, None]
        return np.asarray(self.reward(self.task[kinds, run], self.usd[run], trade_off).mean(0))


def page() -> World:
    """The page's toy: on this scale, the right tiers are the same at every trade-off above 0."""
    tiers = torch.tensor(VECTORS)
    task = torch.stack([task_reward(torch.full((len(tiers),), kind), tiers) for kind in range(len(KINDS))])
    return World.of("the page's toy", task.double().numpy())


def graded() -> World:
    """A toy where one kind of question after the other stops being worth its price as the trade-off grows."""
    dearest = np.array(VECTORS)[:, TEMPORAL] == 2
    return World.of("the graded toy", 0.6 + np.outer(GAINS, dearest))


class Asking(NamedTuple):
    """Asks questions of a world: a batch, by runs, each at a trade-off of its own or at drawn ones."""

    world: World
    runs: int
    dice: torch.Generator
    fixed: NDArray[np.float32] | None
    """By run; `None`: drawn, and told to the policy."""

    def __call__(self, policy: ActorCritic) -> Played:
        shape = (LEARNING.batch, self.runs)
        kinds = torch.randint(len(self.world.task), shape, generator=self.dice)
        drawn = drawn_trade_offs(SWEEP, shape, self.dice)
        trade_off = drawn if self.fixed is None else np.broadcast_to(self.fixed, shape)
        states = seen(self.world, kinds, trade_off if self.fixed is None else None)
        acted = policy.get_action_and_value(states, generator=self.dice)
        run = codes(acted.actions.numpy())
        return Played(
            states=states,
            actions=acted.actions,
            log_probs=acted.log_probs,
            task=torch.from_numpy(self.world.task[kinds.numpy(), run]),
            usd=torch.from_numpy(self.world.usd[run]),
            trade_off=torch.from_numpy(np.array(trade_off)),
        )


def seen(world: World, kinds: Tensor, told: NDArray[np.float32] | None) -> States:
    """Give the states of kinds `(...)`, with the trade-off where it is told."""
    question = world.vectors()[kinds]
    parts = [question, torch.zeros_like(question)]
    if told is not None:
        parts.append(torch.from_numpy(np.array(told, dtype=np.float32))[..., None])
    features = torch.cat(parts, dim=-1)[..., None, :]
    shape = (*kinds.shape, 5)
    return States(features.expand(*shape, features.shape[-1]), torch.arange(5).expand(shape))


def alone(
    world: World, sweep: Sequence[float], seeds: int, updates: int, ppo: PPO = LEARNING
) -> NDArray[np.float64]:
    """Give the reward of policies that know one trade-off each: `(len(sweep), seeds)`."""
    runs = len(sweep) * seeds
    fixed = np.repeat(np.asarray(sweep, dtype=np.float32), seeds)
    policy = _learnt(
        Asking(world, runs, torch.Generator().manual_seed(2), fixed), ppo, context=0, updates=updates
    )
    kinds = torch.arange(len(world.task))[:, None].expand(-1, runs)
    with torch.no_grad():
        tiers = policy.greedy(seen(world, kinds, None))
    return world.rewards(tiers, fixed.astype(float)).reshape(len(sweep), seeds)


def one(
    world: World, sweep: Sequence[float], seeds: int, updates: int, ppo: PPO = LEARNING
) -> NDArray[np.float64]:
    """Give the reward of policies that are told the trade-off, at each of them: `(len(sweep), seeds)`."""
    policy = _learnt(
        Asking(world, seeds, torch.Generator().manual_seed(3), None), ppo, context=1, updates=updates
    )
    kinds = torch.arange(len(world.task))[:, None].expand(-1, seeds)
    rewards = []
    for trade_off in sweep:
        told = np.full(kinds.shape, trade_off, dtype=np.float32)
        with torch.no_grad():
            tiers = policy.greedy(seen(world, kinds, told))
        rewards.append(world.rewards(tiers, np.full(seeds, trade_off)))
    return np.stack(rewards)


def best(world: World, sweep: Sequence[float]) -> NDArray[np.float64]:
    """Give the reward of the best tiers of each kind: `(len(sweep),)`."""
    worth = [world.reward(world.task, world.usd, trade_off).max(1).mean() for trade_off in sweep]
    return np.array(worth)


def _learnt(asking: Asking, ppo: PPO, *, context: int, updates: int) -> SideBySide:
    described = torch.randn(5, DIMENSION, generator=torch.Generator().manual_seed(4))
    policies = [Policy(described, context=context, hidden=HIDDEN, seed=seed) for seed in range(asking.runs)]
    policy = SideBySide(policies)
    for _ in train(policy, asking, asking.world.reward, ppo, updates=updates):
        pass
    return policy
