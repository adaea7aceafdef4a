"""kill -9 while an index is written and saved, over and over: it is always the old one or the new one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from outlay.retrieval import Entry, Index
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from pathlib import Path

KILLS = int(os.environ.get("OUTLAY_INDEX_KILLS", "2"))
BATCH = 50
EMBEDDER = HashEmbedder(384)
CHANCE = random.Random(os.environ.get("OUTLAY_KILL_SEED"))  # noqa: S311
WRITER = f"""
import sys
from outlay.retrieval import Entry, Index
from outlay.testing import HashEmbedder
index = Index.open(sys.argv[1], HashEmbedder(384))
while True:
    first = len(index)
    ids = index.add(
        Entry(record={{"number": first + more}}, keys={{"text": (f"thing number {{first + more}}",)}})
        for more in range({BATCH})
    )
    print(len(index), flush=True)
    index.save()
"""


def test_a_kill_leaves_the_old_index_or_the_new_one(tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, kind="hnsw") as index:
        index.add([Entry(record={"number": 0}, keys={"text": ("thing number 0",)})])
    for _ in range(KILLS):
        told = killed(tmp_path)
        with Index.open(tmp_path, EMBEDDER) as index:
            size = len(index)
            assert (size - 1) % BATCH == 0
            assert size >= told
            [hits] = index.search("text", [f"thing number {size - 1}"], size + 1)
            assert {hit.id for hit in hits} == set(index.ids())
            assert hits[0].similarity > 0.999
            records = index.records(index.ids())
            assert [record["number"] for record in records.values()] == list(range(size))
            index.save()
        assert sorted(path.suffix for path in tmp_path.iterdir()) == [".faiss", ".sqlite"]


def killed(directory: Path) -> int:
    """Kill a writer at a moment of its second or third turn; give the size that it said was safe."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, directory], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(CHANCE.uniform(0, 0.3))
        writer.kill()
        return max(map(int, writer.stdout.read().split()), default=0)
