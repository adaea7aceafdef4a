"""What is logged, and that it comes back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from routers.tiers.worlds import DIMENSION, UNIFORM, designed, episode, given_vector, question_vector

from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError, PolicyError
from outlay.memory.modules.routing import MODULES, Choice, Decision, Tier
from outlay.routers.tiers import Episode, Features, played, read_log, write_log

if TYPE_CHECKING:
    from pathlib import Path

ASKED = np.ones(4, dtype=np.float32)
FREE = [Usage()] * 5


def decisions(count: int = 5) -> list[Decision]:
    return [Decision(module, ASKED, ASKED) for module in MODULES[:count]]


CHOICES = [Choice(Tier.LOW, 0.5)] * 5


def test_an_episode_says_what_was_decided_and_what_it_came_to() -> None:
    made = episode(3, (0, 1, 2, 0, 1))
    assert (made.kind, made.task) == ("hard", 1.0)
    assert made.tiers == (Tier.LOW, Tier.MID, Tier.HIGH, Tier.LOW, Tier.MID)
    assert made.total_usd == pytest.approx(6e-4)
    assert made.total_tokens == 600
    assert made.behaviour == pytest.approx(3.0**-5)
    assert made.log_probs == pytest.approx([UNIFORM] * 5)
    asked = made.decision(4, 0.3)
    assert (asked.module, asked.trade_off) == ("summary", 0.3)
    assert (asked.question == question_vector(3, "hard")).all()
    assert (asked.given == given_vector(3, 4, (0, 1, 2, 0, 1))).all()


def test_a_log_comes_back_bit_by_bit_and_can_be_added_to(tmp_path: Path) -> None:
    log, episodes = tmp_path / "log.jsonl", designed(range(2))
    write_log(log, episodes[:7])
    write_log(log, episodes[7:])
    assert read_log(log) == episodes


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    write_log(log, designed(range(1)))
    whole = log.read_bytes()
    log.write_bytes(whole[:-20])
    assert read_log(log) == designed(range(1))[:-1]


def test_a_log_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_log(tmp_path / "missing")
    (tmp_path / "log").write_text('{"id": "q"}\n')
    with pytest.raises(ConfigurationError, match="line 1 is no episode"):
        read_log(tmp_path / "log")


@pytest.mark.parametrize("task", [float("nan"), float("inf"), -0.1, 1.5])
def test_a_task_reward_that_is_none_is_refused(task: float) -> None:
    with pytest.raises(ConfigurationError, match="task"):
        Episode.of("q", decisions(), CHOICES, task=task, usage=FREE)


def test_an_unknown_price_is_no_price_of_0() -> None:
    with pytest.raises(ConfigurationError, match="price is unknown"):
        Episode.of("q", decisions(), CHOICES, task=1.0, usage=[*FREE[:4], Usage(usd=None)])


@pytest.mark.parametrize(
    "asked",
    [decisions(4), decisions()[::-1], [*decisions()[:4], decisions()[0]]],
    ids=["one is missing", "another order", "one is twice"],
)
def test_decisions_come_in_one_fixed_order(asked: list[Decision]) -> None:
    with pytest.raises(ConfigurationError, match="in this order"):
        Episode.of("q", asked, CHOICES, task=1.0, usage=FREE)


def test_vectors_of_two_dimensions_are_refused() -> None:
    mixed = [*decisions()[:4], Decision("summary", ASKED, np.ones(3, dtype=np.float32))]
    with pytest.raises(ConfigurationError, match="one dimension"):
        Episode.of("q", mixed, CHOICES, task=1.0, usage=FREE)


def test_episodes_are_a_batch_in_their_order() -> None:
    features = Features(dimension=DIMENSION, trade_off=True)
    episodes = [e.model_copy(update={"trade_off": 0.3}) for e in designed(range(2))]
    batch = played(episodes, features)
    assert batch.states.features.shape == (24, 5, 2 * DIMENSION + 1)
    rows = features.rows([e.decision(place, 0.3) for e in episodes for place in range(5)])
    assert torch.equal(batch.states.features.reshape(120, -1), torch.from_numpy(rows))
    assert batch.actions.tolist() == [list(e.tiers) for e in episodes]
    assert batch.usd.tolist() == pytest.approx([e.total_usd for e in episodes])
    with pytest.raises(ConfigurationError, match="without an episode"):
        played([], features)
    with pytest.raises(PolicyError, match=r"reads\s+9 numbers"):
        played(episodes, Features(dimension=9))


def test_what_is_left_is_told_as_a_share_of_the_whole() -> None:
    features = Features(dimension=4, trade_off=True, whole=Budget(total_tokens=1000, usd=0.02))
    lefts = [None, Budget(), Budget(total_tokens=400), Budget(total_tokens=400, usd=0.002), Budget(usd=1.0)]
    rows = features.rows([Decision("filter", ASKED, ASKED, left=left, trade_off=0.7) for left in lefts])
    assert rows[:, -1].tolist() == pytest.approx([1.0, 1.0, 0.4, 0.1, 1.0])
    assert rows[:, -2].tolist() == pytest.approx([0.7] * 5)
    assert Features(dimension=4).rows(decisions()).shape == (5, 8)


def test_vectors_that_hold_no_numbers_are_refused() -> None:
    with pytest.raises(PolicyError, match="no number"):
        Features(dimension=4).rows([Decision("filter", ASKED * np.nan, ASKED)])
