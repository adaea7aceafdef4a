"""The vectors of one key in one FAISS index, from empty to file and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from outlay.errors import RetrievalError
from outlay.private_files import create
from outlay.retrieval import shapes
from outlay.retrieval.packages import faiss
from outlay.retrieval.records import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    Batch = tuple["NDArray[np.int64]", "NDArray[np.float32]"]

MOST_REMOVED: Final = 0.2
"""Share of a graph that may be removed before it is built again: removed vectors stay as way stations."""
WIDE: Final = 16
"""An approximate search for more than this part of all vectors looks at all of them."""


class Neighbours:
    """A FAISS index, and how far it has followed the store.

    Not safe to change while it is searched.
    """

    def __init__(self, dimension: int, index: Any = None, kind: Kind = "flat") -> None:
        self.kind = kind
        self.last_row = 0
        self.last_removal = 0
        self._dimension = dimension
        self._index = shapes.flat(dimension) if index is None else index
        self._removed: set[int] = set()
        self._gone: Any = None
        self._stays: Any = None

    def __len__(self) -> int:
        return int(self._index.ntotal) - len(self._removed)

    def rows(self) -> list[int] | None:
        """Give the numbers that are in, in order; `None` for IVF, which keeps them by cell."""
        if self.kind == "ivf":
            return None
        inside: list[int] = faiss().vector_to_array(self._index.id_map).tolist()
        return sorted(set(inside) - self._removed)

    def add(self, rows: NDArray[np.int64], vectors: NDArray[np.float32]) -> None:
        """Put in `vectors` (n, dimension) under the ascending numbers `rows` (n)."""
        self._index.add_with_ids(vectors, rows)
        self.last_row = int(rows[-1])

    def remove(self, rows: NDArray[np.int64]) -> None:
        """Take out `rows`; those that are not in are passed over."""
        import numpy as np  # noqa: PLC0415

        if self.kind == "hnsw":  # a graph has no way to take one out
            inside = faiss().vector_to_array(self._index.id_map)
            self._removed |= set(rows[np.isin(rows, inside)].tolist())
            self._gone = faiss().IDSelectorBatch(np.array(sorted(self._removed), dtype=np.int64))
            self._stays = faiss().IDSelectorNot(self._gone)
        else:
            self._index.remove_ids(rows)

    def search(self, vectors: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give similarities and rows (m, k) of the nearest to `vectors` (m, dimension); row -1: no more."""
        is_wide = k * WIDE > len(self)
        if self.kind == "hnsw" and is_wide:
            return self._search_whole_graph(vectors, k)
        found = self._index.search(vectors, k, params=self._parameters(k))
        return found[0], found[1]

    def outgrown(self, asked: Kind | None) -> Kind | None:
        """Give the kind that this should be built again as, if it should.

        Args:
            asked: A kind, or `None` for the one that serves the size; that never goes back to a smaller one.
        """
        size = len(self)
        order = get_args(Kind)
        wanted = asked or max(self.kind, shapes.kind_for(size), key=order.index)
        if not size:
            return None
        stale = len(self._removed) > MOST_REMOVED * self._index.ntotal or (
            self.kind == "ivf" and shapes.cells_for(size) > 2 * self._index.nlist
        )
        return wanted if stale or wanted != self.kind else None

    def write(self, path: Path) -> None:
        """Write the FAISS index to `path`."""
        try:
            faiss().write_index(self._index, str(create(path)))
        except (RuntimeError, OSError) as exc:
            raise RetrievalError(
                f"{path} cannot be written: check that its folder can be written and has room"
            ) from exc

    @property
    def removals_in_file(self) -> int:
        """The last removal that a file of this would show; a graph's file shows none that it outlived."""
        return 0 if self._removed else self.last_removal

    def _parameters(self, k: int) -> Any:
        match self.kind:
            case "flat":
                return None
            case "ivf":
                cells = self._index.nlist
                probes = cells if k * WIDE > len(self) else shapes.probes_for(cells)
                return faiss().SearchParametersIVF(nprobe=probes)
        width = max(shapes.width_for(len(self)), 2 * k) * self._index.ntotal // len(self)
        return faiss().SearchParametersHNSW(efSearch=width, sel=self._stays)

    def _search_whole_graph(
        self, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Search the vectors of a graph one by one: not each of them can be reached along it."""
        import numpy as np  # noqa: PLC0415

        graph = faiss().downcast_index(self._index.index)
        similarities, places = graph.storage.search(vectors, k + len(self._removed))
        numbers = np.append(faiss().vector_to_array(self._index.id_map), -1)
        rows = numbers[places]
        gone = np.isin(rows, list(self._removed))
        order = np.argsort(gone, axis=1, kind="stable")[:, :k]
        rows[gone] = -1
        return np.take_along_axis(similarities, order, axis=1), np.take_along_axis(rows, order, axis=1)


def read(path: Path, dimension: int, kind: Kind) -> Neighbours:
    """Read what `write` wrote.

    Raises:
        RuntimeError: FAISS cannot read it.
        ValueError: It is something else.
    """
    index = faiss().read_index(str(path))
    if index.d != dimension:
        raise ValueError(f"{index.d} dimensions, not {dimension}")
    return Neighbours(dimension, index, kind)


def build(
    kind: Kind, dimension: int, size: int, sample: NDArray[np.float32], batches: Iterator[Batch]
) -> Neighbours:
    """Build `kind` anew from `size` vectors that come in batches.

    Args:
        kind: Of index.
        dimension: Of the vectors.
        size: How many there are, for the number of cells.
        sample: Of the vectors, for k-means; only IVF looks at it.
        batches: Row numbers, ascending, and vectors.
    """
    match kind:
        case "flat":
            index = shapes.flat(dimension)
        case "hnsw":
            index = shapes.hnsw(dimension)
        case "ivf":
            index = shapes.ivf(dimension, shapes.cells_for(size), sample)
    neighbours = Neighbours(dimension, index, kind)
    for rows, vectors in batches:
        neighbours.add(rows, vectors)
    return neighbours
