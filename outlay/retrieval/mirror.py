"""What the store holds, mirrored in memory for FAISS to search: one set of neighbours per key."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from outlay.errors import RetrievalError
from outlay.retrieval import following
from outlay.retrieval.lock import ReadersWriter
from outlay.retrieval.neighbours import Neighbours

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval.records import Kind
    from outlay.retrieval.store import Store

TRIES: Final = 5
"""To read a snapshot while another process writes newer ones."""


class Mirror:
    """The neighbours of an open index.

    Searched by any number of threads at once; what is added waits for the searches under way, and the
    searches that come then for a batch of it.
    """

    def __init__(self, directory: Path, store: Store) -> None:
        self._directory = directory
        self._store = store
        self._revision = -1
        self._mark = -1
        self._lock = ReadersWriter()
        self._following = Lock()
        self._neighbours = [Neighbours(store.facts.dimension) for _ in store.facts.keys]

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """How neighbours are looked for, key by key."""
        return tuple(neighbours.kind for neighbours in self._neighbours)

    def search(
        self, number: int, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give similarities and rows (m, k) of the nearest to `vectors` (m, dimension); row -1: no more."""
        self.follow()
        with self._lock.reading():
            return self._neighbours[number].search(vectors, k)

    def follow(self) -> None:
        """Take in what was committed since the last time, by whomever."""
        mark = self._store.file.mark()
        if mark == self._mark:
            return
        with self._following, self._store.reading() as view:
            revision = self._store.revision(view)
            if revision != self._revision:
                for number, neighbours in enumerate(self._neighbours):
                    following.follow(neighbours, view, number, self._lock)
            # A mark that is older than the view only has it looked at once more.
            self._revision, self._mark = revision, mark

    def load(self) -> None:
        """Read the snapshots, instead of building what they hold.

        Raises:
            RetrievalError: One is damaged or missing.
        """
        for _ in range(TRIES):
            with self._store.reading() as view:
                good = following.snapshots(view)
            try:
                for snapshot in good:
                    loaded = following.load(self._directory, snapshot, self._store.facts.dimension)
                    self._neighbours[snapshot.key] = loaded
            except FileNotFoundError as exc:
                gone = exc
            else:
                return
        raise RetrievalError(
            f"a snapshot is missing ({gone}); the vectors are not: open the index with rebuild=True"
        ) from gone

    def check(self) -> None:
        """Check that the neighbours are those of the vectors in the store.

        Raises:
            RetrievalError: A snapshot holds others.
        """
        with self._store.reading() as view:
            if self._store.revision(view) != self._revision:
                return  # another process has added since
            for number, neighbours in enumerate(self._neighbours):
                if not following.agree(neighbours, view, number):
                    raise RetrievalError(
                        f"a snapshot in {self._directory} is of other vectors than those beside it: open the "
                        "index with rebuild=True to make it again"
                    )

    def save(self, *, rebuild: bool) -> None:
        """Build the kinds that serve the size, and write what the good snapshots do not show.

        Args:
            rebuild: Build and write everything.
        """
        self.follow()
        for number in range(len(self._neighbours)):
            self._build(number, rebuild=rebuild)
        with self._store.file.writing() as connection:
            self.follow()
            good = {snapshot.key: snapshot for snapshot in following.snapshots(connection)}
            following.clear(self._directory, tuple(good.values()))
            for number in range(len(self._neighbours)):
                if rebuild or not _shown(self._neighbours[number], good.get(number)):
                    good[number] = self._written(number)
                    following.register(connection, good[number])
        following.clear(self._directory, tuple(good.values()))

    def _written(self, number: int) -> following.Snapshot:
        with self._lock.reading():
            return following.write(self._directory, number, self._neighbours[number])

    def _build(self, number: int, *, rebuild: bool) -> None:
        present = self._neighbours[number]
        asked = None if self._store.facts.kind == "auto" else self._store.facts.kind
        wanted = present.outgrown(asked)
        if rebuild:
            wanted = wanted or present.kind
        if wanted is None:
            return
        with self._store.reading() as view:
            built = following.build_anew(view, number, self._store.facts.dimension, wanted)
        with self._following, self._lock.writing():
            self._neighbours[number] = built
            self._revision = self._mark = -1


def _shown(neighbours: Neighbours, snapshot: following.Snapshot | None) -> bool:
    """Whether `snapshot` is of these very neighbours."""
    seen = (neighbours.kind, neighbours.last_row, neighbours.last_removal)
    return snapshot is not None and seen == (snapshot.kind, snapshot.last_row, snapshot.last_removal)
