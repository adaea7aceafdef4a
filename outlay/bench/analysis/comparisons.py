"""Conditions beside each other on the same items."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.stats import binomtest

from outlay.bench.analysis.findings import Pair
from outlay.bench.analysis.resampling import enough, estimate, holm, means, resampled_means, sign_flip_p

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Verdict
    from outlay.bench.analysis.tally import Tally

FEWEST_ITEMS: Final = 20
"""On fewer, no verdict: a bootstrap of so few items promises more than it keeps."""

ALPHA: Final = 0.05

ALL_PAIRS: Final = 30
"""Up to so many conditions every two are compared."""

MOST_PAIRS: Final = 600
"""Above so many of one budget, only those with the budget's most accurate condition are."""


def pairs(tallies: Sequence[Tally], draws: int, seed: int) -> tuple[tuple[Pair, ...], str | None]:
    """Compare conditions two by two; the second value says which of many are left out.

    Items on which a strategy fell back to the plain call are not compared as its own.
    """
    scores = [100 * tally.measure("own") for tally in tallies]
    chosen, note = _chosen(tallies, scores)
    chosen = [(i, j) for i, j in chosen if not np.isnan(scores[i] - scores[j]).all()]
    if not chosen:
        return (), note
    differences = np.column_stack([scores[i] - scores[j] for i, j in chosen])
    binary = [_binary(scores[i]) and _binary(scores[j]) for i, j in chosen]
    values, drawn = means(differences), resampled_means(differences, draws, seed)
    p = _p(differences, binary, enough(draws, len(chosen)), seed)
    adjusted = holm(p)
    found = [
        Pair(
            first=tallies[i].condition,
            second=tallies[j].condition,
            items=int((~np.isnan(differences[:, k])).sum()),
            first_accuracy=_on_common(scores[i], scores[j]),
            second_accuracy=_on_common(scores[j], scores[i]),
            difference=estimate(values[k], drawn[:, k]),
            wins=int((differences[:, k] > 0).sum()),
            losses=int((differences[:, k] < 0).sum()),
            test="McNemar" if binary[k] else "permutation",
            p=p[k],
            p_holm=adjusted[k],
            verdict=verdict(values[k], adjusted[k], int((~np.isnan(differences[:, k])).sum())),
        )
        for k, (i, j) in enumerate(chosen)
    ]
    return tuple(found), note


def _on_common(scores: NDArray[np.float64], others: NDArray[np.float64]) -> float:
    """Average over the items on which both have scores."""
    return float(scores[~np.isnan(scores - others)].mean())


def verdict(difference: float, p: float, items: int) -> Verdict:
    """Say what a difference with an adjusted p-value amounts to."""
    if items < FEWEST_ITEMS:
        return "too few"
    if p >= ALPHA:
        return "noise"
    return "better" if difference > 0 else "worse"


def _chosen(
    tallies: Sequence[Tally], scores: Sequence[NDArray[np.float64]]
) -> tuple[list[tuple[int, int]], str | None]:
    every = list(combinations(range(len(tallies)), 2))
    if len(tallies) <= ALL_PAIRS:
        return every, None
    like = [(i, j) for i, j in every if tallies[i].condition.budget == tallies[j].condition.budget]
    if len(like) <= MOST_PAIRS:
        return like, f"there are {len(tallies)} conditions, so only those of the same budget are compared"
    best = set(_best(tallies, scores))
    return [(i, j) for i, j in like if i in best or j in best], (
        f"there are {len(tallies)} conditions, so each is compared only with the most accurate one "
        "of its budget"
    )


def _best(tallies: Sequence[Tally], scores: Sequence[NDArray[np.float64]]) -> Iterator[int]:
    """Give the place of the most accurate condition of each budget."""
    accuracies = np.nan_to_num(means(np.column_stack(scores)), nan=-1.0)
    for budget in {tally.condition.budget for tally in tallies}:
        yield max(
            (i for i, tally in enumerate(tallies) if tally.condition.budget == budget),
            key=lambda i: accuracies[i],
        )


def _binary(scores: NDArray[np.float64]) -> bool:
    return bool(np.isin(scores[~np.isnan(scores)], (0.0, 100.0)).all())


def _p(differences: NDArray[np.float64], binary: Sequence[bool], draws: int, seed: int) -> list[float]:
    p = np.array([
        _mcnemar(column) if exact else 1.0 for column, exact in zip(differences.T, binary, strict=True)
    ])
    flipped = ~np.array(binary)
    if flipped.any():
        p[flipped] = sign_flip_p(differences[:, flipped], draws, seed)
    return [float(value) for value in p]


def _mcnemar(differences: NDArray[np.float64]) -> float:
    """Test whether wins and losses are as likely; ties say nothing."""
    wins, losses = int((differences > 0).sum()), int((differences < 0).sum())
    return float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
