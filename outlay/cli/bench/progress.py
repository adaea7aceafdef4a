"""How far a bench is: records, time left, what was spent, and how each strategy does so far."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from outlay.budget import Budget, Usage
from outlay.cli.bill import amount, dollars
from outlay.cli.live import printable, say_aside, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from outlay.bench.trial import Trial

PAUSE: Final = 30.0
"""Seconds between two lines, where nobody watches a terminal."""


@dataclass
class Standing:
    """How a strategy does under one budget, so far."""

    records: int = 0
    scored: int = 0
    score: float = 0.0
    output_tokens: int = 0

    def add(self, trial: Trial) -> None:
        """Take in one record."""
        self.records += 1
        self.output_tokens += trial.usage.output_tokens
        if trial.score is not None:
            self.scored += 1
            self.score += trial.score


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
    """What all calls really cost, those of earlier runs and of judging included."""
    billed: Usage = field(default_factory=Usage)
    """What the records of this run were billed, shared generations each time."""
    judge: Usage = field(default_factory=Usage)
    standings: dict[str, Standing] = field(default_factory=dict)
    _bar: Bar | None = None
    _said: float = field(default_factory=time.monotonic)

    def begin(self, records: int, there: int, paid: Usage) -> None:
        """Take in how many records there are to be, how many are there, and what those cost."""
        self.records, self.there, self.paid = records, there, paid
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._bar.add_task(printable(self.title), total=records - there)

    def tell(self, trial: Trial, paid: Usage) -> None:
        """Take in one record."""
        self.made += 1
        self.failed += trial.failure is not None
        self.paid = paid
        self.billed += trial.usage
        self.judge += trial.judge
        self.standings.setdefault(trial.condition.label, Standing()).add(trial)
        self.step()

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
        """Say what was paid, and what was billed."""
        parts = [f"paid {self.paid.output_tokens:,} output tokens in all"]
        if self.paid.usd:
            parts.append(dollars(self.paid.usd))
        parts.append(f"billed {self.billed.output_tokens:,}")
        if self.judge.calls:
            parts.append(f"judge {self.judge.output_tokens:,} ({dollars(self.judge.usd)})")
        return ", ".join(parts)

    def __rich__(self) -> RenderableType:
        table = Table.grid(padding=(0, 2))
        for label, standing in self.standings.items():
            accuracy = f"{100 * standing.score / standing.scored:.1f}%" if standing.scored else "-"
            tokens = f"{standing.output_tokens / standing.records:,.0f} tokens"
            table.add_row(printable(label), accuracy, tokens, f"{standing.records} records")
        limits = self.totals.model_dump(exclude_none=True)
        total = ", ".join(f"{amount(unit, most)} {unit.replace('_', ' ')}" for unit, most in limits.items())
        spending = self.spending() + (f" (in all at most {total})" if total else "")
        return Group(self._bar or "", spending, table)


@contextmanager
def shown(progress: Progress) -> Iterator[Live | None]:
    """Show it while the bench runs, where a person is looking; it leaves no trace behind."""
    if not watched(sys.stderr):
        yield None
        return
    with Live(progress, console=Console(stderr=True), transient=True, refresh_per_second=4) as live:
        yield live
