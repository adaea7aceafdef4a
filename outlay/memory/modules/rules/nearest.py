"""Choosing the texts that are nearest to a question, by words or by meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.words import relevance

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval import Embedder

VARIETY: Final = 0.5
"""What being unlike the texts chosen before counts, against being like the question."""


def by_words(question: str, texts: Sequence[str], n: int) -> list[int]:
    """Give the places of the `n` texts of most BM25, in their order; those of none come last."""
    scores = relevance(question, texts)
    best = sorted(range(len(texts)), key=lambda place: (-scores[place], place))
    return sorted(best[:n])


def by_meaning(question: str, texts: Sequence[str], n: int, embedder: Embedder) -> list[int]:
    """Give the places of the `n` texts of most cosine with the question, in their order."""
    if not texts:
        return []
    scores = similarities(question, texts, embedder)
    best = sorted(range(len(texts)), key=lambda place: (-float(scores[place]), place))
    return sorted(best[:n])


def by_meaning_and_variety(question: str, texts: Sequence[str], n: int, embedder: Embedder) -> list[int]:
    """Give the places of `n` texts near the question and unlike each other, best first.

    Maximal marginal relevance (Carbonell and Goldstein 1998, SIGIR): each time the text of the greatest
    (1 - `VARIETY`) * cosine to the question - `VARIETY` * greatest cosine to one chosen before.
    """
    if not texts:
        return []
    vectors = embedder.embed([question, *texts])
    asked, found = vectors[0], vectors[1:]
    near, between = found @ asked, found @ found.T
    chosen: list[int] = []
    while len(chosen) < min(n, len(texts)):
        rest = [place for place in range(len(texts)) if place not in chosen]
        chosen.append(max(rest, key=lambda place: (_worth(place, chosen, near, between), -place)))
    return chosen


def similarities(question: str, texts: Sequence[str], embedder: Embedder) -> NDArray[np.float32]:
    """Give the cosine of each of `texts` with the question, `(len(texts),)`."""
    vectors = embedder.embed([question, *texts])
    found: NDArray[np.float32] = vectors[1:] @ vectors[0]
    return found


def _worth(
    place: int, chosen: Sequence[int], near: NDArray[np.float32], between: NDArray[np.float32]
) -> float:
    closest = max((float(between[place, other]) for other in chosen), default=0.0)
    return (1 - VARIETY) * float(near[place]) - VARIETY * closest
