"""Which FAISS index serves how many vectors, and its parameters.

flat    below 20,000   exact; nothing to build, nothing to tune
hnsw    below 500,000  a graph: the fastest to search; grows by insertion, slow to build
ivf     from there on  cells of a k-means: much faster to build, and least memory beside the vectors
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from outlay.retrieval.packages import faiss

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval.records import Kind

HNSW_FROM: Final = 20_000
IVF_FROM: Final = 500_000
LINKS: Final = 32
"""HNSW's M: neighbours of a vector in the graph."""
EF_CONSTRUCTION: Final = 80
"""HNSW's efConstruction: candidates held while a vector is put in."""
EF_SEARCH: Final = 64
"""HNSW's efSearch: candidates held while a query looks."""
PROBES: Final = 32
"""IVF's nprobe: cells that a query looks into."""
TRAINING_PER_CELL: Final = 64
"""Vectors per cell that k-means sees; FAISS asks for at least 39."""
ROUNDS: Final = 10
"""Of k-means."""


def kind_for(size: int) -> Kind:
    """Give the kind that serves `size` vectors."""
    if size < HNSW_FROM:
        return "flat"
    return "hnsw" if size < IVF_FROM else "ivf"


def cells_for(size: int) -> int:
    """Give IVF's nlist: 4 times the root of the size, and never fewer than 39 vectors to a cell."""
    return max(1, min(int(4 * sqrt(size)), size // 39))


def flat(dimension: int) -> Any:
    """Give an empty index that looks at every vector."""
    return faiss().IndexIDMap(faiss().IndexFlatIP(dimension))


def hnsw(dimension: int) -> Any:
    """Give an empty graph."""
    graph = faiss().IndexHNSWFlat(dimension, LINKS, faiss().METRIC_INNER_PRODUCT)
    graph.hnsw.efConstruction = EF_CONSTRUCTION
    return faiss().IndexIDMap(graph)


def ivf(dimension: int, cells: int, sample: NDArray[np.float32]) -> Any:
    """Give empty cells, laid out by k-means over `sample`."""
    index = faiss().IndexIVFFlat(
        faiss().IndexFlatIP(dimension), dimension, cells, faiss().METRIC_INNER_PRODUCT
    )
    index.cp.spherical = True
    index.cp.niter = ROUNDS
    index.cp.min_points_per_centroid = 1
    index.train(sample)
    return index
