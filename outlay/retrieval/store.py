"""What an index knows, in SQLite: records, texts, vectors, and which snapshots are good.

Rows of `texts` and `vectors` go together and their numbers are never used again, so that whoever has seen
rows up to a number, and removals up to a number, has only to ask for what came after.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple

from pydantic import Field, TypeAdapter

from outlay.errors import ConfigurationError, RetrievalError
from outlay.retrieval.records import Kind  # noqa: TC001 - pydantic reads the annotation
from outlay.retrieval.sqlite_file import CHECKED_BYTES, SQLiteFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from outlay.retrieval.records import Entry

FILE: Final = "records.sqlite"
VERSION: Final = 1
TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (
    one INTEGER PRIMARY KEY CHECK (one = 1), embedder TEXT NOT NULL, dimension INTEGER NOT NULL,
    keys TEXT NOT NULL, kind TEXT NOT NULL, revision INTEGER NOT NULL, records INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS texts (
    row INTEGER PRIMARY KEY AUTOINCREMENT, entry INTEGER NOT NULL, key INTEGER NOT NULL,
    position INTEGER NOT NULL, text TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS texts_of_an_entry ON texts (entry, key, position);
CREATE TABLE IF NOT EXISTS vectors (row INTEGER PRIMARY KEY, key INTEGER NOT NULL, vector BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS vectors_of_a_key ON vectors (key, row);
CREATE TABLE IF NOT EXISTS removals (
    number INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER NOT NULL, key INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS snapshots (
    key INTEGER PRIMARY KEY, file TEXT NOT NULL, checksum INTEGER NOT NULL, kind TEXT NOT NULL,
    last_row INTEGER NOT NULL, last_removal INTEGER NOT NULL)
"""
_BELONGING: Final = """
SELECT (SELECT count(*) FROM entries) = (SELECT records FROM facts),
    (SELECT count(*) FROM texts) = (SELECT count(*) FROM vectors),
    NOT EXISTS (SELECT 1 FROM entries WHERE typeof(record) != 'text'),
    NOT EXISTS (
        SELECT 1 FROM texts t LEFT JOIN entries e ON e.id = t.entry LEFT JOIN vectors v ON v.row = t.row
        WHERE e.id IS NULL OR v.key IS NOT t.key OR typeof(t.text) != 'text' OR t.key NOT BETWEEN 0 AND ? - 1
        OR typeof(v.vector) != 'blob' OR length(v.vector) != ?)
"""
CURE: Final = (
    "what is in this file cannot be made again from the files beside it; "
    "bring it back from a copy, or delete the directory and make the index anew"
)


class Facts(NamedTuple):
    """What an index was made with."""

    embedder: str
    dimension: Annotated[int, Field(gt=0)]
    keys: tuple[str, ...]
    kind: Literal[Kind, "auto"]


_FACTS: Final = TypeAdapter(Facts)
_RECORD: Final = TypeAdapter(dict[str, Any])


class Store:
    """The open file of an index."""

    def __init__(self, directory: Path, facts: Facts | None = None) -> None:
        """Open what is in `directory`; with `facts`, make it.

        Raises:
            RetrievalError: The file is missing, empty, damaged or not ours; or, with `facts`, it is there
                and holds records.
        """
        make = None if facts is None else TABLES
        cure = f"make an index with Index.create({str(directory)!r}, ...)" if facts is None else CURE
        is_there = (directory / FILE).is_file() and (directory / FILE).stat().st_size
        self.file = SQLiteFile(directory / FILE, make=make, version=VERSION, cure=CURE if is_there else cure)
        try:
            if facts is not None:
                self._settle(facts)
            self.facts = self._facts()
        except BaseException:
            self.file.close()
            raise

    def revision(self, view: sqlite3.Connection | None = None) -> int:
        """Count the changes so far.

        Raises:
            RetrievalError: Somebody has given the index another embedder since it was opened.
        """
        query = "SELECT revision, embedder FROM facts"
        [(revision, embedder)] = view.execute(query).fetchall() if view else self.file.read(query)
        if embedder != self.facts.embedder:
            raise RetrievalError(
                f"{self.file.path} was given the embedder {embedder!r} meanwhile: open it again with that"
            )
        return int(revision)

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give a view that does not change until this ends."""
        return self.file.reading()

    def add(self, entries: Sequence[Entry], vectors: Iterable[bytes]) -> tuple[int, ...]:
        """Keep `entries` with one vector for each of their texts, in the order of `texts_of`."""
        told = [as_json(entry.record) for entry in entries]
        numbers = {key: number for number, key in enumerate(self.facts.keys)}
        rest = iter(vectors)
        with self.file.writing() as connection:
            self.revision(connection)
            ids = tuple(
                _inserted(connection, "INSERT INTO entries (record) VALUES (?)", record) for record in told
            )
            for entry_id, entry in zip(ids, entries, strict=True):
                for key, position, text in texts_of(entry):
                    place = (entry_id, numbers[key], position, text)
                    row = _inserted(
                        connection,
                        "INSERT INTO texts (entry, key, position, text) VALUES (?, ?, ?, ?)",
                        *place,
                    )
                    connection.execute("INSERT INTO vectors VALUES (?, ?, ?)", (row, place[1], next(rest)))
            _changed(connection, len(ids))
        return ids

    def remove(self, ids: Sequence[int]) -> int:
        """Forget the records of `ids`, and count those that were there."""
        asked = json.dumps(list(ids))
        with self.file.writing() as connection:
            connection.execute(
                "INSERT INTO removals (row, key) SELECT row, key FROM texts "
                "WHERE entry IN (SELECT value FROM json_each(?)) ORDER BY row",
                (asked,),
            )
            connection.execute(
                "DELETE FROM vectors WHERE row IN (SELECT row FROM texts "
                "WHERE entry IN (SELECT value FROM json_each(?)))",
                (asked,),
            )
            connection.execute("DELETE FROM texts WHERE entry IN (SELECT value FROM json_each(?))", (asked,))
            gone = connection.execute(
                "DELETE FROM entries WHERE id IN (SELECT value FROM json_each(?))", (asked,)
            ).rowcount
            _changed(connection, -gone)
        return gone

    def embed_again(self, embedder: str, dimension: int, embed: Callable[[list[str]], list[bytes]]) -> None:
        """Replace every vector by that of another embedder, at once."""
        with self.file.writing() as connection:
            last = 0
            while found := connection.execute(
                "SELECT row, text FROM texts WHERE row > ? ORDER BY row LIMIT 1024", (last,)
            ).fetchall():
                last = found[-1][0]
                vectors = embed([text for _, text in found])
                pairs = zip(vectors, (row for row, _ in found), strict=True)
                connection.executemany("UPDATE vectors SET vector = ? WHERE row = ?", pairs)
            connection.execute("DELETE FROM snapshots")
            connection.execute("UPDATE facts SET embedder = ?, dimension = ?", (embedder, dimension))
            _changed(connection, 0)
        self.facts = self._facts()

    def located(self, rows: Iterable[int]) -> dict[int, tuple[int, int]]:
        """Give id of the record and position of the text by row; removed rows are left out."""
        query = "SELECT row, entry, position FROM texts WHERE row IN (SELECT value FROM json_each(?))"
        found = self.file.read(query, json.dumps(list(rows)))
        return {row: (entry, position) for row, entry, position in found}

    def vectors_of(self, key: int, ids: Sequence[int]) -> dict[int, list[bytes]]:
        """Give the vectors of a key by record, in the order of positions; unknown ids are left out."""
        query = (
            "SELECT e.id, v.vector FROM entries e LEFT JOIN texts t ON t.entry = e.id AND t.key = ? "
            "LEFT JOIN vectors v ON v.row = t.row WHERE e.id IN (SELECT value FROM json_each(?)) "
            "ORDER BY e.id, t.position"
        )
        vectors: dict[int, list[bytes]] = {}
        for entry, vector in self.file.read(query, key, json.dumps(list(ids))):
            vectors.setdefault(entry, []).extend([] if vector is None else [vector])
        return vectors

    def records(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Give the records of `ids`; unknown ids are left out."""
        query = "SELECT id, record FROM entries WHERE id IN (SELECT value FROM json_each(?))"
        return {entry: self._record(record) for entry, record in self.file.read(query, json.dumps(list(ids)))}

    def check(self) -> None:
        """Check that records, texts and vectors belong together; of a large file nothing is checked.

        Raises:
            RetrievalError: They do not.
        """
        if self.file.path.stat().st_size > CHECKED_BYTES:
            return
        [found] = self.file.read(_BELONGING, len(self.facts.keys), 4 * self.facts.dimension)
        if not all(found):
            raise self.file.damaged()

    def ids(self) -> tuple[int, ...]:
        """Give the ids of all records, oldest first."""
        return tuple(entry for (entry,) in self.file.read("SELECT id FROM entries ORDER BY id"))

    def count(self) -> int:
        """Count the records."""
        return int(self.file.read("SELECT records FROM facts")[0][0])

    def _settle(self, facts: Facts) -> None:
        with self.file.writing() as connection:
            held = connection.execute("SELECT records FROM facts").fetchone()
            if held is not None and held[0]:
                raise RetrievalError(
                    f"{self.file.path} holds {held[0]} records: open it with Index.open, or give another path"
                )
            values = (facts.embedder, facts.dimension, json.dumps(facts.keys), facts.kind)
            query = "SELECT coalesce(max(revision), 0) + 1 FROM facts"
            [revision] = connection.execute(query).fetchone()
            connection.execute(
                "INSERT OR REPLACE INTO facts VALUES (1, ?, ?, ?, ?, ?, 0)", (*values, revision)
            )
            connection.execute("DELETE FROM snapshots")

    def _facts(self) -> Facts:
        found = self.file.read("SELECT embedder, dimension, keys, kind FROM facts")
        if not found:
            raise self.file.damaged()
        embedder, dimension, keys, kind = found[0]
        try:
            return _FACTS.validate_python((embedder, dimension, json.loads(keys), kind))
        except (ValueError, TypeError, RecursionError) as exc:
            raise self.file.damaged() from exc

    def _record(self, text: str) -> dict[str, Any]:
        try:
            return _RECORD.validate_json(text)
        except ValueError as exc:
            raise self.file.damaged() from exc


def texts_of(entry: Entry) -> Iterator[tuple[str, int, str]]:
    """Give key, position and text of every text of `entry`."""
    for key, texts in entry.keys.items():
        yield from ((key, position, text) for position, text in enumerate(texts))


def _inserted(connection: sqlite3.Connection, query: str, *values: Any) -> int:
    return connection.execute(query, values).lastrowid or 0


def _changed(connection: sqlite3.Connection, records: int) -> None:
    connection.execute("UPDATE facts SET revision = revision + 1, records = records + ?", (records,))


def as_json(record: dict[str, Any]) -> str:
    """Give `record` as text.

    Raises:
        ConfigurationError: It is nothing that JSON can say.
    """
    try:
        return json.dumps(record, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as exc:
        raise ConfigurationError(f"a record must be something that JSON can say ({exc})") from exc
