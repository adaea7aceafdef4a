"""Routers beside each other on the questions of a log, with their intervals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.analysis.comparisons import verdict
from outlay.bench.analysis.hull import readings
from outlay.bench.analysis.resampling import enough, estimate, holm, resampled_means, sign_flip_p
from outlay.bench.tiers.findings import BEST, Constant, Difference, Findings, Mixture, Row, vector_words
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers.information import awareness
from outlay.routers.tiers.taken import by_constants, contenders

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.tiers.learnt import Learnt
    from outlay.bench.tiers.logs import Log
    from outlay.routers.tiers import Episode, FixedReward, LearnedRouter
    from outlay.routers.tiers.taken import Taken, Vector

    Array = NDArray[np.float64]

DRAWS: Final = 2_000


def compare(
    router: LearnedRouter,
    learnt: Learnt,
    log: Log,
    test: Log | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Findings:
    """Set a policy beside what it must beat, and what nobody can.

    Args:
        router: The policy.
        learnt: How it was learnt.
        log: What it was learnt from.
        test: Questions to try all on; `None`: those of `log` that were held out.
        draws: Resamples of the questions.
        seed: Of them.

    Raises:
        ConfigurationError: There is no such question, or no vector was run for all that was learnt from.
        PolicyError: The policy does not fit a log.
    """
    known, tried = _divided(learnt, log, test)
    trade_offs = learnt.fitting.trade_offs
    taken = list(contenders(router, known, tried, learnt.reward, trade_offs))
    constants = by_constants(tried, 0.0)
    table = _Table.of(tried, learnt.reward, [*taken, *constants], draws, seed)
    fixed = list(range(len(taken), len(taken) + len(constants)))
    differences = _differences(taken, table, seed)
    asked = {e.id for e in tried}
    kinds = Counter({e.id: e.kind for e in tried if e.kind}.values())
    return Findings(
        log=log.name,
        test=(test or log).name,
        facts=(test or log).facts,
        simulated=any(one.facts.simulated for one in (log, test or log)),
        learnt_questions=len({e.id for e in known}),
        learnt_episodes=len(known),
        questions=len(asked),
        episodes=len(tried),
        is_held_out=test is None,
        shared=len(asked.intersection(log.questions)) if test is not None else 0,
        kinds=tuple(kinds.most_common()),
        trade_offs=trade_offs,
        rows=tuple(_row(one, table, place, fixed, differences.get(place)) for place, one in enumerate(taken)),
        constants=_constants(constants, table, fixed),
        support=learnt.support,
    )


def _divided(learnt: Learnt, log: Log, test: Log | None) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Give what to choose a constant by and teach a LinUCB, and what to try all on."""
    if test is not None:
        return log.episodes, test.episodes
    held_out = set(learnt.held_out)
    if not held_out.issubset(log.questions) or held_out.issuperset(log.questions):
        raise ConfigurationError(
            f"{log.path} is not the log that the policy was learnt from ({learnt.log}): give that one, and "
            "with --test another to try the policy on"
        )
    known = tuple(e for e in log.episodes if e.id not in held_out)
    return known, tuple(e for e in log.episodes if e.id in held_out)


@dataclass(frozen=True)
class _Table:
    """What was taken, question by question, and its means in every draw of questions."""

    columns: Array
    """Questions by (task reward, dollars, reward) of each that took: `(n, 3t)`."""
    drawn: Array
    """`(draws, 3t)`."""
    draws: int

    @classmethod
    def of(
        cls, episodes: Sequence[Episode], reward: FixedReward, taken: Sequence[Taken], draws: int, seed: int
    ) -> _Table:
        places = {name: place for place, name in enumerate(dict.fromkeys(e.id for e in episodes))}
        columns = np.concatenate([_columns(one, places, reward) for one in taken], axis=1)
        return cls(columns, resampled_means(columns, draws, seed), draws)

    def rewards(self, place: int) -> Array:
        """Give one's rewards, question by question."""
        return self.columns[:, 3 * place + 2]

    def estimates(self, place: int) -> tuple[Estimate, Estimate, Estimate]:
        """Give one's task reward, dollars and reward."""
        task, usd, reward = (
            estimate(float(self.columns[:, column].mean()), self.drawn[:, column])
            for column in range(3 * place, 3 * place + 3)
        )
        return task, usd, reward

    def gain(self, place: int, constants: Sequence[int]) -> Mixture | None:
        """Give one's task reward above what mixing constants earns for the same dollars."""
        if not constants:
            return None
        [value] = self._gains(self.columns.mean(0, keepdims=True), place, constants)
        found = estimate(float(value), 2 * value - self._gains(self.drawn, place, constants))
        return Mixture(**found.model_dump())

    @staticmethod
    def _gains(means: Array, place: int, constants: Sequence[int]) -> Array:
        tasks, costs = (means[:, [3 * c + column for c in constants]] for column in (0, 1))
        # From the cheapest constant on: nothing cheaper was run, so what is cheaper is set beside it.
        cheapest = costs.min(1)
        at = np.maximum(means[:, 3 * place + 1] - cheapest, 0.0)
        return np.asarray(means[:, 3 * place] - readings(costs - cheapest[:, None], tasks, at))


def _columns(taken: Taken, places: dict[str, int], reward: FixedReward) -> Array:
    """Give means by question, `(n, 3)`; choosing by dice takes several runs of each."""
    which = np.array([places[e.id] for e in taken.episodes])
    task, usd = np.array([e.task for e in taken.episodes]), np.array([e.total_usd for e in taken.episodes])
    earned = np.stack([task, usd, reward(task, usd, taken.trade_off)], axis=1)
    sums = np.zeros((len(places), 3))
    np.add.at(sums, which, earned)
    return np.asarray(sums / np.bincount(which, minlength=len(places))[:, None])


def _differences(taken: Sequence[Taken], table: _Table, seed: int) -> dict[int, Difference]:
    """Set every reward beside the best constant's at the same trade-off."""
    best = {one.trade_off: place for place, one in enumerate(taken) if one.name == BEST}
    found: dict[int, Difference] = {}
    for name in dict.fromkeys(one.name for one in taken if one.name != BEST):
        own = [place for place, one in enumerate(taken) if one.name == name]
        beside = [best[taken[place].trade_off] for place in own]
        found |= zip(own, _beside(table, own, beside, seed), strict=True)
    return found


def _beside(table: _Table, own: Sequence[int], best: Sequence[int], seed: int) -> Iterator[Difference]:
    pairs = list(zip(own, best, strict=True))
    by_question = np.column_stack([table.rewards(one) - table.rewards(other) for one, other in pairs])
    p = [float(value) for value in sign_flip_p(by_question, enough(table.draws, len(pairs)), seed)]
    for k, ((one, other), adjusted) in enumerate(zip(pairs, holm(p), strict=True)):
        value = float(by_question[:, k].mean())
        found = estimate(value, table.drawn[:, 3 * one + 2] - table.drawn[:, 3 * other + 2])
        yield Difference(
            **found.model_dump(),
            p=p[k],
            p_holm=adjusted,
            verdict=verdict(value, adjusted, len(by_question)),
        )


def shares_of(chosen: Sequence[Vector]) -> tuple[tuple[float, float, float], ...]:
    """Give by module how often it was at LOW, MID and HIGH."""
    tiers = np.array(chosen)
    return tuple(
        tuple(float(np.mean(tiers[:, place] == tier)) for tier in Tier) for place in range(len(MODULES))
    )


def _row(
    taken: Taken,
    table: _Table,
    place: int,
    constants: Sequence[int],
    over_best: Difference | None,
) -> Row:
    task, usd, rewards = table.estimates(place)
    vectors = Counter(taken.chosen)
    known = [(e.kind, tiers) for e, tiers in zip(taken.episodes, taken.chosen, strict=True) if e.kind]
    kinds, chosen = zip(*known, strict=True) if known else ((), ())
    return Row(
        name=taken.name,
        trade_off=taken.trade_off,
        task=task,
        usd=usd,
        tokens=float(np.mean([e.total_tokens for e in taken.episodes])),
        reward=rewards,
        run=taken.run,
        shares=shares_of(taken.chosen),
        vectors=tuple(
            (vector_words(tiers), count / len(taken.chosen)) for tiers, count in vectors.most_common()
        ),
        over_best=over_best,
        gain=table.gain(place, constants),
        awareness=awareness(kinds, chosen) if len(set(kinds)) > 1 else None,
    )


def _constants(taken: Sequence[Taken], table: _Table, places: Sequence[int]) -> tuple[Constant, ...]:
    found = []
    for one, place in zip(taken, places, strict=True):
        task, usd, _ = table.estimates(place)
        tokens = float(np.mean([e.total_tokens for e in one.episodes]))
        name = vector_words(one.episodes[0].tiers)
        found.append(Constant(name=name, task=task, usd=usd, tokens=tokens))
    return tuple(sorted(found, key=lambda constant: (constant.usd.value, -constant.task.value)))
