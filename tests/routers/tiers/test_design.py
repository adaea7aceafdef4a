"""Tier vectors from which modules can be told apart."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Tier
from outlay.routers.tiers import tier_vectors
from outlay.routers.tiers.design import FEWEST


@settings(deadline=None)
@given(st.integers(3, 29), st.integers(0, 100))
def test_vectors_are_the_constants_and_others_all_different(count: int, turn: int) -> None:
    vectors = tier_vectors(count, turn=turn)
    assert vectors[:3] == tuple((tier,) * 5 for tier in Tier)
    assert len(set(vectors)) == len(vectors) == count


@pytest.mark.parametrize("count", range(FEWEST, 30))
def test_what_each_module_adds_can_be_told_apart(count: int) -> None:
    tiers = np.array(tier_vectors(count))
    columns = np.c_[np.ones(count), tiers == Tier.MID, tiers == Tier.HIGH]
    assert np.linalg.matrix_rank(columns) == FEWEST


def test_between_them_turns_put_any_two_modules_at_any_two_tiers_equally_often() -> None:
    mixed = [vector for turn in range(2) for vector in tier_vectors(16, turn=turn)[3:]]
    everything = [*mixed, (Tier.LOW,) * 5]
    for first, second in combinations(range(5), 2):
        counts = Counter((vector[first], vector[second]) for vector in everything)
        assert set(counts.values()) == {3}
        assert len(counts) == 9


@pytest.mark.parametrize("count", [2, 30])
def test_a_design_too_small_or_too_large_is_refused(count: int) -> None:
    with pytest.raises(ConfigurationError, match="3 to 29"):
        tier_vectors(count)
