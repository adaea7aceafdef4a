"""A policy taken through the questions of a log, module by module, as it would go through them for real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor

from outlay.memory.modules.routing import Tier
from outlay.routers.tiers.episode import FIVE
from outlay.routers.tiers.outcomes import codes
from outlay.routers.tiers.policy import ActorCritic, States
from outlay.routers.tiers.training import Played

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers.features import Features
    from outlay.routers.tiers.outcomes import Outcomes

_EXACT = 0.5
"""The share of questions asked at a trade-off of the sweep itself; the others lie between two of them."""
_FENCED = 0.5
"""The share of questions that are asked under a fence, where the policy is told what is left."""

_ROUNDING = 1e-6


class Walk(NamedTuple):
    """Where it led: `(...)` questions, five decisions each."""

    states: States
    actions: Tensor
    """As chosen: `(..., 5)`."""
    log_probs: Tensor
    """`(..., 5)`."""
    codes: NDArray[np.int64]
    """What was run, in `VECTORS`: the tiers as chosen, or where a fence did not hold them, lower ones."""


def walk(
    policy: ActorCritic,
    outcomes: Outcomes,
    features: Features,
    asked: NDArray[np.int64],
    trade_off: NDArray[np.float32],
    *,
    fence: NDArray[np.float32] | None = None,
    generator: torch.Generator | None = None,
) -> Walk:
    """Choose the tiers of questions.

    Args:
        policy: Who chooses.
        outcomes: What it sees, and what comes of it.
        features: What it reads.
        asked: Numbers of questions in `outcomes`, any shape.
        trade_off: Lambda for each, of that shape.
        fence: What each may take, as a share of the whole that the policy is told of; `None`: no limit.
        generator: What to draw tiers from; `None`: the likeliest are chosen.
    """
    left = np.ones(asked.shape, dtype=np.float32) if fence is None else fence.copy()
    run = np.zeros((*asked.shape, FIVE), dtype=np.int64)
    seen: list[tuple[States, Tensor, Tensor]] = []
    for place in range(FIVE):
        given = outcomes.given[outcomes.donors[asked, place, codes(run)], place]
        rows = features.joined(outcomes.questions[asked], given, trade_off, np.clip(left, 0.0, 1.0))
        state = States(torch.from_numpy(rows), torch.full(asked.shape, place))
        likeliest = None if generator is not None else policy.greedy(state)
        acted = policy.get_action_and_value(state, likeliest, generator=generator)
        chosen = acted.actions.numpy()
        run[..., place] = chosen if fence is None else _held(chosen, outcomes.spent[place], left)
        if fence is not None:
            left -= outcomes.spent[place][run[..., place]].astype(np.float32)
        seen.append((state, acted.actions, acted.log_probs))
    states, actions, log_probs = zip(*seen, strict=True)
    told, modules = zip(*states, strict=True)
    return Walk(
        States(torch.stack(told, dim=-2), torch.stack(modules, dim=-1)),
        torch.stack(actions, dim=-1),
        torch.stack(log_probs, dim=-1),
        codes(run),
    )


def _held(
    chosen: NDArray[np.int64], spent: NDArray[np.float64], left: NDArray[np.float32]
) -> NDArray[np.int64]:
    """Give the dearest tier up to the chosen one that what is left can pay; LOW where it can pay none."""
    held = np.zeros_like(chosen)
    for tier in Tier:
        held = np.where((tier <= chosen) & (spent[tier] <= left + _ROUNDING), tier, held)
    return held


@dataclass(frozen=True)
class LogRollout:
    """Asks questions of a log, drawn anew for every batch."""

    outcomes: Outcomes
    features: Features
    trade_offs: Sequence[float]
    """The sweep."""
    shape: tuple[int, ...]
    """Of a batch: questions, or questions by runs."""
    generator: torch.Generator

    def __call__(self, policy: ActorCritic) -> Played:
        asked = torch.randint(len(self.outcomes.ids), self.shape, generator=self.generator).numpy()
        trade_off = drawn_trade_offs(self.trade_offs, self.shape, self.generator)
        way = walk(
            policy,
            self.outcomes,
            self.features,
            asked,
            trade_off,
            fence=self._fences(),
            generator=self.generator,
        )
        return Played(
            states=way.states,
            actions=way.actions,
            log_probs=way.log_probs,
            task=torch.from_numpy(self.outcomes.task[asked, way.codes]),
            usd=torch.from_numpy(self.outcomes.usd[asked, way.codes]),
            trade_off=torch.from_numpy(trade_off),
        )

    def _fences(self) -> NDArray[np.float32] | None:
        """Draw shares, or infinity for questions without a fence; `None` where the policy is not told."""
        if self.features.whole is None:
            return None
        fenced = _uniform(self.shape, self.generator) < _FENCED
        return np.where(fenced, _uniform(self.shape, self.generator), np.float32(np.inf))


def drawn_trade_offs(
    sweep: Sequence[float], shape: tuple[int, ...], generator: torch.Generator
) -> NDArray[np.float32]:
    """Draw half of them from the sweep, the others from between two neighbours in it."""
    ordered = np.sort(np.asarray(sweep, dtype=np.float32))
    between = _uniform(shape, generator) * (len(ordered) - 1)
    exact = torch.randint(len(ordered), shape, generator=generator).numpy()
    place = np.where(_uniform(shape, generator) < _EXACT, exact, between)
    return np.asarray(np.interp(place, np.arange(len(ordered)), ordered), dtype=np.float32)


def _uniform(shape: tuple[int, ...], generator: torch.Generator) -> NDArray[np.float32]:
    return np.asarray(torch.rand(shape, generator=generator).numpy())
