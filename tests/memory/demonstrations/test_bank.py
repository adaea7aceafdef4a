"""What goes into a bank, what comes out of it, and what never does."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from outlay import Usage
from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.demonstrations import (
    Added,
    Bank,
    Collected,
    Query,
    Step,
    Trajectory,
    read_trajectories,
    write_trajectories,
)
from outlay.retrieval import Entry, Index
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from outlay.retrieval import Searchable

KITCHEN = ("dirty plate in sink", "plate is clean", "cupboard stands open")
GARDEN = ("roses need water", "can is filled", "soil looks moist")
GARAGE = ("tyre lost air", "pump found below bench", "wheel turns again")
PAID = Usage(calls=3, prompt_tokens=900, output_tokens=60, usd=0.0036)


def trajectory(
    task: str, observations: Iterable[str] = KITCHEN, *, goal: str = "", plan: str = "", usage: Usage = PAID
) -> Trajectory:
    return Trajectory(
        task=task,
        goal=goal or f"goal of {task}",
        plan=plan,
        steps=tuple(Step(observation=seen, action=f"act on {seen}") for seen in observations),
        success=True,
        usage=usage,
        teacher="expert",
    )


def failure(task: str, usage: Usage = PAID) -> Trajectory:
    return Trajectory(task=task, goal=f"goal of {task}", success=False, usage=usage, teacher="novice")


ROOMS = (trajectory("kitchen", KITCHEN), trajectory("garden", GARDEN), trajectory("garage", GARAGE))


def tasks(bank: Bank, query: Query, k: int = 6, exclude: Sequence[str] = ()) -> list[str]:
    return [found.task for found in bank.retrieve(query, k, exclude=exclude)]


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.task)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_stored_step_finds_its_trajectory_and_itself(bank: Bank, room: Trajectory, place: int) -> None:
    bank.add(ROOMS)
    first, *rest = bank.retrieve(Query(goal=room.goal, observation=room.steps[place].observation))
    assert (first.task, first.steps[first.matched]) == (room.task, room.steps[place])
    assert {found.task for found in rest} == {other.task for other in ROOMS} - {room.task}
    assert first.score == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("seen", "window", "start", "matched", "shown"),
    [(0, 5, 0, 0, 3), (0, 1, 0, 0, 2), (5, 2, 3, 2, 5), (9, 5, 4, 5, 6), (4, 0, 4, 0, 1)],
)
def test_the_window_is_clipped(
    bank: Bank, seen: int, window: int, start: int, matched: int, shown: int
) -> None:
    length = 3 if (seen, window) == (0, 5) else 10
    bank.add([trajectory("walk", [f"room{place} word{place}" for place in range(length)])])
    (found,) = bank.retrieve(Query(goal="goal", observation=f"room{seen} word{seen}"), window=window)
    assert (found.start, found.matched, len(found.steps)) == (start, matched, shown)
    assert (found.steps[found.matched].observation, found.length) == (f"room{seen} word{seen}", length)


def test_without_an_observation_the_window_begins_at_the_start(bank: Bank) -> None:
    bank.add([trajectory("walk", [f"room {place}" for place in range(10)], plan="walk on")])
    for query in (Query(goal="goal of walk"), Query(goal="goal of walk", plan="walk on")):
        (found,) = bank.retrieve(query, window=2)
        assert (found.start, found.matched, len(found.steps)) == (0, 0, 3)
        assert found.score == pytest.approx(1, abs=1e-5)


def test_a_question_is_shown_whole(bank: Bank) -> None:
    bank.add([Trajectory(task="q", goal="What is 1+1?", steps=(Step(action="2"),), success=True)])
    (found,) = bank.retrieve(Query(goal="What is 1+1?", observation="something seen"), window=0)
    assert (found.steps, found.matched, found.length) == ((Step(action="2"),), 0, 1)


def test_failures_are_never_given(bank: Bank) -> None:
    bank.add([failure("kitchen"), *ROOMS[1:]])
    assert sorted(tasks(bank, Query(goal="goal of kitchen", observation=KITCHEN[0]))) == ["garage", "garden"]


def test_the_own_task_is_never_given_and_the_others_are(bank: Bank) -> None:
    mine = [trajectory("kitchen", [*KITCHEN, f"try {n}"], plan="scrub") for n in range(60)]
    bank.add([*mine, *ROOMS[1:]])
    query = Query(goal="goal of kitchen", plan="scrub", observation=KITCHEN[0])
    assert sorted(tasks(bank, query, k=2, exclude=["kitchen", "elsewhere"])) == ["garage", "garden"]
    assert tasks(bank, query, k=2) == ["kitchen", "kitchen"]


def test_a_single_excluded_task_is_no_collection_of_letters(bank: Bank) -> None:
    bank.add([trajectory("k"), trajectory("kitchen", GARDEN)])
    assert [found.task for found in bank.retrieve(Query(goal="goal"), exclude="kitchen")] == ["k"]


def test_each_trajectory_comes_once_though_all_its_steps_fit(bank: Bank) -> None:
    bank.add([trajectory("same", [KITCHEN[0]] * 40), *ROOMS[1:]])
    assert tasks(bank, Query(goal="goal of same", observation=KITCHEN[0]), k=3)[0] == "same"
    assert sorted(tasks(bank, Query(goal="goal", observation=KITCHEN[0]), k=3)) == [
        "garage",
        "garden",
        "same",
    ]


class Compass:
    """An embedder whose texts say their own cosine with `here`."""

    name = "compass"
    dimension = 2

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        cosines = np.array([1.0 if text == "here" else float(text) for text in texts])
        return np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)


@pytest.mark.parametrize("second", ["plan", "observation"])
def test_the_mean_over_two_keys_ranks(tmp_path: Path, second: str) -> None:
    with Bank.create(tmp_path / "bank", Compass()) as bank:
        for task, (goal, other) in {"one-sided": ("0.9", "0.1"), "even": ("0.6", "0.6")}.items():
            plan = other if second == "plan" else ""
            bank.add([trajectory(task, [other] if second == "observation" else ["0"], goal=goal, plan=plan)])
        found = bank.retrieve(Query(goal="here", **{second: "here"}), k=2)
    assert [each.task for each in found] == ["even", "one-sided"]
    assert [each.score for each in found] == pytest.approx([0.6, 0.5], abs=1e-6)


def test_a_candidate_of_one_key_gets_its_own_similarity_under_the_others(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", Compass()) as bank:
        bank.add(trajectory(f"goal-{n}", ["0"], goal=f"0.{80 + n}", plan="0") for n in range(15))
        bank.add([trajectory("plan", ["0"], goal="0.5", plan="0.9")])
        first, second = bank.retrieve(Query(goal="here", plan="here"), k=2)
    assert (first.task, second.task) == ("plan", "goal-14")
    assert (first.score, second.score) == pytest.approx((0.7, 0.47), abs=1e-6)


def test_a_twin_without_a_plan_ranks_with_its_twin(bank: Bank) -> None:
    bank.add([
        trajectory("planned", plan="scrub, rinse, dry"),
        trajectory("unplanned", goal="goal of planned"),
    ])
    first, second = bank.retrieve(Query(goal="goal of it", plan="dry and scrub", observation=KITCHEN[1]))
    assert first.score == pytest.approx(second.score)


def test_an_empty_bank_gives_nothing(bank: Bank) -> None:
    assert bank.retrieve(Query(goal="anything", observation="anything")) == ()
    bank.add([failure("a")])
    assert bank.retrieve(Query(goal="goal of a")) == ()
    assert (bank.trajectories(), bank.get("b")) == ((), ())


def test_k_may_be_larger_than_the_bank_and_zero(bank: Bank) -> None:
    bank.add(ROOMS)
    assert len(bank.retrieve(Query(goal="goal"), k=50)) == 3
    assert bank.retrieve(Query(goal="goal"), k=0) == ()
    with pytest.raises(ConfigurationError, match="k=-1"):
        bank.retrieve(Query(goal="goal"), k=-1)
    with pytest.raises(ConfigurationError, match="window=-1"):
        bank.retrieve(Query(goal="goal"), window=-1)


def test_what_is_added_again_is_counted_and_left_out(bank: Bank) -> None:
    runs = [*ROOMS, failure("a"), trajectory("b", ["Nothing happens."])]
    assert bank.add([*runs, ROOMS[0]]) == Added(kept=3, failed=1, empty=1, duplicates=1)
    before = bank.stats()
    assert bank.add(runs) == Added(duplicates=5)
    assert bank.stats() == before
    assert bank.trajectories() == ROOMS


def test_the_same_steps_of_another_task_are_no_duplicate(bank: Bank) -> None:
    assert bank.add([trajectory("a"), trajectory("b")]).kept == 2


def test_the_cost_of_collecting_is_kept_with_failures(bank: Bank) -> None:
    again = trajectory("kitchen", usage=Usage(calls=1, usd=0.5))
    bank.add([ROOMS[0], failure("a"), failure("a", Usage(calls=1, usd=0.25)), again])
    assert bank.add([again]).duplicates == 1
    stats = bank.stats()
    assert (stats.trajectories, stats.steps, stats.failed, stats.repeated) == (1, 3, 2, 1)
    assert stats.usage == PAID + PAID + Usage(calls=2, usd=0.75)
    assert stats.teachers["novice"] == Collected(failed=2, paid=2, usage=PAID + Usage(calls=1, usd=0.25))
    assert (stats.teachers["expert"].usage.usd, stats.embedder) == (0.5036, "hash-384")


def test_a_cost_that_is_unknown_stays_unknown(bank: Bank) -> None:
    bank.add([ROOMS[0], failure("a", Usage(calls=1, usd=None))])
    assert bank.stats().usage.usd is None


def test_a_bank_is_what_it_was_when_opened_again(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", HashEmbedder()) as bank:
        bank.add([*ROOMS, failure("a")])
        query = Query(goal="goal of garden", observation=GARDEN[1])
        before = bank.retrieve(query), bank.stats(), bank.runs()
    with Bank.open(tmp_path / "bank", HashEmbedder()) as bank:
        assert (bank.retrieve(query), bank.stats(), bank.runs()) == before
        assert bank.add(ROOMS) == Added(duplicates=3)
        assert bank.get("garden") == (ROOMS[1],)


def test_an_export_makes_the_same_bank(bank: Bank, tmp_path: Path) -> None:
    bank.add([
        *ROOMS,
        failure("a"),
        trajectory("b", ["Nothing happens."]),
        trajectory("garden", GARDEN, usage=Usage(usd=1)),
    ])
    write_trajectories(tmp_path / "bank.jsonl", bank.runs())
    with Bank.create(tmp_path / "other", HashEmbedder()) as other:
        other.add(read_trajectories(tmp_path / "bank.jsonl"))
        assert (other.stats(), other.runs()) == (bank.stats(), bank.runs())


def test_an_addition_that_fails_adds_nothing(bank: Bank) -> None:
    def broken() -> Iterable[Trajectory]:
        yield ROOMS[0]
        raise ConfigurationError("line 2 is broken")

    with pytest.raises(ConfigurationError, match="line 2"):
        bank.add(broken())
    assert bank.stats().trajectories == 0


def test_threads_may_add_and_retrieve_at_once(bank: Bank) -> None:
    runs = [trajectory(f"task{n}", [f"thing{n} seen", f"thing{n} held"]) for n in range(24)]
    query = Query(goal="goal of task3", observation="thing3 held")
    with ThreadPoolExecutor(8) as threads:
        added = [threads.submit(bank.add, runs[n : n + 6]) for n in range(19)]
        found = [threads.submit(bank.retrieve, query, 2) for _ in range(20)]
        assert sum(each.result().kept for each in added) == 24
        assert all(len(each.result()) <= 2 for each in found)
    assert tasks(bank, query, k=1) == ["task3"]
    assert sorted(run.task for run in bank.trajectories()) == sorted(run.task for run in runs)


def test_another_embedder_is_refused(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", HashEmbedder()) as bank:
        bank.add(ROOMS)
    with pytest.raises(RetrievalError, match="hash-384"):
        Bank.open(tmp_path / "bank", HashEmbedder(64))
    with Bank.open(tmp_path / "bank", HashEmbedder(64), rebuild=True) as bank:
        assert tasks(bank, Query(goal="goal of garden", observation=GARDEN[1]), k=1) == ["garden"]


def test_a_bank_finds_the_embedder_it_was_made_with(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", HashEmbedder(64)) as bank:
        bank.add(ROOMS)
    for rebuild in (False, True):
        with Bank.open(tmp_path / "bank", rebuild=rebuild) as bank:
            assert bank.index.embedder == HashEmbedder(64)
            assert tasks(bank, Query(goal="goal of garden", observation=GARDEN[1]), k=1) == ["garden"]


def test_a_bank_of_somebodys_own_embedder_asks_for_it(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", Own()) as bank:
        bank.add(ROOMS)
    with pytest.raises(RetrievalError, match=f"{Own.name!r}.*Bank.open\\(path, embedder\\)"):
        Bank.open(tmp_path / "bank")


class Own(HashEmbedder):
    """An embedder of which the package knows nothing."""

    name = "own"


class Watched:
    """An index that counts how often all its records, or some of them, were asked for."""

    def __init__(self, index: Index) -> None:
        self.listings = 0
        self._index = index

    def __getattr__(self, name: str) -> Any:
        self.listings += name in {"ids", "records"}
        return getattr(self._index, name)

    def __len__(self) -> int:
        return len(self._index)


def test_what_somebody_else_adds_is_in_the_statistics(bank: Bank, tmp_path: Path) -> None:
    bank.add([ROOMS[0], failure("a")])
    before = bank.stats()
    with Bank.open(tmp_path / "bank") as other:
        other.add([ROOMS[1], failure("b")])
        assert other.stats() == bank.stats() != before
    assert (bank.stats().trajectories, bank.stats().usage) == (2, PAID + PAID + PAID + PAID)


def test_statistics_of_what_has_not_grown_read_no_record_again(tmp_path: Path) -> None:
    with Index.create(tmp_path / "index", HashEmbedder(), keys=("goal",)) as index:
        watched = Watched(index)
        bank = Bank(cast("Searchable", watched))
        bank.add([ROOMS[0], failure("a")])
        first = bank.stats()
        watched.listings = 0
        assert (bank.stats(), watched.listings) == (first, 0)
        bank.add([ROOMS[1]])
        assert bank.stats().trajectories == 2


def test_a_damaged_bank_is_an_error_and_no_empty_answer(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank", HashEmbedder()) as bank:
        bank.add(ROOMS)
    for file in (tmp_path / "bank").iterdir():
        if file.is_file():
            file.write_bytes(b"\0" * 4096)
    with pytest.raises(RetrievalError):
        Bank.open(tmp_path / "bank", HashEmbedder())


def test_no_bank_and_another_index_are_refused(tmp_path: Path) -> None:
    with pytest.raises(RetrievalError):
        Bank.open(tmp_path / "none", HashEmbedder())
    with Index.create(tmp_path / "texts", HashEmbedder()) as index:
        index.add([Entry(record={}, keys={"text": ("a",)})])
    with pytest.raises(RetrievalError, match="no demonstration bank"):
        Bank.open(tmp_path / "texts", HashEmbedder())


def test_records_of_something_else_are_refused(tmp_path: Path) -> None:
    with Index.create(tmp_path / "index", HashEmbedder(), keys=("goal",)) as index:
        index.add([Entry(record={"text": "a"}, keys={"goal": ("a",)})])
        with pytest.raises(RetrievalError, match="no trajectory of a bank"):
            Bank(index).retrieve(Query(goal="a"))


def test_an_index_of_goals_alone_serves_for_questions(tmp_path: Path) -> None:
    with Index.create(tmp_path / "index", HashEmbedder(), keys=("goal",)) as index:
        bank = Bank(index)
        bank.add(ROOMS)
        first = bank.retrieve(Query(goal="goal of garage", plan="pump", observation=KITCHEN[0]))[0]
        assert (first.task, first.matched) == ("garage", 0)
