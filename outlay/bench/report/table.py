"""The table on the terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich import box
from rich.table import Table
from rich.text import Text

from outlay.bench.report.phrases import budget_words, dollars, name_lines
from outlay.bench.report.words import title

if TYPE_CHECKING:
    from collections.abc import Iterator

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

_BESIDE: Final = (
    "vs base: points above what direct and self-consistency reach at the same total tokens; "
    "* where it is beyond the noise, > where it spent more than they ever did, < where it spent less, so "
    "that it is set beside them with questions left unanswered; the points are not corrected for the "
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
    if _sequential(findings):
        laid.padding = (0, 0, 0, 0)
    laid.add_column("strategy", overflow="fold", min_width=_NAME, max_width=_NAME)
    scale = _scale(findings)
    for heading in _headings(findings, scale):
        laid.add_column(heading, justify="right", no_wrap=True)
    beside = {found.condition: found for found in findings.at_spend if found.axis == "total_tokens"}
    for strategy, group in groupby(findings.figures, key=lambda row: row.condition.strategy):
        rows = list(group)
        for name, row in zip(_names(strategy, len(rows)), rows, strict=True):
            cells = [name, *_cells(findings, row, beside.get(row.condition), scale)]
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
    return " ".join((_UNITS, *([_WAITED] if _sequential(findings) else []), _BESIDE))


def _scale(findings: Findings) -> int | None:
    """Choose for how many items dollars are given; `None` where there are none to give."""
    most = max((row.spend.usd or 0.0 for row in findings.figures if row.spend), default=0.0)
    return (1 if most >= _CENT else 1000) if most else None


def shared_unit(findings: Findings) -> str | None:
    """Name the unit that every budget limits, if it is one and the same."""
    units = {tuple(budget.model_dump(exclude_none=True)) for budget in findings.budgets}
    return next(iter(units))[0] if len(units) == 1 and len(next(iter(units))) == 1 else None


def _headings(findings: Findings, scale: int | None) -> Iterator[str]:
    unit = shared_unit(findings)
    yield "\n".join((*unit.split("_"), "allowed")) if unit else "budget"
    yield "accuracy"
    yield "output\ntokens"
    yield "total\ntokens"
    if _sequential(findings):
        yield "sequen-\ntial\ntokens"
    if scale:
        yield "dollars" if scale == 1 else f"dollars\nper {scale:,}"
    yield "E3"
    yield "vs\nbase"
    if _failed(findings):
        yield "failed"


def _cells(
    findings: Findings, row: Figures, beside: AtSpend | None, scale: int | None
) -> Iterator[str | Text]:
    yield _budget(row.condition.budget, shared_unit(findings))
    accuracy, spend = row.accuracy, row.spend
    yield f"{accuracy.value:.1f} [{accuracy.low:.0f},{accuracy.high:.0f}]" if accuracy else _NONE
    yield f"{spend.output_tokens:,.0f}" if spend else _NONE
    yield f"{spend.total_tokens:,.0f}" if spend else _NONE
    if _sequential(findings):
        yield f"{spend.sequential_total_tokens:,.0f}" if spend else _NONE
    if scale:
        yield dollars(spend.usd * scale) if spend and spend.usd is not None else _NONE
    yield f"{row.e3:.{1 if row.e3 >= 10 else 2}f}" if row.e3 is not None else _NONE  # noqa: PLR2004 - digits
    yield _difference(beside) if not row.baseline else ""
    if _failed(findings):
        yield f"{row.failed:,}"


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
    said = f"{place}{found.difference.value:+.1f}{mark}"
    return Text(said, style=_STYLES[found.verdict])


def _sequential(findings: Findings) -> bool:
    """Whether any condition was waited for less than it spent."""
    spends = [row.spend for row in findings.figures if row.spend]
    return any(spend.total_tokens - spend.sequential_total_tokens >= _TOKEN for spend in spends)


def _failed(findings: Findings) -> bool:
    return any(row.failed for row in findings.figures)
