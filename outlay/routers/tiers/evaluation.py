"""What routers come to on a log, by what really happened: only tier vectors that were run count.

A router is asked module by module. Where it chooses a vector at which the question was not run, it gets, of
the runs there are, the one it was likeliest to choose, or where it cannot say, the one that agrees with it in
most modules, the cheapest of equals. `Point.run` says how often it was otherwise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

import numpy as np

from outlay.budget import Record
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Tier
from outlay.routers.tiers.bandit import LinUCB
from outlay.routers.tiers.episode import FIVE
from outlay.routers.tiers.fixed import FixedRouter
from outlay.routers.tiers.information import Awareness, awareness
from outlay.routers.tiers.outcomes import of_one_dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from outlay.memory.modules.routing import Router
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.rewards import FixedReward

    Vector = tuple[Tier, ...]

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


class _Followed(NamedTuple):
    episode: Episode
    run: bool


@runtime_checkable
class _Likely(Protocol):
    """A router that says how likely it was to choose what was run."""

    def log_likelihoods(self, episodes: Sequence[Episode], trade_off: float) -> NDArray[np.float64]:
        """Give one per episode."""
        ...


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
    questions = by_question(episodes)
    points: list[Point] = []
    for trade_off in trade_offs:
        followed = [_follow(router, own, trade_off) for own in questions]
        points.append(_point(name, trade_off, followed, episodes, reward))
    return tuple(points)


def oracle(
    episodes: Sequence[Episode], reward: FixedReward, trade_offs: Iterable[float]
) -> tuple[Point, ...]:
    """Give what the best run of each question came to: a ceiling, which knows the outcomes."""
    questions = by_question(episodes)
    points: list[Point] = []
    for trade_off in trade_offs:
        best = [max(own, key=lambda e: _worth(e, reward, trade_off)) for own in questions]
        points.append(_point("oracle", trade_off, [_Followed(e, run=True) for e in best], episodes, reward))
    return tuple(points)


def at_random(
    episodes: Sequence[Episode], reward: FixedReward, trade_offs: Iterable[float]
) -> tuple[Point, ...]:
    """Give what choosing among the runs of each question by dice comes to in the mean."""
    everything = [_Followed(e, run=True) for own in by_question(episodes) for e in own]
    return tuple(_point("random", trade_off, everything, episodes, reward) for trade_off in trade_offs)


def constants(episodes: Sequence[Episode], reward: FixedReward, trade_off: float) -> tuple[Point, ...]:
    """Give what each tier vector came to at which every question was run, the cheapest first."""
    every = [
        _point(_named(vector), trade_off, [_Followed(e, run=True) for e in own], episodes, reward)
        for vector, own in _by_vector(episodes).items()
    ]
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
    points: list[Point] = []
    for trade_off in trade_offs:
        vector = _best_vector(chosen_on, reward, trade_off)
        [point] = evaluate(FixedRouter.of(vector), episodes, reward, [trade_off], name="best constant")
        points.append(point)
    return tuple(points)


def lin_ucb(
    learnt_on: Sequence[Episode],
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Iterable[float],
) -> tuple[Point, ...]:
    """Give what a LinUCB came to on a log that learnt from another, one for each trade-off."""
    points: list[Point] = []
    for trade_off in trade_offs:
        bandit = LinUCB(of_one_dimension(learnt_on), alpha=0.0)
        bandit.learn_log(learnt_on, reward, trade_off)
        points += evaluate(bandit, episodes, reward, [trade_off], name="LinUCB")
    return tuple(points)


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
    return (
        *evaluate(router, episodes, reward, trade_offs),
        *best_constant(learnt_on, episodes, reward, trade_offs),
        *lin_ucb(learnt_on, episodes, reward, trade_offs),
        *at_random(episodes, reward, trade_offs),
        *oracle(episodes, reward, trade_offs),
    )


def by_question(episodes: Sequence[Episode]) -> tuple[tuple[Episode, ...], ...]:
    """Give the episodes of each question together.

    Raises:
        ConfigurationError: There are none.
    """
    questions: dict[str, list[Episode]] = {}
    for episode in episodes:
        questions.setdefault(episode.id, []).append(episode)
    if not questions:
        raise ConfigurationError("a router cannot be evaluated on a log without episodes")
    return tuple(map(tuple, questions.values()))


def _follow(router: Router, own: Sequence[Episode], trade_off: float) -> _Followed:
    """Ask for the tiers of a question, module by module, with what each was given after those before."""
    remaining = list(own)
    wanted: list[Tier] = []
    for place in range(FIVE):
        tier = router.choose(remaining[0].decision(place, trade_off)).tier
        wanted.append(tier)
        remaining = [e for e in remaining if e.tiers[place] == tier] or remaining
    if remaining[0].tiers == tuple(wanted):
        return _Followed(remaining[0], run=True)
    if isinstance(router, _Likely):
        return _Followed(own[int(np.argmax(router.log_likelihoods(own, trade_off)))], run=False)
    return _Followed(max(own, key=lambda e: (_agreement(e, wanted), -e.total_usd)), run=False)


def _agreement(episode: Episode, wanted: Sequence[Tier]) -> int:
    return sum(run == tier for run, tier in zip(episode.tiers, wanted, strict=True))


def _point(
    name: str,
    trade_off: float,
    followed: Sequence[_Followed],
    episodes: Sequence[Episode],
    reward: FixedReward,
) -> Point:
    taken = [episode for episode, _ in followed]
    task, usd = np.array([e.task for e in taken]), np.array([e.total_usd for e in taken])
    tiers = np.array([e.tiers for e in taken])
    known = [e for e in taken if e.kind]
    kinds = [e.kind for e in known]
    return Point(
        name=name,
        trade_off=trade_off,
        task=float(task.mean()),
        usd=float(usd.mean()),
        tokens=float(np.mean([e.total_tokens for e in taken])),
        reward=float(reward(task, usd, trade_off).mean()),
        run=float(np.mean([run for _, run in followed])),
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
        for own in _by_vector(episodes).values()
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


def _by_vector(episodes: Sequence[Episode]) -> dict[Vector, list[Episode]]:
    """Give the episodes of each tier vector at which every question was run, one for each question."""
    vectors: dict[Vector, dict[str, Episode]] = {}
    for episode in episodes:
        vectors.setdefault(episode.tiers, {}).setdefault(episode.id, episode)
    count = len({e.id for e in episodes})
    return {vector: list(own.values()) for vector, own in vectors.items() if len(own) == count}


def _best_vector(episodes: Sequence[Episode], reward: FixedReward, trade_off: float) -> Vector:
    def worth(own: Sequence[Episode]) -> float:
        return float(np.mean([_worth(e, reward, trade_off) for e in own]))

    complete = _by_vector(episodes)
    if not complete:
        raise ConfigurationError("no tier vector was run for every question: there is no constant to compare")
    return max(complete, key=lambda vector: worth(complete[vector]))


def _worth(episode: Episode, reward: FixedReward, trade_off: float) -> float:
    return float(reward(episode.task, episode.total_usd, trade_off))


def _named(vector: Vector) -> str:
    return " ".join(tier.name for tier in vector)
