"""One SQLite file of ours, safe to use from threads and from several processes at once.

A commit is synced to the disk before it counts (`synchronous=FULL`): a killed process would lose nothing
without that, but a power cut would, and a sync is cheap beside the call it keeps.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Literal

from outlay.errors import ConfigurationError
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION: Final = 0x4F75746C
"""Marks an SQLite file as ours (`PRAGMA application_id`)."""
PATIENCE: Final = 30.0
"""Seconds to wait while another process writes."""
PAUSE: Final = 0.02


class Database:
    """An open file.

    Args:
        path: Made if it is not there.
        table: The statement that creates what it holds.
        version: Of that table (`PRAGMA user_version`).

    Raises:
        ConfigurationError: The path cannot be written, or holds something else.
    """

    def __init__(self, path: Path, table: str, version: int) -> None:
        self.path = path
        self._lock = Lock()
        with self._told():
            self._create()
            self._connection = sqlite3.connect(
                path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            # Decoded by whoever reads a row, so that one damaged text does not stop the others.
            self._connection.text_factory = bytes
            try:
                self._prepare(table, version)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def read(self, query: str, *values: Any) -> list[Any]:
        """Give the rows that `query` finds."""
        with self._told(), self._lock:
            return self._connection.execute(query, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Change the file, all or nothing; what was changed is on the disk when this ends."""
        with self._told(), self._lock, self._transaction("IMMEDIATE"):
            yield self._connection

    def damaged(self) -> ConfigurationError:
        """Give the error for a file whose content makes no sense."""
        cure = "give another path, or delete the file"
        return ConfigurationError(f"{self.path} is no replay store, or a damaged one: {cure}")

    def _create(self) -> None:
        try:
            create(self.path)
        except OSError as exc:
            cure = "check that its folder exists and can be written"
            raise ConfigurationError(f"the replay store {self.path} cannot be made ({exc}): {cure}") from exc

    def _prepare(self, table: str, version: int) -> None:
        # The check comes first, because the rest writes to the file, which may be somebody else's.
        with self._transaction("DEFERRED"):
            self._check(version)
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous = FULL")
        with self._transaction("IMMEDIATE"):
            self._check(version)
            self._connection.execute(table)
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")
            self._connection.execute(f"PRAGMA user_version = {version}")

    def _check(self, version: int) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        found = self._connection.execute("PRAGMA user_version").fetchone()[0]
        is_empty = not self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application != APPLICATION and not (is_empty and not application):
            raise ConfigurationError(f"{self.path} is a database of another program: give another path")
        if application == APPLICATION and found != version:
            raise ConfigurationError(
                f"{self.path} was written by another version of Outlay (store {found}, not {version}): "
                "give another path, or delete the file"
            )

    def _write_ahead(self) -> None:
        # SQLite does not wait for other openers here, whatever its time-out says.
        until = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as exc:
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
                time.sleep(PAUSE)
            else:
                return

    @contextmanager
    def _transaction(self, kind: Literal["DEFERRED", "IMMEDIATE"]) -> Iterator[None]:
        with closing(self._connection.cursor()) as cursor:
            cursor.execute(f"BEGIN {kind}")
            try:
                yield
            except BaseException:
                cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite says into what to do about it."""
        try:
            yield
        except sqlite3.ProgrammingError as exc:
            raise ConfigurationError(f"the replay store {self.path} is closed: open it again") from exc
        except sqlite3.OperationalError as exc:
            cure = "check that its folder exists and can be written, and that nothing else holds the file"
            raise ConfigurationError(f"the replay store {self.path} cannot be used ({exc}): {cure}") from exc
        except sqlite3.DatabaseError as exc:
            raise self.damaged() from exc
