"""The page's toy: two kinds of question, five modules, and tiers of which two help the hard kind."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers import PPO, ActorCritic, Played, SideBySide, States, train

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers import Rewarding

KINDS = ("easy", "hard")
TIER_USD = np.array([0.0, 1e-4, 4e-4])
VECTORS = tuple(product(Tier, repeat=len(MODULES)))
TEMPORAL, SUMMARY = MODULES.index("temporal"), MODULES.index("summary")
CHEAPEST = {
    "easy": (0, 0, 0, 0, 0),
    "hard": (0, 0, 2, 0, 1),
}
"""The least that earns a task reward of 1."""
TOY = PPO(learning_rate=0.05)
UPDATES = 600


def task_reward(kinds: Tensor, actions: Tensor) -> Tensor:
    """Kinds `(...)`, actions `(..., 5)`."""
    hard = 0.2 + 0.5 * (actions[..., TEMPORAL] == 2) + 0.3 * (actions[..., SUMMARY] >= 1)
    return torch.where(kinds == 1, hard, 1.0)


def usd(actions: Tensor) -> Tensor:
    return torch.as_tensor(TIER_USD, dtype=torch.float64)[actions].sum(-1)


class Tabular(ActorCritic):
    """A number per kind, module and tier; a state says which kind it is, and modules come in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(len(KINDS), len(MODULES), len(Tier)))
        self.values = nn.Parameter(torch.zeros(len(KINDS)))

    def forward(self, states: States) -> tuple[Tensor, Tensor]:
        kinds = states.features[..., 0, :]
        logits = torch.einsum("...k,kmt->...mt", kinds, self.logits)
        return logits, (kinds @ self.values)[..., None].expand(states.modules.shape)


class Runs(NamedTuple):
    """What the policies of several runs came to."""

    tiers: NDArray[np.int64]
    """Likeliest, by run, kind and module."""
    task: NDArray[np.float64]
    """Mean task reward of those, by run."""
    usd: NDArray[np.float64]
    """Mean dollars of those, by run."""

    def tiers_of(self, kind: str) -> list[tuple[int, ...]]:
        return [tuple(map(int, row)) for row in self.tiers[:, KINDS.index(kind)]]


def states_of(kinds: Tensor) -> States:
    """Kinds `(...)` to states `(..., 5)`."""
    shape = (*kinds.shape, len(MODULES))
    features = nn.functional.one_hot(kinds, len(KINDS)).float()[..., None, :].expand(*shape, len(KINDS))
    return States(features, torch.arange(len(MODULES)).expand(shape))


class ToyRollout(NamedTuple):
    """Asks questions of either kind, by batch and run."""

    trade_offs: tuple[float, ...]
    dice: torch.Generator
    noisy: bool = False

    def __call__(self, policy: ActorCritic) -> Played:
        kinds = torch.randint(len(KINDS), (TOY.batch, len(self.trade_offs)), generator=self.dice)
        states = states_of(kinds)
        acted = policy.get_action_and_value(states, generator=self.dice)
        task = task_reward(kinds, acted.actions)
        return Played(
            states=states,
            actions=acted.actions,
            log_probs=acted.log_probs,
            task=torch.bernoulli(task, generator=self.dice) if self.noisy else task,
            usd=usd(acted.actions),
            trade_off=torch.tensor(self.trade_offs).expand(kinds.shape),
        )


def learn(
    trade_offs: Sequence[float], rewarding: Rewarding, *, noisy: bool = False, updates: int = UPDATES
) -> Runs:
    """Train one tabular policy per trade-off, side by side."""
    policy = SideBySide([Tabular() for _ in trade_offs])
    rollout = ToyRollout(tuple(trade_offs), torch.Generator().manual_seed(0), noisy)
    for _ in train(policy, rollout, rewarding, TOY, updates=updates):
        pass
    return _greedy(policy, len(trade_offs))


def _greedy(policy: SideBySide, runs: int) -> Runs:
    kinds = torch.arange(len(KINDS))[:, None].expand(len(KINDS), runs)
    with torch.no_grad():
        tiers = policy.greedy(states_of(kinds))
    return Runs(
        tiers=tiers.transpose(0, 1).numpy(),
        task=task_reward(kinds, tiers).mean(0).numpy(),
        usd=usd(tiers).mean(0).numpy(),
    )
