"""What a bank holds, and what it cost to collect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.budget import Record, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.memory.demonstrations.catalogue import Entered


class Collected(Record):
    """What a teacher did, failures included."""

    trajectories: int = 0
    """Those that can be shown."""
    steps: int = 0
    """Of those."""
    failed: int = 0
    """Inconclusive ones among them."""
    inconclusive: int = 0
    """Those of which nobody knows what they came to: broken off, or not judged."""
    empty: int = 0
    """Successes without a step worth showing."""
    repeated: int = 0
    """Successes with the same steps as another, paid for all the same."""
    paid: int = 0
    """Those that cost anything, whatever came of them; what was imported free of charge is none."""
    usage: Usage = Usage()
    """What all of it cost; its `usd` is the method's `C_demo`."""


class BankStats(Collected):
    """What a bank holds, and what it cost to collect."""

    teachers: dict[str, Collected]
    """The same by teacher; `""` for those that name none."""
    embedder: str
    """Whose vectors it holds."""


def counted(runs: Iterable[Entered], embedder: str) -> BankStats:
    """Count runs, in all and by teacher."""
    by_teacher: dict[str, list[Entered]] = {}
    for run in runs:
        by_teacher.setdefault(run.teacher, []).append(run)
    teachers = {teacher: _collected(theirs) for teacher, theirs in sorted(by_teacher.items())}
    counts = {
        name: sum(getattr(theirs, name) for theirs in teachers.values())
        for name in Collected.model_fields
        if name != "usage"
    }
    usage = sum((theirs.usage for theirs in teachers.values()), Usage())
    return BankStats(**counts, usage=usage, teachers=teachers, embedder=embedder)


def _collected(runs: list[Entered]) -> Collected:
    roles = [run.role for run in runs]
    return Collected(
        trajectories=roles.count("demonstration"),
        steps=sum(run.steps for run in runs if run.role == "demonstration"),
        failed=roles.count("failed") + roles.count("inconclusive"),
        inconclusive=roles.count("inconclusive"),
        empty=roles.count("empty"),
        repeated=roles.count("repeated"),
        paid=sum(run.usage != Usage() for run in runs),
        usage=sum((run.usage for run in runs), Usage()),
    )
