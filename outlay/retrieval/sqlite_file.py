"""An SQLite file that many read while one writes, and that says what to do when it cannot be used.

A transaction is on the disk when it ends (write-ahead log, `synchronous=FULL`), or it never was. Readers see
the state of the moment at which they began. A second writer, in this process or another, waits for the first.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from contextlib import contextmanager
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any, Final, Literal

from outlay.errors import RetrievalError
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION: Final = 0x4F757478
"""Marks an SQLite file as one of these (`PRAGMA application_id`)."""
PATIENCE: Final = 60.0
"""Seconds to wait while another process writes."""
PAGE_BYTES: Final = 16_384
"""Ten vectors of 384 numbers; with SQLite's usual 4,096 a fifth of the file would be empty."""
CHECKED_BYTES: Final = 1 << 28
"""Size up to which a file is read whole when it is opened: half a second."""


class SQLiteFile:
    """An open file.

    Args:
        path: Made if it is not there and `make` is set.
        make: The statements that create the tables; `None` opens what is there.
        version: Of those tables (`PRAGMA user_version`).
        cure: What to do about a damaged file, for messages.

    Raises:
        RetrievalError: The file is missing, empty, damaged, of another program or of another version.
    """

    def __init__(self, path: Path, *, make: str | None, version: int, cure: str) -> None:
        self.path = path
        self._cure = cure
        self._version = version
        self._idle: deque[sqlite3.Connection] = deque()
        self._writing = RLock()
        self._watching = Lock()
        self._watch: sqlite3.Connection | None = None
        self._closed = False
        if make is None and (not path.is_file() or not path.stat().st_size):
            raise RetrievalError(f"{path} is missing or empty: {cure}")
        try:
            if make is not None:
                self._create()
            with self.told(), self._connection() as connection:
                if make is not None:
                    self._make(connection, make)
                self._check(connection)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; what is being read or written ends first with an error."""
        self._closed = True
        with self._watching:
            if self._watch is not None:
                self._watch.close()
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a view that does not change until this ends."""
        with self.told(), self._connection() as connection, _transaction(connection, "DEFERRED"):
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Change the file, all or nothing; what was changed is on the disk when this ends."""
        with (
            self._writing,
            self.told(),
            self._connection() as connection,
            _transaction(connection, "IMMEDIATE"),
        ):
            yield connection

    def read(self, query: str, *values: Any) -> list[Any]:
        """Give the rows that `query` finds."""
        with self.told(), self._connection() as connection:
            return connection.execute(query, values).fetchall()

    def mark(self) -> int:
        """Give a number that is another one as soon as anything was committed, in microseconds."""
        with self._watching:
            if self._closed:
                raise RetrievalError(f"{self.path} is closed: open it again")
            with self.told():
                if self._watch is None:
                    self._watch = self._connect()
                return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def check_whole(self) -> None:
        """Read the whole file and check that its pages fit together.

        A large one is left to what SQLite notices as it reads: the check would take longer than the opening.
        """
        if self.path.stat().st_size > CHECKED_BYTES:
            return
        found = self.read("PRAGMA quick_check(1)")
        if found != [("ok",)]:
            raise self.damaged()

    def damaged(self) -> RetrievalError:
        """Give the error for a file whose content makes no sense."""
        return RetrievalError(f"{self.path} is damaged: {self._cure}")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what SQLite says into what to do about it."""
        try:
            yield
        except sqlite3.ProgrammingError as exc:
            raise RetrievalError(f"{self.path} is closed: open it again") from exc
        except sqlite3.OperationalError as exc:
            raise self._operational(exc) from exc
        except sqlite3.Error as exc:
            raise self.damaged() from exc

    def _operational(self, exc: sqlite3.OperationalError) -> RetrievalError:
        # A text that is no UTF-8 comes without a code.
        match getattr(exc, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF:
            case sqlite3.SQLITE_BUSY:
                cure = f"another process has been writing for {PATIENCE:g} seconds: try again when it is done"
                return RetrievalError(f"{self.path} cannot be written, {cure}")
            case sqlite3.SQLITE_ERROR:  # a table that is not there
                return self.damaged()
        cure = "check that its folder exists, can be written and has room"
        return RetrievalError(f"{self.path} cannot be used ({exc}): {cure}")

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise RetrievalError(f"{self.path} is closed: open it again")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            if self._closed:
                connection.close()
            else:
                self._idle.append(connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA synchronous = FULL")
        return connection

    def _create(self) -> None:
        try:
            create(self.path)
        except OSError as exc:
            cure = "check that its folder exists, can be written and has room"
            raise RetrievalError(f"{self.path} cannot be made ({exc.strerror}): {cure}") from exc

    def _make(self, connection: sqlite3.Connection, tables: str) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            return
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA journal_mode = WAL")
        with _transaction(connection, "IMMEDIATE"):
            for statement in tables.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
            connection.execute(f"PRAGMA user_version = {self._version}")

    def _check(self, connection: sqlite3.Connection) -> None:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION:
            raise RetrievalError(f"{self.path} is a database of another program: give another path")
        if version != self._version:
            raise RetrievalError(
                f"{self.path} was written by another version of Outlay (tables {version}, "
                f"not {self._version}): {self._cure}"
            )


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # SQLite has ended it already where the disk is full
            connection.execute("ROLLBACK")
        raise
