"""The frontier drawn: that it draws what there is, its text as text, whatever there is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

import pytest
from bench_records import LOOSE, failed, items, manifest, right, trial, trials

from outlay.bench.analysis import Findings, analyse
from outlay.bench.report.picture import draw_png, draw_svg
from outlay.budget import Usage

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.trial import Trial

PLAN = "plan-and-budget:solve=sequential,schedule=cosine"
FREE = Usage(calls=1, output_tokens=10, prompt_tokens=30)
RECORDS = [
    *trials(right(20, 40), spend=(10, 90)),
    *trials(right(30, 40), spend=(20, 90), budget=LOOSE),
    *trials(right(28, 40), spend=(15, 85), strategy=PLAN),
]


def _texts(
    records: list[Trial], width: Literal["wide", "narrow"] = "wide", *, simulated: bool = False
) -> str:
    svg = draw_svg(analyse(manifest(simulated=simulated), items(40), records), width=width)
    return "\n".join(ET.fromstring(svg).itertext())  # noqa: S314 - our own


@pytest.fixture(scope="module")
def findings() -> Findings:
    return analyse(manifest(), items(40), RECORDS)


@pytest.fixture(scope="module")
def wide(findings: Findings) -> str:
    return draw_svg(findings, width="wide")


def test_the_file_is_a_png_of_some_size(findings: Findings, tmp_path: Path) -> None:
    draw_png(findings, tmp_path / "frontier.png")
    written = (tmp_path / "frontier.png").read_bytes()
    assert written.startswith(b"\x89PNG")
    assert len(written) > 20_000


@pytest.mark.parametrize(
    "text",
    [
        "some-model · sums.jsonl · 40 items",
        "direct",
        "schedule=cosine",
        "output tokens per item",
        "hull of all",
    ],
)
def test_its_text_is_text(wide: str, text: str) -> None:
    assert text in "\n".join(ET.fromstring(wide).itertext())  # noqa: S314 - our own


def test_it_is_the_same_each_time(findings: Findings, wide: str) -> None:
    assert draw_svg(findings, width="wide") == wide


def test_both_widths_fit_one_page(findings: Findings, wide: str) -> None:
    narrow = draw_svg(findings, width="narrow")
    ids = [set(re.findall(r'\bid="(.*?)"', svg)) for svg in (wide, narrow)]
    assert ids[0].isdisjoint(ids[1])
    assert set(re.findall(r'(?:href="#|url\(#)(.*?)["\)]', wide)) <= ids[0]
    assert "<style" not in wide
    assert (ET.fromstring(wide).get("width"), ET.fromstring(narrow).get("width")) == ("1040", "380")  # noqa: S314


def test_dollar_signs_in_names_are_no_mathematics(tmp_path: Path) -> None:
    odd = manifest(model="$x^{$", source="a$_$b.jsonl")
    findings = analyse(odd, items(40), trials(right(20, 40), strategy=r"mine:$\frac{$=1"))
    said = "\n".join(ET.fromstring(draw_svg(findings, width="wide")).itertext())  # noqa: S314 - our own
    assert all(name in said for name in ("$x^{$", "a$_$b.jsonl", r"$\frac{$=1"))
    draw_png(findings, tmp_path / "frontier.png")


def test_a_simulated_model_is_named_so_in_the_title() -> None:
    assert "SIMULATED MODEL" in _texts(RECORDS, simulated=True)


@pytest.mark.parametrize(
    ("records", "axis"),
    [
        (trials([1.0], usage=FREE), "total tokens per item"),
        (trials([1.0], usage=FREE.model_copy(update={"usd": None})), "total tokens per item"),
        (trials([1.0], usage=FREE.model_copy(update={"usd": 0.001})), "dollars per 1,000 items"),
        (trials([1.0], usage=FREE.model_copy(update={"usd": 0.5})), "dollars per item"),
        ([trial(0, 1.0, spend=(9, 0)), trial(0, 1.0, spend=(90, 0), budget=LOOSE)], "(logarithmic)"),
        ([failed(0)], "nothing has both a score and a cost"),
        (
            [trial(0, 0.0, usage=Usage()), trial(0, 1.0, spend=(90, 0), budget=LOOSE)],
            "output tokens per item",
        ),
    ],
    ids=["free", "unknown price", "cheap", "dear", "a wide range", "nothing to draw", "a point at no cost"],
)
def test_its_axes_are_what_is_known(records: list[Trial], axis: str) -> None:
    assert axis in _texts(records, "narrow")
