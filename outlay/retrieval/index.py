"""An index: a directory with the records in SQLite, and FAISS's view of their vectors beside it.

    add -> one SQLite transaction -> followed by every open index, in any process -> save: snapshots

SQLite holds all there is to know; a snapshot only spares building, so that a kill at any moment costs no
record. What is newer than the snapshot is added on opening. Readers see a change at their next search, and
never wait for a writer; a second writer waits for the first, a minute at most.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self, get_args

from outlay.errors import ConfigurationError, RetrievalError
from outlay.private_files import make_directory
from outlay.retrieval import following
from outlay.retrieval.mirror import Mirror
from outlay.retrieval.packages import faiss
from outlay.retrieval.records import Hit, Kind
from outlay.retrieval.store import Facts, Store, texts_of
from outlay.retrieval.vectors import cosine, embedded

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from os import PathLike
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval.records import Embedder, Entry

WORTH_SAVING: Final = 0.1
"""Share of an index that must be new for `close` to write snapshots."""
FEW: Final = 1_000
"""Changes that are read from the store faster than anybody notices."""


class Index:
    """Records that are found by the texts under their keys: a `Searchable` that lives in a directory.

    Made by `Index.create` or `Index.open`. Any number of threads may search and add at once, and any number
    of processes may have the same directory open.
    """

    def __init__(self, directory: Path, embedder: Embedder, store: Store) -> None:
        self.directory = directory
        self.embedder = embedder
        self._store = store
        self._mirror = Mirror(directory, store)
        self._unsaved = 0

    @classmethod
    def create(
        cls,
        path: str | PathLike[str],
        embedder: Embedder,
        *,
        keys: Sequence[str] = ("text",),
        kind: Kind | Literal["auto"] = "auto",
    ) -> Self:
        """Make an index in the directory `path`, or take over one that holds no record.

        Args:
            path: Made if it is not there.
            embedder: Must be the same whenever the index is opened.
            keys: Under which entries may have texts.
            kind: How neighbours are looked for once `save` or `close` has built it (before, exactly);
                `"auto"` goes by size.

        Raises:
            RetrievalError: There is an index with records, or the directory cannot be written.
            ConfigurationError: No key, a key twice, an unknown kind, or FAISS is not installed.
        """
        faiss()
        if not keys or len(set(keys)) != len(keys):
            raise ConfigurationError("an index needs at least one key, and each only once")
        if kind not in {*get_args(Kind), "auto"}:
            raise ConfigurationError(f"kind is {kind!r}: give one of {', '.join(get_args(Kind))} or auto")
        directory = Path(path)
        try:
            make_directory(directory)
        except OSError as exc:
            raise RetrievalError(f"{directory} cannot be made ({exc.strerror}): give another path") from exc
        store = Store(directory, Facts(embedder.name, embedder.dimension, tuple(keys), kind))
        return cls(directory, embedder, store)

    @classmethod
    def open(cls, path: str | PathLike[str], embedder: Embedder, *, rebuild: bool = False) -> Self:
        """Open the index in the directory `path`.

        Args:
            path: What was given to `create`.
            embedder: The one it was made with; with `rebuild` any.
            rebuild: Build everything again that can be: all vectors from the texts if the embedder is
                another one, and all snapshots from the vectors.

        Raises:
            RetrievalError: The index is missing, empty, damaged, or was made with another embedder.
            ConfigurationError: FAISS is not installed.
        """
        faiss()
        directory = Path(path)
        store = Store(directory)
        try:
            store.file.check_whole()
            store.check()
            _check_opened(directory, store, embedder, rebuild=rebuild)
            index = cls(directory, embedder, store)
            if rebuild:
                index._mirror.save(rebuild=True)
            else:
                index._mirror.load()
                index._mirror.follow()
                index._mirror.check()
        except BaseException:
            store.file.close()
            raise
        return index

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which entries may have texts."""
        return self._store.facts.keys

    @property
    def kinds(self) -> dict[str, Kind]:
        """How neighbours are looked for at this moment, by key."""
        return dict(zip(self.keys, self._mirror.kinds, strict=True))

    def __len__(self) -> int:
        return self._store.count()

    def add(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Keep `entries`, all of them or none, and give their ids; on the disk when this returns.

        Raises:
            ConfigurationError: A key that the index does not have, or a record that is no JSON.
            RetrievalError: The disk or another process does not let it, or the embedder gives no vectors.
        """
        kept = tuple(entries)
        for key in {key for entry in kept for key in entry.keys}:
            self._number(key)
        texts = [text for entry in kept for _, _, text in texts_of(entry)]
        vectors = embedded(self.embedder, texts)
        ids = self._store.add(kept, following.packed(vectors))
        self._unsaved += len(ids)
        self._mirror.follow()
        return ids

    def remove(self, ids: Iterable[int]) -> int:
        """Forget the records of `ids`, and count those that were there."""
        gone = self._store.remove(tuple(ids))
        self._unsaved += gone
        self._mirror.follow()
        return gone

    def search(self, key: str, queries: Sequence[str], k: int) -> tuple[tuple[Hit, ...], ...]:
        """Give for each query the `k` texts under `key` that are nearest to it, best first.

        Fewer where there are fewer. Exact for `flat`; `hnsw` and `ivf` may miss some.

        Raises:
            ConfigurationError: An unknown key, or `k` below 1.
            RetrievalError: The index cannot be read.
        """
        similarities, rows = self.search_vectors(key, embedded(self.embedder, queries), k)
        found = self._store.located({row for row in rows.ravel().tolist() if row >= 0})
        return tuple(
            _ranked(
                Hit(id=found[row][0], key=key, position=found[row][1], similarity=cosine(similarity))
                for row, similarity in zip(near, cosines, strict=True)
                if row in found
            )
            for near, cosines in zip(rows.tolist(), similarities.tolist(), strict=True)
        )

    def search_vectors(
        self, key: str, vectors: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Give cosines and text numbers, both (m, k), for queries (m, dimension) of length 1.

        The fast path: no text is embedded and no record read. Number -1 stands where there is no more.
        """
        number = self._number(key)
        if k < 1:
            raise ConfigurationError("k is the number of texts to find: give at least 1")
        if vectors.ndim != 2 or vectors.shape[1] != self.embedder.dimension:  # noqa: PLR2004 - rows, columns
            raise ConfigurationError(f"queries must be of shape (m, {self.embedder.dimension})")
        return self._mirror.search(number, vectors, k)

    def similarities(self, key: str, query: str, ids: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """Give the exact cosine of `query` with every text under `key` of each record in `ids`.

        In the order of positions; empty where a record has no text there. Unknown ids are left out.
        """
        number = self._number(key)
        [vector] = embedded(self.embedder, [query])
        return {
            entry: tuple(map(cosine, (following.unpacked(blobs) @ vector).tolist())) if blobs else ()
            for entry, blobs in self._store.vectors_of(number, ids).items()
        }

    def vectors(self, key: str, ids: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """Give the vectors of the texts under `key` of records, `(texts, dimension)`, without unknown ids."""
        found = self._store.vectors_of(self._number(key), ids)
        return {id_: following.unpacked(blobs) for id_, blobs in found.items() if blobs}

    def records(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Give the records of `ids`; unknown ids are left out."""
        return self._store.records(ids)

    def ids(self) -> tuple[int, ...]:
        """Give the ids of all records, oldest first."""
        return self._store.ids()

    def save(self) -> None:
        """Write snapshots, so that the next opening is fast; build the kind that serves the size first.

        Nobody can add meanwhile; everybody can search.
        """
        self._mirror.save(rebuild=False)
        self._unsaved = 0

    def close(self) -> None:
        """Close the index; writes snapshots first if this object has changed much of it."""
        if self._unsaved > max(FEW, WORTH_SAVING * len(self)):
            self.save()
        self._store.file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._store.file.close()

    def _number(self, key: str) -> int:
        try:
            return self.keys.index(key)
        except ValueError:
            names = ", ".join(self.keys)
            raise ConfigurationError(f"this index has no key {key!r}: its keys are {names}") from None


def _check_opened(directory: Path, store: Store, embedder: Embedder, *, rebuild: bool) -> None:
    if not store.count():
        raise RetrievalError(
            f"the index in {directory} is empty: make it with Index.create, which takes it over, "
            "and add records"
        )
    made = (store.facts.embedder, store.facts.dimension)
    given = (embedder.name, embedder.dimension)
    if made == given:
        return
    if not rebuild:
        raise RetrievalError(
            f"the index in {directory} was made with the embedder {made[0]!r} of dimension {made[1]}, and is "
            f"opened with {given[0]!r} of dimension {given[1]}: give the first, or rebuild=True to embed its "
            "texts again"
        )
    store.embed_again(*given, lambda texts: following.packed(embedded(embedder, texts)))


def _ranked(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    """Best first; what is equally near, oldest first."""
    return tuple(sorted(hits, key=lambda hit: (-hit.similarity, hit.id, hit.position)))
