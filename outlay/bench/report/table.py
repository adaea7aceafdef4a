"""The table on the terminal."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from outlay.bench.analysis.findings import AXES
from outlay.bench.report.phrases import budget_words, dollars, name_lines
from outlay.bench.report.words import title

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.bench.analysis.findings import AtSpend, Figures, Findings, Verdict
    from outlay.budget import Budget

_STYLES: Final[dict[Verdict, str]] = {"better": "green", "worse": "red", "noise": "", "too few": "dim"}

_NONE: Final = "-"

_NAME: Final = 24
"""Columns for a strategy's name."""

_CENT: Final = 0.01

_TOKEN: Final = 0.5
"""A smaller difference is not seen in whole tokens."""

_UNITS: Final = (
    "accuracy in %, with its 95% bootstrap interval over items; tokens and dollars: means of an item."
)

_WAITED: Final = (
    "sequential tokens: the part of the total that was waited for; of calls side by side, only the longest."
)

_ACTED: Final = "dollars: with their 95% interval; to teacher: the part of all steps that it was handed."

_EVEN: Final = "even: items after which the bank has paid for itself, beside the teacher alone."

_BESIDE: Final = (
    "vs base: points above what direct and self-consistency reach at the same {axis}; "
    "* where it is beyond the noise, > where it spent more than they ever did, < where it spent less, so "
    "that it is set beside them with questions left unanswered; both are beyond the measured range, in whole "
    "points; the points are not corrected for the "
    "baseline being the best of noisy points, only the interval behind * (basic bootstrap) is."
)


def table(findings: Findings) -> Table:
    """Lay out the figures of each condition, strategy by strategy; it fits 100 columns."""
    laid = Table(
        title=title(findings),
        title_justify="left",
        caption=_foot(findings),
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    laid.pad_edge, laid.collapse_padding = False, True
    columns = _columns(findings)
    if _sequential(findings) or _acting(findings):
        laid.padding = (0, 0, 0, 0)
    laid.add_column("strategy", overflow="fold", min_width=_NAME, max_width=_NAME)
    for column in columns:
        laid.add_column(column.heading, justify="right", no_wrap=True)
    for strategy, group in groupby(findings.figures, key=lambda row: row.condition.name):
        rows = list(group)
        for name, row in zip(_names(strategy, len(rows)), rows, strict=True):
            cells = [name, *(column.cell(row) for column in columns)]
            # As texts: what looks like markup in a strategy's parameters is none.
            laid.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))
        laid.add_section()
    return laid


def _names(strategy: str, rows: int) -> list[str]:
    """Let a long name run down the rows of its strategy; what is left of it is in the last."""
    lines = name_lines(strategy, _NAME)
    lines += [""] * (rows - len(lines))
    return [*lines[: rows - 1], "\n".join(lines[rows - 1 :])]


def _foot(findings: Findings) -> str:
    parts = {
        _UNITS: True,
        _WAITED: _sequential(findings) and not _acting(findings),
        _ACTED: _acting(findings),
        _EVEN: _paid_back(findings),
        _BESIDE.format(axis=AXES[findings.axis]): _beside(findings),
    }
    return " ".join(said for said, wanted in parts.items() if wanted)


def _scale(findings: Findings) -> int | None:
    """Choose for how many items dollars are given; `None` where there are none to give."""
    most = max((row.spend.usd or 0.0 for row in findings.figures if row.spend), default=0.0)
    return (1 if most >= _CENT else 1000) if most else None


def shared_unit(findings: Findings) -> str | None:
    """Name the unit that every budget limits, if it is one and the same."""
    units = {tuple(budget.model_dump(exclude_none=True)) for budget in findings.budgets}
    return next(iter(units))[0] if len(units) == 1 and len(next(iter(units))) == 1 else None


@dataclass(frozen=True)
class _Column:
    """A column of the table."""

    heading: str
    cell: Callable[[Figures], str | Text]
    wanted: bool = True
    """Whether there is something to say in it."""


def _columns(findings: Findings) -> list[_Column]:
    """Choose the columns: where conditions act, tokens of two models make room for who acted and its cost."""
    unit, scale, acting = shared_unit(findings), _scale(findings), _acting(findings)
    spend = {found.condition: found for found in findings.at_spend if found.axis == findings.axis}
    columns = (
        _Column(
            "\n".join((*unit.split("_"), "allowed")) if unit else "budget",
            lambda row: _budget(row.condition.budget, unit),
            not acting or len(findings.budgets) > 1,
        ),
        _Column("accuracy", _accuracy),
        _Column("output\ntokens", _tokens("output_tokens"), not acting),
        _Column("total\ntokens", _tokens("total_tokens")),
        _Column(
            "sequen-\ntial\ntokens", _tokens("sequential_total_tokens"), not acting and _sequential(findings)
        ),
        _Column(
            "dollars" if scale == 1 else f"dollars\nper {scale or 1:,}",
            lambda row: _dollars(row, scale or 1, interval=acting),
            scale is not None,
        ),
        _Column("to\nteacher", _deferral, acting),
        _Column("steps", _steps, any(row.acting and row.acting.steps > 1 for row in findings.figures)),
        _Column("even", _break_even, _paid_back(findings)),
        _Column("E3", _e3, not acting),
        _Column(
            "vs\nbase",
            lambda row: "" if row.baseline else _difference(spend.get(row.condition)),
            _beside(findings),
        ),
        _Column("failed", lambda row: f"{row.failed:,}", any(row.failed for row in findings.figures)),
    )
    return [column for column in columns if column.wanted]


def _accuracy(row: Figures) -> str:
    found = row.accuracy
    return f"{found.value:.1f} [{found.low:.0f},{found.high:.0f}]" if found else _NONE


def _tokens(field: str) -> Callable[[Figures], str]:
    return lambda row: f"{getattr(row.spend, field):,.0f}" if row.spend else _NONE


def _dollars(row: Figures, scale: int, *, interval: bool) -> str:
    found = row.dollars
    if found is None:
        return _NONE
    value = dollars(found.value * scale)
    return f"{value}\n[{found.low * scale:.2g},{found.high * scale:.2g}]" if interval else value


def _deferral(row: Figures) -> str:
    return f"{row.acting.deferral.value:.0f}%" if row.acting else _NONE


def _steps(row: Figures) -> str:
    return f"{row.acting.steps:.1f}" if row.acting else _NONE


def _break_even(row: Figures) -> str:
    after = row.acting.break_even if row.acting else None
    return _NONE if after is None else f"{after:,}" if isinstance(after, int) else after


def _e3(row: Figures) -> str:
    return f"{row.e3:.{1 if row.e3 >= 10 else 2}f}" if row.e3 is not None else _NONE  # noqa: PLR2004 - digits


def _budget(budget: Budget, unit: str | None) -> str:
    if unit is None:
        return budget_words(budget).replace(" and ", "\n")
    limit = getattr(budget, unit)
    return dollars(limit) if unit == "usd" else f"{limit:,g}"


def _difference(found: AtSpend | None) -> str | Text:
    if found is None:
        return _NONE
    mark = "*" if found.verdict in {"better", "worse"} else ""
    place = ">" if found.beyond else "<" if found.below else ""
    said = f"{place}{found.difference.value:+.{1 if found.measured else 0}f}{mark}"
    return Text(said, style=_STYLES[found.verdict])


def _sequential(findings: Findings) -> bool:
    """Whether any condition was waited for less than it spent."""
    spends = [row.spend for row in findings.figures if row.spend]
    return any(spend.total_tokens - spend.sequential_total_tokens >= _TOKEN for spend in spends)


def _acting(findings: Findings) -> bool:
    return any(row.acting for row in findings.figures)


def _paid_back(findings: Findings) -> bool:
    """Whether any bank's cost is known."""
    return any(row.acting and row.acting.break_even is not None for row in findings.figures)


def _beside(findings: Findings) -> bool:
    """Whether anything can be set beside the baseline; where nothing acts the column says that it cannot."""
    return not _acting(findings) or bool(findings.at_spend)
