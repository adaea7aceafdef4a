"""A store of completions, so that what was paid for once is not paid for again.

As a journal, a run that was killed is run again and gets back what it had received. As a bench cache,
conditions that share calls share them. Both bill as if they had paid: that is the ledger's and the
model's business, not the store's.

A completion is found under what was asked (`Replay.key`) and its number among the samples of that question
(`Replay.next_sample`). How many tokens it was allowed is no part of the key: a generation that ended by
itself serves every cap it fits in, and a greedy or seeded one serves every smaller cap by its prefix.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError, to_jsonable_python

from outlay.budget import Record, Usage
from outlay.errors import ConfigurationError
from outlay.model.records import Choice
from outlay.replay.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from os import PathLike

    from outlay.model.records import Request

VERSION: Final = 1
"""Of the table below."""
NOT_ASKED: Final = frozenset({"max_output_tokens", "n"})
"""Fields of a request that do not change what is asked."""

_log = logging.getLogger(__name__)
_PIECES: Final = TypeAdapter(tuple[str, ...])

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS completions (
    key TEXT NOT NULL, sample INTEGER NOT NULL, cap INTEGER NOT NULL,
    choice TEXT NOT NULL, usage TEXT NOT NULL, pieces TEXT, model TEXT NOT NULL, recorded REAL NOT NULL,
    PRIMARY KEY (key, sample, cap)
)
"""
_SELECT: Final = """
SELECT rowid, cap, choice, usage, pieces, model, recorded FROM completions
WHERE key = ? AND sample = ? ORDER BY cap DESC
"""


class Recorded(Record):
    """A completion out of the store."""

    choice: Choice
    usage: Usage
    """What this sample was billed when it was made, or the prefix of it; without dollars."""
    model: str
    recorded: float
    """When, in seconds since the epoch."""


class _Row(NamedTuple):
    cap: int
    pieces: tuple[str, ...] | None
    recorded: Recorded


class _Scope:
    """Counts the samples of each key; one object however many threads and contexts it is seen from."""

    def __init__(self, replay: Replay) -> None:
        self.replay = replay
        self._seen: Counter[str] = Counter()
        self._lock = Lock()

    def next(self, key: str) -> int:
        with self._lock:
            self._seen[key] += 1
            return self._seen[key] - 1


_scopes: ContextVar[tuple[_Scope, ...]] = ContextVar("outlay_replay_scopes", default=())


class Replay:
    """Completions by what was asked and sample number, in one SQLite file.

    Raises:
        ConfigurationError: The path cannot be written, or holds something else than a sound store.
    """

    def __init__(self, path: str | PathLike[str]) -> None:
        self.path = Path(path)
        self._unscoped = _Scope(self)
        self._database = Database(self.path, _TABLE, VERSION)
        self._warned: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return int(self._database.read("SELECT count(*) FROM completions")[0][0])

    def close(self) -> None:
        """Close the file; the store cannot be used any more."""
        self._database.close()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Count samples from 0 in this scope; inside another one of this store, go on with that one's."""
        scopes = _scopes.get()
        if any(scope.replay is self for scope in scopes):
            yield
            return
        token = _scopes.set((*scopes, _Scope(self)))
        try:
            yield
        finally:
            _scopes.reset(token)

    def next_sample(self, key: str) -> int:
        """Count a question: 0 for the first time it is asked in this run, then 1, 2, ..."""
        scope = next((scope for scope in _scopes.get() if scope.replay is self), self._unscoped)
        return scope.next(key)

    @staticmethod
    def key(request: Request) -> str:
        """Give the digest of what is asked, without the cap, the number of samples and the server."""
        asked = request.model_dump(exclude=set(NOT_ASKED))
        try:
            # `json` escapes half a surrogate, which pydantic's own JSON cannot hold.
            canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"), default=to_jsonable_python)
        except (PydanticSerializationError, TypeError, ValueError) as exc:
            raise ConfigurationError(
                f"replay needs messages and parameters that JSON can hold: {exc}"
            ) from exc
        return hashlib.sha256(canonical.encode()).hexdigest()

    def lookup(self, key: str, sample: int, cap: int) -> Recorded | None:
        """Return what was recorded under this cap, or ended within it, or the prefix of a longer one.

        A damaged row counts as absent; the first one of a store is logged.

        Raises:
            ConfigurationError: The file cannot be read.
        """
        rows = self._rows(key, sample)
        fitting = [row for row in rows if row.cap == cap or _ended_within(row, cap)]
        if fitting:
            return max(fitting, key=lambda row: row.cap == cap).recorded
        longer = (_prefix(row.recorded, row.pieces, cap) for row in rows if row.pieces and row.cap > cap)
        return next(longer, None)

    def record(
        self,
        key: str,
        sample: int,
        cap: int,
        choice: Choice,
        usage: Usage,
        *,
        pieces: tuple[str, ...] | None = None,
        model: str = "",
    ) -> None:
        """Keep a completion; it is on the disk when this returns. What is already there stays.

        Args:
            key: What was asked.
            sample: Which of the samples of it this is.
            cap: Most output tokens it was allowed.
            choice: What came back.
            usage: What this sample was billed, with the whole prompt; dollars are not kept.
            pieces: The tokens of `choice.text`, in order, given for a greedy or seeded request only: its
                prefixes may then be served, and it replaces shorter ones. Ignored where the text is not the
                whole generation (thinking apart from it, tool calls) or they do not add up to it.
            model: Who gave it, for people who look into the store.

        Raises:
            ConfigurationError: The file cannot be written; see also `keep`.
        """
        if pieces is not None and (choice.reasoning or choice.tool_calls or "".join(pieces) != choice.text):
            pieces = None
        values = (
            # `json` escapes half a surrogate, and writes infinite log-probabilities so that it reads them.
            json.dumps(choice.model_dump()),
            json.dumps(usage.model_dump() | {"usd": None}),
            None if pieces is None else json.dumps(pieces),
            model.encode("utf-8", "replace").decode(),
            time.time(),
        )
        with self._database.write() as connection:
            for row in connection.execute(_SELECT, (key, sample)).fetchall():
                if self._row(*row) is None:
                    connection.execute("DELETE FROM completions WHERE rowid = ?", (row[0],))
            if pieces is not None:
                connection.execute(
                    "DELETE FROM completions WHERE key = ? AND sample = ? AND cap < ? AND pieces IS NOT NULL",
                    (key, sample, cap),
                )
            connection.execute(
                "INSERT OR IGNORE INTO completions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (key, sample, cap, *values),
            )

    def keep(self, *asked: Any, **said: Any) -> None:
        """Record a paid completion; a failure to write is logged, once for each store, and not raised.

        Takes what `record` takes.
        """
        try:
            self.record(*asked, **said)
        except (ConfigurationError, OSError) as exc:
            self._warn("a completion was not recorded, and will be paid for again", exc)

    def _rows(self, key: str, sample: int) -> list[_Row]:
        rows = self._database.read(_SELECT, key, sample)
        return [found for row in rows if (found := self._row(*row)) is not None]

    def _row(self, number: int, *columns: Any) -> _Row | None:
        """Read a row; `None` where it is damaged."""
        try:
            return _row(*columns)
        except (ValueError, TypeError, RecursionError) as exc:
            self._warn(f"row {number} is damaged and counts as absent", exc)
            return None

    def _warn(self, what: str, error: Exception) -> None:
        kind = what.partition(" ")[0]
        if kind not in self._warned:
            self._warned.add(kind)
            _log.warning("the replay store %s: %s (%s)", self.path, what, error)


def _row(cap: int, choice: bytes, usage: bytes, pieces: bytes | None, model: bytes, recorded: float) -> _Row:
    if not isinstance(cap, int) or cap < 1:
        raise ValueError("the cap is no number of tokens")
    found = Recorded(
        choice=Choice.model_validate(json.loads(choice)),
        usage=Usage.model_validate(json.loads(usage)),
        model=model.decode(),
        recorded=recorded,
    )
    parts = None if pieces is None else _PIECES.validate_python(json.loads(pieces))
    if parts is not None and "".join(parts) != found.choice.text:
        raise ValueError("the pieces are not those of the text")
    return _Row(cap, parts, found)


def _ended_within(row: _Row, cap: int) -> bool:
    return row.recorded.choice.finish_reason != "length" and row.recorded.usage.output_tokens <= cap


def _prefix(whole: Recorded, pieces: tuple[str, ...], cap: int) -> Recorded:
    logprobs = whole.choice.logprobs
    cut = None if logprobs is None else logprobs[:cap]
    choice = Choice(text="".join(pieces[:cap]), finish_reason="length", logprobs=cut)
    usage = whole.usage.model_copy(update={"output_tokens": cap, "reasoning_tokens": 0})
    return whole.model_copy(update={"choice": choice, "usage": usage})
