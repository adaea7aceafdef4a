"""How many votes each answer has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.answers.normal import normalise
from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Vote(Record):
    """An answer and how many gave it."""

    value: str
    """The answer as it was first given."""
    count: int
    first: int
    """Where it was first given, counted from 0."""


def tally(
    values: Sequence[str | None], *, equal: Callable[[str, str], bool] | None = None
) -> tuple[Vote, ...]:
    """Count equal answers, most votes first; ties go to the one given first.

    `None` and values with nothing in them abstain.

    Args:
        values: Answers, in normal form or not.
        equal: Says which answers are equal, e.g. `same`; without it, those with equal normal forms are.
    """
    groups: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        normal = normalise(value) if value is not None else ""
        if normal and equal:
            alike = (key for key, group in groups.items() if equal(str(values[group[0]]), str(value)))
            groups.setdefault(next(alike, str(index)), []).append(index)
        elif normal:
            groups.setdefault(normal, []).append(index)
    votes = [Vote(value=str(values[g[0]]), count=len(g), first=g[0]) for g in groups.values()]
    return tuple(sorted(votes, key=lambda vote: (-vote.count, vote.first)))
