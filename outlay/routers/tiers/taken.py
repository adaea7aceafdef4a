"""The runs of a log that a way to choose tiers comes to.

A router is asked module by module. Where it chooses a vector at which the question was not run, it gets, of
the runs there are, the one that agrees with it in most modules, the cheapest of equals; so does every router.
`Taken.run` says how often it was as chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from outlay.errors import ConfigurationError
from outlay.routers.tiers.bandit import LinUCB
from outlay.routers.tiers.episode import FIVE
from outlay.routers.tiers.fixed import FixedRouter
from outlay.routers.tiers.outcomes import of_one_dimension

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from outlay.memory.modules.routing import Router, Tier
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.rewards import FixedReward

    Vector = tuple[Tier, ...]

_DIGITS: Final = 12
"""To which rewards are compared: what differs less is rounding."""


class Taken(NamedTuple):
    """What was taken of a log."""

    name: str
    trade_off: float
    episodes: tuple[Episode, ...]
    """One per question; of choosing by dice, all there are."""
    chosen: tuple[Vector, ...]
    """The tiers chosen for each, at which it may not have been run."""

    @property
    def run(self) -> float:
        """The share that was run at the tiers that were chosen."""
        same = [e.tiers == tiers for e, tiers in zip(self.episodes, self.chosen, strict=True)]
        return sum(same) / len(same)


def by_router(router: Router, episodes: Sequence[Episode], trade_off: float, *, name: str) -> Taken:
    """Give what `router` takes.

    Raises:
        ConfigurationError: The log is empty.
        PolicyError: The trade-off, or the log, does not fit the router.
    """
    found = [followed(router, own, trade_off) for own in by_question(episodes)]
    taken, chosen = zip(*found, strict=True)
    return Taken(name, trade_off, taken, chosen)


def by_oracle(episodes: Sequence[Episode], reward: FixedReward, trade_off: float) -> Taken:
    """Give the best run of each question, the cheapest of equals."""
    return _whole(
        "oracle",
        trade_off,
        (max(own, key=lambda e: _worth([e], reward, trade_off)) for own in by_question(episodes)),
    )


def by_dice(episodes: Sequence[Episode], trade_off: float) -> Taken:
    """Give every run of each question: what choosing among them by dice comes to in the mean."""
    return _whole("random", trade_off, (e for own in by_question(episodes) for e in own))


def by_constants(episodes: Sequence[Episode], trade_off: float) -> tuple[Taken, ...]:
    """Give what is taken by each tier vector at which every question was run."""
    return tuple(_whole(_named(vector), trade_off, own) for vector, own in by_vector(episodes).items())


def by_best_constant(
    chosen_on: Sequence[Episode], episodes: Sequence[Episode], reward: FixedReward, trade_off: float
) -> Taken:
    """Give what is taken by the vector that was best on `chosen_on`.

    Raises:
        ConfigurationError: No vector was run for every question of it.
    """
    vector = best_vector(chosen_on, reward, trade_off)
    return by_router(FixedRouter.of(vector), episodes, trade_off, name="best constant")


def by_lin_ucb(
    learnt_on: Sequence[Episode], episodes: Sequence[Episode], reward: FixedReward, trade_off: float
) -> Taken:
    """Give what a LinUCB takes that learnt from `learnt_on`."""
    bandit = LinUCB(of_one_dimension(learnt_on), alpha=0.0)
    bandit.learn_log(learnt_on, reward, trade_off)
    return by_router(bandit, episodes, trade_off, name="LinUCB")


def contenders(
    router: Router,
    learnt_on: Sequence[Episode],
    episodes: Sequence[Episode],
    reward: FixedReward,
    trade_offs: Sequence[float],
) -> Iterator[Taken]:
    """Give what `router`, the best constant, LinUCB, dice and the oracle take, each at every trade-off.

    Args:
        router: Whom to compare.
        learnt_on: The log that the best constant is chosen on and LinUCB learns from.
        episodes: The log on which all are compared.
        reward: The scale.
        trade_offs: Lambdas.
    """
    yield from (by_router(router, episodes, at, name="learned") for at in trade_offs)
    yield from (by_best_constant(learnt_on, episodes, reward, at) for at in trade_offs)
    yield from (by_lin_ucb(learnt_on, episodes, reward, at) for at in trade_offs)
    yield from (by_dice(episodes, at) for at in trade_offs)
    yield from (by_oracle(episodes, reward, at) for at in trade_offs)


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


def by_vector(episodes: Sequence[Episode]) -> dict[Vector, list[Episode]]:
    """Give the episodes of each tier vector at which every question was run, one for each question."""
    vectors: dict[Vector, dict[str, Episode]] = {}
    for episode in episodes:
        vectors.setdefault(episode.tiers, {}).setdefault(episode.id, episode)
    count = len({e.id for e in episodes})
    return {vector: list(own.values()) for vector, own in vectors.items() if len(own) == count}


def best_vector(episodes: Sequence[Episode], reward: FixedReward, trade_off: float) -> Vector:
    """Give the vector that earned most, of those at which every question was run; of equals the cheapest.

    Raises:
        ConfigurationError: There is none.
    """
    complete = by_vector(episodes)
    if not complete:
        raise ConfigurationError("no tier vector was run for every question: there is no constant to compare")
    return max(complete, key=lambda vector: _worth(complete[vector], reward, trade_off))


def followed(router: Router, own: Sequence[Episode], trade_off: float) -> tuple[Episode, Vector]:
    """Ask for the tiers of a question, module by module, with what each was given after those before.

    Args:
        router: Who is asked.
        own: The runs of the question, one at least.
        trade_off: As the router is told.

    Returns:
        The run that is taken, and the tiers that were chosen. Where a run is at these, they are what the
        router would choose live.
    """
    remaining = list(own)
    wanted: list[Tier] = []
    for place in range(FIVE):
        tier = router.choose(remaining[0].decision(place, trade_off)).tier
        wanted.append(tier)
        remaining = [e for e in remaining if e.tiers[place] == tier] or remaining
    chosen = tuple(wanted)
    if remaining[0].tiers == chosen:
        return remaining[0], chosen
    return max(own, key=lambda e: (_agreement(e, chosen), -e.total_usd)), chosen


def _agreement(episode: Episode, wanted: Sequence[Tier]) -> int:
    return sum(run == tier for run, tier in zip(episode.tiers, wanted, strict=True))


def _whole(name: str, trade_off: float, episodes: Iterable[Episode]) -> Taken:
    every = tuple(episodes)
    return Taken(name, trade_off, every, tuple(e.tiers for e in every))


def _worth(own: Sequence[Episode], reward: FixedReward, trade_off: float) -> tuple[float, float]:
    """Give the mean reward, and how cheap it was for when rewards are the same."""
    task, usd = np.array([e.task for e in own]), np.array([e.total_usd for e in own])
    return round(float(reward(task, usd, trade_off).mean()), _DIGITS), -float(usd.mean())


def _named(vector: Vector) -> str:
    return " ".join(tier.name for tier in vector)
