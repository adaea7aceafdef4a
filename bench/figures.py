"""What `perf.py` measures, and how it is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True)
class Row:
    """One figure, and what it should be at most."""

    what: str
    value: float
    unit: str
    target: float | None = None

    @property
    def verdict(self) -> str:
        """Say whether the target is met, where there is one."""
        return "" if self.target is None else "met" if self.value <= self.target else "MISSED"


class Spent(NamedTuple):
    """What a piece of work took, in seconds."""

    cpu: float
    wall: float


@dataclass(frozen=True)
class Effort:
    """How often everything is repeated."""

    repetitions: int
    calls: int
    bookings: int


def table(rows: list[Row]) -> str:
    """Lay the rows out for people."""
    width = max(len(row.what) for row in rows)
    lines = [f"{'':{width}}  {'value':>14}  {'target':>10}"]
    for row in rows:
        target = "" if row.target is None else f"{row.target:g} {row.unit}"
        lines.append(
            f"{row.what:{width}}  {row.value:8.3f} {row.unit:<5}  {target:>10}  {row.verdict}".rstrip()
        )
    return "\n".join(lines)
