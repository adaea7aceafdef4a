"""Trajectories in files of JSON lines: our own, and questions with solutions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final, Never

from outlay.errors import ConfigurationError
from outlay.memory.demonstrations.questions import of_question
from outlay.memory.demonstrations.trajectory import Trajectory
from outlay.private_files import replace

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES: Final = 12
"""How many of a row's fields a message names."""


def read_trajectories(path: Path | str, *, teacher: str = "") -> tuple[Trajectory, ...]:
    """Read a file of JSON objects, one on each line; blank lines are skipped.

    A line with `steps` is a trajectory as `write_trajectories` writes it; one with a `question` is a
    question with its solution (`questions.of_question`).

    Args:
        path: UTF-8, with or without a byte order mark.
        teacher: Who solved them, where the file does not say.

    Raises:
        ConfigurationError: The file cannot be read, or a line is neither; the message names the line.
    """
    try:
        lines = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc.strerror}") from exc
    return tuple(
        _read(line, f"{path}, line {number}", teacher) for number, line in enumerate(lines, 1) if line.strip()
    )


def write_trajectories(path: Path | str, trajectories: Iterable[Trajectory]) -> int:
    """Write one on each line, in the place of what was there, once all are written; give how many.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    lines = [trajectory.model_dump_json() + "\n" for trajectory in trajectories]
    try:
        replace(path, "".join(lines))
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be written: {exc.strerror}") from exc
    return len(lines)


def _read(line: bytes, place: str, teacher: str) -> Trajectory:
    try:
        row = json.loads(line, parse_constant=_refuse)
    except (ValueError, RecursionError) as exc:
        raise ConfigurationError(f"{place}: no JSON ({exc}): write one JSON object on each line") from exc
    try:
        return _trajectory(_fields(row), teacher)
    except (ValueError, ConfigurationError) as exc:
        raise ConfigurationError(f"{place}: {exc}") from exc


def _fields(row: object) -> dict[str, object]:
    if isinstance(row, dict):
        return row
    raise ValueError("a JSON value that is no object: write one JSON object on each line")


def _trajectory(row: dict[str, object], teacher: str) -> Trajectory:
    if "steps" in row:
        return Trajectory.model_validate(row | {"teacher": row.get("teacher") or teacher})
    if "question" in row:
        return of_question(row, teacher)
    names = ", ".join(f"`{name}`" for name in list(row)[:_MOST_NAMES]) or "no fields"
    raise ValueError(
        f"neither `steps` nor a `question` among {names}: give trajectories, or questions and solutions"
    )


def _refuse(constant: str) -> Never:
    raise ValueError(f"{constant} is no number")
