"""`frontier.png` of a calibration: every rule's accuracy against its dollars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from outlay.routers.cascade import Calibration, Candidate

_DOTS: Final = 96
_THOUSAND: Final = 1000
_PERCENT: Final = 100
_LOOKS: Final = {
    "student alone": ("#0072B2", "s"),
    "cascade": ("#009E73", "o"),
    "teacher alone": ("#D55E00", "^"),
}
"""Okabe and Ito's colours, told apart by colour-blind people."""
_STYLE: Final[dict[Any, Any]] = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.parse_math": False,
    "font.size": 10,
}


def draw_png(found: Calibration, path: Path) -> None:
    """Draw every rule with its interval of accuracy; the chosen one has its name."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(760 / _DOTS, 460 / _DOTS), layout="constrained")
        axes = figure.subplots()
        for who in _LOOKS:
            _points(axes, who, [one for one in found.candidates if one.who == who], found.confidence)
        _name(axes, found.chosen)
        axes.set_xlabel("dollars per 1,000 questions")
        axes.set_ylabel("accuracy, %")
        axes.set_title(f"Rules of a cascade on {found.items} questions", loc="left", fontweight="bold")
        axes.grid(axis="y", color="#D8D8D8", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.margins(x=0.2)
        axes.legend(frameon=False, loc="lower right")
        figure.savefig(create(path), format="png", dpi=1.6 * _DOTS, metadata={"Software": None})


def _points(axes: Axes, who: str, rules: Sequence[Candidate], confidence: float) -> None:
    colour, marker = _LOOKS[who]
    accuracy = [rule.figures.accuracy for rule in rules]
    below = [_PERCENT * (one.value - one.low) for one in accuracy]
    above = [_PERCENT * (one.high - one.value) for one in accuracy]
    axes.errorbar(
        [_THOUSAND * rule.figures.usd.value for rule in rules],
        [_PERCENT * one.value for one in accuracy],
        yerr=[[max(0.0, one) for one in below], [max(0.0, one) for one in above]],
        fmt=marker,
        color=colour,
        ecolor=colour,
        elinewidth=0.8,
        capsize=2,
        alpha=0.8,
        label=who if who != "cascade" else f"cascade, with intervals of {confidence:.0%}",
    )


def _name(axes: Axes, chosen: Candidate) -> None:
    at = (_THOUSAND * chosen.figures.usd.value, _PERCENT * chosen.figures.accuracy.value)
    axes.annotate(f"chosen: {chosen.name}", at, xytext=(8, 8), textcoords="offset points", fontweight="bold")
