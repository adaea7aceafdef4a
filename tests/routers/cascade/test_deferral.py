"""Deferral by a die."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.routers.cascade import RandomDeferral

STEPS = [f"game {game}/{step}" for game in range(100) for step in range(50)]


@pytest.mark.parametrize("share", [0.0, 0.039, 0.222, 0.5, 1.0])
def test_so_many_steps_are_deferred_as_were_asked_for(share: float) -> None:
    deferred = sum(map(RandomDeferral(share=share).defers, STEPS))
    assert deferred / len(STEPS) == pytest.approx(share, abs=0.02 if 0 < share < 1 else 0)


def test_a_seed_picks_other_steps_and_the_same_one_the_same() -> None:
    picked = [[RandomDeferral(share=0.5, seed=seed).defers(step) for step in STEPS] for seed in (1, 1, 2)]
    assert picked[0] == picked[1]
    assert 0.4 < sum(a == b for a, b in zip(picked[0], picked[2], strict=True)) / len(STEPS) < 0.6


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.text())
def test_a_larger_share_defers_those_steps_too(one: float, other: float, step: str) -> None:
    low, high = sorted((one, other))
    assert RandomDeferral(share=high).defers(step) >= RandomDeferral(share=low).defers(step)


def test_a_share_above_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="share"):
        RandomDeferral(share=1.2)
