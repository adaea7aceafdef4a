"""What tiers say of the kind of question, worked by hand."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from routers.tiers.toy import CHEAPEST

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Tier
from outlay.routers.tiers import awareness


def test_tiers_that_follow_the_kind_say_all_there_is_to_say() -> None:
    kinds = ["easy", "hard"] * 20
    told = awareness(kinds, [tuple(map(Tier, CHEAPEST[kind])) for kind in kinds])
    assert told.kinds == told.vector.bits == pytest.approx(1.0)
    assert told.vector.p < 0.01
    assert [round(module.bits, 6) for module in told.modules] == [0, 0, 1, 0, 1]


def test_constant_tiers_say_nothing() -> None:
    told = awareness(["a", "b", "c"] * 5, [(Tier.HIGH,) * 5] * 15)
    assert (told.vector.bits, told.vector.p) == (0.0, 1.0)
    assert told.kinds == pytest.approx(log2(3))


def test_tiers_by_dice_say_no_more_than_chance() -> None:
    dice = np.random.default_rng(4)
    kinds = [f"{k}" for k in dice.integers(3, size=60)]
    told = awareness(kinds, [tuple(map(Tier, row)) for row in dice.integers(3, size=(60, 5))])
    assert told.vector.bits > 1.0
    assert told.vector.bits == pytest.approx(told.vector.chance, abs=0.15)
    assert told.vector.p > 0.02


def test_tiers_that_follow_the_conversation_do_not_seem_to_follow_the_kind() -> None:
    """Kinds are spread unevenly over two conversations, and the tiers go by the conversation alone."""
    kinds = ["easy"] * 16 + ["hard"] * 4 + ["easy"] * 4 + ["hard"] * 16
    groups = ["a"] * 20 + ["b"] * 20
    tiers = [(Tier.LOW if group == "a" else Tier.HIGH,) * 5 for group in groups]
    alone, within = awareness(kinds, tiers), awareness(kinds, tiers, groups)
    assert alone.vector.bits == within.vector.bits == pytest.approx(0.278, abs=1e-3)
    assert (alone.vector.p < 0.01, within.vector.p) == (True, 1.0)


def test_awareness_needs_questions() -> None:
    with pytest.raises(ConfigurationError, match="one tier vector for each question"):
        awareness([], [])
