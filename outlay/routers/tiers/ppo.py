"""Proximal policy optimisation (Schulman et al. 2017, arXiv 1707.06347) where an episode is one question.

Five tiers are chosen for a question, then one reward comes: so the ratio is that of all five choices
together, the return is the reward, and the value is the critic's at the first decision (BudgetMem, arXiv
2602.06025). Every mean is over the first axis; runs along axes after it are summed, so that the gradient of
each is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from outlay.budget import Record, Settings
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.routers.tiers.policy import ActorCritic, States


class PPO(Settings):
    """Hyper-parameters, with the paper's values."""

    learning_rate: float = Field(default=3e-4, gt=0)
    """Of Adam."""
    epsilon: float = Field(default=1e-5, gt=0)
    """Of Adam."""
    batch: int = Field(default=32, gt=0)
    """Questions per update."""
    epochs: int = Field(default=4, gt=0)
    """Passes over each batch, whole."""
    clip: float = Field(default=0.2, gt=0)
    """How far the ratio, and the value, may move from where they were."""
    value_coefficient: float = Field(default=0.5, ge=0)
    entropy_coefficient: float = Field(default=0.01, ge=0)
    """What the mean entropy of the five choices counts."""
    max_grad_norm: float = Field(default=0.5, gt=0)
    log_ratio_limit: float = Field(default=10.0, gt=0)
    """Either way, before the ratio is taken."""


class Batch(NamedTuple):
    """Questions that were answered: B of them, perhaps in several runs, M decisions each."""

    states: States
    """`(B, ..., M)`, and features after that."""
    actions: Tensor
    """Tiers: `(B, ..., M)`."""
    log_probs: Tensor
    """Of the actions, under the policy that took them: `(B, ..., M)`."""
    rewards: Tensor
    """`(B, ...)`."""


class Diagnostics(Record):
    """How an update went; means over runs."""

    approx_kl: float
    """Estimate of the divergence from the policy that acted (http://joschu.net/blog/kl-approx.html)."""
    clipfrac: float
    """Share of questions whose ratio was clipped."""
    entropy: float
    """Nats per decision, ln 3 at most."""
    explained_variance: float
    """Share of the rewards' variance that the critic foresaw; 0 where rewards do not vary."""
    policy_loss: float
    value_loss: float


def adam(policy: ActorCritic, ppo: PPO) -> torch.optim.Optimizer:
    """Give the optimiser that `ppo_update` steps."""
    return torch.optim.Adam(policy.parameters(), lr=ppo.learning_rate, eps=ppo.epsilon)


def ppo_update(policy: ActorCritic, optimiser: torch.optim.Optimizer, batch: Batch, ppo: PPO) -> Diagnostics:
    """Improve the policy by what came of a batch, in place.

    Raises:
        ConfigurationError: A reward is not finite, or the batch is empty.
    """
    if not batch.rewards.numel() or not batch.rewards.isfinite().all():
        raise ConfigurationError("PPO needs one finite reward for each question, and one question at least")
    with torch.no_grad():
        values = policy.get_action_and_value(batch.states, batch.actions).values[..., 0]
    advantages = standardised(batch.rewards - values)
    for _ in range(ppo.epochs):
        loss, measured = ppo_loss(policy, batch, advantages, values, ppo)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        policy.clip_gradients(ppo.max_grad_norm)
        optimiser.step()
    return _read(measured, _explained_variance(values, batch.rewards))


class _Measured(NamedTuple):
    log_ratio: Tensor
    entropy: Tensor
    policy_loss: Tensor
    value_loss: Tensor
    clipped: Tensor


def ppo_loss(
    policy: ActorCritic, batch: Batch, advantages: Tensor, values: Tensor, ppo: PPO
) -> tuple[Tensor, _Measured]:
    """Give the loss, summed over runs, and what there is to say about it."""
    acted = policy.get_action_and_value(batch.states, batch.actions)
    log_ratio = joint_log_ratio(acted.log_probs, batch.log_probs, ppo.log_ratio_limit)
    pg_loss = policy_loss(log_ratio.exp(), advantages, ppo.clip).mean(0)
    v_loss = value_loss(acted.values[..., 0], values, batch.rewards, ppo.clip).mean(0)
    entropy = acted.entropies.mean(-1).mean(0)
    loss = pg_loss + ppo.value_coefficient * v_loss - ppo.entropy_coefficient * entropy
    clipped = (log_ratio.exp() - 1).abs() > ppo.clip
    return loss.sum(), _Measured(*(part.detach() for part in (log_ratio, entropy, pg_loss, v_loss, clipped)))


def joint_log_ratio(new: Tensor, old: Tensor, limit: float) -> Tensor:
    """Give the log of how much likelier all of a question's choices became together.

    Args:
        new: Log-probabilities by the policy as it is, `(..., M)`.
        old: By the policy that chose.
        limit: Of the log-ratio, either way.
    """
    return (new - old).sum(-1).clamp(-limit, limit)


def policy_loss(ratio: Tensor, advantages: Tensor, clip: float) -> Tensor:
    """Give the clipped surrogate objective, negated (equation 7 of arXiv 1707.06347)."""
    return -torch.minimum(ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages)


def value_loss(new: Tensor, old: Tensor, returns: Tensor, clip: float) -> Tensor:
    """Give the larger of the squared errors of the value and of the value kept near where it was."""
    near = old + (new - old).clamp(-clip, clip)
    return torch.maximum((new - returns) ** 2, (near - returns) ** 2)


def standardised(advantages: Tensor) -> Tensor:
    """Centre, and divide by the sample deviation along the first axis.

    A single one is left as it is, and those that do not differ are centred only.
    """
    if len(advantages) == 1:
        return advantages
    spread = advantages.std(0)
    return (advantages - advantages.mean(0)) / torch.where(spread > 1e-8, spread, 1.0)  # noqa: PLR2004


def _explained_variance(values: Tensor, rewards: Tensor) -> float:
    spread = rewards.var(0, correction=0)
    left = (rewards - values).var(0, correction=0)
    return float(torch.where(spread > 0, 1 - left / spread, 0.0).mean())


def _read(measured: _Measured, explained_variance: float) -> Diagnostics:
    log_ratio = measured.log_ratio
    return Diagnostics(
        approx_kl=float((log_ratio.exp() - 1 - log_ratio).mean()),
        clipfrac=float(measured.clipped.float().mean()),
        entropy=float(measured.entropy.mean()),
        explained_variance=explained_variance,
        policy_loss=float(measured.policy_loss.mean()),
        value_loss=float(measured.value_loss.mean()),
    )
