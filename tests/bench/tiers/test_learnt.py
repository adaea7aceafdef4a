"""How a policy was learnt, on the disk."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from outlay.bench.tiers.learnt import beside, read_learnt
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.bench.tiers.learnt import Learnt


def test_it_is_read_as_it_was_written(policy: Path, learnt: Learnt) -> None:
    assert read_learnt(policy) == learnt
    assert [step.update for step in learnt.progress] == [1, 2]
    assert (learnt.questions, learnt.episodes, len(learnt.held_out)) == (32, 384, 8)


def test_it_is_about_one_policy(policy: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pt"
    other.write_bytes(b"another")
    shutil.copy(beside(policy), beside(other))
    with pytest.raises(ConfigurationError, match="about another policy"):
        read_learnt(other)


def test_a_policy_alone_or_beside_something_else_is_refused(policy: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(policy, tmp_path / "alone.pt"))
    with pytest.raises(ConfigurationError, match=r"alone\.json cannot be read"):
        read_learnt(alone)
    beside(alone).write_text("{}")
    with pytest.raises(ConfigurationError, match="does not say how a policy was learnt"):
        read_learnt(alone)


def test_it_cannot_take_the_policy_s_name() -> None:
    with pytest.raises(ConfigurationError, match="cannot be the policy's name"):
        beside(Path("policy.json"))


def test_a_folder_that_is_not_there_is_refused(learnt: Learnt, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="check its folder"):
        learnt.write(tmp_path / "none" / "policy.pt")
