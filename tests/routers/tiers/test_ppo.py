"""The update, against numbers worked by hand."""

from __future__ import annotations

from math import exp, log

import numpy as np
import pytest
import torch
from routers.tiers.toy import Tabular, states_of

from outlay.errors import ConfigurationError
from outlay.routers.tiers import PPO, Batch, SideBySide, adam, ppo_update
from outlay.routers.tiers.ppo import joint_log_ratio, policy_loss, standardised, value_loss
from outlay.routers.tiers.rewards import reward

KINDS = torch.tensor([0, 1, 0, 1])
ACTIONS = torch.tensor([[0, 1, 2, 0, 1], [2, 2, 2, 2, 2], [0, 0, 0, 0, 0], [1, 0, 2, 1, 0]])
REWARDS = torch.tensor([1.0, 0.0, 0.5, 0.7])


def batch(rewards: torch.Tensor = REWARDS) -> Batch:
    count = len(rewards)
    uniform = torch.full((count, 5), -log(3))
    return Batch(states_of(KINDS[:count]), ACTIONS[:count], uniform, rewards)


def test_five_changes_of_log_probability_are_one_ratio() -> None:
    old = torch.full((1, 5), -1.0)
    ratio = joint_log_ratio(old + 0.05, old, 10.0).exp()
    assert float(ratio) == pytest.approx(exp(0.25))
    assert float(ratio) == pytest.approx(1.2840, abs=1e-4)
    assert float(policy_loss(ratio, torch.ones(1), 0.2)) == pytest.approx(-1.2)


@pytest.mark.parametrize(
    ("change", "advantage", "moves"),
    [(0.05, 1.0, False), (0.05, -1.0, True), (-0.05, 1.0, True), (-0.05, -1.0, False), (0.01, 1.0, True)],
    ids=["clipped above", "worse, made likelier", "better, made rarer", "clipped below", "inside"],
)
def test_what_is_clipped_has_no_gradient(change: float, advantage: float, *, moves: bool) -> None:
    new = torch.full((1, 5), -1.0 + change, requires_grad=True)
    ratio = joint_log_ratio(new, torch.full((1, 5), -1.0), 10.0).exp()
    torch.autograd.backward(policy_loss(ratio, torch.tensor([advantage]), 0.2).sum())
    assert new.grad is not None
    assert bool(new.grad.any()) is moves


def test_a_log_ratio_is_kept_within_its_limit() -> None:
    ends = joint_log_ratio(
        torch.tensor([[-99.0] * 5, [0.0] * 5]), torch.tensor([[0.0] * 5, [-99.0] * 5]), 10.0
    )
    assert ends.tolist() == [-10.0, 10.0]


def test_advantages_of_both_published_rewards_are_those_of_the_table() -> None:
    task, r_cost, factor = [0.0, 0.5, 1.0, 1.0], [1.0, 0.75, 0.25, 0.0], 1.0488088
    for form in ("paper", "code"):
        rewards = torch.as_tensor(reward(task, r_cost, 0.3, factor, form=form))
        assert standardised(rewards).tolist() == pytest.approx([-1.3575, -0.1345, 0.8602, 0.6318], abs=1e-4)


def test_advantages_without_spread_are_centred_and_a_single_one_is_kept() -> None:
    assert standardised(torch.tensor([0.7])).tolist() == pytest.approx([0.7])
    assert standardised(torch.tensor([0.7, 0.7, 0.7])).tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-7)


def test_the_value_loss_is_the_larger_of_two() -> None:
    old, returns = torch.zeros(3), torch.ones(3)
    losses = value_loss(torch.tensor([0.1, 0.5, -0.5]), old, returns, 0.2)
    assert losses.tolist() == pytest.approx([0.9**2, 0.8**2, 1.5**2])


def test_one_epoch_is_the_gradient_worked_by_hand() -> None:
    """From uniform tiers and values of 0 the ratio is 1, and a logit moves by A (1[taken] - 1/3) / B."""
    policy = Tabular()
    settings = PPO(learning_rate=1.0, epochs=1, entropy_coefficient=0.0, max_grad_norm=1e9)
    optimiser = torch.optim.SGD(policy.parameters(), lr=1.0)
    ppo_update(policy, optimiser, batch(), settings)
    rewards = REWARDS.double().numpy()
    advantages = (rewards - rewards.mean()) / rewards.std(ddof=1)
    expected = np.zeros((2, 5, 3))
    for kind, actions, advantage in zip(KINDS.tolist(), ACTIONS.tolist(), advantages, strict=True):
        expected[kind] += advantage * (np.eye(3)[actions] - 1 / 3) / len(rewards)
    assert policy.logits.detach().numpy() == pytest.approx(expected, abs=1e-6)
    # The values': 0.5 times the mean squared error, each kind's own questions.
    assert policy.values.tolist() == pytest.approx([(1.0 + 0.5) / 4, (0.0 + 0.7) / 4])


def test_entropy_is_worth_something_where_rewards_do_not_differ() -> None:
    policy = Tabular()
    with torch.no_grad():
        policy.logits[..., 0] = 1.0
    before = policy.logits.detach().clone()
    ppo_update(policy, adam(policy, PPO()), batch(torch.ones(4)), PPO(value_coefficient=0.0))
    assert (policy.logits[0, 0, 0] < before[0, 0, 0]).item()


def test_diagnostics_are_those_of_a_policy_that_has_not_moved_and_of_one_that_has() -> None:
    policy = Tabular()
    still = ppo_update(policy, adam(policy, PPO()), batch(), PPO(epochs=1))
    assert still.approx_kl == pytest.approx(0, abs=1e-6)
    assert still.clipfrac == 0.0
    assert still.entropy == pytest.approx(log(3))
    assert still.explained_variance == pytest.approx(0.0)
    eager = PPO(epochs=30, learning_rate=0.3)
    moved = ppo_update(policy, adam(policy, eager), batch(), eager)
    assert moved.approx_kl > 0.01
    assert moved.clipfrac > 0
    assert moved.entropy < log(3)


def test_a_critic_that_foresees_rewards_explains_their_variance() -> None:
    policy = Tabular()
    with torch.no_grad():
        policy.values.copy_(torch.tensor([1.0, 0.0]))
    told = ppo_update(policy, adam(policy, PPO()), batch(torch.tensor([1.0, 0.0, 1.0, 0.0])), PPO())
    assert told.explained_variance == pytest.approx(1.0)


def test_a_single_question_can_be_learnt_from() -> None:
    policy = Tabular()
    ppo_update(policy, adam(policy, PPO()), batch(torch.tensor([1.0])), PPO())
    [taken] = ACTIONS[:1].tolist()
    assert policy.logits[0].argmax(-1).tolist() == taken


@pytest.mark.parametrize("rewards", [[float("nan"), 1.0], [float("inf"), 1.0], []])
def test_rewards_that_are_none_are_refused_and_nothing_is_learnt(rewards: list[float]) -> None:
    policy = Tabular()
    with pytest.raises(ConfigurationError, match="finite reward"):
        ppo_update(policy, adam(policy, PPO()), batch(torch.tensor(rewards)), PPO())
    assert not policy.logits.any()


def test_gradients_of_runs_side_by_side_are_each_shortened_alone() -> None:
    together = SideBySide([Tabular(), Tabular()])
    logits = together.stacked[0]
    for parameter in together.stacked:
        parameter.grad = torch.zeros_like(parameter)
    assert logits.grad is not None
    logits.grad[0, 0, 0, 0], logits.grad[1, 0, 0, 0] = 100.0, 0.1
    together.clip_gradients(0.5)
    assert logits.grad[:, 0, 0, 0].tolist() == pytest.approx([0.5, 0.1])


def test_runs_side_by_side_become_what_each_becomes_alone() -> None:
    rewards = torch.tensor([[1.0, 0.2], [0.0, 0.9], [0.5, 0.1], [0.7, 0.7]])
    alone = [Tabular(), Tabular()]
    together = SideBySide([Tabular(), Tabular()])
    optimiser = adam(together, PPO(learning_rate=0.1))
    uniform = torch.full((4, 2, 5), -log(3))
    both = Batch(states_of(KINDS[:, None].expand(4, 2)), ACTIONS[:, None].expand(4, 2, 5), uniform, rewards)
    for _ in range(3):
        ppo_update(together, optimiser, both, PPO())
    for run, policy in enumerate(alone):
        own = adam(policy, PPO(learning_rate=0.1))
        for _ in range(3):
            ppo_update(policy, own, batch(rewards[:, run]), PPO())
        found = Tabular()
        together.load_into(found, run)
        assert torch.allclose(found.logits, policy.logits, atol=1e-5)
        assert torch.allclose(found.values, policy.values, atol=1e-5)


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="clip"):
        PPO(clip=0.0)
