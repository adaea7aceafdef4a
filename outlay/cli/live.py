"""The live view: the nodes of a run with their tokens, its fence filling up, the answer as it is written."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from outlay.cli.bill import UNITS, amount, rooms
from outlay.outcome import NodeEnded, NodeStarted, Token
from outlay.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import ConsoleOptions, RenderableType
    from rich.segment import Segment

    from outlay.cli.bill import Room
    from outlay.ledger import Ledger, Report
    from outlay.outcome import Event

ANSWER_LINES: Final = 8
"""Lines of the growing answer that stay in view."""

BAR: Final = 24
"""Width of a limit's bar."""

NODE_LINES: Final = 12
"""Nodes that stay in view, the latest."""


class Paper(Console):
    """A console for foreign text: nothing in it is read as markup, and none of it steers the terminal."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options, markup=False, emoji=False, highlight=False)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(printable(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


@dataclass
class Branch:
    """One execution of a node."""

    node: str
    started: float = field(default_factory=time.monotonic)
    ended: NodeEnded | None = None


@dataclass
class LiveView:
    """What is known of a run so far, drawn anew at every refresh."""

    title: str
    ledger: Ledger
    branches: list[Branch] = field(default_factory=list)
    answer: str = ""
    pieces: int = 0
    started: float = field(default_factory=time.monotonic)
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def tell(self, event: Event) -> None:
        """Take in what happened."""
        if isinstance(event, NodeStarted):
            self.branches.append(Branch(event.node))
        elif isinstance(event, NodeEnded):
            name = event.entry.node
            open_ones = (b for b in self.branches if b.node == name and b.ended is None)
            if branch := next(open_ones, None):
                branch.ended = event
        elif isinstance(event, Token):
            self.answer += event.text
            self.pieces += 1

    def __rich__(self) -> RenderableType:
        report = self.ledger.report()
        elapsed = time.monotonic() - self.started
        tree = Tree(Text.assemble((self.title, "bold"), (f"  {elapsed:.1f} s", "dim")))
        hidden = max(0, len(self.branches) - NODE_LINES)
        if hidden:
            tree.add(Text(f"... {hidden} nodes before", style="dim"))
        for branch in self.branches[hidden:]:
            tree.add(self._draw(branch))
        return Group(tree, self._fence(report), *self._tail())

    def _draw(self, branch: Branch) -> RenderableType:
        if branch.ended is None:
            row = Table.grid(padding=(0, 1))
            row.add_row(
                self._spinner, branch.node, Text(f"{time.monotonic() - branch.started:.1f} s", style="dim")
            )
            return row
        entry = branch.ended.entry
        spent = f"{entry.usage.prompt_tokens:,} in, {entry.usage.output_tokens:,} out"
        took = f"{entry.ended - entry.started:.1f} s"
        return Text.assemble(("✓ ", "green"), f"{branch.node}  ", spent, (f"  {took}", "dim"))

    def _fence(self, report: Report) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        usage = report.usage
        spent = f"{usage.calls} calls, {usage.prompt_tokens:,} in, {usage.output_tokens:,} out"
        grid.add_row("spent", "", spent)
        for room in rooms(self.ledger):
            reserved = max(0, room.limit - room.left - room.spent)
            figures = f"{amount(room.unit, room.spent)} of {amount(room.unit, room.limit)}"
            if reserved:
                figures += f", {amount(room.unit, reserved)} reserved"
            grid.add_row(UNITS[room.unit], _bar(room, reserved), figures)
        if round(report.waited, 1):
            waiting = f"{self.ledger.queued} for room, {report.waited:.1f} s in all"
            grid.add_row("calls waiting", "", Text(waiting, style="yellow"))
        return grid

    def _tail(self) -> list[RenderableType]:
        if not self.answer:
            return []
        lines = printable(self.answer).splitlines()[-ANSWER_LINES:]
        return [Text("\n".join(lines)[-ANSWER_LINES * 100 :], style="cyan", overflow="fold")]


@contextmanager
def shown(view: LiveView) -> Iterator[Live | None]:
    """Show `view` while the run goes on, where a person is looking; it leaves no trace behind."""
    console = next((Paper(file=f) for f in (sys.stderr, sys.stdout) if watched(f)), None)
    if console is None:
        yield None
        return
    with Live(view, console=console, transient=True, refresh_per_second=8) as live:
        yield live


def paper() -> Paper:
    """Give the console for what stays: standard output, as wide as its tables where nobody looks."""
    return Paper(width=None if sys.stdout.isatty() else 120)


def say(text: str) -> None:
    """Print a paragraph: wrapped at words for who looks at it, on one line for who reads it from a file."""
    paper().print(text, soft_wrap=not sys.stdout.isatty())


def _bar(room: Room, reserved: float) -> Text:
    """Draw what is spent, what is reserved or set aside, and what is left."""
    share = BAR / (room.limit or 1)
    spent = min(BAR, round(room.spent * share))
    held = min(BAR - spent, round(reserved * share))
    left = BAR - spent - held
    return Text.assemble(("━" * spent, "green"), ("━" * held, "yellow"), ("─" * left, "dim"))


def watched(stream: TextIO) -> bool:
    """Whether a person is looking at a terminal that can draw."""
    return stream.isatty() and not Console(file=stream).is_dumb_terminal


def say_aside(text: str) -> None:
    """Print a line to standard error, where nothing is drawn."""
    print(printable(text), file=sys.stderr, flush=True)  # noqa: T201
