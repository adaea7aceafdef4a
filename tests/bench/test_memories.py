from __future__ import annotations

import asyncio

import pytest

from outlay.bench.memories import Memories
from outlay.errors import ConfigurationError
from outlay.memory.conversations import Document, Memory, Utterance

TALK = (Utterance(text="We moved to Oslo.", speaker="Ann"), Utterance(text="Nice!", speaker="Bo"))
BOOK = (Document(text="Bergen is rainy."),)


async def given(memories: Memories, *asked: tuple[tuple[Utterance | Document, ...], int]) -> list[Memory]:
    """Give the memory of each, all in use at once."""

    async def one(told: tuple[Utterance | Document, ...], tokens: int) -> Memory:
        async with memories.of(told, tokens) as memory:
            await asyncio.sleep(0.01)
            return memory

    return await asyncio.gather(*(one(*ask) for ask in asked))


def test_a_memory_holds_what_was_told() -> None:
    async def found() -> list[str]:
        async with memories.of(TALK, 64) as memory:
            return [chunk.text for chunk, _ in await asyncio.to_thread(memory.retrieve, "Oslo?", 5)]

    memories = Memories("hash")
    assert asyncio.run(found()) == ["Ann: We moved to Oslo.\nBo: Nice!"]
    memories.close()


def test_there_is_one_for_each_history_and_size_whoever_asks() -> None:
    memories = Memories("hash")
    copy = tuple(said.model_copy() for said in TALK)
    first, same, smaller, other = asyncio.run(given(memories, (TALK, 64), (copy, 64), (TALK, 16), (BOOK, 64)))
    assert first is same
    assert len({first, smaller, other}) == 3
    assert (first.stats().chunk_tokens, smaller.stats().chunk_tokens) == (64, 16)
    memories.close()
    assert not any(memory.directory.exists() for memory in (first, smaller, other))


def test_those_used_longest_ago_are_closed_and_made_again() -> None:
    memories = Memories("hash", most_open=1)

    async def one_after_another() -> tuple[Memory, Memory, Memory, Memory]:
        (talk,), (book,) = await given(memories, (TALK, 64)), await given(memories, (BOOK, 64))
        (kept,), (again,) = await given(memories, (BOOK, 64)), await given(memories, (TALK, 64))
        return talk, book, kept, again

    talk, book, kept, again = asyncio.run(one_after_another())
    assert book is kept
    assert (talk is again, talk.directory.exists(), again.directory.exists()) == (False, False, True)
    memories.close()


def test_one_in_use_stays_open() -> None:
    memories = Memories("hash", most_open=0)

    async def inside() -> bool:
        async with memories.of(TALK, 64) as memory:
            await given(memories, (BOOK, 64))
            return memory.directory.exists()

    assert asyncio.run(inside())


def test_too_small_chunks_are_refused_and_leave_nothing() -> None:
    memories = Memories("hash")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="chunk_tokens"):
            asyncio.run(given(memories, (TALK, 4)))
    memories.close()
