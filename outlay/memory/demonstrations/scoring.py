"""Which trajectories are candidates, and the mean of their similarities."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from outlay.retrieval import Searchable

PER_DEMONSTRATION: Final = 3
"""Candidates per key for each demonstration wanted."""
WITH_OBSERVATION: Final = 2
"""How many times as many, where an observation is asked about."""
FOR_EXCLUDED: Final = 10
"""How many more are fetched at once where tasks are excluded; further ones on demand."""

Similarities = dict[str, dict[int, float]]
"""By key and record; a record without text under a key is not there."""


def breadth(k: int, keys: Collection[str]) -> int:
    """Give the candidates wanted of each key, K' of arXiv 2505.00234."""
    return k * PER_DEMONSTRATION * (WITH_OBSERVATION if "observation" in keys else 1)


def nearest(
    index: Searchable, key: str, text: str, wanted: int, allowed: Callable[[Collection[int]], list[int]]
) -> list[int]:
    """Give the `wanted` records with the most similar texts under a key, best first.

    An index ranks texts, many of which may be one record's: it is asked for more until there are as many
    records, or no more texts.

    Args:
        index: Searched.
        key: Under which.
        text: Compared with.
        wanted: How many records.
        allowed: Keeps those records that may be given, in order.
    """
    depth = wanted + FOR_EXCLUDED
    while True:
        hits = index.search(key, [text], depth)[0]
        found = allowed(dict.fromkeys(hit.id for hit in hits))
        if len(found) >= wanted or len(hits) < depth:
            return found[:wanted]
        depth *= 4


def averaged(similarities: Mapping[str, Mapping[int, float]]) -> dict[int, float]:
    """Give each record's mean similarity over the keys that any record has.

    A record that lacks a key (a trajectory without a plan, say) is neither punished for it nor favoured:
    it scores its mean over the keys it has, plus what the missing ones change for the others, which is
    their mean over all keys less their mean over the same keys, on average. So it lands where its like
    that has the key lands on average, whether similarities under that key run lower or higher.
    """
    keys = [key for key, found in similarities.items() if found]
    means = {id_: _mean(similarities, keys, id_) for key in keys for id_ in similarities[key]}
    complete = [id_ for id_ in means if all(id_ in similarities[key] for key in keys)]
    change: dict[tuple[str, ...], float] = {}
    for id_ in means:
        present = tuple(key for key in keys if id_ in similarities[key])
        if present not in change:
            change[present] = _change(similarities, keys, present, complete)
        means[id_] += change[present]
    return means


def _mean(similarities: Mapping[str, Mapping[int, float]], keys: Collection[str], id_: int) -> float:
    return fmean(similarities[key][id_] for key in keys if id_ in similarities[key])


def _change(
    similarities: Mapping[str, Mapping[int, float]],
    keys: Collection[str],
    present: Collection[str],
    complete: Collection[int],
) -> float:
    """Give how much the keys that are not present change the mean of complete records, on average."""
    if len(present) == len(keys) or not complete:
        return 0.0
    return fmean(_mean(similarities, keys, id_) - _mean(similarities, present, id_) for id_ in complete)
