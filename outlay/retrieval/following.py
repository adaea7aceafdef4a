"""What neighbours read from the store: vectors, removals, and the snapshots that spare reading them."""

from __future__ import annotations

import os
import secrets
import zlib
from typing import TYPE_CHECKING, Final, NamedTuple, get_args

from outlay.errors import RetrievalError
from outlay.retrieval import neighbours as shaped
from outlay.retrieval.records import Kind
from outlay.retrieval.shapes import TRAINING_PER_CELL, cells_for

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval.lock import ReadersWriter
    from outlay.retrieval.neighbours import Batch, Neighbours

BATCH: Final = 8_192
"""Vectors read at a time."""
SUFFIX: Final = ".faiss"
_BLOCK: Final = 1 << 20


class Snapshot(NamedTuple):
    """A file of neighbours, and what it has seen."""

    key: int
    file: str
    checksum: int
    kind: Kind
    last_row: int
    last_removal: int


def vectors_after(view: sqlite3.Connection, key: int, row: int) -> Iterator[Batch]:
    """Give row numbers (n) and vectors (n, dimension) that came after `row`, in batches."""
    query = "SELECT row, vector FROM vectors WHERE key = ? AND row > ? ORDER BY row LIMIT ?"
    while found := view.execute(query, (key, row, BATCH)).fetchall():
        row = found[-1][0]
        yield _numbers([number for number, _ in found]), unpacked([vector for _, vector in found])


def follow(neighbours: Neighbours, view: sqlite3.Connection, key: int, lock: ReadersWriter) -> None:
    """Bring `neighbours` to the state of `view`, holding `lock` for a batch at a time."""
    for rows, vectors in vectors_after(view, key, neighbours.last_row):
        with lock.writing():
            neighbours.add(rows, vectors)
    query = "SELECT number, row FROM removals WHERE key = ? AND number > ? ORDER BY number"
    if removed := view.execute(query, (key, neighbours.last_removal)).fetchall():
        with lock.writing():
            neighbours.remove(_numbers([row for _, row in removed]))
            neighbours.last_removal = removed[-1][0]


def agree(neighbours: Neighbours, view: sqlite3.Connection, key: int) -> bool:
    """Return True if `neighbours` are of the rows that `view` has; for IVF, as many."""
    query = "SELECT row FROM vectors WHERE key = ? ORDER BY row"
    rows = [row for (row,) in view.execute(query, (key,))]
    held = neighbours.rows()
    return len(rows) == len(neighbours) and held in (None, rows)


def build_anew(view: sqlite3.Connection, key: int, dimension: int, kind: Kind) -> Neighbours:
    """Build neighbours of `kind` from the vectors that `view` has."""
    query = "SELECT row FROM vectors WHERE key = ? ORDER BY row"
    rows = _numbers([row for (row,) in view.execute(query, (key,))])
    sample = _sample(view, rows if kind == "ivf" else rows[:0])
    built = shaped.build(kind, dimension, len(rows), sample, vectors_after(view, key, 0))
    query = "SELECT coalesce(max(number), 0) FROM removals WHERE key = ?"
    [built.last_removal] = view.execute(query, (key,)).fetchone()
    return built


def snapshots(view: sqlite3.Connection) -> tuple[Snapshot, ...]:
    """Give the snapshots that are good."""
    query = "SELECT key, file, checksum, kind, last_row, last_removal FROM snapshots"
    return tuple(Snapshot(*values) for values in view.execute(query))


def load(directory: Path, snapshot: Snapshot, dimension: int) -> Neighbours:
    """Read the neighbours of `snapshot`.

    Raises:
        FileNotFoundError: Its file is gone.
        RetrievalError: Its file is not what was written.
    """
    path = directory / snapshot.file
    if path.parent != directory or snapshot.kind not in get_args(Kind):
        raise _damaged(path)
    try:
        if _checksum(path) != snapshot.checksum:
            raise _damaged(path)
        neighbours = shaped.read(path, dimension, snapshot.kind)
    except (RuntimeError, ValueError, IsADirectoryError, PermissionError) as exc:
        if not path.exists():
            raise FileNotFoundError(path) from exc
        raise _damaged(path) from exc
    neighbours.last_row, neighbours.last_removal = snapshot.last_row, snapshot.last_removal
    return neighbours


def write(directory: Path, key: int, neighbours: Neighbours) -> Snapshot:
    """Write `neighbours` to a file of its own that is whole as soon as it has its name."""
    name = f"neighbours-{key}-{secrets.token_hex(4)}{SUFFIX}"
    unfinished = directory / f"{name}.unfinished"
    neighbours.write(unfinished)
    with unfinished.open("rb") as file:
        os.fsync(file.fileno())
    checksum = _checksum(unfinished)
    unfinished.replace(directory / name)
    _sync(directory)
    return Snapshot(key, name, checksum, neighbours.kind, neighbours.last_row, neighbours.removals_in_file)


def register(connection: sqlite3.Connection, snapshot: Snapshot) -> None:
    """Make `snapshot` the good one of its key, once the transaction ends."""
    connection.execute("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", snapshot)


def clear(directory: Path, good: tuple[Snapshot, ...]) -> None:
    """Delete the snapshots in `directory` that are not among `good`, finished or not."""
    names = {snapshot.file for snapshot in good}
    for pattern in (f"neighbours-*{SUFFIX}", f"neighbours-*{SUFFIX}.unfinished"):
        for path in directory.glob(pattern):
            if path.name not in names and not path.is_dir():
                path.unlink(missing_ok=True)


def packed(vectors: NDArray[np.float32]) -> list[bytes]:
    """Give each row of `vectors` as the store keeps it: little-endian, 4 bytes a number."""
    return [vector.tobytes() for vector in vectors.astype("<f4", copy=False)]


def unpacked(vectors: Sequence[bytes]) -> NDArray[np.float32]:
    """Give what `packed` took, as (n, dimension)."""
    import numpy as np  # noqa: PLC0415

    return np.frombuffer(b"".join(vectors), dtype="<f4").reshape(len(vectors), -1)


def _sample(view: sqlite3.Connection, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    import numpy as np  # noqa: PLC0415

    if not len(rows):
        return np.empty((0, 0), dtype=np.float32)
    size = min(len(rows), cells_for(len(rows)) * TRAINING_PER_CELL)
    chosen = np.sort(np.random.default_rng(0).choice(rows, size, replace=False)).tolist()
    query = "SELECT vector FROM vectors WHERE row = ?"
    return unpacked([view.execute(query, (row,)).fetchone()[0] for row in chosen])


def _numbers(values: list[int]) -> NDArray[np.int64]:
    import numpy as np  # noqa: PLC0415

    return np.array(values, dtype=np.int64)


def _checksum(path: Path) -> int:
    checksum = 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _sync(directory: Path) -> None:
    if os.name == "posix":  # elsewhere a directory cannot be opened
        number = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


def _damaged(path: Path) -> RetrievalError:
    return RetrievalError(
        f"{path} is damaged; the vectors beside it are not: open the index with rebuild=True to make it again"
    )
