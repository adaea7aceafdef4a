"""The bank with the packaged MiniLM, which it takes unless told otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.memory.demonstrations import Bank, Query, Step, Trajectory

if TYPE_CHECKING:
    from pathlib import Path

WASH = Trajectory(
    task="wash",
    goal="put a clean plate on the dining table",
    steps=(
        Step(observation="You are in the middle of a room.", action="go to the sink"),
        Step(observation="In the sink you see a dirty plate and a fork.", action="take the plate"),
        Step(observation="You hold the plate.", action="clean the plate with the sink"),
    ),
    success=True,
)
READ = Trajectory(
    task="read",
    goal="look at a book under the lamp",
    steps=(
        Step(observation="On the shelf there is a novel.", action="take the novel"),
        Step(observation="The desk lamp is off.", action="switch the lamp on"),
    ),
    success=True,
)


def test_meaning_is_found_in_other_words(tmp_path: Path) -> None:
    with Bank.create(tmp_path / "bank") as bank:
        bank.add([WASH, READ])
    with Bank.open(tmp_path / "bank") as bank:
        first, second = bank.retrieve(
            Query(goal="set a washed dish on the desk", observation="The basin holds filthy crockery.")
        )
        assert (first.task, first.steps[first.matched].action) == ("wash", "take the plate")
        assert first.score > second.score
        (question,) = bank.retrieve(Query(goal="examine a magazine by lamplight"), k=1)
        assert question.task == "read"
