"""What routers come to on a log, by what really happened: only tier vectors that were run count.

`taken` says which run stands for a choice; `Point.run` says how often it was another than the one chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outlay.budget import Record
from outlay.memory.modules.routing import Tier
from outlay.routers.tiers.episode import FIVE
from outlay.routers.tiers.information import Awareness, awareness
from outlay.routers.tiers.taken import (
    by_best_constant,
    by_constants,
    by_dice,
    by_lin_ucb,
    by_oracle,
    by_router,
    by_vector,
    contenders,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from outlay.memory.modules.routing import Router
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.rewards import FixedReward
    from outlay.routers.tiers.taken import Taken

_PICODOLLAR = 1e-12


class Point(Record):
    """What a way to choose tiers came to: means over the questions of a log."""

    name: str
    trade_off: float
    task: float
    usd: float
    tokens: float
    reward: float
    """At that trade-off, on the scale of the reward that was given."""
    run: float
    """The share of questions whose chosen tiers were really run."""
    shares: tuple[tuple[float, float, float], ...]
    """By module: how often it was at LOW, MID and HIGH, of what was taken from the log."""
    gain: float
    """Task reward above what mixing constant vectors earns for the same dollars, on the same log; not a
    number where no vector was run for every question."""
    awareness: Awareness | None = None
    """Whether tiers follow the kind of question; `None` where the log knows of fewer than two kinds."""


def evaluate(
    router: Router,
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Iterable[float],
    *,
    name: str = "learned",
) -> tuple[Point, ...]:
    """Give what `router` came to, a point for each trade-off.

    Raises:
        ConfigurationError: The log is empty.
        PolicyError: A trade-off, or the log, does not fit the router.
    """
    taken = (by_router(router, episodes, trade_off, name=name) for trade_off in trade_offs)
    return tuple(point(one, episodes, reward) for one in taken)


def oracle(
    episodes: Sequence[Episode], reward: FixedReward, trade_offs: Iterable[float]
) -> tuple[Point, ...]:
    """Give what the best run of each question came to: a ceiling, which knows the outcomes."""
    return tuple(point(by_oracle(episodes, reward, at), episodes, reward) for at in trade_offs)


def at_random(
    episodes: Sequence[Episode], reward: FixedReward, trade_offs: Iterable[float]
) -> tuple[Point, ...]:
    """Give what choosing among the runs of each question by dice comes to in the mean."""
    return tuple(point(by_dice(episodes, at), episodes, reward) for at in trade_offs)


def constants(episodes: Sequence[Episode], reward: FixedReward, trade_off: float) -> tuple[Point, ...]:
    """Give what each tier vector came to at which every question was run, the cheapest first."""
    every = [point(taken, episodes, reward) for taken in by_constants(episodes, trade_off)]
    return tuple(sorted(every, key=lambda point: (point.usd, -point.task)))


def best_constant(
    chosen_on: Sequence[Episode],
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Iterable[float],
) -> tuple[Point, ...]:
    """Give what the vector that was best on one log came to on another, for each trade-off.

    Raises:
        ConfigurationError: No vector was run for every question of `chosen_on`.
    """
    taken = (by_best_constant(chosen_on, episodes, reward, trade_off) for trade_off in trade_offs)
    return tuple(point(one, episodes, reward) for one in taken)


def lin_ucb(
    learnt_on: Sequence[Episode],
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Iterable[float],
) -> tuple[Point, ...]:
    """Give what a LinUCB came to on a log that learnt from another, one for each trade-off."""
    taken = (by_lin_ucb(learnt_on, episodes, reward, trade_off) for trade_off in trade_offs)
    return tuple(point(one, episodes, reward) for one in taken)


def compare(
    router: Router,
    learnt_on: Sequence[Episode],
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Sequence[float],
) -> tuple[Point, ...]:
    """Give `router` beside the best constant, LinUCB, random and the oracle, at each trade-off.

    Args:
        router: Whom to compare.
        learnt_on: The log that the best constant is chosen on and LinUCB learns from.
        episodes: The log on which all are compared.
        reward: The scale.
        trade_offs: Lambdas.
    """
    every = contenders(router, learnt_on, episodes, reward, trade_offs)
    return tuple(point(taken, episodes, reward) for taken in every)


def point(taken: Taken, episodes: Sequence[Episode], reward: FixedReward) -> Point:
    """Give the means of what was taken of a log.

    Args:
        taken: What was taken.
        episodes: The log, for the constants on it.
        reward: The scale.
    """
    task, usd = np.array([e.task for e in taken.episodes]), np.array([e.total_usd for e in taken.episodes])
    tiers = np.array([e.tiers for e in taken.episodes])
    known = [e for e in taken.episodes if e.kind]
    kinds = [e.kind for e in known]
    return Point(
        name=taken.name,
        trade_off=taken.trade_off,
        task=float(task.mean()),
        usd=float(usd.mean()),
        tokens=float(np.mean([e.total_tokens for e in taken.episodes])),
        reward=float(reward(task, usd, taken.trade_off).mean()),
        run=taken.run,
        shares=tuple(
            tuple(float(np.mean(tiers[:, place] == tier)) for tier in Tier) for place in range(FIVE)
        ),
        gain=float(task.mean() - _mixed(episodes, float(usd.mean()))),
        awareness=awareness(kinds, [e.tiers for e in known]) if len(set(kinds)) > 1 else None,
    )


def _mixed(episodes: Sequence[Episode], usd: float) -> float:
    """Give the most task reward that mixing constant vectors earns for `usd` a question.

    Below the cheapest constant's dollars it is that constant's: nothing cheaper was run.
    """
    points = [
        (float(np.mean([e.total_usd for e in own])), float(np.mean([e.task for e in own])))
        for own in by_vector(episodes).values()
    ]
    if not points:
        return float("nan")
    within = [point for point in points if point[0] <= usd + _PICODOLLAR] or [min(points)]
    beyond = [point for point in points if point[0] > usd + _PICODOLLAR]
    chords = [
        low + (high - low) * (usd - cheap) / (dear - cheap)
        for cheap, low in within
        for dear, high in beyond
        if cheap <= usd
    ]
    return max([task for _, task in within] + chords)
