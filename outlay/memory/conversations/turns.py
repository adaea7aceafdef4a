"""What was appended, in SQLite: the truth of a memory, from which everything else can be made again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from outlay.errors import RetrievalError
from outlay.memory.conversations.packing import Turn
from outlay.memory.conversations.records import Document, Utterance
from outlay.retrieval.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

T = TypeVar("T")

FILE: Final = "turns.sqlite"
VERSION: Final = 201
TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (
    one INTEGER PRIMARY KEY CHECK (one = 1), embedder TEXT NOT NULL, chunk_tokens INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS turns (
    number INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, text TEXT NOT NULL, name TEXT NOT NULL,
    time TEXT NOT NULL, session TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS turns_of_a_session ON turns (kind, session, number)
"""
CURE: Final = "bring it back from a copy: what was said is nowhere else"
BLOCK: Final = 1_000
"""Turns read at a time."""
_UTTERANCE: Final = "utterance"
_DOCUMENT: Final = "document"


class Facts(NamedTuple):
    """What decides the chunks of a memory and their vectors."""

    embedder: str
    chunk_tokens: int


class Turns:
    """The open file.

    Args:
        directory: Where it lies.
        facts: Of a memory that is made; without, it must be there.

    Raises:
        RetrievalError: The file is missing, damaged or not ours; or, with `facts`, it holds turns.
    """

    def __init__(self, directory: Path, facts: Facts | None = None) -> None:
        self.directory = directory
        path = directory / FILE
        cure = (
            CURE
            if path.is_file()
            else f"make a memory with Memory.create({str(directory)!r}) or `outlay memory create`"
        )
        make = None if facts is None else TABLES
        self._file = SQLiteFile(path, make=make, version=VERSION, cure=cure)
        try:
            if facts is None:
                self._file.check_whole()
            else:
                self._settle(facts)
            self.facts = self._facts()
        except BaseException:
            self.close()
            raise

    def append(self, said: Iterable[Utterance | Document]) -> None:
        """Keep what was said, all or nothing; on the disk when this returns."""
        rows = [_row(one) for one in said]
        query = "INSERT INTO turns (kind, text, name, time, session) VALUES (?, ?, ?, ?, ?)"
        with self._file.writing() as connection:
            connection.executemany(query, rows)

    def last(self) -> int:
        """Give the number of the last turn, 0 if there is none."""
        return int(self._file.read("SELECT coalesce(max(number), 0) FROM turns")[0][0])

    def blocks(self, after: int, upto: int) -> Iterator[list[Turn]]:
        """Give the turns after one, up to another, in order, some at a time."""
        query = (
            "SELECT number, kind, text, name, time, session FROM turns "
            "WHERE number > ? AND number <= ? ORDER BY number LIMIT ?"
        )
        while rows := self._file.read(query, after, upto, BLOCK):
            after = rows[-1][0]
            yield [Turn(number, self._read(_said, *rest)) for number, *rest in rows]

    def utterances(self, session: str | None) -> tuple[Utterance, ...]:
        """Give the utterances of a session, or of all, in order."""
        query = "SELECT text, name, time, session FROM turns WHERE kind = ?"
        if session is None:
            rows = self._file.read(f"{query} ORDER BY number", _UTTERANCE)
        else:
            rows = self._file.read(f"{query} AND session = ? ORDER BY number", _UTTERANCE, session)
        return tuple(self._read(_utterance, *row) for row in rows)

    def documents(self) -> tuple[Document, ...]:
        """Give the documents, in order."""
        query = "SELECT text, name, time FROM turns WHERE kind = ? ORDER BY number"
        return tuple(self._read(_document, *row) for row in self._file.read(query, _DOCUMENT))

    def sessions(self) -> tuple[str, ...]:
        """Give the names of the sessions, the one that began first first."""
        query = "SELECT session FROM turns WHERE kind = ? GROUP BY session ORDER BY min(number)"
        return tuple(session for (session,) in self._file.read(query, _UTTERANCE))

    def counts(self) -> dict[str, int]:
        """Count the turns by kind."""
        return dict(self._file.read("SELECT kind, count(*) FROM turns GROUP BY kind"))

    def embed_with(self, embedder: str) -> None:
        """Note that another embedder is used from here on."""
        with self._file.writing() as connection:
            connection.execute("UPDATE facts SET embedder = ?", (embedder,))
        self.facts = self._facts()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _settle(self, facts: Facts) -> None:
        with self._file.writing() as connection:
            if connection.execute("SELECT max(number) FROM turns").fetchone()[0]:
                raise RetrievalError(
                    f"{self._file.path} holds a memory: open it with Memory.open, or give another path"
                )
            connection.execute("INSERT OR REPLACE INTO facts VALUES (1, ?, ?)", facts)

    def _facts(self) -> Facts:
        found = self._file.read("SELECT embedder, chunk_tokens FROM facts")
        if not found:
            raise RetrievalError(
                f"{self._file.path} was never finished: make the memory with Memory.create, "
                "which takes it over"
            )
        facts = Facts(*found[0])
        if not isinstance(facts.embedder, str) or not isinstance(facts.chunk_tokens, int):
            raise self._file.damaged()
        return facts

    def _read(self, kind: Callable[..., T], *values: Any) -> T:
        try:
            return kind(*values)
        except ValidationError as exc:
            raise self._file.damaged() from exc


def _row(said: Utterance | Document) -> tuple[str, ...]:
    if isinstance(said, Document):
        return _DOCUMENT, said.text, said.title, said.time, ""
    return _UTTERANCE, said.text, said.speaker, said.time, said.session


def _said(kind: str, text: str, name: str, time: str, session: str) -> Utterance | Document:
    return _document(text, name, time) if kind == _DOCUMENT else _utterance(text, name, time, session)


def _utterance(text: str, name: str, time: str, session: str) -> Utterance:
    return Utterance(text=text, speaker=name, time=time, session=session)


def _document(text: str, name: str, time: str) -> Document:
    return Document(text=text, title=name, time=time)
