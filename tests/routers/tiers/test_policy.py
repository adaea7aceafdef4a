"""The network: its size, its shapes, and that acting and judging agree."""

from __future__ import annotations

import pytest
import torch

from outlay.errors import PolicyError
from outlay.memory.modules.routing import MODULES
from outlay.routers.tiers import Policy, States


def policy(dimension: int = 6, *, context: int = 0, seed: int = 0) -> Policy:
    dice = torch.Generator().manual_seed(7)
    return Policy(torch.randn(5, dimension, generator=dice), context=context, hidden=16, seed=seed)


def states(count: int, dimension: int = 6, context: int = 0) -> States:
    dice = torch.Generator().manual_seed(8)
    return States(
        torch.randn(count, 5, 2 * dimension + context, generator=dice), torch.arange(5).expand(count, 5)
    )


def test_the_papers_network_has_857604_parameters() -> None:
    assert sum(p.numel() for p in Policy(torch.zeros(5, 768)).parameters()) == 857_604


def test_logits_are_three_for_each_state_and_values_one() -> None:
    logits, values = policy(context=2)(states(4, context=2))
    assert (logits.shape, values.shape) == ((4, 5, 3), (4, 5))
    one = States(torch.zeros(9, 12), torch.zeros(9, dtype=torch.int64))
    assert policy()(one)[0].shape == (9, 3)


def test_the_likeliest_tiers_are_the_same_every_time() -> None:
    net = policy()
    assert torch.equal(net.greedy(states(50)), net.greedy(states(50)))
    assert torch.equal(net.greedy(states(50)), net(states(50))[0].argmax(-1))


def test_a_seed_decides_weights_and_draws_whatever_else_was_drawn() -> None:
    first = policy(seed=3)
    torch.rand(5)
    again, other = policy(seed=3), policy(seed=4)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    assert not torch.equal(first.asked.weight, other.asked.weight)
    draws = [
        first.get_action_and_value(states(20), generator=torch.Generator().manual_seed(5)).actions
        for _ in range(2)
    ]
    assert torch.equal(*draws)


def test_judging_what_was_drawn_gives_what_drawing_gave() -> None:
    net = policy()
    drawn = net.get_action_and_value(states(30), generator=torch.Generator().manual_seed(1))
    judged = net.get_action_and_value(states(30), drawn.actions)
    for of_drawing, of_judging in zip(drawn, judged, strict=True):
        assert torch.equal(of_drawing, of_judging)
    assert drawn.actions.shape == drawn.log_probs.shape == (30, 5)


def test_draws_follow_the_probabilities() -> None:
    net = policy()
    same = States(states(1).features.expand(4000, 5, 12), torch.arange(5).expand(4000, 5))
    drawn = net.get_action_and_value(same, generator=torch.Generator().manual_seed(2)).actions
    shares = torch.nn.functional.one_hot(drawn, 3).float().mean(0)
    assert torch.allclose(shares, net(same)[0][0].softmax(-1), atol=0.05)


def test_entropy_is_that_of_the_probabilities() -> None:
    net = policy()
    acted = net.get_action_and_value(states(3), torch.zeros(3, 5, dtype=torch.int64))
    chances = net(states(3))[0].softmax(-1)
    assert torch.allclose(acted.entropies, torch.special.entr(chances).sum(-1), atol=1e-6)


def test_each_module_has_a_description_of_its_own_that_is_trained() -> None:
    net = policy()
    alike = States(torch.ones(5, 12), torch.arange(5))
    logits = net(alike)[0]
    assert len({tuple(row) for row in logits.tolist()}) == len(MODULES)
    logits[2].sum().backward()
    moved = net.descriptions.grad
    assert moved is not None
    assert [bool(row.any()) for row in moved] == [False, False, True, False, False]


@pytest.mark.parametrize(
    "shape", [(4,), (4, 4), (3, 5)], ids=["one each", "a module short", "a question short"]
)
def test_actions_that_are_not_one_for_each_module_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(PolicyError, match=r"one per module.*filter, entity, temporal, topic, summary"):
        policy().get_action_and_value(states(4), torch.zeros(shape, dtype=torch.int64))


def test_descriptions_must_be_one_for_each_module() -> None:
    with pytest.raises(PolicyError, match="4 descriptions for 5 modules"):
        Policy(torch.zeros(4, 6))
