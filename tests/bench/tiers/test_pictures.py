"""Pictures: drawn whole, whatever there is to draw; names that cover nothing."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pytest
from bench.tiers.sample import KNOWN, TEST, ByKind
from matplotlib.figure import Figure
from matplotlib.text import Text
from routers.tiers.toy import CHEAPEST

from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.drawing import Named, put_names, shade
from outlay.bench.tiers.frontier_picture import frontier_png
from outlay.bench.tiers.trade_off_pictures import reward_png, rewards, tiers_png
from outlay.bench.tiers.training_picture import training_png

if TYPE_CHECKING:
    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    wide, high = struct.unpack(">II", png[16:24])
    return wide, high


def test_every_picture_is_a_png_of_its_size(by_kind: Findings, learnt: Learnt) -> None:
    assert size(frontier_png(by_kind)) == (1600, 992)
    assert size(reward_png(by_kind)) == (1600, 736)
    assert size(tiers_png(by_kind)) == (1600, 544)
    assert size(training_png(learnt)) == (1696, 1024)


def test_pictures_are_drawn_without_constants_and_without_dollars(by_kind: Findings) -> None:
    free = by_kind.rows[0].usd.model_copy(update={"value": 0.0, "low": 0.0, "high": 0.0})
    rows = tuple(row.model_copy(update={"usd": free}) for row in by_kind.rows)
    assert size(frontier_png(by_kind.model_copy(update={"rows": rows, "constants": ()}))) == (1600, 992)


def test_differences_of_what_was_hardly_run_are_hollow(learnt: Learnt, by_kind: Findings) -> None:
    rarely = compare(ByKind(CHEAPEST), learnt, KNOWN, TEST, draws=100)
    assert [hollow(found) for found in (by_kind, rarely)] == [0, 1]


def hollow(found: Findings) -> int:
    figure = Figure()
    rewards(figure, found)
    return sum(text.get_text() == "learned (95% interval), under 90% run" for text in figure.legends[0].texts)


def test_the_same_findings_make_the_same_picture(by_kind: Findings) -> None:
    assert frontier_png(by_kind) == frontier_png(by_kind)


def test_names_cover_neither_each_other_nor_points() -> None:
    figure = Figure(figsize=(6, 4))
    axes = figure.subplots()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    points = [(0.5, 0.5), (0.52, 0.5), (0.5, 0.53), (0.98, 0.98)]
    put_names(figure, axes, [Named(x, y, "λ 0.05, 0.1", "#000000") for x, y in points], points)
    figure.draw_without_rendering()
    boxes = [Text.get_window_extent(text) for text in axes.texts]  # an annotation's own has its line in it
    assert sum(one.overlaps(other) for one in boxes for other in boxes) == len(boxes)
    spots = axes.transData.transform(np.array(points))
    assert not any(box.contains(*spot) for box in boxes for spot in spots)
    assert all(axes.bbox.contains(box.x0, box.y0) for box in boxes)


@pytest.mark.parametrize("count", [1, 7])
def test_the_policy_is_darker_at_dearer_trade_offs(count: int) -> None:
    sums = [sum(mpl.colors.to_rgb(shade(range(count), place))) for place in range(count)]
    assert sums == sorted(sums, reverse=True)
    assert len(set(sums)) == count
