"""What a memory promises: kept when appended, found when asked, the same when opened again."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay import ConfigurationError, RetrievalError
from outlay.memory.conversations import Chunk, Document, History, Memory, MemoryStats, Utterance, chunked
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable

EMBEDDER = HashEmbedder()
ALL = 10_000
TALK = (
    Utterance(text="I adopted an otter.", speaker="Ann", session="one", time="8 May 2023"),
    Utterance(text="Where does it sleep?", speaker="Bob", session="one", time="8 May 2023"),
    Utterance(text="My violin broke yesterday.", speaker="Ann", session="two", time="9 May 2023"),
)
MANUAL = Document(title="Otters", text="They sleep holding hands.", time="2019")


def chunks(memory: Memory) -> list[Chunk]:
    return sorted((chunk for chunk, _ in memory.retrieve("x", ALL)), key=lambda chunk: chunk.id)


def first(memory: Memory, question: str) -> Chunk:
    [(chunk, _)] = memory.retrieve(question, 1)
    return chunk


def test_a_memory_is_a_history(memory: Memory) -> None:
    assert isinstance(memory, History)
    assert memory.embedder.name == EMBEDDER.name


def test_an_empty_memory_gives_nothing(memory: Memory) -> None:
    assert (memory.retrieve("anything", 5), len(memory), memory.sessions()) == ((), 0, ())
    memory.append(" ")
    assert (memory.retrieve("anything", 5), len(memory)) == ((), 0)


def test_what_was_said_is_found_with_its_cosine_best_first(memory: Memory) -> None:
    memory.append(*TALK)
    memory.append(MANUAL)
    found = memory.retrieve("who broke the violin", ALL)
    assert found[0][0].session == "two"
    cosines = EMBEDDER.embed([chunk.text for chunk, _ in found]) @ EMBEDDER.embed(["who broke the violin"])[0]
    assert [cosine for _, cosine in found] == pytest.approx(cosines.tolist(), abs=1e-6)
    assert cosines.tolist() == sorted(cosines.tolist(), reverse=True)


def test_more_than_there_is_gives_all_and_none_gives_none(memory: Memory) -> None:
    memory.append(*TALK, MANUAL)
    assert [len(memory.retrieve("otter", k)) for k in (0, 1, 2, 3, ALL)] == [0, 1, 2, 3, 3]
    assert len(memory) == 3
    with pytest.raises(ConfigurationError, match="k=-1"):
        memory.retrieve("otter", -1)


def test_equals_come_in_the_order_in_which_they_began(memory: Memory) -> None:
    memory.append(*(Utterance(text="the same", session=f"s{number}") for number in range(4)))
    memory.retrieve("the same", 1)
    memory.append(Utterance(text="the same", session="s0"), Utterance(text="the same", session="s2"))
    assert [chunk.id for chunk, _ in memory.retrieve("nothing alike", ALL)] == [1, 2, 3, 4]


def test_a_chunk_that_grows_keeps_its_id_and_is_there_once(memory: Memory) -> None:
    memory.append(*TALK)
    before = first(memory, "otter")
    memory.append(Utterance(text="In the bath.", speaker="Ann", session="one"))
    after = first(memory, "otter")
    assert (after.id, after.text) == (before.id, f"{before.text}\nAnn: In the bath.")
    assert [chunk.id for chunk in chunks(memory)] == [1, 2]


def test_vectors_are_those_of_the_chunks_in_the_order_asked(memory: Memory) -> None:
    memory.append(*TALK, MANUAL)
    texts = {chunk.id: chunk.text for chunk in chunks(memory)}
    assert np.allclose(memory.vectors([3, 1, 3]), EMBEDDER.embed([texts[3], texts[1], texts[3]]), atol=1e-6)
    assert memory.vectors([]).shape == (0, EMBEDDER.dimension)
    with pytest.raises(RetrievalError, match="give ids that it gave"):
        memory.vectors([1, 99])


def test_what_was_said_comes_back_as_it_was(memory: Memory) -> None:
    odd = Utterance(text=" a\n\tb\0 \u96e8 ", speaker="\N{OTTER}", session="two")
    memory.append(*TALK, "bare", MANUAL, odd)
    assert memory.utterances() == (*TALK, Utterance(text="bare"), odd)
    assert memory.utterances("two") == (TALK[2], odd)
    assert memory.utterances("none") == ()
    assert (memory.documents(), memory.sessions()) == ((MANUAL,), ("one", "two", ""))
    assert memory.stats() == MemoryStats(
        utterances=5, documents=1, sessions=3, chunks=4, chunk_tokens=16, embedder="hash-384"
    )


def test_a_memory_is_what_it_was_when_opened_again(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "memory", EMBEDDER, chunk_tokens=20) as memory:
        memory.append(*TALK, MANUAL)
        before = memory.retrieve("otter", ALL), memory.stats()
    with Memory.open(tmp_path / "memory", EMBEDDER) as memory:
        assert (memory.retrieve("otter", ALL), memory.stats()) == before
        assert memory.utterances() == TALK
        memory.append(Utterance(text="It is glued.", session="two"))
        assert first(memory, "glued").text == "Ann: My violin broke yesterday.\nIt is glued."


def test_what_nobody_asked_about_yet_is_found_after_opening(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "memory", EMBEDDER) as memory:
        memory.append(*TALK)
    with Memory.open(tmp_path / "memory", EMBEDDER) as memory:
        assert first(memory, "violin").session == "two"


UTTERANCE = st.builds(
    Utterance,
    text=st.lists(st.sampled_from(["tea", "rain.", "why?", "word " * 20]), max_size=5).map(" ".join),
    session=st.sampled_from(["one", "two"]),
)


@settings(max_examples=12, deadline=None)
@given(parts=st.lists(st.lists(UTTERANCE, max_size=6), max_size=6), reopened=st.integers(0, 5))
def test_chunks_are_the_same_however_often_they_were_made(
    parts: list[list[Utterance]], reopened: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("parts") / "memory"
    memory = Memory.create(path, EMBEDDER, chunk_tokens=16)
    for number, part in enumerate(parts):
        memory.append(*part)
        memory.retrieve("x", 1)
        if number == reopened:
            memory.close()
            memory = Memory.open(path, EMBEDDER)
    with memory:
        said = [one for part in parts for one in part]
        assert chunks(memory) == list(chunked(said, EMBEDDER, chunk_tokens=16))


def test_an_append_is_all_or_nothing(memory: Memory) -> None:
    with pytest.raises(ConfigurationError, match="3 is no message"):
        memory.append("good", 3)  # type: ignore[arg-type]
    assert memory.utterances() == ()


def test_a_temporary_memory_is_gone_when_closed() -> None:
    with Memory.temporary(EMBEDDER, chunk_tokens=16) as memory:
        memory.append(*TALK)
        assert first(memory, "violin").session == "two"
        directory = Path(memory.directory)
        assert directory.is_dir()
    assert not directory.exists()


def test_another_embedder_is_refused_unless_all_is_made_anew(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "memory", EMBEDDER) as memory:
        memory.append(*TALK)
        memory.retrieve("violin", 1)
    other = HashEmbedder(64)
    with pytest.raises(RetrievalError, match=r"'hash-384'.*'hash-64'.*rebuild=True"):
        Memory.open(tmp_path / "memory", other)
    with Memory.open(tmp_path / "memory", other, rebuild=True) as memory:
        assert first(memory, "violin").session == "two"
        assert memory.vectors([1]).shape == (1, 64)
    with Memory.open(tmp_path / "memory", other) as memory:
        assert first(memory, "violin").session == "two"


def test_the_embedder_it_was_made_with_is_found_again_by_its_name(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "memory", HashEmbedder(64)) as memory:
        memory.append(*TALK)
    with Memory.open(tmp_path / "memory") as memory:
        assert memory.vectors([first(memory, "violin").id]).shape == (1, 64)


def test_a_memory_is_made_only_where_nothing_is(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    Memory.create(path, EMBEDDER).close()
    with Memory.create(path, EMBEDDER) as memory:
        memory.append("kept")
    with pytest.raises(RetrievalError, match=r"open it with Memory\.open"):
        Memory.create(path, EMBEDDER)
    with pytest.raises(RetrievalError, match="something else"):
        Memory.create(tmp_path, EMBEDDER)
    (tmp_path / "file").touch()
    with pytest.raises(RetrievalError, match="another path"):
        Memory.create(tmp_path / "file", EMBEDDER)
    with pytest.raises(ConfigurationError, match="at least 16"):
        Memory.create(tmp_path / "small", EMBEDDER, chunk_tokens=3)
    assert not (tmp_path / "small").exists()


def test_a_closed_memory_says_so(memory: Memory) -> None:
    memory.append("x")
    memory.close()
    for use in (lambda: memory.append("y"), lambda: memory.retrieve("x", 1)):
        _assert_closed(use)


def _assert_closed(use: Callable[[], object]) -> None:
    with pytest.raises(RetrievalError, match="closed: open it again"):
        use()


def writes(memory: Memory, name: str) -> None:
    """Append to a session of its own, and find each utterance at once."""
    for number in range(6):
        text = f"{name} says word{number}{name}"
        memory.append(Utterance(text=text, session=name))
        lines = [line for chunk in chunks(memory) for line in chunk.text.splitlines()]
        assert text in lines
        assert len(lines) == len(set(lines))


def reads(memory: Memory, done: threading.Event) -> int:
    """Look, until `done`, for what is in a chunk that keeps growing; counts how often it was found."""
    found = 0
    while not done.is_set() or not found:
        assert "rare" in first(memory, "rare").text
        found += 1
    return found


def test_threads_find_what_was_appended_while_others_append(memory: Memory) -> None:
    done = threading.Event()
    memory.append(Utterance(text="rare rare rare", session="one"))
    names = ("one", "two", "three")
    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(reads, memory, done) for _ in range(2)]
        writers = [pool.submit(writes, memory, name) for name in names]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        assert all(reader.result() for reader in readers)
    assert [len(memory.utterances(name)) for name in names] == [7, 6, 6]
    assert sorted(chunk.id for chunk in chunks(memory)) == [*range(1, len(memory) + 1)]
