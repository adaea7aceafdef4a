"""Which chunks stay, in which order: by words, by meaning and words, by a model's scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.words import keyword_share, relevance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.memory.conversations import Chunk

COSINE_WEIGHT: Final = 0.7
KEYWORD_WEIGHT: Final = 0.3
LEAST: Final = 0.3
"""The sum that a chunk must reach, as in the paper's code."""


def by_words(question: str, chunks: Sequence[Chunk], top_k: int) -> tuple[int, ...]:
    """Keep the `top_k` chunks of most BM25; where none shares a word, the first ones."""
    scores = relevance(question, [chunk.text for chunk in chunks])
    return _best(chunks, scores, top_k, [score > 0 for score in scores])


def by_meaning(
    question: str, chunks: Sequence[Chunk], similarities: Sequence[float], top_k: int
) -> tuple[int, ...]:
    """Keep the `top_k` chunks of most 0.7 * cosine + 0.3 * share of the question's words in them.

    Those below 0.3 go; where all are, the first ones stay.
    """
    shares = (keyword_share(question, chunk.text) for chunk in chunks)
    scores = [
        COSINE_WEIGHT * cosine + KEYWORD_WEIGHT * share
        for cosine, share in zip(similarities, shares, strict=True)
    ]
    return _best(chunks, scores, top_k, [score >= LEAST for score in scores])


def by_scores(chunks: Sequence[Chunk], scores: Mapping[int, float], top_k: int) -> tuple[int, ...]:
    """Keep the `top_k` chunks of the highest scores; one without a score has 0, and goes only by its rank.

    Args:
        chunks: In the order of retrieval, which decides between equal scores.
        scores: By place, from 1.
        top_k: How many.
    """
    given = [scores.get(place, 0.0) for place in range(1, len(chunks) + 1)]
    return _best(chunks, given, top_k, [True] * len(chunks))


def _best(
    chunks: Sequence[Chunk], scores: Sequence[float], top_k: int, good: Sequence[bool]
) -> tuple[int, ...]:
    ranked = sorted(range(len(chunks)), key=lambda place: (-scores[place], place))
    kept = [place for place in ranked if good[place]]
    return tuple(chunks[place].id for place in (kept or range(len(chunks)))[:top_k])
