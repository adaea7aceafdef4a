"""The page: whole in itself, and what it says is text."""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING

from bench.tiers.sample import KNOWN, TEST, ByKind, log
from bench.tiers.sample import by_kind as tried
from routers.tiers.toy import CHEAPEST

from outlay.bench.tiers.comparing import compare
from outlay.bench.tiers.page import write_page
from outlay.bench.tiers.words import sentences

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt

PICTURES = {name: name.encode() for name in ("frontier.png", "reward.png", "tiers.png", "training.png")}


def page(found: Findings, learnt: Learnt, path: Path) -> str:
    write_page(found, learnt, PICTURES, path)
    return path.read_text(encoding="utf-8")


def test_the_page_carries_its_pictures_and_asks_nobody(
    by_kind: Findings, learnt: Learnt, tmp_path: Path
) -> None:
    said = page(by_kind, learnt, tmp_path / "report.html")
    carried = [b64decode(found) for found in re.findall(r'src="data:image/png;base64,([^"]*)"', said)]
    assert carried == list(PICTURES.values())
    assert re.findall(r"(?:src|href)=\"(?!data:)", said) == []
    assert "http://" not in said
    assert "https://" not in said
    assert "default-src 'none'" in said


def test_the_page_has_every_sentence_router_and_constant(
    by_kind: Findings, learnt: Learnt, tmp_path: Path
) -> None:
    said = page(by_kind, learnt, tmp_path / "report.html")
    assert said.count("<li>") == len(sentences(by_kind))
    assert re.findall(r'<th scope="row">(\w[\w ]*)<small>&lambda; 0</small>', said) == list(by_kind.names)
    assert '<th scope="row">all HIGH</th>' in said
    assert "SIMULATED" not in said
    assert "optimistic" not in said


def test_the_page_warns_where_it_must(learnt: Learnt, tmp_path: Path) -> None:
    held_out = page(tried(learnt, None), learnt, tmp_path / "held-out.html")
    assert '<p class="warning">No test log was given' in held_out
    formula = tried(learnt, log("formula", range(100, 104), simulated=True))
    assert '<p class="simulated">' in page(formula, learnt, tmp_path / "simulated.html")


def test_the_page_says_beside_the_picture_where_little_was_run(
    by_kind: Findings, learnt: Learnt, tmp_path: Path
) -> None:
    rarely = compare(ByKind(CHEAPEST), learnt, KNOWN, TEST, draws=100)
    said = page(rarely, learnt, tmp_path / "rarely.html")
    assert "The policy's were run at 50% (&lambda; 0), at 50% (&lambda; 0.3)." in said
    assert "Hollow:" not in page(by_kind, learnt, tmp_path / "run.html")


def test_support_is_of_all_that_was_logged_and_predictions_are_called_that(
    learnt: Learnt, tmp_path: Path
) -> None:
    said = page(tried(learnt, None), learnt, tmp_path / "held-out.html")
    assert "Effective sample size<small>of 384 runs</small>" in said
    assert "learnt from 24 questions and 288 runs" in said
    assert "doubly robust" not in said
    assert "moved to the level of each question's runs" in said


def test_names_are_text(by_kind: Findings, learnt: Learnt, tmp_path: Path) -> None:
    odd = by_kind.model_copy(update={"kinds": (("<b>who</b>", 3), ("when", 2)), "log": "<i>l</i>"})
    said = page(odd, learnt, tmp_path / "report.html")
    assert "&lt;b&gt;who&lt;/b&gt;: 3" in said
    assert "<b>who" not in said
    assert "<i>l" not in said
