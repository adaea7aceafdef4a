"""`training.png`: reward, dollars, entropy and the tiers of every module, update by update."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.tiers.drawing import (
    FAINT,
    INK,
    LOOKS,
    TIER_COLOURS,
    drawn,
    heading,
    tier_handles,
)
from outlay.bench.tiers.findings import LEARNED
from outlay.bench.tiers.words import THOUSAND
from outlay.memory.modules.routing import MODULES, Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from outlay.bench.tiers.learnt import Learnt

_SMOOTHED: Final = 30
"""Windows that the updates are averaged in: one update is 32 questions, and noise."""
_HELD_OUT: Final = LOOKS[LEARNED][0]


def training_png(learnt: Learnt) -> bytes:
    """Draw how learning went."""
    return drawn(1060, 640, lambda figure: _draw(figure, learnt))


def _draw(figure: Figure, learnt: Learnt) -> None:
    heading(
        figure,
        f"Learning from {learnt.questions - len(learnt.held_out)} questions, choosing by "
        f"{len(learnt.held_out)} held out",
    )
    grid = figure.add_gridspec(2, 15, height_ratios=[1.15, 1])
    wide = [figure.add_subplot(grid[0, 5 * place : 5 * place + 5]) for place in range(3)]
    _reward(wide[0], learnt)
    _dollars(wide[1], learnt)
    _entropy(wide[2], learnt)
    narrow = [figure.add_subplot(grid[1, 3 * place : 3 * place + 3]) for place in range(len(MODULES))]
    for place, axes in enumerate(narrow):
        _shares(axes, learnt, place)
    narrow[0].set_ylabel("share of the tiers drawn, %")
    for axes in narrow[1:]:
        axes.set_yticklabels([])
    handles, names = wide[0].get_legend_handles_labels()
    figure.legend(
        handles=[*handles, *tier_handles()],
        labels=[*names, *(f"tier {tier.name}" for tier in Tier)],
        loc="outside lower left",
        ncols=6,
    )


def _reward(axes: Axes, learnt: Learnt) -> None:
    axes.set_title("reward, a question's mean")
    _lines(axes, learnt, [step.reward for step in learnt.progress])
    _trials(axes, learnt, [trial.reward for trial in learnt.trials])
    best = learnt.chosen
    axes.plot(
        best.update,
        best.reward,
        marker="o",
        markersize=11,
        markerfacecolor="none",
        markeredgecolor=INK,
        linestyle="none",
        label="kept",
    )


def _dollars(axes: Axes, learnt: Learnt) -> None:
    axes.set_title("dollars per 1,000 questions")
    _lines(axes, learnt, [THOUSAND * step.usd for step in learnt.progress])
    _trials(axes, learnt, [THOUSAND * float(np.mean(trial.usd)) for trial in learnt.trials])
    axes.set_ylim(bottom=0)


def _entropy(axes: Axes, learnt: Learnt) -> None:
    axes.set_title("entropy, nats per decision")
    _lines(axes, learnt, [step.diagnostics.entropy for step in learnt.progress])
    axes.axhline(log(len(Tier)), color=FAINT, linewidth=1, linestyle=(0, (5, 3)))
    axes.annotate(
        "ln 3: by dice",
        (1, log(len(Tier))),
        xycoords=("axes fraction", "data"),
        xytext=(0, -3),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8.5,
        color=FAINT,
    )
    axes.set_ylim(0, 1.08 * log(len(Tier)))


def _lines(axes: Axes, learnt: Learnt, values: Sequence[float]) -> None:
    """Draw every update faintly, and their running mean."""
    updates = [step.update for step in learnt.progress]
    axes.plot(updates, values, color=INK, linewidth=0.6, alpha=0.25)
    axes.plot(
        updates,
        _running(np.array(values)),
        color=INK,
        linewidth=1.8,
        label="learning, tiers drawn (running mean)",
    )
    axes.set_xlabel("update")
    axes.set_xlim(0, 1.02 * max(updates))
    axes.grid(axis="y")


def _trials(axes: Axes, learnt: Learnt, values: Sequence[float]) -> None:
    """Draw all policies' trials, and a line through the best policy's."""
    updates = [trial.update for trial in learnt.trials]
    axes.plot(updates, values, color=_HELD_OUT, marker=".", linestyle="none", alpha=0.35, markersize=5)
    own = [
        (trial.update, value)
        for trial, value in zip(learnt.trials, values, strict=True)
        if trial.policy == learnt.chosen.policy
    ]
    axes.plot(
        *zip(*own, strict=True),
        color=_HELD_OUT,
        linewidth=1.4,
        marker="o",
        markersize=3.5,
        label="held out, likeliest tiers",
    )


def _shares(axes: Axes, learnt: Learnt, place: int) -> None:
    updates = [step.update for step in learnt.progress]
    shares = [
        100 * _running(np.array([step.shares[place][tier] for step in learnt.progress])) for tier in Tier
    ]
    axes.stackplot(updates, *shares, colors=[TIER_COLOURS[tier] for tier in Tier])
    axes.set_title(MODULES[place])
    axes.set_xlabel("update")
    axes.set_xlim(min(updates), max(*updates, min(updates) + 1))
    axes.set_ylim(0, 100)
    axes.locator_params(axis="x", nbins=3)


def _running(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average around every place; at the ends over what there is."""
    window = max(1, len(values) // _SMOOTHED)
    ones = np.ones(window)
    return np.convolve(values, ones, "same") / np.convolve(np.ones(len(values)), ones, "same")
