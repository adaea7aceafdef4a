"""The bill: what a run spent, by node, and what its limits have left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich import box
from rich.table import Table

from outlay.budget import Budget, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from outlay.ledger import Ledger, Report
    from outlay.outcome import TraceEntry

UNITS: Final = {
    "output_tokens": "output tokens",
    "total_tokens": "total tokens",
    "usd": "dollars",
    "calls": "calls",
    "seconds": "seconds",
}

TOKENS_OR_MONEY: Final = ("output_tokens", "total_tokens", "usd")


def bill(
    report: Report,
    seconds: Mapping[str, float] | None = None,
    *,
    title: str = "Bill",
    sequential: Usage | None = None,
) -> Table:
    """Lay out the spend by node; below it what is unconfirmed and what was replayed, if anything.

    Args:
        report: Of the fence around the run.
        seconds: How long each node took, where that is known.
        title: What stands above.
        sequential: What was waited for, call after call, where calls ran side by side.
    """
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_footer=False, pad_edge=False)
    table.add_column("node", no_wrap=True)
    for heading in ("calls", "generations", "prompt", "cached", "output", "dollars"):
        table.add_column(heading, justify="right", no_wrap=True)
    if seconds:
        table.add_column("seconds", justify="right", no_wrap=True)
    if round(report.waited, 1):
        table.add_column("waited", justify="right", no_wrap=True)
    for depth, node in _nodes(report):
        spans = [seconds.get(node.name)] if seconds else []
        spans += [node.waited] if round(report.waited, 1) else []
        table.add_row("  " * depth + node.name, *_figures(node.usage), *_seconds(spans))
    table.add_section()
    spans = [None] if seconds else []
    spans += [report.waited] if round(report.waited, 1) else []
    table.add_row("total", *_figures(report.usage), *_seconds(spans), style="bold")
    for name, part in (("of it unconfirmed", report.unconfirmed), ("of it replayed", report.replayed)):
        if part != Usage():
            table.add_row(name, *_figures(part), style="yellow")
    if sequential is not None and sequential.generations < report.usage.generations:
        *counts, _dollars = _figures(sequential)
        table.add_row("of it in sequence", *counts)
    return table


def seconds_by_node(trace: Sequence[TraceEntry]) -> dict[str, float]:
    """Add up how long each node took; parallel ones overlap."""
    seconds: dict[str, float] = {}
    for entry in trace:
        seconds[entry.node] = seconds.get(entry.node, 0.0) + entry.ended - entry.started
    return seconds


def limits(ledger: Ledger) -> list[str]:
    """Say of each limit what was spent of it and what is left."""
    lines = []
    for room in rooms(ledger):
        spent = f"{amount(room.unit, room.spent)} of {amount(room.unit, room.limit)} spent"
        lines.append(f"{UNITS[room.unit]}: {spent}, {amount(room.unit, room.left)} left")
    return lines


def waiting(ledger: Ledger) -> list[str]:
    """Say how long calls waited for room, and which options let more of them run at once."""
    waited = ledger.report().waited
    if not round(waited, 1):
        return []
    raised = " or ".join(
        f"--{unit.replace('_', '-')}" for unit in TOKENS_OR_MONEY if getattr(ledger.budget, unit)
    )
    cure = (
        f"a larger {raised}, or a smaller max_output_tokens of the strategy," if raised else "a larger budget"
    )
    why = "because each call reserves its worst case"
    return [f"waited: {waited:.1f} s in all, {why}; {cure} lets more run at once"]


class Room(NamedTuple):
    """How full a fence is in one unit; what is neither spent nor left is reserved or set aside."""

    unit: str
    limit: float
    spent: float
    left: float


def rooms(ledger: Ledger) -> Iterator[Room]:
    """Give how full a fence is, in each unit that it limits."""
    usage, remaining = ledger.usage, ledger.remaining
    for unit in Budget.model_fields:
        limit = getattr(ledger.budget, unit)
        if limit is not None:
            # Before the fence is entered its clock does not run.
            left = max(0, limit if (room := getattr(remaining, unit)) is None else room)
            spent = limit - left if unit == "seconds" else getattr(usage, unit) or 0
            yield Room(unit, limit, spent, left)


def amount(unit: str, value: float) -> str:
    """Write a quantity of a unit of the budget."""
    if unit == "usd":
        return dollars(value)
    if unit == "seconds":
        return f"{value:.1f}" if value >= 1 or not value else f"{value:.2g}"
    return f"{value:,.0f}"


def dollars(usd: float | None) -> str:
    """Write an amount of money, to a billionth; an unknown one is not 0."""
    if usd is None:
        return "unknown"
    digits = f"{usd:.9f}".rstrip("0")
    whole, _, cents = digits.partition(".")
    return f"${whole}.{cents.ljust(2, '0')}" if usd else "$0"


def _nodes(report: Report) -> Iterator[tuple[int, Report]]:
    """Walk the fences below the run's; the strategy's own fence is the run itself."""
    children = report.children
    while len(children) == 1 and children[0].children:
        children = children[0].children
    for child in children:
        yield from _walk(child, 0)


def _walk(report: Report, depth: int) -> Iterator[tuple[int, Report]]:
    yield depth, report
    for child in report.children:
        yield from _walk(child, depth + 1)


def _figures(usage: Usage) -> tuple[str, ...]:
    counts = (usage.calls, usage.generations, usage.prompt_tokens, usage.cached_tokens, usage.output_tokens)
    return (*(f"{count:,}" for count in counts), dollars(usage.usd))


def _seconds(spans: Sequence[float | None]) -> tuple[str, ...]:
    return tuple("" if span is None else f"{span:.1f}" for span in spans)
