"""Adding to a bank in turn, so that between looking whether a run is there and adding it nobody adds it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from outlay.errors import RetrievalError
from outlay.private_files import create
from outlay.retrieval import Index
from outlay.retrieval.packages import missing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.retrieval import Searchable

FILE: Final = "adding.lock"
PATIENCE: Final = 600.0
"""Seconds to wait while another process adds, which may have much to embed."""


@contextmanager
def in_turn(index: Searchable) -> Iterator[None]:
    """Keep other processes from adding to a directory meanwhile; a process that is killed keeps nobody.

    Stores that are no directory of ours have one writer, as `VectorStoreIndex` says.

    Raises:
        RetrievalError: The directory cannot be written, or another process adds for very long.
        ConfigurationError: filelock is not installed.
    """
    if not isinstance(index, Index):
        yield
        return
    try:
        from filelock import FileLock, Timeout  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise missing("adding to a bank", "filelock") from exc
    lock = FileLock(index.directory / FILE, timeout=PATIENCE)
    try:
        create(index.directory / FILE)
        lock.acquire()
    except Timeout as exc:
        raise RetrievalError(
            f"another process has been adding to {index.directory} for {PATIENCE:g} seconds: try again when "
            "it is done"
        ) from exc
    except OSError as exc:
        raise RetrievalError(f"{index.directory} cannot be written ({exc}): check its permissions") from exc
    try:
        yield
    finally:
        lock.release()
