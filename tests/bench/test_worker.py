from __future__ import annotations

import asyncio
import tempfile
from typing import TYPE_CHECKING

import pytest

from outlay.bench.simulation import known_questions, simulated_items
from outlay.bench.trial import Condition
from outlay.bench.worker import Setup, Task, Worker, elsewhere
from outlay.budget import Budget, Usage

if TYPE_CHECKING:
    from pathlib import Path

ITEMS = simulated_items(2)
TASK = Task(condition=Condition(strategy="direct", budget=Budget(output_tokens=100)), item=ITEMS[0], seed=0)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def replayed(store: Path) -> int:
    """Give how many calls of one task a new worker replays."""
    worker = Worker(Setup(model="simulated", questions=known_questions(ITEMS), replay=store))
    with worker.replayed():
        result = asyncio.run(worker.run(TASK))
    worker.close()
    return result.trial.replayed.calls


def test_what_was_waited_for_is_in_the_record() -> None:
    worker = Worker(Setup(model="simulated", questions=known_questions(ITEMS)))
    vote = Condition(strategy="self-consistency:n=3,waves=false", budget=Budget())
    alone = asyncio.run(worker.run(TASK)).trial
    voted = asyncio.run(worker.run(TASK.model_copy(update={"condition": vote}))).trial
    assert alone.sequential is None
    (wave,) = (entry.update["path"] for entry in voted.trace if entry.node == "sample")
    assert voted.sequential == Usage.model_validate(wave[0])
    assert voted.sequential.output_tokens < voted.usage.output_tokens


def test_where_the_stores_folder_is_absent_the_machines_workers_share_one(
    tmp_path: Path, temporary: Path
) -> None:
    absent = tmp_path / "absent" / "replay.sqlite"
    assert [replayed(absent), replayed(absent)] == [0, 1]
    assert not absent.parent.exists()
    assert elsewhere(absent).is_file()
    assert elsewhere(absent).parent.parent == temporary
    assert elsewhere(absent).parent.stat().st_mode & 0o077 == 0


def test_two_benches_share_no_store_there(tmp_path: Path, temporary: Path) -> None:
    assert [replayed(tmp_path / name / "replay.sqlite") for name in ("one", "two")] == [0, 0]
    assert len(list(temporary.iterdir())) == 2


def test_where_the_folder_is_there_the_store_is_in_it(tmp_path: Path, temporary: Path) -> None:
    assert [replayed(tmp_path / "replay.sqlite") for _ in range(2)] == [0, 1]
    assert not list(temporary.iterdir())
