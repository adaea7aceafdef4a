"""Policies taken through a log: what they see on the way, and what a fence leaves of their choices."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from routers.tiers.worlds import DIMENSION, designed
from torch import Tensor, nn

from outlay.budget import Budget
from outlay.routers.tiers import SWEEP, ActorCritic, Features, States
from outlay.routers.tiers.outcomes import VECTORS, Outcomes, codes, fitted
from outlay.routers.tiers.walking import drawn_trade_offs, walk

EPISODES = designed(range(6))
TABLE = Outcomes.of(EPISODES, fitted(EPISODES))
FEATURES = Features(dimension=DIMENSION, trade_off=True, whole=Budget(total_tokens=2000))


class Always(ActorCritic):
    """Wants one tier for each module, whatever it sees."""

    def __init__(self, tiers: tuple[int, ...]) -> None:
        super().__init__()
        self.wanted = nn.functional.one_hot(torch.tensor(tiers), 3) * 99.0

    def forward(self, states: States) -> tuple[Tensor, Tensor]:
        logits = self.wanted[states.modules]
        return logits, logits[..., 0]


tiers = st.tuples(*[st.integers(0, 2)] * 5)


@settings(deadline=None)
@given(tiers, st.floats(0, 1, width=32))
def test_no_fence_is_overrun_and_nothing_is_lowered_that_it_holds(
    wanted: tuple[int, ...], fence: float
) -> None:
    asked = np.arange(6)
    fences = np.full(6, fence, dtype=np.float32)
    way = walk(Always(wanted), TABLE, FEATURES, asked, np.zeros(6, np.float32), fence=fences)
    run = VECTORS[way.codes]
    spent = TABLE.spent[np.arange(5), run].sum(1)
    assert (spent <= fence + 1e-5).all()
    assert (run <= np.array(wanted)).all()
    assert way.actions.tolist() == [list(wanted)] * 6
    if TABLE.spent[np.arange(5), wanted].sum() < fence - 1e-6:
        assert (run == np.array(wanted)).all()


def test_what_is_left_is_told_as_it_shrinks() -> None:
    fences = np.array([0.5, np.inf], dtype=np.float32)
    way = walk(Always((2, 1, 2, 2, 0)), TABLE, FEATURES, np.arange(2), np.zeros(2, np.float32), fence=fences)
    assert way.states.features[0, :, -1].tolist() == pytest.approx([0.5, 0.3, 0.25, 0.05, 0.0], abs=1e-6)
    assert way.states.features[1, :, -1].tolist() == [1.0] * 5
    assert VECTORS[way.codes].tolist() == [[2, 1, 2, 1, 0], [2, 1, 2, 2, 0]]


def test_what_is_left_is_told_as_a_router_is_told_it() -> None:
    """The whole is twice the dollars that all modules take at their dearest, and half of it is there."""
    whole = Budget(usd=0.004)
    features = FEATURES.model_copy(update={"whole": whole})
    table = Outcomes.of(EPISODES, fitted(EPISODES), whole=whole)
    fences = np.full(1, 0.5, dtype=np.float32)
    way = walk(Always((2, 1, 2, 2, 0)), table, features, np.arange(1), np.zeros(1, np.float32), fence=fences)
    left = [Budget(usd=usd) for usd in (2e-3, 1.6e-3, 1.5e-3, 1.1e-3, 0.7e-3)]
    assert way.states.features[0, :, -1].tolist() == pytest.approx([features.share(one) for one in left])


def test_each_module_sees_what_it_was_given_after_the_tiers_before_it() -> None:
    logged = EPISODES[5]
    way = walk(Always(logged.tiers), TABLE, FEATURES, np.zeros(1, np.int64), np.full(1, 0.3, np.float32))
    rows = FEATURES.rows([logged.decision(place, 0.3) for place in range(5)])
    assert torch.equal(way.states.features[0], torch.from_numpy(rows))
    assert way.states.modules.tolist() == [[0, 1, 2, 3, 4]]
    assert way.codes.tolist() == codes(np.array([logged.tiers])).tolist()


def test_trade_offs_are_those_of_the_sweep_and_between() -> None:
    drawn = drawn_trade_offs(SWEEP, (4000,), torch.Generator().manual_seed(0))
    exact = np.isclose(drawn[:, None], SWEEP).any(1)
    assert abs(exact.mean() - 0.5) < 0.05
    assert (drawn.min(), drawn.max()) == (0.0, pytest.approx(0.9))
    assert set(np.digitize(drawn[~exact], SWEEP)) == set(range(1, len(SWEEP)))
    assert drawn_trade_offs([0.3], (5,), torch.Generator()) == pytest.approx([0.3] * 5)
