"""What every question of a log would have come to at every tier vector.

Doubly robust (Dudik, Langford and Li 2011, arXiv 1103.4601): what a model predicts, and where the question
was really run at those tiers, the difference to what happened, times 1 / (how likely that run was), clipped.
Where each question was run at each of K vectors this is what happened there, and elsewhere the prediction,
moved to the level of the question: tiers that could not be run have no weight to correct them by, and are not
doubly robust.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Tier
from outlay.routers.tiers.episode import FIVE, behaviours, unpacked
from outlay.routers.tiers.outcome_model import OutcomeModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from outlay.budget import Budget
    from outlay.routers.tiers.episode import Episode

VECTORS: Final = np.array(list(product(range(len(Tier)), repeat=FIVE)), dtype=np.int64)
"""All tier vectors, `(243, 5)`, in the order of their codes."""
_PLACES: Final = len(Tier) ** np.arange(FIVE)[::-1]
_FILTER_COUNTS: Final = FIVE
"""What the filter's tier counts beside another's for what a later module was given."""


def codes(tiers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the places in `VECTORS` of tiers `(..., 5)`."""
    return np.asarray(tiers @ _PLACES)


@dataclass(frozen=True)
class Outcomes:
    """A table of questions by tier vectors."""

    ids: tuple[str, ...]
    questions: NDArray[np.float32]
    """`(n, d)`."""
    given: NDArray[np.float32]
    """What modules were given, by record: `(r, 5, d)`."""
    donors: NDArray[np.int64]
    """Where in `given` to look, by question, module and tier vector: `(n, 5, 243)`. Where the tiers before a
    module were run it is what it was given then; else where they agree in most places, the filter first."""
    task: NDArray[np.float64]
    """`(n, 243)`."""
    usd: NDArray[np.float64]
    """`(n, 243)`, never negative."""
    run: NDArray[np.bool_]
    """Which were really run: `(n, 243)`."""
    spent: NDArray[np.float64]
    """What each module takes at each tier, as a share of the whole that a policy is told of: `(5, 3)`."""

    @classmethod
    def of(
        cls,
        episodes: Sequence[Episode],
        model: OutcomeModel,
        *,
        most_weight: float = 1.0,
        whole: Budget | None = None,
    ) -> Outcomes:
        """Give the table of a log.

        Args:
            episodes: Of one dimension.
            model: Fitted on these or on others.
            most_weight: At which 1 / (K x behaviour) is clipped, where a question has K episodes; those at
                the same tiers count together. 1: what happened, in their mean, replaces what was predicted,
                and rare runs count no more than that.
            whole: Of which `spent` is a share, in its unit, tokens or dollars; `None`: the tokens of all
                modules at their dearest.

        Raises:
            ConfigurationError: Nothing in the log spent anything in the unit of `whole`.
        """
        ids = tuple(dict.fromkeys(e.id for e in episodes))
        which = _which(ids, episodes)
        tiers = np.array([e.tiers for e in episodes], dtype=np.int64)
        firsts = [int(np.argmax(which == number)) for number in range(len(ids))]
        questions = np.stack([unpacked(episodes[first].question) for first in firsts])
        earned, behaviour = earnings(episodes), behaviours(episodes)
        predicted = model.predict(questions, VECTORS)
        for number in range(len(ids)):
            own = np.flatnonzero(which == number)
            predicted[number] = _corrected(
                predicted[number],
                codes(tiers[own]),
                earned[own],
                1 / (len(own) * behaviour[own]),
                most_weight,
            )
        predicted[:, _free(episodes), 1] = 0.0
        run = np.zeros(predicted.shape[:2], dtype=bool)
        run[which, codes(tiers)] = True
        return cls(
            ids=ids,
            questions=questions,
            given=np.stack([[unpacked(v) for v in e.given] for e in episodes]),
            donors=np.stack([_donors(np.flatnonzero(which == number), tiers) for number in range(len(ids))]),
            task=predicted[..., 0],
            usd=np.maximum(predicted[..., 1], 0.0),
            run=run,
            spent=_spent(episodes, whole),
        )


def fitted(episodes: Sequence[Episode]) -> OutcomeModel:
    """Fit the prediction to a log."""
    ids = tuple(dict.fromkeys(e.id for e in episodes))
    which = _which(ids, episodes)
    firsts = {e.id: e for e in reversed(episodes)}
    questions = np.stack([unpacked(firsts[id].question) for id in ids])  # noqa: A001
    tiers = np.array([e.tiers for e in episodes], dtype=np.int64)
    clusters = list(dict.fromkeys(e.cluster for e in episodes))
    together = which if len(clusters) == 1 else np.array([clusters.index(e.cluster) for e in episodes])
    return OutcomeModel.fit(questions, which, tiers, earnings(episodes), together)


def earnings(episodes: Iterable[Episode]) -> NDArray[np.float64]:
    """Give task reward and dollars: `(r, 2)`."""
    return np.array([(e.task, e.total_usd) for e in episodes])


def of_one_dimension(episodes: Sequence[Episode]) -> int:
    """Give the dimension of a log's vectors.

    Raises:
        ConfigurationError: The log is empty, or its vectors are of several dimensions.
    """
    dimensions = {e.dimension for e in episodes}
    if len(dimensions) != 1:
        said = ", ".join(map(str, sorted(dimensions))) or "none"
        raise ConfigurationError(f"a log must hold vectors of one dimension, and this one holds: {said}")
    return dimensions.pop()


def _which(ids: Sequence[str], episodes: Sequence[Episode]) -> NDArray[np.int64]:
    numbers = {id: number for number, id in enumerate(ids)}  # noqa: A001
    return np.array([numbers[e.id] for e in episodes], dtype=np.int64)


def _corrected(
    predicted: NDArray[np.float64],
    run: NDArray[np.int64],
    earned: NDArray[np.float64],
    weights: NDArray[np.float64],
    most_weight: float,
) -> NDArray[np.float64]:
    """Correct one question's predictions `(243, 2)` by what was seen of it.

    First by its own level, shrunk as if one more run had been as predicted: else tiers that were not run
    would look good on hard questions, and bad on easy ones.
    """
    levelled = predicted + (earned - predicted[run]).sum(0) / (len(run) + 1)
    levelled = np.clip(levelled, 0.0, [1.0, np.inf])  # or the policy would look for what cannot be
    corrected: NDArray[np.float64] = levelled.copy()
    for cell in np.unique(run):
        here = run == cell
        # Clipped as one: two runs that each replaced the prediction would replace it twice.
        weight = min(most_weight, float(weights[here].sum()))
        seen = np.average(earned[here], axis=0, weights=weights[here])
        corrected[cell] += weight * (seen - levelled[cell])
    return corrected


def _free(episodes: Sequence[Episode]) -> NDArray[np.bool_]:
    """Say of which tier vectors every part was run and never cost anything, rules for example: `(243,)`."""
    usd, tiers = np.array([e.usd for e in episodes]), np.array([e.tiers for e in episodes])
    known = np.zeros((FIVE, len(Tier)), dtype=bool)
    for place, tier in np.ndindex(known.shape):
        spent = usd[tiers[:, place] == tier, place]
        known[place, tier] = len(spent) > 0 and not spent.any()
    return np.asarray(known[np.arange(FIVE), VECTORS].all(1))


def _donors(own: NDArray[np.int64], tiers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give `(5, 243)` records of one question."""
    agree = (tiers[own][:, None, :] == VECTORS[None]).astype(np.int64)
    agree[..., 0] *= _FILTER_COUNTS
    nearest = [agree[..., :place].sum(-1).argmax(0) for place in range(len(MODULES))]
    return np.asarray(own[np.stack(nearest)])


def _spent(episodes: Sequence[Episode], whole: Budget | None) -> NDArray[np.float64]:
    in_dollars = whole is not None and whole.usd is not None
    amounts = np.array([e.usd if in_dollars else e.tokens for e in episodes], dtype=float)
    tiers = np.array([e.tiers for e in episodes])
    means = np.zeros((FIVE, len(Tier)))
    for place, tier in np.ndindex(means.shape):
        known = amounts[tiers[:, place] == tier, place]
        means[place, tier] = known.mean() if len(known) else 0.0
    dearest = means.max(1).sum()
    if whole is None:
        return np.asarray(means / dearest) if dearest else means
    if not dearest:
        raise ConfigurationError("no module in the log spent anything of `whole`: give it in another unit")
    return np.asarray(means / float(whole.usd if whole.usd is not None else whole.total_tokens or 1))
