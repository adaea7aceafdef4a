"""`reward.png` and `tiers.png`: what is earned above the best constant, and which tiers, by trade-off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from outlay.bench.tiers.drawing import FAINT, LOOKS, TIER_COLOURS, drawn, heading, tier_handles
from outlay.bench.tiers.findings import BEST, LEARNED, MOSTLY_RUN
from outlay.memory.modules.routing import MODULES, Tier

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from outlay.bench.tiers.findings import Findings


def reward_png(findings: Findings) -> bytes:
    """Draw rewards less the best constant's, with their intervals."""
    return drawn(1000, 460, lambda figure: rewards(figure, findings))


def tiers_png(findings: Findings) -> bytes:
    """Draw how often the policy has each module at each tier."""
    return drawn(1000, 340, lambda figure: _tiers(figure, findings))


def rewards(figure: Figure, findings: Findings) -> None:
    """Put them into a figure."""
    heading(figure, "Reward above the best constant's, on the same questions")
    axes = figure.subplots()
    names = [name for name in findings.names if name != BEST]
    for number, name in enumerate(names):
        _beside(axes, findings, name, 0.14 * (number - (len(names) - 1) / 2))
    axes.axhline(0, color=FAINT, linewidth=1.2, linestyle=(0, (5, 3)), label="best constant")
    _by_trade_off(axes, findings)
    axes.set_ylabel("reward less the best constant's")
    axes.grid(axis="y")
    figure.legend(loc="outside lower left", ncols=5)


def _beside(axes: Axes, findings: Findings, name: str, moved: float) -> None:
    """Draw one router's differences, moved aside so that intervals do not lie on each other.

    Hollow are those of which too little was run for a verdict.
    """
    colour, marker = LOOKS[name]
    label = f"{name} (95% interval)" if name == LEARNED else name
    found = [(place, row.over_best) for place, row in enumerate(findings.of(name)) if row.over_best]
    for is_hollow in (False, True):
        shown = [(place, one) for place, one in found if (one.verdict == "not run") == is_hollow]
        if not shown:
            continue
        axes.errorbar(
            [place + moved for place, _ in shown],
            [one.value for _, one in shown],
            yerr=np.array([(max(0.0, o.value - o.low), max(0.0, o.high - o.value)) for _, o in shown]).T,
            color=colour,
            marker=marker,
            markersize=7,
            markerfacecolor="white" if is_hollow else colour,
            linestyle="none",
            elinewidth=1.2,
            capsize=3,
            label=f"{label}, under {MOSTLY_RUN:.0%} run" if is_hollow else label,
        )


def _tiers(figure: Figure, findings: Findings) -> None:
    heading(figure, "Tiers that the policy chooses, by trade-off")
    panels = figure.subplots(1, len(MODULES), sharey=True)
    rows = findings.of(LEARNED)
    for place, axes in enumerate(panels):
        below = np.zeros(len(rows))
        for tier in Tier:
            share = np.array([100 * row.shares[place][tier] for row in rows])
            axes.bar(range(len(rows)), share, bottom=below, color=TIER_COLOURS[tier], width=0.85)
            below += share
        axes.set_title(MODULES[place])
        _by_trade_off(axes, findings)
        axes.tick_params(axis="x", rotation=60 if len(rows) > 4 else 0)  # noqa: PLR2004 - as many fit
        axes.set_ylim(0, 100)
    panels[0].set_ylabel("share of the questions, %")
    figure.legend(handles=tier_handles(), loc="outside lower left", ncols=3)


def _by_trade_off(axes: Axes, findings: Findings) -> None:
    axes.set_xticks(range(len(findings.trade_offs)), [f"{one:g}" for one in findings.trade_offs])
    axes.set_xlabel("trade-off λ")
