"""What can be made again is made again; what cannot is told."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING

import pytest

from outlay import RetrievalError
from outlay.memory.conversations import Chunk, Memory, Utterance
from outlay.retrieval import Entry, Index
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EMBEDDER = HashEmbedder(64)
ALL = 10_000


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    with Memory.create(tmp_path / "memory", EMBEDDER, chunk_tokens=16) as memory:
        memory.append(*(Utterance(text=f"thing number {n} is here", session=f"{n % 7}") for n in range(60)))
        memory.retrieve("thing", 1)
    return tmp_path / "memory"


def chunks(directory: Path) -> set[Chunk]:
    with Memory.open(directory, EMBEDDER) as memory:
        return {chunk for chunk, _ in memory.retrieve("thing", ALL)}


def lose(directory: Path) -> None:
    shutil.rmtree(directory)


def empty(directory: Path) -> None:
    (directory / "records.sqlite").write_bytes(b"")


def scribble(directory: Path) -> None:
    (directory / "records.sqlite").write_bytes(b"not what it was\n" * 4096)


def cut(directory: Path) -> None:
    path = directory / "records.sqlite"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace(directory: Path) -> None:
    lose(directory)
    with Index.create(directory, HashEmbedder(8)) as index:
        index.add([Entry(record={}, keys={"text": ("of somebody else",)})])


def relabel(directory: Path) -> None:
    connection = sqlite3.connect(directory / "records.sqlite")
    connection.execute("UPDATE entries SET record = '{}'")
    connection.commit()
    connection.close()


def spoil_snapshot(directory: Path) -> None:
    with Index.open(directory, EMBEDDER) as index:
        index.save()
    [snapshot] = directory.glob("*.faiss")
    snapshot.write_bytes(b"")


@pytest.mark.parametrize("damage", [lose, empty, scribble, cut, replace, relabel, spoil_snapshot])
def test_chunks_that_are_missing_or_damaged_are_made_again(
    damage: Callable[[Path], None], directory: Path
) -> None:
    before = chunks(directory)
    damage(directory / "chunks")
    assert chunks(directory) == before
    assert len(before) > 7


def test_a_chunk_entered_twice_counts_once_and_as_it_became(directory: Path) -> None:
    before = chunks(directory)
    with Index.open(directory / "chunks", EMBEDDER) as index:
        last = index.ids()[-1]
        record = index.records([last])[last]
        longer = record["chunk"] | {"text": "it became this"}
        index.add([Entry(record=record | {"chunk": longer}, keys={"text": ("it became this",)})])
    after = chunks(directory)
    assert len(after) == len(before)
    assert {chunk.text for chunk in after - before} == {"it became this"}


def test_chunks_of_turns_that_are_not_there_are_made_again(directory: Path, tmp_path: Path) -> None:
    before = chunks(directory)
    shutil.copy(directory / "turns.sqlite", tmp_path / "copy")
    with Memory.open(directory, EMBEDDER) as memory:
        memory.append("a later thing")
        memory.retrieve("thing", 1)
    shutil.copy(tmp_path / "copy", directory / "turns.sqlite")
    assert chunks(directory) == before


def test_rebuilding_makes_all_chunks_again(directory: Path) -> None:
    before = chunks(directory)
    relabel(directory / "chunks")
    with Memory.open(directory, EMBEDDER, rebuild=True) as memory:
        assert {chunk for chunk, _ in memory.retrieve("thing", ALL)} == before


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "missing or empty"), (b"not what it was\n" * 4096, "bring it back from a copy")],
)
@pytest.mark.parametrize("rebuild", [False, True])
def test_turns_that_are_damaged_are_told(
    content: bytes, message: str, directory: Path, *, rebuild: bool
) -> None:
    (directory / "turns.sqlite").write_bytes(content)
    with pytest.raises(RetrievalError, match=message):
        Memory.open(directory, EMBEDDER, rebuild=rebuild)


def test_a_memory_whose_making_was_broken_off_is_told_and_taken_over(tmp_path: Path) -> None:
    Memory.create(tmp_path, EMBEDDER).close()
    connection = sqlite3.connect(tmp_path / "turns.sqlite")
    connection.execute("DELETE FROM facts")
    connection.commit()
    connection.close()
    with pytest.raises(RetrievalError, match=r"never finished: make the memory with Memory\.create"):
        Memory.open(tmp_path, EMBEDDER)
    with Memory.create(tmp_path, EMBEDDER) as memory:
        memory.append("kept")
    with Memory.open(tmp_path, EMBEDDER) as memory:
        assert len(memory) == 1


def test_no_memory_is_told(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError, match=r"missing or empty: make a memory with Memory\.create"):
        Memory.open(tmp_path, EMBEDDER)
