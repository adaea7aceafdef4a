"""How far a bench is, and how each strategy does so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outlay.budget import Usage
from outlay.cli.bill import dollars
from outlay.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.bench.trial import Trial


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
class BenchProgress(Progress):
    """How far a bench is; what was paid includes judging."""

    billed: Usage = field(default_factory=Usage)
    """What the records of this run were billed, shared generations each time."""
    judge: Usage = field(default_factory=Usage)
    standings: dict[str, Standing] = field(default_factory=dict)

    def tell(self, trial: Trial, paid: Usage) -> None:
        """Take in one record."""
        self.made += 1
        self.failed += trial.failure is not None
        self.paid = paid
        self.billed += trial.usage
        self.judge += trial.judge
        self.standings.setdefault(trial.condition.label, Standing()).add(trial)
        self.step()

    def spending(self) -> str:
        """Say what was paid, and what was billed."""
        parts = [super().spending(), f"billed {self.billed.output_tokens:,}"]
        if self.judge.calls:
            parts.append(f"judge {self.judge.output_tokens:,} ({dollars(self.judge.usd)})")
        return ", ".join(parts)

    def rows(self) -> Iterator[tuple[str, ...]]:
        for label, standing in self.standings.items():
            accuracy = f"{100 * standing.score / standing.scored:.1f}%" if standing.scored else "-"
            tokens = f"{standing.output_tokens / standing.records:,.0f} tokens"
            yield label, accuracy, tokens, f"{standing.records} records"
