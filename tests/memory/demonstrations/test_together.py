"""Banks that several objects and processes have open at once."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from outlay.memory.demonstrations import Bank, Step, Trajectory
from outlay.retrieval import SentenceEmbedder
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COST = 0.25
ADDING = """
import sys, time
from pathlib import Path
from outlay.memory.demonstrations import Bank, read_trajectories
from outlay.testing import HashEmbedder

bank, rows, folder, me, other = (*map(Path, sys.argv[1:4]), *sys.argv[4:])

def meet(where, seconds):
    (folder / f"{me}-{where}").touch()
    end = time.monotonic() + seconds
    while not (folder / f"{other}-{where}").exists() and time.monotonic() < end:
        time.sleep(0.01)

class Meeting(HashEmbedder):
    # Between looking whether a run is there and adding it, wait for the other to be as far.
    def embed(self, texts):
        meet("looked", 2)
        return super().embed(texts)

with Bank.open(bank, Meeting()) as opened:
    meet("opened", 60)
    print(opened.add(read_trajectories(rows)).model_dump_json())
"""


def row(task: str) -> dict[str, Any]:
    usage = {"calls": 1, "usd": COST}
    return {"task": task, "goal": f"do {task}", "steps": [{"action": task}], "success": True, "usage": usage}


def trajectories(*tasks: str) -> list[Trajectory]:
    return [Trajectory(task=t, goal=f"do {t}", steps=(Step(action=t),), success=True) for t in tasks]


def test_two_processes_add_a_run_once_and_count_its_cost_once(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text("".join(json.dumps(row(task)) + "\n" for task in ("mug", "pen")))
    with Bank.create(tmp_path / "bank", HashEmbedder()) as bank:
        bank.add(trajectories("there"))
        both = [_adding(tmp_path, rows, *names) for names in (("one", "two"), ("two", "one"))]
        said = [process.communicate(timeout=100)[0] for process in both]
        added = [json.loads(line) for line in said]
        assert sorted((one["kept"], one["duplicates"]) for one in added) == [(0, 2), (2, 0)]
        assert sorted(run.task for run in bank.runs()) == ["mug", "pen", "there"]
        assert bank.stats().usage.usd == 2 * COST


def _adding(folder: Path, rows: Path, me: str, other: str) -> subprocess.Popen[str]:
    arguments: Sequence[str] = (str(folder / "bank"), str(rows), str(folder), me, other)
    return subprocess.Popen([sys.executable, "-c", ADDING, *arguments], stdout=subprocess.PIPE, text=True)


def test_banks_of_one_embedder_share_it(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with Bank.create(tmp_path / name, Unloaded()) as bank:
            bank.add(trajectories(name))
    with Bank.open(tmp_path / "first") as first, Bank.open(tmp_path / "second") as second:
        assert isinstance(first.index.embedder, SentenceEmbedder)
        assert first.index.embedder is second.index.embedder


class Unloaded:
    """Signs as the packaged embedder does, without its seconds of loading."""

    name = SentenceEmbedder().name
    dimension = 384
    embed = HashEmbedder().embed
