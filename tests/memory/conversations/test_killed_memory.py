"""kill -9 while turns are appended and indexed, over and over; and one process reads what another writes."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from outlay.memory.conversations import Memory, chunked
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KILLS = int(os.environ.get("OUTLAY_MEMORY_KILLS", "2"))
CHANCE = random.Random(os.environ.get("OUTLAY_KILL_SEED"))  # noqa: S311
EMBEDDER = HashEmbedder(64)
ALL = 100_000
WRITER = """
import sys
from outlay.memory.conversations import Memory, Utterance
from outlay.testing import HashEmbedder
memory = Memory.open(sys.argv[1], HashEmbedder(64))
memory.retrieve("ready", 1)
number = len(memory.utterances())
print(number, flush=True)
while number < int(sys.argv[2]):
    session = f"session {number // 40}"
    memory.append(*(Utterance(text=f"turn{number + more} said", session=session) for more in range(2)))
    number += 2
    print(number, flush=True)
    if number % 6 == 0:
        memory.retrieve(f"turn{number}", 3)
"""


def writer(directory: Path, upto: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(directory), str(upto)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def numbers(process: subprocess.Popen[str]) -> Iterator[int]:
    assert process.stdout is not None
    yield from map(int, process.stdout)


def killed(directory: Path) -> int:
    """Kill a writer at some moment of its work; give the turns that it said were kept."""
    with writer(directory, ALL) as process:
        next(numbers(process))
        time.sleep(CHANCE.uniform(0, 0.5))
        process.kill()
        return max(numbers(process), default=0)


def test_a_kill_loses_no_turn_that_was_acknowledged_and_leaves_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    Memory.create(path, EMBEDDER, chunk_tokens=16).close()
    for _ in range(KILLS):
        told = killed(path)
        with Memory.open(path, EMBEDDER) as memory:
            said = memory.utterances()
            assert len(said) >= told
            assert len(said) % 2 == 0
            assert [one.text for one in said] == [f"turn{number} said" for number in range(len(said))]
            found = {chunk.id: chunk for chunk, _ in memory.retrieve("said", ALL)}
            assert tuple(found[id_] for id_ in sorted(found)) == chunked(said, EMBEDDER, chunk_tokens=16)
            assert len(memory.vectors(sorted(found))) == len(found)


def test_one_process_finds_what_another_has_just_appended(tmp_path: Path) -> None:
    path = tmp_path / "memory"
    with Memory.create(path, EMBEDDER, chunk_tokens=16) as memory, writer(path, 60) as process:
        assert next(numbers(process)) == 0
        for number in numbers(process):
            lines = [line for chunk, _ in memory.retrieve("said", ALL) for line in chunk.text.splitlines()]
            assert f"turn{number - 1} said" in lines
            assert len(lines) == len(set(lines))
        assert process.wait() == 0
        assert len(memory.utterances()) == 60
