"""Sums of usage as they are booked, and the reports made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from pydantic import model_validator

from outlay.budget import LARGEST_COUNT, PICODOLLARS, Amount, Budget, Record, Settings, Usage
from outlay.errors import ConfigurationError
from outlay.ledger.claim import UNLIMITED, Amounts

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sum:
    """A running sum of usage in integers; cheaper to add to than the value it gives."""

    __slots__ = (
        "cached",
        "calls",
        "generations",
        "output",
        "picodollars",
        "prompt",
        "reasoning",
        "unpriced",
        "written",
    )

    def __init__(self) -> None:
        self.calls = self.generations = self.prompt = self.cached = self.written = 0
        self.output = self.reasoning = self.picodollars = self.unpriced = 0

    def add(self, usage: Usage, picodollars: int | None) -> None:
        """Add one booking; `None` dollars: its price is unknown."""
        self.calls += usage.calls
        self.generations += usage.generations
        self.prompt += usage.prompt_tokens
        self.cached += usage.cached_tokens
        self.written += usage.cache_write_tokens
        self.output += usage.output_tokens
        self.reasoning += usage.reasoning_tokens
        if picodollars is None:
            self.unpriced += 1
        else:
            self.picodollars += picodollars

    def absorb(self, other: Sum) -> None:
        """Add another sum."""
        for name in Sum.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def usage(self) -> Usage:
        """Give the sum as a value."""
        counts = (self.calls, self.generations, self.prompt, self.cached, self.written)
        calls, generations, prompt, cached, written = (min(count, LARGEST_COUNT) for count in counts)
        return Usage(
            calls=calls,
            generations=generations,
            prompt_tokens=prompt,
            cached_tokens=cached,
            cache_write_tokens=written,
            output_tokens=min(self.output, LARGEST_COUNT),
            reasoning_tokens=min(self.reasoning, LARGEST_COUNT),
            usd=None if self.unpriced else self.picodollars / PICODOLLARS,
        )

    def dump(self) -> dict[str, int]:
        """Give the sum as JSON."""
        return {name: getattr(self, name) for name in Sum.__slots__}

    @classmethod
    def load(cls, dumped: Any) -> Sum:
        """Make the sum that was dumped.

        Raises:
            ConfigurationError: It is not one, or a number in it is below 0.
        """
        loaded = cls()
        for name in Sum.__slots__:
            # Snapshots of earlier versions have no cache writes.
            value = dumped.get(name, 0 if name == "written" else None) if isinstance(dumped, dict) else None
            if not _is_count(value):
                raise ConfigurationError(f"{_DAMAGED} ({name}: {value!r})")
            setattr(loaded, name, value)
        return loaded


_DAMAGED: Final = "the snapshot is damaged: take another one, or start with a new Ledger"


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= UNLIMITED


@dataclass
class Tally:
    """What was booked at a fence, by model, and below it, by fence."""

    booked: Sum = field(default_factory=Sum)
    unconfirmed: Sum = field(default_factory=Sum)
    replayed: Sum = field(default_factory=Sum)
    by_model: dict[str, Sum] = field(default_factory=dict)
    children: dict[str, Tally] = field(default_factory=dict)
    budget: Budget | None = None
    waited: float = 0.0
    """Seconds that calls waited for room, those of parallel calls added up; not in snapshots."""

    def book(self, model: str, booking: Booking) -> None:
        """Add one call."""
        self.booked.add(booking.usage, booking.picodollars)
        if model not in self.by_model:
            self.by_model[model] = Sum()
        self.by_model[model].add(booking.usage, booking.picodollars)
        if booking.unconfirmed:
            self.unconfirmed.add(booking.unconfirmed.usage, booking.unconfirmed.picodollars)
        if booking.replayed:
            self.replayed.add(booking.usage, booking.picodollars)

    def absorb(self, other: Tally) -> None:
        """Add all of another tally, children by name."""
        self.booked.absorb(other.booked)
        self.unconfirmed.absorb(other.unconfirmed)
        self.replayed.absorb(other.replayed)
        self.waited += other.waited
        for model, sums in other.by_model.items():
            self.by_model.setdefault(model, Sum()).absorb(sums)
        for name, child in other.children.items():
            self.child(name, child.budget).absorb(child)

    def child(self, name: str, budget: Budget | None) -> Tally:
        """Give the tally of the children of that name."""
        if name not in self.children:
            self.children[name] = Tally(budget=budget)
        elif self.children[name].budget != budget:
            self.children[name].budget = None
        return self.children[name]

    def report(self, name: str, budget: Budget) -> Report:
        """Give the tally as a value."""
        return Report(
            name=name,
            budget=budget,
            usage=self.booked.usage(),
            unconfirmed=self.unconfirmed.usage(),
            replayed=self.replayed.usage(),
            by_model={model: sums.usage() for model, sums in self.by_model.items()},
            children=tuple(t.report(n, t.budget or Budget()) for n, t in self.children.items()),
            waited=self.waited,
        )

    def dump(self) -> dict[str, Any]:
        """Give the tally as JSON."""
        return {
            "booked": self.booked.dump(),
            "unconfirmed": self.unconfirmed.dump(),
            "replayed": self.replayed.dump(),
            "by_model": {model: sums.dump() for model, sums in self.by_model.items()},
            "children": {name: child.dump() for name, child in self.children.items()},
            "budget": None if self.budget is None else self.budget.model_dump(),
        }

    @classmethod
    def load(cls, dumped: Any) -> Tally:
        """Make the tally that was dumped.

        Raises:
            ConfigurationError: It is not one, or a number in it is below 0.
        """
        try:
            return cls(
                booked=Sum.load(dumped["booked"]),
                unconfirmed=Sum.load(dumped["unconfirmed"]),
                replayed=Sum.load(dumped["replayed"]),
                by_model={str(model): Sum.load(sums) for model, sums in dumped["by_model"].items()},
                children={str(name): cls.load(child) for name, child in dumped["children"].items()},
                budget=None if dumped["budget"] is None else Budget(**dumped["budget"]),
            )
        except (TypeError, KeyError, AttributeError, RecursionError) as exc:
            raise ConfigurationError(_DAMAGED) from exc


@dataclass(frozen=True, slots=True)
class Booking:
    """One call as it is booked."""

    usage: Usage
    picodollars: int | None
    unconfirmed: Booking | None = None
    """The part of it that nobody reported."""
    replayed: bool = False

    def amounts(self) -> Amounts:
        """Give what it takes from the limits."""
        usage = self.usage
        return Amounts(usage.calls, usage.output_tokens, usage.total_tokens, self.picodollars or 0)


class Report(Record):
    """Spend by fence and by model; `str()` gives a bill."""

    name: str
    budget: Budget
    usage: Usage
    """Everything booked here and below, the unconfirmed part included."""
    unconfirmed: Usage
    """The part of `usage` whose outcome is unknown, booked at its worst case."""
    replayed: Usage
    """The part of `usage` that a replay store served."""
    by_model: dict[str, Usage]
    children: tuple[Report, ...]
    """The fences inside this one, those of one name summed."""
    waited: float = 0.0
    """Seconds that calls waited for room, because those in flight reserve their worst case; of calls that
    waited side by side the seconds add up."""

    def __str__(self) -> str:
        rows = [("fence", "calls", "prompt", "cached", "output", "dollars"), *_rows(self, 0)]
        if round(self.waited, 1):
            waits = ("waited", *(f"{seconds:.1f} s" for seconds in _waits(self)))
            rows = [(*row, wait) for row, wait in zip(rows, waits, strict=True)]
        rows += [(f"  {model}", *_cells(usage)) for model, usage in self.by_model.items()]
        for label, part in (("unconfirmed", self.unconfirmed), ("replayed", self.replayed)):
            if part != Usage():
                rows.append((f"of which {label}", *_cells(part)))
        rows = [(*row, *[""] * (len(rows[0]) - len(row))) for row in rows]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = []
        for row in rows:
            numbers = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            lines.append("  ".join((row[0].ljust(widths[0]), *numbers)).rstrip())
        return "\n".join(lines)


class Snapshot(Settings):
    """A ledger as it stood, to be restored in another process.

    Raises:
        ConfigurationError: A number in it is below 0, or it is damaged in another way.
    """

    name: str
    budget: Budget
    spent: Amounts
    seconds: Amount
    """Time since the fence was first entered."""
    tally: dict[str, Any]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not all(map(_is_count, self.spent)):
            raise ConfigurationError(f"{_DAMAGED} (spent: {tuple(self.spent)})")
        Tally.load(self.tally)
        return self


def room_as_budget(limit: Amounts, room: Amounts, seconds: float | None) -> Budget:
    """Give what is left in each limited unit."""
    left = [None if cap >= UNLIMITED else max(0, free) for cap, free in zip(limit, room, strict=True)]
    return Budget(
        calls=left[0],
        output_tokens=left[1],
        total_tokens=left[2],
        usd=None if left[3] is None else left[3] / PICODOLLARS,
        seconds=None if seconds is None else max(0.0, seconds),
    )


def _rows(report: Report, depth: int) -> list[tuple[str, ...]]:
    rows = [("  " * depth + report.name, *_cells(report.usage))]
    for child in report.children:
        rows += _rows(child, depth + 1)
    return rows


def _waits(report: Report) -> Iterator[float]:
    yield report.waited
    for child in report.children:
        yield from _waits(child)


def _cells(usage: Usage) -> tuple[str, ...]:
    dollars = "unknown" if usage.usd is None else f"{usage.usd:.6f}"
    return (
        str(usage.calls),
        str(usage.prompt_tokens),
        str(usage.cached_tokens),
        str(usage.output_tokens),
        dollars,
    )
