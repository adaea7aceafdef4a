from __future__ import annotations

import asyncio
import pickle
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from outlay.bench.items import Item
from outlay.bench.simulation import known_questions, simulated_items
from outlay.bench.trial import Condition
from outlay.bench.worker import Setup, Task, Worker, elsewhere
from outlay.budget import Budget, Price, Usage
from outlay.memory.conversations import Memory, Utterance

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.trial import Trial

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


MEMORY = "budget-mem:router=22222,high=simulated:ability=1,chunk_tokens=16,k=2"


def told(number: int) -> Item:
    """Give an item about a text of three utterances, of which two chunks are found."""
    said = [
        f"In session {number} we planted {thing} behind the old house." for thing in ("oak", "elm", "fir")
    ]
    return Item(
        id=f"told-{number}",
        question=f"What was planted first in {number}?",
        answers=("oak",),
        context="\n".join(said),
        history=tuple(Utterance(text=text, speaker="Ann", time="8 May, 2023") for text in said),
    )


def remembering(**said: Any) -> Worker:
    questions = known_questions([told(1), told(2)], alone=True)
    return Worker(Setup(model="simulated", questions=questions, embedder="hash", **said))


def entries(trial: Trial, node: str) -> list[dict[str, Any]]:
    return [entry.update for entry in trial.trace if entry.node == node]


def asking(item: Item, spec: str = MEMORY) -> Task:
    return Task(condition=Condition(strategy=spec, budget=Budget()), item=item, seed=0)


def test_a_strategy_with_a_memory_answers_out_of_the_items_own() -> None:
    worker = remembering()
    first, second = (asyncio.run(worker.run(asking(told(n)))).trial for n in (1, 2))
    (found,) = entries(first, "retrieve")
    assert [chunk["time"] for chunk in found["chunks"]] == ["8 May, 2023"] * 2
    assert all("session 1" in chunk["text"] for chunk in found["chunks"])
    assert all("session 2" in chunk["text"] for chunk in entries(second, "retrieve")[0]["chunks"])
    worker.close()


def test_the_tiers_and_the_models_of_its_spec_hold_and_are_priced() -> None:
    dear = {"simulated:ability=1": Price(input=1, output=1)}
    worker = remembering(prices=dear)
    high = asyncio.run(worker.run(asking(told(1)))).trial
    low = asyncio.run(worker.run(asking(told(1), MEMORY.replace("22222", "low")))).trial
    assert [one["tier"] for one in entries(high, "summary")[0]["picked"]] == [2] * 5
    assert [one["tier"] for one in entries(low, "summary")[0]["picked"]] == [0] * 5
    assert high.usage.usd is not None
    assert high.usage.usd > 0
    assert low.usage.usd == 0
    worker.close()


def test_a_memory_of_its_own_is_kept(tmp_path: Path) -> None:
    with Memory.create(tmp_path / "own") as memory:
        memory.append("The elm was planted in Bergen.")
    worker = remembering()
    kept = asyncio.run(worker.run(asking(told(1), f"budget-mem:memory={tmp_path / 'own'}"))).trial
    assert [chunk["text"] for chunk in entries(kept, "retrieve")[0]["chunks"]] == [
        "The elm was planted in Bergen."
    ]
    worker.close()


def test_an_item_that_went_to_another_process_has_its_history() -> None:
    task = pickle.loads(pickle.dumps(asking(told(2))))  # noqa: S301 - our own bytes
    worker = remembering()
    trial = asyncio.run(worker.run(task)).trial
    assert len(entries(trial, "retrieve")[0]["chunks"]) == 2
    worker.close()
