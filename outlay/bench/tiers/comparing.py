"""Routers beside each other on the questions of a log."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.tiers.by_question import ByQuestion, Foresight, clusters_of, triple_of
from outlay.bench.tiers.findings import BEST, MOSTLY_RUN, Constant, Findings, Foreseen, Row, vector_words
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers.information import awareness
from outlay.routers.tiers.taken import by_constants, by_vector, contenders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.bench.tiers.findings import Difference
    from outlay.bench.tiers.learnt import Learnt
    from outlay.bench.tiers.logs import Log
    from outlay.memory.modules.routing import Router
    from outlay.routers.tiers import Episode
    from outlay.routers.tiers.taken import Taken, Vector

DRAWS: Final = 2_000
MUST_AGREE: Final = ("embedder", "model", "price", "prices", "strategy", "scorer")
"""What is known of how a log was made without which figures of two logs do not compare."""
UNKNOWN: Final[tuple[object, ...]] = ("", None, {})


def compare(
    router: Router,
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
    taken = list(contenders(router, known, tried, learnt.reward, learnt.fitting.trade_offs))
    constants = by_constants(tried, 0.0)
    rows, fixed = _compared(taken, constants, known, tried, learnt, draws=draws, seed=seed)
    asked = {e.id: e.kind for e in tried}
    return Findings(
        log=log.name,
        test=(test or log).name,
        facts=(test or log).facts,
        simulated=any(one.facts.simulated for one in (log, test or log)),
        learnt_questions=len({e.id for e in known}),
        learnt_episodes=len(known),
        questions=len(asked),
        groups=len({e.cluster for e in tried}),
        units=int(clusters_of(tried).max()) + 1,
        episodes=len(tried),
        is_held_out=test is None,
        shared=0 if test is None else len(set(asked).intersection(log.questions)),
        shared_groups=len({e.group for e in tried if e.group} & {e.group for e in known}),
        kinds=tuple(Counter(kind for kind in asked.values() if kind).most_common()),
        trade_offs=learnt.fitting.trade_offs,
        rows=rows,
        constants=fixed,
        incomplete=_incomplete(known, tried),
        support=learnt.support,
    )


def shares_of(chosen: Sequence[Vector]) -> tuple[tuple[float, float, float], ...]:
    """Give by module how often it was at LOW, MID and HIGH."""
    tiers = np.array(chosen)

    def share(place: int, tier: Tier) -> float:
        return float(np.mean(tiers[:, place] == tier))

    return tuple(
        (share(place, Tier.LOW), share(place, Tier.MID), share(place, Tier.HIGH))
        for place in range(len(MODULES))
    )


def _divided(learnt: Learnt, log: Log, test: Log | None) -> tuple[tuple[Episode, ...], tuple[Episode, ...]]:
    """Give what to choose a constant by and teach a LinUCB, and what to try all on."""
    if log.digest != learnt.digest:
        raise ConfigurationError(
            f"{log.path} is not the log that the policy was learnt from ({learnt.log}), or not as it was "
            "then: give that one, and with --test another to try the policy on; or fit again"
        )
    if test is not None:
        _check_alike(log, test)
        return log.episodes, test.episodes
    held_out = set(learnt.held_out)
    known = tuple(e for e in log.episodes if e.id not in held_out)
    return known, tuple(e for e in log.episodes if e.id in held_out)


def _incomplete(*logs: Sequence[Episode]) -> tuple[str, ...]:
    """Name the vectors that were run for some questions of a log, and not for all."""
    missing = {tiers for log in logs for tiers in {e.tiers for e in log}.difference(by_vector(log))}
    return tuple(vector_words(tiers) for tiers in sorted(missing))


def _check_alike(log: Log, test: Log) -> None:
    """Refuse a test whose tasks or dollars are others than those that were learnt from."""
    for name in MUST_AGREE:
        was, is_now = getattr(log.facts, name), getattr(test.facts, name)
        if was != is_now and was not in UNKNOWN and is_now not in UNKNOWN:
            raise ConfigurationError(
                f"{test.path} was made with {name} {is_now}, and {log.path}, from which the policy was "
                f"learnt, with {was}: neither rewards nor dollars compare; collect the test as the log was"
            )


def _compared(
    taken: Sequence[Taken],
    constants: Sequence[Taken],
    known: Sequence[Episode],
    tried: Sequence[Episode],
    learnt: Learnt,
    *,
    draws: int,
    seed: int,
) -> tuple[tuple[Row, ...], tuple[Constant, ...]]:
    """Give the rows of all that was taken, and the constants, on the same draws of the questions."""
    places = {name: place for place, name in enumerate(dict.fromkeys(e.id for e in tried))}
    foresight = Foresight.of(known, tried, learnt.reward)
    # Behind what was taken stand the constants, then what is foreseen of those that chose what was not run.
    unrun = [place for place, one in enumerate(taken) if one.run < 1]
    table = ByQuestion.of(
        [
            *(triple_of(one, places, learnt.reward) for one in (*taken, *constants)),
            *(foresight.triple(taken[place]) for place in unrun),
        ],
        draws,
        seed,
        clusters_of(tried),
    )
    fixed = range(len(taken), len(taken) + len(constants))
    foreseen = {place: fixed.stop + number for number, place in enumerate(unrun)}
    beside = _beside_best(taken, table)
    rows = tuple(
        _row(one, table, place, fixed, foreseen.get(place), beside.get(place))
        for place, one in enumerate(taken)
    )
    found = (_constant(one, table, place) for one, place in zip(constants, fixed, strict=True))
    return rows, tuple(sorted(found, key=lambda one: (one.usd.value, -one.task.value)))


def _beside_best(taken: Sequence[Taken], table: ByQuestion) -> dict[int, Difference]:
    """Set every reward beside the best constant's at the same trade-off."""
    best = {one.trade_off: place for place, one in enumerate(taken) if one.name == BEST}
    found: dict[int, Difference] = {}
    for name in dict.fromkeys(one.name for one in taken if one.name != BEST):
        own = [place for place, one in enumerate(taken) if one.name == name]
        beside = [best[taken[place].trade_off] for place in own]
        for place, other, difference in zip(own, beside, table.differences(own, beside), strict=True):
            is_run = min(taken[place].run, taken[other].run) >= MOSTLY_RUN
            found[place] = difference if is_run else difference.model_copy(update={"verdict": "not run"})
    return found


def _row(
    taken: Taken,
    table: ByQuestion,
    place: int,
    constants: Sequence[int],
    foreseen: int | None,
    over_best: Difference | None,
) -> Row:
    task, usd, reward = table.estimates(place)
    vectors = Counter(taken.chosen)
    known = [
        (e.kind, tiers, e.cluster) for e, tiers in zip(taken.episodes, taken.chosen, strict=True) if e.kind
    ]
    kinds, chosen, clusters = zip(*known, strict=True) if known else ((), (), ())
    groups = clusters if any(e.group for e in taken.episodes) else None
    return Row(
        name=taken.name,
        trade_off=taken.trade_off,
        task=task,
        usd=usd,
        tokens=float(np.mean([e.total_tokens for e in taken.episodes])),
        reward=reward,
        run=taken.run,
        foreseen=None if foreseen is None else _foreseen(table, foreseen),
        shares=shares_of(taken.chosen),
        vectors=tuple(
            (vector_words(tiers), count / len(taken.chosen)) for tiers, count in vectors.most_common()
        ),
        over_best=over_best,
        gain=table.gain(place, constants),
        awareness=awareness(kinds, chosen, groups) if len(set(kinds)) > 1 else None,
    )


def _foreseen(table: ByQuestion, place: int) -> Foreseen:
    task, usd, reward = table.estimates(place)
    return Foreseen(task=task, usd=usd, reward=reward)


def _constant(taken: Taken, table: ByQuestion, place: int) -> Constant:
    task, usd, _ = table.estimates(place)
    return Constant(
        name=vector_words(taken.episodes[0].tiers),
        task=task,
        usd=usd,
        tokens=float(np.mean([e.total_tokens for e in taken.episodes])),
    )
