from __future__ import annotations

import asyncio

import pytest

from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.errors import ScorerError
from outlay.outcome import Outcome


def score(scorer: str, answers: tuple[str, ...], value: str | None, text: str = "") -> float:
    item = Item(id="i", question="?", answers=answers)
    return asyncio.run(scorer_from_spec(scorer).score(item, Outcome(text=text, value=value))).value


@pytest.mark.parametrize(
    ("gold", "value", "expected"),
    [
        pytest.param("1234", "$1,234.00", 1, id="another notation"),
        pytest.param("18", "18 dollars", 1, id="unit"),
        pytest.param("1000000", "1000001", 0, id="integers are exact"),
        pytest.param("1/3", "0.333333", 1, id="a rounded third"),
        pytest.param("1/3", "0.33", 0, id="rounded too far"),
        pytest.param("3.14159265", "3.1415927", 1, id="decimals within a millionth"),
        pytest.param("3.1416", "3.1417", 0, id="decimals apart"),
        pytest.param("0", "0.0000001", 0, id="nothing is near zero"),
        pytest.param("-2", "2", 0, id="sign"),
        pytest.param("2", "two", 1, id="a number in words"),
        pytest.param("2", "a few", 0, id="no number"),
        pytest.param("2", None, 0, id="no value"),
    ],
)
def test_numeric_compares_numbers(gold: str, value: str | None, expected: float) -> None:
    assert score("numeric", (gold,), value) == expected


@pytest.mark.parametrize(
    ("gold", "value", "expected"),
    [
        pytest.param("Paris", "paris.", 1, id="case and full stop"),
        pytest.param("0.5", r"\frac{1}{2}", 1, id="numbers in normal form"),
        pytest.param("Paris", "Paris, France", 0, id="more words"),
        pytest.param("Paris", None, 0, id="no value"),
        pytest.param("Paris", "", 0, id="an empty value"),
    ],
)
def test_exact_compares_normal_forms(gold: str, value: str | None, expected: float) -> None:
    assert score("exact", (gold,), value) == expected


@pytest.mark.parametrize(
    ("gold", "value", "expected"),
    [
        pytest.param("B", "(b)", 1, id="in parentheses"),
        pytest.param("B", "B) Paris", 1, id="with its text"),
        pytest.param("(B)", "B", 1, id="the right one in parentheses"),
        pytest.param("B", "C", 0, id="another letter"),
        pytest.param("B", "42", 0, id="no letter"),
        pytest.param("B", None, 0, id="no value"),
    ],
)
def test_choice_compares_letters(gold: str, value: str | None, expected: float) -> None:
    assert score("choice", (gold,), value) == expected


@pytest.mark.parametrize("scorer", ["numeric", "exact", "choice"])
def test_the_text_of_an_answer_without_a_value_is_not_searched(scorer: str) -> None:
    assert score(scorer, ("5", "E"), None, text="E E E 5 5 5") == 0


def test_any_right_answer_counts() -> None:
    assert score("numeric", ("1", "2"), "2") == 1


@pytest.mark.parametrize(("scorer", "gold"), [("numeric", "Paris"), ("choice", "Paris"), ("exact", "...")])
def test_a_right_answer_that_cannot_be_read_is_no_score_of_zero(scorer: str, gold: str) -> None:
    with pytest.raises(ScorerError, match=f"'i' is one that scorer '{scorer}' can read"):
        score(scorer, (gold,), None)
