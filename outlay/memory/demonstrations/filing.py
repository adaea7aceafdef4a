"""How runs lie in the index: what is to be found under keys, what only cost something under none."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import ValidationError

from outlay.budget import Record, Usage
from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.demonstrations.trajectory import Trajectory, cleaned

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

KEYS: Final = ("goal", "plan", "observation")

Role = Literal["demonstration", "failed", "inconclusive", "empty", "repeated"]
"""What becomes of a run.

`inconclusive`: nobody knows what it came to; `empty`: succeeded, but no step is left to show; `repeated`: the
steps of another run, paid for again.
"""


_COUNTED: Final[dict[Role, str]] = {
    "demonstration": "kept",
    "failed": "failed",
    "inconclusive": "failed",
    "empty": "empty",
    "repeated": "duplicates",
}
"""Where `Added` counts a role."""


class Added(Record):
    """What became of trajectories that were added."""

    kept: int = 0
    """Demonstrations."""
    failed: int = 0
    """Failures, inconclusive runs among them: never shown, but what they cost is kept."""
    empty: int = 0
    """Successes without a step worth showing: what they cost is kept."""
    duplicates: int = 0
    """Left out, for the bank has the same task with the same steps.

    What a run cost is counted once, however often that run is added; what another run with the same steps
    cost is counted too.
    """


class Filed(Record):
    """A run as the index keeps it."""

    role: Role
    trajectory: Trajectory

    def texts(self, keys: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Give what it is found by; nothing, unless it is a demonstration."""
        if self.role != "demonstration":
            return {}
        found = {
            "goal": (self.trajectory.goal,),
            "plan": (self.trajectory.plan,),
            "observation": tuple(self.trajectory.steps[place].observation for place in self.observed),
        }
        return {key: texts for key, texts in found.items() if key in keys and any(map(str.strip, texts))}

    @property
    def observed(self) -> tuple[int, ...]:
        """The steps that have an observation, in the order of its texts under that key."""
        steps = self.trajectory.steps
        return tuple(place for place, step in enumerate(steps) if step.observation.strip())

    @property
    def shows(self) -> str:
        """Tells whether two demonstrations are one: the task and its steps."""
        return _digest([self.trajectory.task, *_said(self.trajectory)])

    @property
    def run(self) -> str:
        """Tells whether two runs are one: also what it came to, what it cost, and who ran it."""
        run = self.trajectory
        facts = [run.success, run.usage.model_dump(), run.teacher, run.inconclusive]
        return _digest([run.task, *_said(run), *facts])


class Filing:
    """Sorts runs by what is to become of them.

    Args:
        runs: Those that the bank has, by `Filed.run`.
        shown: The demonstrations that it has, by `Filed.shows`.
    """

    def __init__(self, runs: Iterable[str], shown: Iterable[str]) -> None:
        self.filed: list[Filed] = []
        self._runs, self._shown = set(runs), set(shown)
        self._count = dict.fromkeys(Added.model_fields, 0)

    @property
    def added(self) -> Added:
        """What became of them."""
        return Added(**self._count)

    def take(self, trajectory: Trajectory) -> None:
        """Sort one in, cleaned; or leave it out."""
        if trajectory.success:
            trajectory = cleaned(trajectory)
        one = Filed(role=_role(trajectory), trajectory=trajectory)
        if one.role == "demonstration" and one.shows in self._shown:
            one = one.model_copy(update={"role": "repeated"})
        is_known = one.run in self._runs
        self._count["duplicates" if is_known else _COUNTED[one.role]] += 1
        if not is_known and (one.role != "repeated" or trajectory.usage != Usage()):
            self._file(one)

    def _file(self, one: Filed) -> None:
        self.filed.append(one)
        self._runs.add(one.run)
        if one.role == "demonstration":
            self._shown.add(one.shows)


def filed(id_: int, record: object) -> Filed:
    """Read a record of the index.

    Raises:
        RetrievalError: It is none of a bank's.
    """
    try:
        return Filed.model_validate(record)
    except (ValidationError, ConfigurationError) as exc:
        raise RetrievalError(
            f"record {id_} is no trajectory of a bank: the index was made by something else, or is damaged; "
            "export what can be read and import it into a new bank"
        ) from exc


def _role(trajectory: Trajectory) -> Role:
    if not trajectory.success:
        return "inconclusive" if trajectory.inconclusive else "failed"
    return "demonstration" if trajectory.steps else "empty"


def _said(trajectory: Trajectory) -> list[tuple[str, str, str]]:
    return [(step.observation, step.reasoning, step.action) for step in trajectory.steps]


def _digest(facts: list[Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
