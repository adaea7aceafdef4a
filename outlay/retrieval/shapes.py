"""Which FAISS index serves how many vectors, and its parameters.

flat    below 20,000     exact; nothing to build, and a query still takes only some milliseconds
hnsw    below 2,000,000  a graph, a sixth more memory: at equal recall three times as fast as ivf at 1e5
                         vectors, and its time grows with the logarithm of the size; it takes four times
                         as long to build
ivf     from there on    cells of a k-means: a graph of that size takes too long to build, and what is removed
                         stays in it

Measured on one busy core at 1e5 vectors (those of `bench/retrieval.py`), recall@6 and queries per second:
flat 1 and 68; hnsw with efSearch 64, 96, 128: .962 and 4,168, .975 and 3,007, .984 and 2,300, built in 31 s
of CPU; ivf with nprobe 32, 64, 96 of 1,264 cells: .940 and 2,004, .965 and 1,128, .976 and 796, built in 7 s.
Recall falls as the size grows, so that the defaults aim above .95, and the larger a graph is the more widely
it is searched. At 1e6: hnsw with efSearch 128, 256, 512, 1,024: .761 and 5,072, .844 and 3,824, .906 and
2,034, .956 and 1,139.
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
IVF_FROM: Final = 2_000_000
LINKS: Final = 32
"""HNSW's M: neighbours of a vector in the graph."""
EF_CONSTRUCTION: Final = 80
"""HNSW's efConstruction: candidates held while a vector is put in."""
EF_SEARCH: Final = 128
"""HNSW's efSearch at least: candidates held while a query looks."""
WIDEST: Final = 1024
"""HNSW's efSearch at most."""
VECTORS_PER_CANDIDATE: Final = 1_000
PROBED: Final = 20
"""One in so many cells is looked into by a query."""
FEWEST_PROBES: Final = 16
TRAINING_PER_CELL: Final = 64
"""Vectors per cell that k-means sees; FAISS asks for at least 39."""
ROUNDS: Final = 10
"""Of k-means."""


def kind_for(size: int) -> Kind:
    """Give the kind that serves `size` vectors."""
    if size < HNSW_FROM:
        return "flat"
    return "hnsw" if size < IVF_FROM else "ivf"


def width_for(size: int) -> int:
    """Give HNSW's efSearch: one candidate for every thousand vectors, 128 to 1,024."""
    return max(EF_SEARCH, min(WIDEST, size // VECTORS_PER_CANDIDATE))


def cells_for(size: int) -> int:
    """Give IVF's nlist: 4 times the root of the size, and never fewer than 39 vectors to a cell."""
    return max(1, min(int(4 * sqrt(size)), size // 39))


def probes_for(cells: int) -> int:
    """Give IVF's nprobe."""
    return min(cells, max(FEWEST_PROBES, cells // PROBED))


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
