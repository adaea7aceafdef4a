"""What everyone who chooses tiers comes to, question by question and in every draw of the questions.

Questions of one group, such as a conversation, are no independent evidence: of enough groups these are drawn
anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.analysis.comparisons import FEWEST_ITEMS, verdict
from outlay.bench.analysis.hull import readings
from outlay.bench.analysis.resampling import enough, estimate, holm, resampled_means, sign_flip_p
from outlay.bench.tiers.findings import Difference, Mixture
from outlay.routers.tiers.outcomes import Outcomes, codes, fitted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Estimate
    from outlay.routers.tiers import Episode, FixedReward
    from outlay.routers.tiers.taken import Taken

    Array = NDArray[np.float64]

TASK, USD, REWARD = range(3)
_EACH: Final = 3


@dataclass(frozen=True)
class ByQuestion:
    """Task reward, dollars and reward of everyone, and their means in every draw."""

    columns: Array
    """Questions by three of each: `(n, 3k)`."""
    drawn: Array
    """`(draws, 3k)`."""
    seed: int
    clusters: NDArray[np.int64]
    """The group of each question, `(n,)`, from 0: those of one are drawn, and change signs, together."""

    @classmethod
    def of(
        cls, triples: Sequence[Array], draws: int, seed: int, clusters: NDArray[np.int64] | None = None
    ) -> ByQuestion:
        """Take in three columns of each, `(n, 3)`, and draw the questions anew, by group if there are any."""
        columns = np.concatenate(triples, axis=1)
        clusters = np.arange(len(columns)) if clusters is None else clusters
        sums = np.concatenate([_sums(columns, clusters), np.bincount(clusters)[:, None]], axis=1)
        drawn = resampled_means(sums, draws, seed)
        return cls(columns, drawn[:, :-1] / drawn[:, -1:], seed, clusters)

    def estimates(self, place: int) -> tuple[Estimate, Estimate, Estimate]:
        """Give the task reward, dollars and reward of the one at `place`."""
        task, usd, reward = (
            estimate(float(self.columns[:, column].mean()), self.drawn[:, column])
            for column in range(_EACH * place, _EACH * place + _EACH)
        )
        return task, usd, reward

    def differences(self, own: Sequence[int], beside: Sequence[int]) -> Iterator[Difference]:
        """Set rewards beside others' on the same questions, adjusted for their number."""
        firsts, seconds = ([_EACH * place + REWARD for place in places] for places in (own, beside))
        by_question = self.columns[:, firsts] - self.columns[:, seconds]
        drawn = self.drawn[:, firsts] - self.drawn[:, seconds]
        flipped = _sums(by_question, self.clusters)
        p = [float(one) for one in sign_flip_p(flipped, enough(len(drawn), len(own)), self.seed)]
        for place, adjusted in enumerate(holm(p)):
            value = float(by_question[:, place].mean())
            yield Difference(
                **estimate(value, drawn[:, place]).model_dump(),
                p=p[place],
                p_holm=adjusted,
                verdict=verdict(value, adjusted, len(flipped)),
            )

    def gain(self, place: int, constants: Sequence[int]) -> Mixture | None:
        """Give task reward above what mixing constants earns for the same dollars."""
        if not constants:
            return None
        [value] = _gains(self.columns.mean(0, keepdims=True), place, constants)
        found = estimate(float(value), 2 * value - _gains(self.drawn, place, constants))
        return Mixture(**found.model_dump())


def clusters_of(episodes: Sequence[Episode]) -> NDArray[np.int64]:
    """Give what is drawn anew as one: the group of each question, numbered from 0, in the order of questions.

    A few groups cannot be drawn anew: each question is one then, and what is found holds for those groups.
    """
    names = {e.id: e.cluster for e in episodes}
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names.values()))}
    if len(numbers) < FEWEST_ITEMS:
        return np.arange(len(names))
    return np.array([numbers[name] for name in names.values()], dtype=np.int64)


def triple_of(taken: Taken, places: dict[str, int], reward: FixedReward) -> Array:
    """Give means by question, `(n, 3)`: choosing by dice takes several runs of each.

    Args:
        taken: What was taken.
        places: Of the questions, by id.
        reward: The scale.
    """
    which = np.array([places[e.id] for e in taken.episodes])
    task, usd = np.array([e.task for e in taken.episodes]), np.array([e.total_usd for e in taken.episodes])
    sums = np.zeros((len(places), _EACH))
    np.add.at(sums, which, np.stack([task, usd, reward(task, usd, taken.trade_off)], axis=1))
    return np.asarray(sums / np.bincount(which, minlength=len(places))[:, None])


@dataclass(frozen=True)
class Foresight:
    """What questions would come to at tiers they were not run at, by a model of what was learnt from.

    What was logged of a question corrects what the model says of it, as in fitting.
    """

    outcomes: Outcomes
    reward: FixedReward

    @classmethod
    def of(cls, learnt_on: Sequence[Episode], episodes: Sequence[Episode], reward: FixedReward) -> Foresight:
        """Fit the model on one log, for the questions of another."""
        return cls(Outcomes.of(episodes, fitted(learnt_on)), reward)

    def triple(self, taken: Taken) -> Array:
        """Give what a router comes to at the tiers that it chose, `(n, 3)`: one choice for each question."""
        run = codes(np.array(taken.chosen))
        asked = np.arange(len(self.outcomes.ids))
        task = np.clip(self.outcomes.task[asked, run], 0.0, 1.0)
        usd = self.outcomes.usd[asked, run]
        return np.stack([task, usd, self.reward(task, usd, taken.trade_off)], axis=1)


def _sums(columns: Array, clusters: NDArray[np.int64]) -> Array:
    sums = np.zeros((clusters.max() + 1, columns.shape[1]))
    np.add.at(sums, clusters, columns)
    return sums


def _gains(means: Array, place: int, constants: Sequence[int]) -> Array:
    tasks, costs = (means[:, [_EACH * one + column for one in constants]] for column in (TASK, USD))
    # From the cheapest constant on: nothing cheaper was run, so what is cheaper is set beside it.
    cheapest = costs.min(1)
    at = np.maximum(means[:, _EACH * place + USD] - cheapest, 0.0)
    mixed = readings(costs - cheapest[:, None], tasks, at)
    return np.asarray(means[:, _EACH * place + TASK] - mixed)
