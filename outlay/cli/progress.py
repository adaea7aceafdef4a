"""How far a long command is: tasks done, time left, and what was spent."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rich.console import Group
from rich.live import Live
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table

from outlay.budget import Budget, Usage
from outlay.cli.bill import amount, dollars
from outlay.cli.exits import say_error, status_of
from outlay.cli.live import Paper, say_aside, watched
from outlay.cli.output import CleanOutput
from outlay.cli.running import interruptible
from outlay.errors import ModelError
from outlay.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping

    from rich.console import RenderableType

T = TypeVar("T")

PAUSE: Final = 30.0
"""Seconds between two lines, where nobody watches a terminal."""


@dataclass
class Progress:
    """What is known so far, drawn anew at every refresh."""

    title: str
    totals: Budget = field(default_factory=Budget)
    records: int = 0
    there: int = 0
    made: int = 0
    failed: int = 0
    paid: Usage = field(default_factory=Usage)
    """What all calls really cost, those of earlier runs included."""
    _bar: Bar | None = None
    _said: float = field(default_factory=time.monotonic)

    def begin(self, records: int, there: int, paid: Usage) -> None:
        """Take in how many records there are to be, how many are there, and what those cost."""
        self.records, self.there, self.paid = records, there, paid
        self._bar = Bar(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar.add_task(printable(self.title), total=records - there)

    def step(self) -> None:
        """Move the bar on by one; where nobody watches a terminal, say now and then how far it is."""
        if self._bar is not None:
            self._bar.advance(self._bar.tasks[0].id)
        if not watched(sys.stderr) and time.monotonic() - self._said > PAUSE:
            self._said = time.monotonic()
            say_aside(f"{self.known()}; {self.spending()}")

    def known(self) -> str:
        """Say how many records there are."""
        failed = f", {self.failed} of them failed" if self.failed else ""
        return f"{self.there + self.made} of {self.records} records are there{failed}"

    def spending(self) -> str:
        """Say what was paid."""
        paid = f"paid {self.paid.output_tokens:,} output tokens in all"
        return f"{paid}, {dollars(self.paid.usd)}" if self.paid.usd else paid

    def rows(self) -> Iterator[tuple[str, ...]]:
        """Give what else is known, a line each."""
        yield from ()

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for row in self.rows():
            table.add_row(*row)
        limits = self.totals.model_dump(exclude_none=True)
        total = ", ".join(f"{amount(unit, most)} {unit.replace('_', ' ')}" for unit, most in limits.items())
        spending = self.spending() + (f" (in all at most {total})" if total else "")
        return Group(self._bar or "", spending, table)


@contextmanager
def shown(progress: Progress) -> Iterator[Live | None]:
    """Show it while the command runs, where a person is looking; it leaves no trace behind."""
    if not watched(sys.stderr):
        yield None
        return
    with Live(progress, console=Paper(stderr=True), transient=True, refresh_per_second=4) as live:
        yield live


@contextmanager
def working(what: str) -> Iterator[None]:
    """Show what is being done and for how long, where a person is looking."""
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Bar(*columns, console=Paper(stderr=True), transient=True, disable=not watched(sys.stderr)) as bar:
        bar.add_task(printable(what), total=None)
        yield


def goes_on() -> str:
    """Say what is left of a command that can be given again."""
    return "the same command goes on from there"


@contextmanager
def kept_in(out: Path | None) -> Iterator[tuple[Path, Callable[[], str]]]:
    """Give where a command keeps what it has, and what says so: for the time of the command without `out`."""
    if out is not None:
        yield out, goes_on
        return
    with TemporaryDirectory(prefix="outlay-", ignore_cleanup_errors=True) as folder:

        def forgotten() -> str:
            shutil.rmtree(folder, ignore_errors=True)  # after Ctrl-C nothing else would
            return "nothing of it is kept without --out"

        yield Path(folder), forgotten


@dataclass(frozen=True)
class LongCommand:
    """A command that takes a while: under a bar, and however it ends early it says how far it came."""

    progress: Progress
    as_json: bool
    facts: Callable[[], Mapping[str, Any]]
    """What a program wants to know of how far it is."""
    kept: Callable[[], str] = goes_on
    """Says what is left of one that ended early; asked once, when it has."""

    def run(self, work: Coroutine[Any, Any, T], then: Callable[[T], int]) -> int:
        """Do the work under the bar, then say what came out; Ctrl-C takes the bar away first.

        Args:
            work: What is done.
            then: Says what came out, and gives the exit status.
        """
        output = CleanOutput(wanted=self.as_json)
        try:
            with output, shown(self.progress) as live:

                def last_words() -> None:
                    if live is not None:
                        live.stop()
                    output.give_back()
                    self.say_how_far("Interrupted", "interrupted")

                found = interruptible(work, last_words)
        except ModelError as exc:
            self.say_how_far(type(exc).__name__, str(exc))
            return status_of(exc)
        return then(found)

    def say_how_far(self, kind: str, what: str) -> None:
        """Say what ended it, by a kind and in words, and how far it came."""
        message = f"{what}: {self.progress.known()}; {self.progress.spending()}; {self.kept()}"
        say_error(kind, message, as_json=self.as_json, **self.facts())
