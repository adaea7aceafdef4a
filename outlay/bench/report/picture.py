"""`frontier.png`, and the same for the page: accuracy against what it costs."""

from __future__ import annotations

import re
from io import StringIO
from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple
from xml.sax.saxutils import quoteattr

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from outlay.bench.analysis.hull import read
from outlay.bench.report.phrases import name_lines
from outlay.bench.report.words import title
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from outlay.bench.analysis.findings import Findings, Frontier, Line

Width = Literal["wide", "narrow"]

# Okabe and Ito's colours, told apart by colour-blind people; their yellow is too light for lines.
_COLOURS: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
_MARKERS: Final = ("o", "s", "^", "D", "v", "X", "<", ">")
_INK, _FAINT, _SHADE = "#333333", "#707070", "#EBEBEB"

_LOG_FROM: Final = 8.0
"""Costs that range over more than this factor are drawn on a logarithmic axis."""

_DOTS: Final = 96
"""Per inch: CSS's."""

_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": _INK,
    # Names of models, sources and strategies are no mathematics, whatever dollar signs they have.
    "text.parse_math": False,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.fonttype": "none",
}


class _Shape(NamedTuple):
    """How a picture is laid out, in pixels of 1/96 inch."""

    width: int
    panel: int
    """The height of a panel."""
    stacked: bool
    """Whether panels stand one above the other."""
    columns: int
    """Of the legend."""
    letters: int
    """How wide a line of the legend may be."""
    font: float


_SHAPES: Final[dict[Width, _Shape]] = {
    "wide": _Shape(width=1040, panel=430, stacked=False, columns=3, letters=36, font=10.5),
    "narrow": _Shape(width=380, panel=290, stacked=True, columns=1, letters=42, font=9.5),
}


def draw_png(findings: Findings, path: Path) -> None:
    """Draw the frontier against output tokens and against dollars, or total tokens where there are none."""
    with mpl.rc_context(_STYLE):
        _draw(findings, _SHAPES["wide"]).savefig(
            create(path), format="png", dpi=1.6 * _DOTS, metadata={"Software": None}
        )


def draw_svg(findings: Findings, *, width: Width) -> str:
    """Draw the same as an `<svg>` element to be put into a page, its text as text.

    Args:
        findings: What to draw.
        width: `wide` beside each other, `narrow` one above the other, for a phone.
    """
    file = StringIO()
    # The salt makes ids that are the same each time and differ between the two on one page.
    with mpl.rc_context({**_STYLE, "svg.hashsalt": width}):
        figure = _draw(findings, _SHAPES[width])
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    svg = file.getvalue()
    wide, high = figure.get_size_inches() * _DOTS
    label = quoteattr(f"Accuracy against cost: {title(findings)}")
    start = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'aria-label={label} width="{wide:.0f}" height="{high:.0f}" style="max-width: 100%; height: auto; '
        f'stroke-linejoin: round; stroke-linecap: butt" viewBox="0 0 {wide * 0.75:g} {high * 0.75:g}">'
    )
    return start + _for_a_page(svg, width)


def _for_a_page(svg: str, width: Width) -> str:
    """Take what is inside the element, without styles that would reach the page; ids are made its own."""
    start = svg.index("<svg")
    svg = svg[svg.index(">", start) + 1 :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="(.*?)"', rf'id="{width}-\1"', svg)
    svg = re.sub(r'(href="#|url\(#)', rf"\1{width}-", svg)
    return svg.strip()


def _draw(findings: Findings, shape: _Shape) -> Figure:
    shown = _shown(findings)
    strategies = list(dict.fromkeys(line.strategy for frontier in shown for line in frontier.lines))
    looks = dict(zip(strategies, zip(cycle(_COLOURS), cycle(_MARKERS)), strict=False))
    names = ["\n".join(name_lines(strategy, shape.letters)) for strategy in strategies]
    heading = _wrapped(title(findings), shape)
    legend_rows = _rows(names, shape.columns)
    line = shape.font * 1.5 * _DOTS / 72
    panels = len(shown) if shape.stacked else 1
    height = (
        max(1, panels) * shape.panel + line * (legend_rows + 2.5) + 1.6 * line * (heading.count("\n") + 1)
    )
    figure = Figure(figsize=(shape.width / _DOTS, height / _DOTS), layout="constrained")
    figure.suptitle(heading, fontsize=shape.font + 2, fontweight="bold", x=0.02, ha="left")
    grid = (len(shown), 1) if shape.stacked else (1, len(shown))
    if not shown:
        figure.text(0.5, 0.5, "nothing has both a score and a cost", ha="center", fontsize=shape.font)
        return figure
    for axes, frontier in zip(figure.subplots(*grid, squeeze=False).flat, shown, strict=True):
        _panel(axes, frontier, looks, shape)
    figure.legend(
        handles=[*_handles(looks, names), *_hull_handles(shown)],
        loc="outside lower left",
        ncols=shape.columns,
        fontsize=shape.font,
        frameon=False,
        alignment="left",
        labelspacing=0.6,
    )
    return figure


def _shown(findings: Findings) -> list[Frontier]:
    """Choose output tokens first, then dollars where there are any."""
    by_money = findings.frontier("usd") or findings.frontier("total_tokens")
    return [frontier for frontier in (findings.frontier("output_tokens"), by_money) if frontier]


def _panel(axes: Axes, frontier: Frontier, looks: dict[str, tuple[str, str]], shape: _Shape) -> None:
    costs = [point.cost for line in frontier.lines for point in line.points]
    scale, label = _unit(frontier, max(costs))
    _axis(axes, [cost * scale for cost in costs], label, shape)
    _hulls(axes, frontier, scale)
    for line in frontier.lines:
        colour, marker = looks[line.strategy]
        _line(axes, line, scale, colour, marker)
    _height(axes, frontier, shape)


def _line(axes: Axes, line: Line, scale: float, colour: str, marker: str) -> None:
    cost = [point.cost * scale for point in line.points]
    accuracy = np.array([point.accuracy.value for point in line.points])
    below = accuracy - [point.accuracy.low for point in line.points]
    above = [point.accuracy.high for point in line.points] - accuracy
    axes.errorbar(
        cost,
        accuracy,
        # The percentile interval of a skewed mean may leave out the mean itself.
        yerr=np.maximum(0.0, [below, above]),
        fmt="none",
        ecolor=colour,
        elinewidth=1.0,
        capsize=2.5,
        alpha=0.45,
        zorder=2,
    )
    axes.plot(*_mixes(axes, cost, accuracy), color=colour, linewidth=1.6, zorder=3)
    axes.plot(
        cost,
        accuracy,
        color=colour,
        marker=marker,
        markersize=7,
        markeredgecolor="white",
        markeredgewidth=0.8,
        linestyle="none",
        zorder=4,
    )


def _mixes(
    axes: Axes, cost: Sequence[float], accuracy: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give what mixing neighbours reaches: straight in cost, so a curve on a logarithmic axis."""
    steps = np.linspace(0, 1, 2 if axes.get_xscale() == "linear" else 40)
    ends = np.arange(len(cost))
    at = np.unique(np.concatenate([[0.0], *(left + steps for left in ends[:-1])]))
    return np.interp(at, ends, cost), np.interp(at, ends, accuracy)


def _hulls(axes: Axes, frontier: Frontier, scale: float) -> None:
    """Draw hulls point by point: straight in cost, they are curves on a logarithmic axis."""
    left, right = axes.get_xlim()
    costs = np.linspace(left, right, 400) if axes.get_xscale() == "linear" else np.geomspace(left, right, 400)
    if frontier.baseline_hull:
        under = [read(frontier.baseline_hull, cost / scale) for cost in costs]
        axes.fill_between(costs, under, color=_SHADE, linewidth=0, zorder=0)
    top = [read(frontier.hull, cost / scale) for cost in costs]
    axes.plot(costs, top, color=_FAINT, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)


def _axis(axes: Axes, costs: Sequence[float], label: str, shape: _Shape) -> None:
    known = [cost for cost in costs if cost > 0]
    if max(known) > _LOG_FROM * min(known):
        axes.set_xscale("log")
        axes.set_xlim(min(known) / 1.25, max(known) * 1.25)
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_minor_locator(NullLocator())
        label += " (logarithmic)"
    else:
        axes.set_xlim(0, max(known) * 1.06)
        axes.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda cost, _: f"{cost:,.10g}"))
    axes.set_xlabel(label, fontsize=shape.font)
    axes.set_ylabel("accuracy, %", fontsize=shape.font)
    axes.tick_params(labelsize=shape.font - 1)
    axes.grid(axis="y", color="#D8D8D8", linewidth=0.6, zorder=0.5)


def _height(axes: Axes, frontier: Frontier, shape: _Shape) -> None:
    points = [point.accuracy for line in frontier.lines for point in line.points]
    low, high = min(point.low for point in points), max(point.high for point in points)
    room = 4.0
    axes.set_ylim(max(-1.0, low - room), min(101.5, max(high + room, low + 4 * room)))
    axes.yaxis.set_major_locator(MaxNLocator(5 if shape.stacked else 8, steps=[1, 2, 5, 10], integer=True))


def _unit(frontier: Frontier, dearest: float) -> tuple[float, str]:
    """Give what costs are multiplied by, and what they are then called."""
    if frontier.axis != "usd":
        return 1.0, f"{frontier.axis.replace('_', ' ')} per item"
    return (1.0, "dollars per item") if dearest >= 0.01 else (1000.0, "dollars per 1,000 items")  # noqa: PLR2004


def _handles(looks: dict[str, tuple[str, str]], names: Iterable[str]) -> list[Artist]:
    return [
        Line2D([], [], color=colour, marker=marker, markersize=7, markeredgecolor="white", label=name)
        for (colour, marker), name in zip(looks.values(), names, strict=True)
    ]


def _hull_handles(shown: Sequence[Frontier]) -> list[Artist]:
    handles: list[Artist] = [Line2D([], [], color=_FAINT, linestyle=(0, (5, 3)), label="hull of all")]
    if any(frontier.baseline_hull for frontier in shown):
        handles.append(Patch(color=_SHADE, label="within reach of the baseline"))
    return handles


def _rows(names: Sequence[str], columns: int) -> int:
    """Give how many lines of text the legend's longest column may have."""
    lines = sum(name.count("\n") + 1 for name in names) + 2
    return -(-lines // columns) + 1


def _wrapped(text: str, shape: _Shape) -> str:
    """Break a title between its parts where it would be too wide."""
    letters = int(shape.width / (0.85 * (shape.font + 2)))
    lines = [""]
    for part in text.split(" · "):
        if lines[-1] and len(lines[-1]) + len(part) > letters:
            lines.append("")
        lines[-1] += f" · {part}" if lines[-1] else part
    return "\n".join(lines)
