"""Vectors to search among, in bunches as those of similar texts lie, queries, and the exact answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sentences import sentences

from outlay.retrieval import SentenceEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

SENTENCES = 20_000
QUERIES = 1_024
K = 6
DIMENSION = 384
NOISE = 0.3
"""Length of the noise on a vector of length 1: two copies of one sentence have a cosine of 0.92."""
FILES = ("vectors.f32", "queries.npy", "exact.npy")


def write_vectors(base: Vectors, size: int, place: Path) -> Vectors:
    """Write `size` vectors to disk, and queries that are not among them."""
    queries, known = base[:QUERIES], base[QUERIES:]
    np.save(place / FILES[1], queries)
    with (place / FILES[0]).open("wb") as file:
        for turn, first in enumerate(range(0, size, len(known))):
            part = known[: size - first]
            file.write((part if not turn else _jittered(part, turn)).tobytes())
    return queries


def _jittered(vectors: Vectors, seed: int) -> Vectors:
    noise = np.random.default_rng(seed).standard_normal(vectors.shape, dtype=np.float32)
    moved = vectors + NOISE / np.sqrt(DIMENSION, dtype=np.float32) * noise
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)


def write_exact(queries: Vectors, size: int, place: Path) -> None:
    """Write the numbers of the nearest vectors, by looking at all of them."""
    vectors = np.memmap(place / FILES[0], dtype=np.float32, mode="r").reshape(size, DIMENSION)
    best = np.full((len(queries), K), -np.inf, dtype=np.float32)
    rows = np.full((len(queries), K), -1, dtype=np.int64)
    for first in range(0, size, 8_192):
        cosines = queries @ vectors[first : first + 8_192].T
        both = np.concatenate([best, cosines], axis=1)
        numbers = np.concatenate(
            [rows, np.arange(first, first + cosines.shape[1])[None].repeat(len(rows), 0)], 1
        )
        order = np.argpartition(-both, K, axis=1)[:, :K]
        best, rows = np.take_along_axis(both, order, 1), np.take_along_axis(numbers, order, 1)
    np.save(place / FILES[2], rows)


def embedded(out: Path) -> Vectors:
    """Give the embeddings of the sentences, kept in `out`."""
    path = out / "sentences.npy"
    if not path.exists():
        np.save(path, SentenceEmbedder(cache=out / "embeddings.sqlite").embed(sentences(SENTENCES)))
    return np.asarray(np.load(path), dtype=np.float32)
