"""The table on the terminal, and the same with every figure as `routers.csv`."""

from __future__ import annotations

import csv
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from rich import box
from rich.table import Table
from rich.text import Text

from outlay.bench.tiers.words import THOUSAND, title
from outlay.memory.modules.routing import MODULES, Tier
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.tiers.findings import Constant, Findings, Row

    Value = str | float | bool | None

_STYLES: Final = {"better": "green", "worse": "red", "noise": "", "too few": "dim", "not run": "dim"}
_NONE: Final = "-"
_FOOT: Final = (
    "task: reward of the answer, 0 to 1, and its 95% bootstrap interval; $/1,000: dollars of all modules of "
    "1,000 questions; random: the mean of all that was logged; run: questions that were really run at the "
    "tiers chosen, in %; vs best: reward less the best constant's, * where beyond the noise; gain: task "
    "reward less what mixing constants earns for the same dollars, * where its interval leaves out 0; bits: "
    "what tiers say of the kind of question, and the permutation's p, not adjusted for the number of "
    "trade-offs. Where less than 90% was run, no * is given."
)


def table(findings: Findings) -> Table:
    """Lay out what every router came to, by trade-off, and then the constants; it fits 112 columns."""
    laid = Table(
        title=title(findings),
        title_justify="left",
        caption=_FOOT,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
    )
    laid.pad_edge, laid.collapse_padding = False, True
    laid.add_column("router", no_wrap=True)
    for heading in ("λ", "task", "$/1,000", "tokens", "reward", "run", "vs best", "gain", "bits (p)"):
        laid.add_column(heading, justify="right", no_wrap=True)
    for name, rows in groupby(findings.rows, key=lambda row: row.name):
        for place, row in enumerate(rows):
            laid.add_row(name if not place else "", *_cells(row))
        laid.add_section()
    for constant in findings.constants:
        laid.add_row(constant.name, "", *_spent(constant), *[""] * 5)
    return laid


def _cells(row: Row) -> Iterator[str | Text]:
    yield f"{row.trade_off:g}"
    yield from _spent(row)
    yield f"{row.reward.value:.3f}"
    yield f"{100 * row.run:.0f}"
    if row.over_best is None:
        yield ""
    else:
        mark = "*" if row.over_best.verdict in {"better", "worse"} else ""
        yield Text(f"{row.over_best.value:+.3f}{mark}", style=_STYLES[row.over_best.verdict])
    yield _gain(row)
    yield f"{row.awareness.vector.bits:.2f} ({row.awareness.vector.p:.2g})" if row.awareness else _NONE


def _spent(one: Row | Constant) -> Iterator[str]:
    yield f"{one.task.value:.3f} [{one.task.low:.2f},{one.task.high:.2f}]"
    yield f"{THOUSAND * one.usd.value:.4g}"
    yield f"{one.tokens:,.0f}"


def _gain(row: Row) -> str:
    if row.gain is None:
        return _NONE
    is_real = row.is_mostly_run and (row.gain.low > 0 or row.gain.high < 0)
    return f"{row.gain.value:+.3f}{'*' if is_real else ''}"


class Column(NamedTuple):
    """A column of the file."""

    name: str
    of: Callable[[Row], Value]
    """What a router has in it; `None` is written as an empty cell."""
    of_constant: Callable[[Constant], Value] = lambda _: None


def write_table(findings: Findings, path: Path) -> None:
    """Write a row for each router and trade-off, and one for each constant."""
    with create(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in COLUMNS)
        for row in findings.rows:
            writer.writerow(_cell(column.of(row)) for column in COLUMNS)
        for constant in findings.constants:
            writer.writerow(_cell(column.of_constant(constant)) for column in COLUMNS)


def _cell(value: Value) -> Value:
    """Cut what floating point adds behind the digits that mean something."""
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _estimate(name: str, of: Callable[[Row], Estimate | None]) -> Iterator[Column]:
    yield Column(name, lambda row: found.value if (found := of(row)) else None)
    yield Column(f"{name}_low", lambda row: found.low if (found := of(row)) else None)
    yield Column(f"{name}_high", lambda row: found.high if (found := of(row)) else None)


def _spend(name: str, of: Callable[[Row | Constant], Estimate]) -> Iterator[Column]:
    yield Column(name, lambda row: of(row).value, lambda one: of(one).value)
    yield Column(f"{name}_low", lambda row: of(row).low, lambda one: of(one).low)
    yield Column(f"{name}_high", lambda row: of(row).high, lambda one: of(one).high)


def _share(place: int, tier: Tier) -> Column:
    return Column(f"{MODULES[place]}_{tier.name.lower()}", lambda row: row.shares[place][tier])


COLUMNS: Final = (
    Column("router", lambda row: row.name, lambda _: "constant"),
    Column("trade_off", lambda row: row.trade_off),
    Column("constant_tiers", lambda row: row.constant, lambda one: one.name),
    *_spend("task", lambda one: one.task),
    *_spend("usd", lambda one: one.usd),
    Column("tokens", lambda row: row.tokens, lambda one: one.tokens),
    *_estimate("reward", lambda row: row.reward),
    Column("run_share", lambda row: row.run),
    *_estimate("foreseen_task", lambda row: row.foreseen.task if row.foreseen else None),
    *_estimate("foreseen_usd", lambda row: row.foreseen.usd if row.foreseen else None),
    *_estimate("foreseen_reward", lambda row: row.foreseen.reward if row.foreseen else None),
    *_estimate("reward_over_best_constant", lambda row: row.over_best),
    Column("p", lambda row: row.over_best.p if row.over_best else None),
    Column("p_holm", lambda row: row.over_best.p_holm if row.over_best else None),
    Column("verdict", lambda row: row.over_best.verdict if row.over_best else None),
    *_estimate("gain_over_mixed_constants", lambda row: row.gain),
    Column("kind_bits", lambda row: row.awareness.kinds if row.awareness else None),
    Column("tiers_bits", lambda row: row.awareness.vector.bits if row.awareness else None),
    Column("tiers_bits_by_chance", lambda row: row.awareness.vector.chance if row.awareness else None),
    Column("tiers_bits_p", lambda row: row.awareness.vector.p if row.awareness else None),
    *(_share(place, tier) for place in range(len(MODULES)) for tier in Tier),
)
"""The columns, in order; dollars and tokens are a question's, of all modules."""
