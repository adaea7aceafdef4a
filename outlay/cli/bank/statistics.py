"""What a bank holds, what it cost, and when that is earned back."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from outlay.cli.bank.opening import open_to_read
from outlay.cli.bill import dollars
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import break_even
from outlay.retrieval import Index

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.budget import Record
    from outlay.memory.demonstrations import Bank, BankStats, Collected


def show_stats(bank: Path, *, method_usd: float | None, teacher_usd: float | None, as_json: bool) -> int:
    """Say what a bank holds, and what is known of its cost. Gives the exit status.

    Raises:
        ConfigurationError: A break-even was asked for, and what collecting cost is not known.
    """
    with open_to_read(bank) as opened:
        found, kinds = opened.stats(), _kinds(opened)
    size = sum(file.stat().st_size for file in bank.rglob("*") if file.is_file())
    paid = None if method_usd is None else _break_even(found, method_usd, teacher_usd)
    if as_json:
        print_json({"bank": str(bank), **_dumped(found), "kinds": kinds, "bytes": size, **(paid or {})})
        return ANSWERED
    paper().print(_table(found), crop=False, soft_wrap=False)
    looked = ", ".join(f"{key} {kind}" for key, kind in kinds.items())
    say(f"embedder {found.embedder}; index: {looked}; {size / 1e6:,.1f} MB on the disk")
    if paid is not None:
        say(_told(paid))
    return ANSWERED


def _priced(found: Collected) -> int:
    """Count the runs that the dollars are for: those that were paid for; where none was, all of them."""
    return found.paid or found.trajectories + found.failed + found.empty + found.repeated


def _break_even(found: BankStats, method_usd: float, teacher_usd: float | None) -> dict[str, Any]:
    spent, runs = found.usage.usd, _priced(found)
    if teacher_usd is None and not spent:
        raise ConfigurationError(
            "what the teacher costs is not known: its runs were imported, or its model has no price; give "
            "--teacher-usd, the dollars of a task that it does alone"
        )
    alone = teacher_usd if teacher_usd is not None else (spent or 0.0) / runs
    # What nobody has paid for here was paid for elsewhere: as many runs at what a run costs.
    collected = spent or alone * runs
    tasks = break_even(alone, method_usd, c_demo=collected)
    return {
        "teacher_usd": alone,
        "method_usd": method_usd,
        "collected_usd": collected,
        "break_even": None if isinf(tasks) else tasks,
    }


def _told(paid: dict[str, Any]) -> str:
    prices = f"{dollars(paid['method_usd'])} a task against the teacher's {dollars(paid['teacher_usd'])}"
    if paid["break_even"] is None:
        return f"{prices}: it never earns back the {dollars(paid['collected_usd'])} of collecting"
    tasks = f"{paid['break_even']:,} tasks"
    return f"{prices}: the {dollars(paid['collected_usd'])} of collecting are earned back after {tasks}"


def _kinds(bank: Bank) -> dict[str, str]:
    return dict(bank.index.kinds) if isinstance(bank.index, Index) else {}


def _dumped(found: Record) -> dict[str, Any]:
    return found.model_dump(mode="json")


def _table(found: BankStats) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("teacher", no_wrap=True)
    for heading in ("demonstrations", "steps", "failed", "output tokens", "dollars", "dollars each run"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, theirs in found.teachers.items():
        table.add_row(name or "(unnamed)", *_figures(theirs))
    if len(found.teachers) > 1:
        table.add_section()
        table.add_row("all", *_figures(found), style="bold")
    return table


def _figures(one: Collected) -> tuple[str, ...]:
    usd = one.usage.usd
    each = None if usd is None else usd / max(1, _priced(one))
    counts = (one.trajectories, one.steps, one.failed, one.usage.output_tokens)
    return (*(f"{count:,}" for count in counts), dollars(usd), dollars(each))
