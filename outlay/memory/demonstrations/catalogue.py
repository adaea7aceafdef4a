"""What is known of each record without reading it again."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from outlay.memory.demonstrations.filing import Role, filed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.budget import Usage
    from outlay.retrieval import Searchable


@dataclass(frozen=True)
class Entered:
    """A run in the catalogue."""

    role: Role
    task: str
    teacher: str
    steps: int
    usage: Usage
    run: str
    shows: str


class Catalogue:
    """The runs of an index, each read once; those that another process added are read when met."""

    def __init__(self, index: Searchable) -> None:
        self._index = index
        self._entered: dict[int, Entered] = {}
        self._lock = Lock()

    def all(self) -> dict[int, Entered]:
        """Give every run that the index holds at present, oldest first."""
        return self.of(self._index.ids())

    def of(self, ids: Sequence[int]) -> dict[int, Entered]:
        """Give these runs, in order, without those that the index does not have.

        Raises:
            RetrievalError: A record is none of a bank's.
        """
        with self._lock:
            new = [id_ for id_ in ids if id_ not in self._entered]
            if new:
                self._entered |= {id_: _entered(id_, one) for id_, one in self._index.records(new).items()}
            return {id_: self._entered[id_] for id_ in ids if id_ in self._entered}


def _entered(id_: int, record: object) -> Entered:
    one = filed(id_, record)
    trajectory = one.trajectory
    return Entered(
        role=one.role,
        task=trajectory.task,
        teacher=trajectory.teacher,
        steps=len(trajectory.steps),
        usage=trajectory.usage,
        run=one.run,
        shows=one.shows,
    )
