"""Which scorer fits."""

from __future__ import annotations

from typing import Any

import pytest

from outlay.bench.items import Item
from outlay.bench.sources import default_scorer


@pytest.mark.parametrize(
    ("answers", "scorer"),
    [
        (["72", "1,000", "-3.5", "$12", "1/2", "50%"], "numeric"),
        (["A", "(B)", "J"], "choice"),
        (["A", "Kim"], "exact"),
        (["12", r"\frac{1}{2}", "east"], "math"),
        ([r"\frac{1}{2}"], "math"),
        (["12", "(8,-2)", "x"], "math"),
        (["12", "x^2"], "math"),
        (["2x+1", "3"], "math"),
        (["12", "Paris"], "exact"),
        (["yes", "no"], "exact"),
        (["8 May 2023"], "exact"),
        (["Ann O'Hara (poet)", "and/or"], "exact"),
    ],
)
def test_answers_tell_the_scorer(answers: list[str], scorer: str) -> None:
    items = [Item(id=str(index), question="?", answers=(answer,)) for index, answer in enumerate(answers)]
    assert default_scorer(items) == scorer


@pytest.mark.parametrize(
    ("labels", "scorer"),
    [
        ({"conversation": "conv-1", "category": 1, "evidence": []}, "locomo"),
        ({"type": "bridge", "supporting_facts": []}, "f1"),
        ({"category": 1}, "numeric"),
    ],
    ids=["LoCoMo", "HotpotQA", "neither"],
)
def test_labels_of_known_data_tell_the_scorer(labels: dict[str, Any], scorer: str) -> None:
    assert default_scorer([Item(id="1", question="?", answers=("4",), labels=labels)]) == scorer


def test_nothing_is_scored_exactly() -> None:
    assert default_scorer([]) == "exact"
