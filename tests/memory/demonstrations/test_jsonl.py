"""Trajectories in files: what is written is read, and a bad line is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import Usage
from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import Step, Trajectory, read_trajectories, write_trajectories

if TYPE_CHECKING:
    from pathlib import Path

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
TRAJECTORIES = st.builds(
    Trajectory,
    task=TEXT.filter(bool),
    goal=TEXT.map("g{}".format),
    plan=TEXT,
    steps=st.lists(st.builds(Step, observation=TEXT, reasoning=TEXT, action=TEXT), max_size=3),
    success=st.booleans(),
    usage=st.builds(Usage, calls=st.integers(0, 9), usd=st.none() | st.floats(0, 1)),
    teacher=TEXT,
)


@given(st.lists(TRAJECTORIES, max_size=4))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, given_ones: list[Trajectory]
) -> None:
    path = tmp_path_factory.mktemp("export") / "bank.jsonl"
    assert write_trajectories(path, given_ones) == len(given_ones)
    assert read_trajectories(path) == tuple(given_ones)
    assert [each.name for each in path.parent.iterdir()] == ["bank.jsonl"]


def test_both_kinds_of_line_may_stand_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(
        '\ufeff{"id": "q", "question": "1+1?", "answer": "2", "level": 1}\r\n\n'
        '{"task": "t", "goal": "g", "steps": [{"action": "go"}], "success": true, "teacher": "expert"}\n'
    )
    question, trajectory = read_trajectories(path, teacher="people")
    assert (question.task, question.teacher) == ("q", "people")
    assert (trajectory.steps, trajectory.teacher) == ((Step(action="go"),), "expert")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[1]", "no object"),
        ('{"prompt": "a", "text": "b"}', "neither `steps` nor a `question` among `prompt`, `text`"),
        ('{"question": "a?"}', "no `answer`"),
        ('{"task": "t", "goal": "g", "steps": [{"observation": "o"}], "success": true}', "action"),
        ('{"task": "t", "goal": "g", "steps": [], "success": true, "sucess": 1}', "sucess"),
        ('{"task": "t", "steps": [], "success": false, "usage": {"usd": NaN}}', "NaN is no number"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"question": "a?", "answer": "1"}\n\n' + line)
    with pytest.raises(ConfigurationError, match=rf"rows\.jsonl, line 3: .*{message}"):
        read_trajectories(path)


def test_a_line_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'{"question": "caf\xe9?", "answer": "1"}')
    with pytest.raises(ConfigurationError, match="line 1: no JSON"):
        read_trajectories(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.jsonl cannot be read"):
        read_trajectories(tmp_path / "none.jsonl")
    with pytest.raises(ConfigurationError, match=r"out\.jsonl cannot be written"):
        write_trajectories(tmp_path / "none" / "out.jsonl", [])
