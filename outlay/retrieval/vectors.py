"""Vectors as an index takes them: checked, as embedders are other people's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.errors import RetrievalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval.records import Embedder

TOLERANCE: Final = 1e-3
"""By which a vector's length may differ from 1."""


def embedded(embedder: Embedder, texts: Sequence[str]) -> NDArray[np.float32]:
    """Give one vector of length 1 per text: `(len(texts), dimension)`.

    Raises:
        RetrievalError: The embedder gives something else.
    """
    import numpy as np  # noqa: PLC0415

    if not texts:
        return np.empty((0, embedder.dimension), dtype=np.float32)
    vectors = np.ascontiguousarray(embedder.embed(texts), dtype=np.float32)
    if vectors.shape != (len(texts), embedder.dimension):
        raise RetrievalError(
            f"the embedder {embedder.name!r} gave {vectors.shape} for {len(texts)} texts of dimension "
            f"{embedder.dimension}: correct its `dimension` or its `embed`"
        )
    lengths = np.linalg.norm(vectors, axis=1)
    if not (np.abs(lengths - 1) < TOLERANCE).all():
        raise RetrievalError(
            f"the embedder {embedder.name!r} gives vectors that are not of length 1: let `embed` divide "
            "each by its length"
        )
    return vectors


def cosine(product: float) -> float:
    """Give a product of two vectors of length 1 as a cosine: rounding may have carried it past 1."""
    return max(-1.0, min(1.0, product))
