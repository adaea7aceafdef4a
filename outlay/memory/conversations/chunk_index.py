"""The chunks of a memory in an index, which follows the turns when it is asked."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.conversations.catalogue import KEY, Catalogue, entry, newest
from outlay.memory.conversations.packing import pack
from outlay.private_files import create
from outlay.retrieval import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from outlay.memory.conversations.packing import Measure
    from outlay.memory.conversations.records import Chunk
    from outlay.memory.conversations.turns import Turns
    from outlay.retrieval import Embedder

DIRECTORY: Final = "chunks"
LOCK: Final = "chunks.lock"
TRIES: Final = 5
"""To search while others replace what is found."""


class ChunkIndex:
    """What can be made again of a memory: chunks and their vectors.

    One thread of one process at a time brings it up to date; searches go on meanwhile.
    """

    def __init__(self, embedder: Embedder, turns: Turns, measure: Measure) -> None:
        self.embedder = embedder
        self._directory = turns.directory
        self._turns = turns
        self._measure = measure
        self._following = RLock()
        self._covered = 0
        self._open: tuple[Index, Catalogue] | None = None

    def search(self, question: str, k: int) -> tuple[tuple[Chunk, float], ...]:
        """Give the `k` chunks nearest to `question` with their cosines, best first."""
        index, _ = self._followed()
        depth, tries = k, TRIES
        while True:
            [hits] = index.search(KEY, [question], depth)
            records = index.records([hit.id for hit in hits])
            found = newest(hits, records)
            if tries and len(records) < min(depth, len(index)):  # some were replaced meanwhile
                tries -= 1
            elif len(found) >= k or len(hits) < depth:
                return tuple(found[:k])
            else:
                depth *= 2

    def vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Give the vectors of chunks, one row per id.

        Raises:
            RetrievalError: There is no such chunk.
        """
        import numpy as np  # noqa: PLC0415

        index, catalogue = self._followed()
        for _ in range(TRIES):
            entries = [catalogue.entries.get(id_, 0) for id_ in ids]
            found = index.vectors(KEY, entries)
            if found.keys() >= set(entries):
                rows = [found[number][0] for number in entries]  # a chunk has one text
                return np.stack(rows) if rows else np.empty((0, self.embedder.dimension), np.float32)
            with self._alone():
                _settle(index, catalogue)
        raise RetrievalError(f"not all of {list(ids)} are chunks of this memory: give ids that it gave")

    def __len__(self) -> int:
        return len(self._followed()[1].entries)

    def discard(self) -> None:
        """Forget all chunks; the next search makes them again."""
        with self._alone():
            _clear(self._directory / DIRECTORY)

    def close(self) -> None:
        """Close the index."""
        if self._open is not None:
            self._open[0].close()

    def _followed(self) -> tuple[Index, Catalogue]:
        """Bring index and catalogue up to the last turn."""
        last = self._turns.last()
        if self._open is not None and last <= self._covered:
            return self._open
        with self._alone():
            self._open = opened = self._open or self._opened()
            self._take_in(*opened, last)
            self._covered = last
        return opened

    def _take_in(self, index: Index, catalogue: Catalogue, last: int) -> None:
        _settle(index, catalogue)
        for turns in self._turns.blocks(catalogue.covered, last):
            packed = pack(turns, catalogue.open_chunks, len(catalogue.entries) + 1, self._measure)
            index.add(map(entry, packed))
            _settle(index, catalogue)

    def _opened(self) -> tuple[Index, Catalogue]:
        """Open what is there, if it is whole and of these turns; else make it anew."""
        directory = self._directory / DIRECTORY
        for rebuild in (False, True):
            try:
                return self._checked(Index.open(directory, self.embedder, rebuild=rebuild))
            except RetrievalError as exc:
                if _may_pass(exc):
                    raise
        _clear(directory)
        index = Index.create(directory, self.embedder, keys=(KEY,))
        return index, Catalogue(index)

    def _checked(self, index: Index) -> tuple[Index, Catalogue]:
        """Read what is in `index`.

        Raises:
            RetrievalError: It is not of these turns.
        """
        catalogue = Catalogue(index)
        try:
            _settle(index, catalogue)
            is_theirs = catalogue.covered <= self._turns.last()
        except BaseException:
            index.close()
            raise
        if is_theirs:
            return index, catalogue
        index.close()
        raise RetrievalError(f"{index.directory} was made of turns that are not there")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let nobody else change the index, in this process or another."""
        try:
            from filelock import FileLock  # noqa: PLC0415 - an extra
        except ModuleNotFoundError as exc:
            raise ConfigurationError(
                "a memory needs filelock: run `pip install 'outlay[retrieval]'`"
            ) from exc
        with self._following:
            try:
                lock = FileLock(create(self._directory / LOCK)).acquire()
            except OSError as exc:
                raise RetrievalError(
                    f"{self._directory} cannot be written ({exc}): give another path"
                ) from exc
            with lock:
                yield


def _clear(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        return
    except OSError as exc:
        raise RetrievalError(f"{directory} cannot be deleted ({exc.strerror}): delete it by hand") from exc


def _settle(index: Index, catalogue: Catalogue) -> None:
    """Read what is new in `index`, and take out what it replaces."""
    if replaced := catalogue.refresh():
        index.remove(replaced)


def _may_pass(exc: RetrievalError) -> bool:
    """Whether it is no damage: no room, no right, somebody else writing."""
    cause = exc.__cause__
    return (
        isinstance(cause, sqlite3.OperationalError)
        and getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR
    )
