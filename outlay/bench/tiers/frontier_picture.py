"""`frontier.png`: task reward against dollars, of everyone who chooses tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from outlay.bench.analysis.hull import readings
from outlay.bench.tiers.drawing import FAINT, LOOKS, Named, drawn, heading, put_names, shade
from outlay.bench.tiers.findings import BEST, LEARNED, ORACLE, RANDOM
from outlay.bench.tiers.trade_offs import ranges
from outlay.bench.tiers.words import THOUSAND, title

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.tiers.findings import Constant, Findings, Foreseen, Row

_DASHES: Final = (0, (5, 3))
_NEAR: Final = 0.004
"""Of the picture: points as near as this are one to the eye."""


def frontier_png(findings: Findings) -> bytes:
    """Draw the frontier."""
    return drawn(1000, 620, lambda figure: _draw(figure, findings))


def _draw(figure: Figure, findings: Findings) -> None:
    heading(figure, title(findings) + (" - SIMULATED MODEL" if findings.simulated else ""))
    axes = figure.subplots()
    _limits(axes, findings)
    _constants(axes, findings)
    for name in (RANDOM, "LinUCB", ORACLE):
        _line(axes, name, findings.of(name))
    _best(axes, findings.of(BEST))
    _foreseen(axes, findings)
    _learned(axes, findings)
    axes.set_xlabel("dollars per 1,000 questions, all modules (answering not counted)")
    axes.set_ylabel("task reward, a question's mean")
    axes.grid(axis="y")
    figure.legend(handles=_handles(findings), loc="outside lower left", ncols=3)
    every = [(THOUSAND * one.usd.value, one.task.value) for one in _shown(findings)]
    put_names(figure, axes, [*_trade_offs(findings), *_pure(findings)], every)


def _limits(axes: Axes, findings: Findings) -> None:
    dearest = max(THOUSAND * one.usd.value for one in _shown(findings)) or 1.0
    # Of what is predicted no whiskers are drawn.
    bounded: list[Row | Constant] = [*findings.rows, *findings.constants]
    predicted = [one.task.value for one in _predicted(findings)]
    low = min([*(one.task.low for one in bounded), *predicted])
    high = max([*(one.task.high for one in bounded), *predicted])
    room = 0.06 * max(high - low, 0.02)
    axes.set_xlim(-0.04 * dearest, 1.08 * dearest)
    axes.set_ylim(max(-0.02, low - room), min(1.03, high + room))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 2.5, 5, 10]))


def _constants(axes: Axes, findings: Findings) -> None:
    if not findings.constants:
        return
    usd = np.array([THOUSAND * one.usd.value for one in findings.constants])
    task = np.array([one.task.value for one in findings.constants])
    _whiskers(axes, findings.constants, FAINT, alpha=0.22)
    axes.plot(usd, task, color=FAINT, marker="x", markersize=6, linestyle="none", zorder=3)
    at = np.linspace(usd.min(), usd.max(), 200)
    costs, tasks = (np.broadcast_to(one, (len(at), len(one))) for one in (usd - usd.min(), task))
    axes.plot(
        at, readings(costs, tasks, at - usd.min()), color=FAINT, linewidth=1.1, linestyle=_DASHES, zorder=1
    )


def _line(axes: Axes, name: str, rows: Sequence[Row]) -> None:
    colour, marker = LOOKS[name]
    _whiskers(axes, _apart(rows), colour, alpha=0.4)
    axes.plot(
        [THOUSAND * row.usd.value for row in rows],
        [row.task.value for row in rows],
        color=colour,
        marker=marker,
        markersize=7,
        markeredgecolor="white",
        markeredgewidth=0.7,
        linewidth=1.2,
        zorder=4,
    )


def _best(axes: Axes, rows: Sequence[Row]) -> None:
    colour, marker = LOOKS[BEST]
    axes.plot(
        [THOUSAND * row.usd.value for row in rows],
        [row.task.value for row in rows],
        color=colour,
        marker=marker,
        markersize=12,
        markerfacecolor="none",
        linestyle="none",
        zorder=5,
    )


def _learned(axes: Axes, findings: Findings) -> None:
    """Draw the policy, lighter at small trade-offs and smaller at large ones: equal points show as rings."""
    rows, colour = findings.of(LEARNED), LOOKS[LEARNED][0]
    _whiskers(axes, _apart(rows), colour, alpha=0.5)
    axes.plot(
        [THOUSAND * row.usd.value for row in rows],
        [row.task.value for row in rows],
        color=colour,
        linewidth=1.6,
        zorder=6,
    )
    for place, row in enumerate(rows):
        axes.plot(
            THOUSAND * row.usd.value,
            row.task.value,
            marker="o",
            color=shade(findings.trade_offs, place),
            markersize=12 - 6 * place / max(1, len(rows) - 1),
            markeredgecolor="white",
            markeredgewidth=0.8,
            linestyle="none",
            zorder=7,
        )


def _foreseen(axes: Axes, findings: Findings) -> None:
    """Draw what the policy is predicted to come to at the tiers it really chose, hollow."""
    for place, row in enumerate(findings.of(LEARNED)):
        if row.foreseen is None:
            continue
        axes.plot(
            THOUSAND * row.foreseen.usd.value,
            row.foreseen.task.value,
            marker="o",
            markersize=9,
            markerfacecolor="none",
            markeredgecolor=shade(findings.trade_offs, place),
            markeredgewidth=1.4,
            linestyle="none",
            zorder=6,
        )


def _whiskers(axes: Axes, of: Iterable[Row | Constant], colour: str, *, alpha: float) -> None:
    shown = [(THOUSAND * one.usd.value, one.task) for one in of]
    axes.errorbar(
        [usd for usd, _ in shown],
        [task.value for _, task in shown],
        yerr=np.array([_reach(task) for _, task in shown]).T,
        fmt="none",
        ecolor=colour,
        elinewidth=1.0,
        capsize=2.5,
        alpha=alpha,
        zorder=2,
    )


def _reach(found: Estimate) -> tuple[float, float]:
    """Give how far an interval goes down and up; that of a skewed mean may leave out the mean itself."""
    return max(0.0, found.value - found.low), max(0.0, found.high - found.value)


def _apart(rows: Sequence[Row]) -> list[Row]:
    """Leave out rows that lie on one before."""
    return list({(row.usd.value, row.task.value): row for row in reversed(rows)}.values())


def _shown(findings: Findings) -> list[Row | Constant | Foreseen]:
    return [*findings.rows, *findings.constants, *_predicted(findings)]


def _predicted(findings: Findings) -> list[Foreseen]:
    return [row.foreseen for row in findings.of(LEARNED) if row.foreseen]


def _trade_offs(findings: Findings) -> list[Named]:
    """Name the policy's points by their trade-offs, those that lie on each other together."""
    rows = findings.of(LEARNED)
    wide = max(row.usd.value for row in findings.rows) or 1.0
    high = max(row.task.value for row in findings.rows) or 1.0
    groups: dict[tuple[int, int], list[int]] = {}
    for place, row in enumerate(rows):
        spot = (round(row.usd.value / wide / _NEAR), round(row.task.value / high / _NEAR))
        groups.setdefault(spot, []).append(place)
    return [
        Named(
            THOUSAND * rows[places[0]].usd.value,
            rows[places[0]].task.value,
            "λ " + ", ".join(ranges([rows[place].trade_off for place in places], findings.trade_offs)),
            shade(findings.trade_offs, max(places)),
        )
        for places in groups.values()
    ]


def _pure(findings: Findings) -> list[Named]:
    return [
        Named(THOUSAND * one.usd.value, one.task.value, one.name, FAINT)
        for one in findings.constants
        if one.name.startswith("all ")
    ]


def _handles(findings: Findings) -> list[Line2D]:
    least, most = findings.trade_offs[0], findings.trade_offs[-1]
    said = {
        LEARNED: f"learned, light to dark: λ {least:g} to {most:g}"
        if most > least
        else f"learned, λ {least:g}",
        BEST: "best constant, chosen on what was learnt from",
        "LinUCB": "LinUCB",
        RANDOM: "random (what was logged)",
        ORACLE: "oracle, which knows the outcomes",
    }
    handles = [
        Line2D(
            [],
            [],
            color=LOOKS[name][0],
            marker=LOOKS[name][1],
            markersize=8,
            markerfacecolor="none" if name == BEST else LOOKS[name][0],
            linestyle="none" if name in {BEST, RANDOM} else "-",
            label=text,
        )
        for name, text in said.items()
    ]
    if _predicted(findings):
        hollow = "learned, predicted where its tiers were not run"
        colour = LOOKS[LEARNED][0]
        handles.insert(
            1,
            Line2D([], [], color=colour, marker="o", markerfacecolor="none", linestyle="none", label=hollow),
        )
    if findings.constants:
        handles += [
            Line2D([], [], color=FAINT, marker="x", linestyle="none", label="a constant tier vector"),
            Line2D([], [], color=FAINT, linewidth=1.1, linestyle=_DASHES, label="mixing constants"),
        ]
    return handles
