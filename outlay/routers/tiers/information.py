"""Whether a router's tiers follow the kind of question, in bits, or whether it might as well not look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outlay.budget import Record
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Tier

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray


class Shared(Record):
    """What one thing says of another."""

    bits: float
    """Mutual information, as counted; chance alone makes it positive."""
    chance: float
    """What it is in the mean when the kinds are dealt out anew."""
    p: float
    """How often that is as much or more."""


class Awareness(Record):
    """What tiers say of the kind of question."""

    kinds: float
    """Entropy of the kinds, in bits: the most that there is to say."""
    vector: Shared
    """The five tiers together."""
    modules: tuple[Shared, ...]
    """Each by itself, in the order of `MODULES`."""


def awareness(
    kinds: Sequence[str],
    tiers: Sequence[Sequence[Tier]],
    groups: Sequence[Hashable] | None = None,
    *,
    draws: int = 999,
    seed: int = 0,
) -> Awareness:
    """Measure the information between the kind of question and the tiers chosen.

    Args:
        kinds: One per question.
        tiers: Five per question.
        groups: One per question: kinds are dealt out within each, so that tiers that follow the conversation
            do not seem to follow the kind; `None`: all are of one.
        draws: Deals of the kinds, to tell what chance makes.
        seed: Of the deals.

    Raises:
        ConfigurationError: There is not one tier vector for each kind, or no question.
    """
    if not kinds or len(kinds) != len(tiers):
        raise ConfigurationError("awareness needs one kind and one tier vector for each question")
    of, vectors = _numbered(kinds), _numbered([tuple(t) for t in tiers])
    rng = np.random.default_rng(seed)
    dealt = [_dealt(of, _numbered(groups or [0] * len(of)), rng) for _ in range(draws)]
    columns = [np.array([t[place] for t in tiers], dtype=np.int64) for place in range(len(MODULES))]
    return Awareness(
        kinds=mutual_information(of, of),
        vector=_shared(of, vectors, dealt),
        modules=tuple(_shared(of, column, dealt) for column in columns),
    )


def mutual_information(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Give the information between two columns of small whole numbers, in bits."""
    counts = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(counts, (first, second), 1)
    joint = counts / counts.sum()
    alone = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    seen = joint > 0
    return max(0.0, float((joint[seen] * np.log2(joint[seen] / alone[seen])).sum()))


def _shared(of: NDArray[np.int64], column: NDArray[np.int64], dealt: Sequence[NDArray[np.int64]]) -> Shared:
    bits = mutual_information(of, column)
    by_chance = np.array([mutual_information(deal, column) for deal in dealt])
    reached = int((by_chance >= bits - 1e-12).sum())
    return Shared(
        bits=bits,
        chance=float(by_chance.mean()) if len(by_chance) else 0.0,
        p=(reached + 1) / (len(dealt) + 1),
    )


def _dealt(of: NDArray[np.int64], groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal out `of` anew within each group."""
    places, order = np.argsort(groups, kind="stable"), np.lexsort((rng.random(len(of)), groups))
    dealt = np.empty_like(of)
    dealt[places] = of[order]
    return dealt


def _numbered(values: Sequence[Hashable]) -> NDArray[np.int64]:
    numbers = {value: number for number, value in enumerate(dict.fromkeys(values))}
    return np.array([numbers[value] for value in values], dtype=np.int64)
