"""Indexes that cannot be opened as they are: each says what to do, and doing it helps."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

import pytest

from outlay import RetrievalError
from outlay.retrieval import Entry, Index
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EMBEDDER = HashEmbedder(64)
OTHER = HashEmbedder(32)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    with Index.create(tmp_path / "index", EMBEDDER, kind="hnsw") as index:
        index.add(
            Entry(record={"number": number}, keys={"text": (f"thing number {number}",)})
            for number in range(200)
        )
        index.save()
    return tmp_path / "index"


def snapshot(directory: Path) -> Path:
    [path] = directory.glob("neighbours-*.faiss")
    return path


def found(index: Index) -> int:
    [[hit]] = index.search("text", ["thing number 42"], 1)
    return int(index.records([hit.id])[hit.id]["number"])


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scribble(path: Path) -> None:
    path.write_bytes(b"not what it was\n" * 4096)


def lose(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [cut, flip, empty, scribble, lose])
def test_a_damaged_snapshot_is_made_again_on_demand(damage: Callable[[Path], None], directory: Path) -> None:
    damage(snapshot(directory))
    with pytest.raises(RetrievalError, match="rebuild=True"):
        Index.open(directory, EMBEDDER)
    with Index.open(directory, EMBEDDER, rebuild=True) as index:
        assert (found(index), index.kinds) == (42, {"text": "hnsw"})
    with Index.open(directory, EMBEDDER) as index:
        assert found(index) == 42


@pytest.mark.parametrize("damage", [cut, scribble])
@pytest.mark.parametrize("rebuild", [False, True])
def test_damaged_records_cannot_be_made_again(
    damage: Callable[[Path], None], directory: Path, *, rebuild: bool
) -> None:
    damage(directory / "records.sqlite")
    with pytest.raises(RetrievalError, match="bring it back from a copy"):
        Index.open(directory, EMBEDDER, rebuild=rebuild)


@pytest.mark.parametrize("damage", [empty, lose])
def test_missing_or_empty_records_are_told(damage: Callable[[Path], None], directory: Path) -> None:
    damage(directory / "records.sqlite")
    with pytest.raises(RetrievalError, match=r"missing or empty: make an index with Index\.create"):
        Index.open(directory, EMBEDDER)


def test_an_index_without_records_is_told_and_taken_over(tmp_path: Path) -> None:
    Index.create(tmp_path, EMBEDDER).close()
    with pytest.raises(RetrievalError, match=r"is empty: make it with Index\.create"):
        Index.open(tmp_path, EMBEDDER)
    with Index.create(tmp_path, OTHER, keys=("goal",)) as index:
        index.add([Entry(record={}, keys={"goal": ("x",)})])
    with Index.open(tmp_path, OTHER) as index:
        assert (len(index), index.keys) == (1, ("goal",))


def test_an_index_with_records_is_not_made_over(directory: Path) -> None:
    with pytest.raises(RetrievalError, match=r"holds 200 records: open it with Index\.open"):
        Index.create(directory, EMBEDDER)
    with Index.open(directory, EMBEDDER) as index:
        assert found(index) == 42


class Renamed(HashEmbedder):
    """Of the same dimension, but other vectors."""

    name = "renamed"


@pytest.mark.parametrize("other", [OTHER, Renamed(64)], ids=["dimension", "name"])
def test_another_embedder_is_told_and_embeds_again_on_demand(other: HashEmbedder, directory: Path) -> None:
    with pytest.raises(RetrievalError, match=r"'hash-64' of dimension 64.*rebuild=True"):
        Index.open(directory, other)
    with Index.open(directory, other, rebuild=True) as index:
        assert found(index) == 42
    with Index.open(directory, other) as index:
        assert found(index) == 42
    with pytest.raises(RetrievalError, match="hash-64"):
        Index.open(directory, EMBEDDER)


def test_whoever_has_it_open_is_told_of_another_embedder(directory: Path) -> None:
    with Index.open(directory, EMBEDDER) as index:
        Index.open(directory, OTHER, rebuild=True).close()
        with pytest.raises(RetrievalError, match="'hash-32' meanwhile"):
            found(index)
        with pytest.raises(RetrievalError, match="'hash-32' meanwhile"):
            index.add([Entry(record={}, keys={"text": ("x",)})])


def test_a_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = path.read_bytes()
    for attempt in (Index.open, Index.create):
        with pytest.raises(RetrievalError, match="another program"):
            attempt(tmp_path, EMBEDDER)
    assert path.read_bytes() == before


def test_tables_of_another_version_are_told(directory: Path) -> None:
    connection = sqlite3.connect(directory / "records.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(RetrievalError, match=r"another version of Outlay \(tables 99"):
        Index.open(directory, EMBEDDER)


def test_a_path_that_cannot_be_a_directory_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RetrievalError, match="give another path"):
        Index.create(tmp_path / "file", EMBEDDER)


def test_a_closed_index_says_so(directory: Path) -> None:
    with Index.open(directory, EMBEDDER) as index:
        pass
    with pytest.raises(RetrievalError, match="is closed: open it again"):
        found(index)
