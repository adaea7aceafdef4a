"""What the pictures of tiers share: colours, how they are saved, and names put where nothing is."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from outlay.bench.tiers.findings import BEST, LEARNED, ORACLE, RANDOM
from outlay.memory.modules.routing import Tier

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

INK, FAINT, GRID = "#333333", "#707070", "#D8D8D8"
# Okabe and Ito's colours, told apart by colour-blind people.
LOOKS: Final = {
    LEARNED: ("#D55E00", "o"),
    BEST: ("#000000", "s"),
    "LinUCB": ("#009E73", "^"),
    RANDOM: ("#CC79A7", "X"),
    ORACLE: ("#0072B2", "D"),
}
"""Colour and marker of each router."""
TIER_COLOURS: Final = {Tier.LOW: "#D6E4F0", Tier.MID: "#7FB2D9", Tier.HIGH: "#0B4F8A"}
DOTS: Final = 96
"""Per inch: CSS's."""
_STYLE: Final[dict[Any, Any]] = {
    "axes.axisbelow": True,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "text.color": INK,
    # Names of logs and models are no mathematics, whatever dollar signs they have.
    "text.parse_math": False,
    "xtick.color": INK,
    "ytick.color": INK,
}
_GAP: Final = 10.0
"""Pixels between a point and its name."""
_LETTER: Final = 0.58
"""Width of a letter, of the font's size."""
_LINE: Final = 1.3
"""Height of a line, of the font's size."""


def drawn(wide: int, high: int, draw: Callable[[Figure], None]) -> bytes:
    """Give a picture of `wide` by `high` pixels as PNG."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(wide / DOTS, high / DOTS), layout="constrained")
        draw(figure)
        file = BytesIO()
        figure.savefig(file, format="png", dpi=1.6 * DOTS, metadata={"Software": None})
    return file.getvalue()


def heading(figure: Figure, text: str) -> None:
    """Write what the picture is, over all of it."""
    figure.suptitle(text, fontsize=12, fontweight="bold", x=0.01, ha="left")


def shade(trade_offs: Sequence[float], place: int) -> str:
    """Give the colour of the policy at the trade-off at `place`: the same hue, darker as lambda grows."""
    share = place / max(1, len(trade_offs) - 1)
    light, dark = np.array([0.98, 0.69, 0.38]), np.array([0.50, 0.13, 0.0])
    return str(mpl.colors.to_hex(light + share * (dark - light)))


def tier_handles() -> list[Patch]:
    """Give what a legend says of the tiers' colours."""
    return [Patch(color=TIER_COLOURS[tier], label=tier.name) for tier in Tier]


class Named(NamedTuple):
    """A point and what to call it."""

    x: float
    y: float
    text: str
    colour: str


def put_names(
    figure: Figure, axes: Axes, named: Sequence[Named], avoid: Sequence[tuple[float, float]]
) -> None:
    """Write names beside their points, where they cover neither each other nor other points.

    Args:
        figure: The whole picture.
        axes: Whose limits are set.
        named: What to write, the most important first.
        avoid: Points that no name may cover.
    """
    figure.draw_without_rendering()
    taken = [_around(axes.transData.transform(point), 7, 7) for point in avoid]
    inside = axes.get_window_extent()
    size = 8.5
    pixels = size * figure.dpi / 72
    for name in named:
        at = axes.transData.transform((name.x, name.y))
        wide, high = _LETTER * pixels * len(name.text), _LINE * pixels
        spots = [spot for spot in _spots(at, wide, high) if _is_inside(spot, inside.extents)]
        spot = min(spots or [next(iter(_spots(at, wide, high)))], key=lambda one: _covered(one, taken))
        taken.append(spot)
        middle = axes.transData.inverted().transform(((spot[0] + spot[2]) / 2, (spot[1] + spot[3]) / 2))
        axes.annotate(
            name.text,
            (name.x, name.y),
            xytext=(float(middle[0]), float(middle[1])),
            ha="center",
            va="center",
            fontsize=size,
            color=name.colour,
            arrowprops={
                "arrowstyle": "-",
                "color": name.colour,
                "linewidth": 0.6,
                "alpha": 0.6,
                "shrinkB": 6,
            },
            zorder=8,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
        )


_Box = tuple[float, float, float, float]


def _spots(at: NDArray[np.float64], wide: float, high: float) -> list[_Box]:
    """Give places for a name, the nearest first."""
    found: list[_Box] = []
    for away in (1.0, 2.5, 4.0, 6.0, 9.0):
        gap = _GAP * away
        for x, y in ((1, 0), (1, -1), (1, 1), (-1, 0), (-1, 1), (-1, -1), (0, 1), (0, -1)):
            middle = at + np.array([x * (gap + wide / 2), y * (gap + high / 2)])
            found.append(_around(middle, wide / 2, high / 2))
    return found


def _around(middle: NDArray[np.float64], wide: float, high: float) -> _Box:
    x, y = float(middle[0]), float(middle[1])
    return x - wide, y - high, x + wide, y + high


def _is_inside(box: _Box, extents: Sequence[float]) -> bool:
    left, bottom, right, top = extents
    return box[0] >= left and box[1] >= bottom and box[2] <= right and box[3] <= top


def _covered(box: _Box, taken: Sequence[_Box]) -> float:
    """Give the area that `box` has in common with others."""
    return sum(
        max(0.0, min(box[2], one[2]) - max(box[0], one[0]))
        * max(0.0, min(box[3], one[3]) - max(box[1], one[1]))
        for one in taken
    )
