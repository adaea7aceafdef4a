"""The directory of a bench: what was asked, what was found, and who may write to it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pydantic import ValidationError

from outlay.bench.items import Item
from outlay.bench.manifest import VERSION, Manifest
from outlay.bench.trial import Trial
from outlay.budget import Record
from outlay.errors import ConfigurationError
from outlay.ledger import Snapshot
from outlay.private_files import create, make_directory, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T", bound=Record)

FENCE: Final = "fence"
"""What all runs spent."""
JUDGE: Final = "judge"
"""What a judging model spent of it."""
NOTHING_HERE: Final = "holds no bench: make one with outlay bench run --out"


class Line(NamedTuple):
    """A line of the records."""

    place: int
    """Counted from 1."""
    text: bytes
    key: int
    failed: str | None
    """The stage that failed, if one did."""


class Asked(Record):
    """An item that was asked."""

    item: Item
    """Without its context, which may be a book, the same for a thousand items."""
    digest: str
    """Of the item with its context."""

    @classmethod
    def of(cls, item: Item) -> Asked:
        """Keep an item."""
        return cls(item=item.model_copy(update={"context": None}), digest=item.digest)


def key_of(strategy: str, budget: Mapping[str, float], item: str, seed: int, model: str | None = None) -> int:
    """Tell records apart, in 64 bits; the same within one process only.

    Args:
        strategy: In its canonical form.
        budget: Its limits, without those that are not set.
        item: The item's id.
        seed: The repetition.
        model: Which one answers, where the bench has several.
    """
    return hash((strategy, json.dumps(budget, sort_keys=True), item, seed, model))


class Directory:
    """The files of one bench.

    `bench.json` says what it is, `items.jsonl` what was asked, `records.jsonl` what was found, a line for
    each record; of several lines for one record the last counts. `fence.json` and
    `judge.json` keep what was spent, `replay.sqlite` the generations that conditions share.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.records = path / "records.jsonl"
        self.replay = path / "replay.sqlite"
        self._manifest = path / "bench.json"
        self._items = path / "items.jsonl"

    @contextmanager
    def written(self) -> Iterator[None]:
        """Be the only one who writes here.

        Raises:
            ConfigurationError: Somebody else is, or the path cannot be written.
        """
        from filelock import FileLock, Timeout  # noqa: PLC0415

        lock = FileLock(self.path / "lock", timeout=0)
        try:
            create(make_directory(self.path) / "lock")
            lock.acquire()
        except Timeout as exc:
            raise ConfigurationError(
                f"another run is writing to {self.path}: wait for it, or give another --out"
            ) from exc
        except OSError as exc:
            raise ConfigurationError(f"{self.path} cannot be written ({exc}): give another --out") from exc
        try:
            yield
        finally:
            lock.release()

    def begin(self, manifest: Manifest, items: Sequence[Item]) -> Manifest:
        """Set up the directory, or go on with the one that is there; gives its manifest.

        Raises:
            ConfigurationError: It belongs to another bench.
        """
        if self._manifest.exists() and not self.size():
            # Nothing was measured yet: whatever was wrong with the first try may be put right.
            self._items.unlink(missing_ok=True)
        elif self._manifest.exists():
            before = self.manifest()
            _check_same(before, manifest, self.path)
            manifest = before.model_copy(update={"commands": before.commands + manifest.commands})
        elif self.size():
            raise ConfigurationError(f"{self.path} has records but no bench.json: give another --out")
        self._add_items(items)
        replace(self._manifest, manifest.model_dump_json(indent=2) + "\n")
        return manifest

    def manifest(self) -> Manifest:
        """Give what the directory was made of.

        Raises:
            ConfigurationError: There is no bench, or one that another version of Outlay made.
        """
        try:
            text = self._manifest.read_bytes()
        except FileNotFoundError as exc:
            raise ConfigurationError(f"{self.path} {NOTHING_HERE} {self.path}") from exc
        except OSError as exc:
            raise _unreadable(self._manifest, exc) from exc
        manifest = _parsed(text, Manifest, self._manifest, 1)
        if manifest.version != VERSION:
            raise ConfigurationError(
                f"{self.path} was made by another version of Outlay (bench {manifest.version}, not {VERSION})"
            )
        return manifest

    def items(self) -> tuple[Item, ...]:
        """Give the items that were asked, without their contexts."""
        return tuple(asked.item for asked in self._asked())

    def size(self) -> int:
        """Give the bytes of the records, for reading the same ones again while a run adds more."""
        return self.records.stat().st_size if self.records.exists() else 0

    def trials(self, size: int | None = None) -> Iterator[Trial]:
        """Give the records one by one, the last of each key.

        Args:
            size: The bytes to read; absent: those that are there at first.
        """
        size = self.size() if size is None else size
        last = {line.key: line.place for line in self.lines(size)}
        for line in self.lines(size):
            if last[line.key] == line.place:
                yield _parsed(line.text, Trial, self.records, line.place)

    def lines(self, size: int | None = None) -> Iterator[Line]:
        """Give each whole line, read only as far as telling which record it is; cheaper than `trials`.

        Args:
            size: The bytes to read; absent: all.

        Raises:
            ConfigurationError: A line is no record.
        """
        if not self.records.exists():
            return
        read = 0
        for place, text in _lines(self.records):
            read += len(text)
            if not text.endswith(b"\n") or (size is not None and read > size):
                return
            yield _line(text, place, self.records)

    def snapshot(self, name: str) -> Snapshot | None:
        """Give what an earlier run kept under `name`."""
        file = self.path / f"{name}.json"
        if not file.exists():
            return None
        try:
            return _parsed(file.read_bytes(), Snapshot, file, 1)
        except OSError as exc:
            raise _unreadable(file, exc) from exc

    def keep(self, name: str, snapshot: Snapshot) -> None:
        """Keep what was spent."""
        replace(self.path / f"{name}.json", snapshot.model_dump_json())

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """Open the records for more of them; a line that was cut off by a kill is dropped."""
        with create(self.records).open("ab+") as file:
            _drop_half_a_line(file)
            yield Appender(file)

    def _add_items(self, items: Sequence[Item]) -> None:
        asked = {known.item.id: known for known in self._asked()}
        for item in items:
            known = asked.setdefault(item.id, Asked.of(item))
            if known.digest != item.digest:
                raise ConfigurationError(
                    f"item {item.id!r} is not the one that {self.path} was made with: give another --out"
                )
        replace(self._items, "".join(f"{known.model_dump_json()}\n" for known in asked.values()))

    def _asked(self) -> Iterator[Asked]:
        if not self._items.exists():
            return
        for place, line in _lines(self._items):
            yield _parsed(line, Asked, self._items, place)


class Appender:
    """Writes records, each on the disk as far as a kill of this process goes."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def append(self, trial: Trial) -> None:
        """Write one record, flushed."""
        self._file.write(trial.model_dump_json(exclude_defaults=True).encode() + b"\n")
        self._file.flush()


def _check_same(before: Manifest, now: Manifest, path: Path) -> None:
    fields = (
        "model",
        "models",
        "teacher",
        "price",
        "teacher_price",
        "prices",
        "embedder",
        "source",
        "scorer",
        "replay",
    )
    for field in fields:
        was, is_now = getattr(before, field), getattr(now, field)
        if was != is_now:
            raise ConfigurationError(
                f"{path} was made with {field} {was}, not {is_now}: go on as before, or give another --out"
            )


def _line(text: bytes, place: int, file: Path) -> Line:
    try:
        record = json.loads(text)
        model = record.get("model")
        key = key_of(record["strategy"], record["budget"], record["item"], record["seed"], model)
        return Line(place, text, key, record.get("failure", {}).get("stage"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ConfigurationError(
            f"{file}, line {place} is no record ({exc}): mend or remove the line"
        ) from exc


def _drop_half_a_line(file: Any) -> None:
    end = file.seek(0, 2)
    file.seek(0)
    whole = 0
    for line in file:
        whole += len(line) if line.endswith(b"\n") else 0
    if whole != end:
        file.truncate(whole)


def _parsed(text: str | bytes, kind: type[T], file: Path, place: int) -> T:
    try:
        return kind.model_validate_json(text)
    except ValidationError as exc:
        first = exc.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise ConfigurationError(
            f"{file}, line {place} cannot be read ({what}): mend it, or give another directory"
        ) from exc


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with file.open("rb") as lines:
            yield from enumerate(lines, 1)
    except OSError as exc:
        raise _unreadable(file, exc) from exc


def _unreadable(file: Path, exc: OSError) -> ConfigurationError:
    return ConfigurationError(f"{file} cannot be read ({exc.strerror}): check that it is a file you may read")
