"""How quantities and conditions are written, the same in words, table, picture and page."""

from __future__ import annotations

import re
from math import floor, log10
from typing import TYPE_CHECKING, Final

from outlay.bench.analysis.findings import AXES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.bench.analysis.findings import Axis, Estimate
    from outlay.bench.trial import Condition
    from outlay.budget import Budget

_UNITS: Final[dict[str, str]] = {
    "calls": "calls",
    "seconds": "seconds",
    **{str(axis): said for axis, said in AXES.items()},
}

_LEAST_P: Final = 0.001


def budget_words(budget: Budget) -> str:
    """Write a budget out: `256 output tokens`, `no limit`."""
    limits = budget.model_dump(exclude_none=True)
    parts = [
        dollars(limit) if unit == "usd" else f"{limit:,g} {_UNITS[unit]}" for unit, limit in limits.items()
    ]
    return " and ".join(parts) or "no limit"


def condition_words(condition: Condition) -> str:
    """Name a condition in a sentence."""
    budget = budget_words(condition.budget)
    return f"{condition.name} {'with' if budget == 'no limit' else 'at'} {budget}"


def dollars(usd: float | None) -> str:
    """Write an amount of money with three significant digits; an unknown one is not 0."""
    if usd is None:
        return "unknown"
    if not usd:
        return "$0"
    whole, _, cents = f"{usd:,.{max(2, 2 - floor(log10(abs(usd))))}f}".partition(".")
    return f"${whole}.{cents.rstrip('0').ljust(2, '0')}"


def amount(axis: Axis, cost: float) -> str:
    """Write a cost on an axis, with its unit."""
    return dollars(cost) if axis == "usd" else f"{cost:,.0f} {AXES[axis]}"


def points(difference: Estimate) -> str:
    """Write a difference of accuracies with its interval."""
    return f"{difference.value:+.1f} points (95% interval {difference.low:+.1f} to {difference.high:+.1f})"


def brief(difference: Estimate) -> str:
    """Write a difference with its interval, short."""
    return f"{difference.value:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]"


def p_words(p: float) -> str:
    """Write a p-value."""
    return f"p < {_LEAST_P}" if p < _LEAST_P else f"p = {p:.2g}"


def listed(parts: Sequence[str], most: int = 8) -> str:
    """Join with commas and a last `and`; of many, the first ones and how many more."""
    shown = list(parts) if len(parts) <= most else [*parts[:most], f"{len(parts) - most} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def name_lines(strategy: str, width: int) -> list[str]:
    """Break a strategy's name after its colon and commas into lines of about `width`."""
    lines = [""]
    for part in re.findall(r"[^:,]+[:,]?", strategy):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return lines


def counted(number: int, noun: str) -> str:
    """Write a number of things: `1 record`, `2 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
