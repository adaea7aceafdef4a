from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest

from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.outcome import Outcome


def score(scorer: str, answers: tuple[str, ...], text: str, value: str | None = None) -> float:
    item = Item(id="i", question="?", answers=answers)
    return asyncio.run(scorer_from_spec(scorer).score(item, Outcome(text=text, value=value))).value


# Worked by hand after the definitions of SQuAD's evaluate-v1.1.py: lower case, no punctuation, no articles;
# F1 = 2PR / (P + R) over bags of words, 0 where none is shared; exact match compares the words in order.
@pytest.mark.parametrize(
    ("answers", "text", "f1", "exact"),
    [
        pytest.param(("Denver Broncos",), "the Denver Broncos!", 1, 1, id="article and punctuation"),
        pytest.param(("Denver Broncos",), "Broncos", Fraction(2, 3), 0, id="P 1, R 1/2"),
        pytest.param(("a b b c",), "b b b", Fraction(2 * 2, 3 + 3), 0, id="bags: P 2/3, R 2/3"),
        pytest.param(("Broncos Denver",), "Denver Broncos", 1, 0, id="order"),
        pytest.param(("Paris", "the city of Paris"), "city of Paris", 1, 1, id="the best answer"),
        pytest.param(("well-known",), "wellknown", 1, 1, id="punctuation leaves no gap"),
        pytest.param(("well-known",), "well known", 0, 0, id="a gap is another word"),
        pytest.param(("The Who",), "Who", 1, 1, id="articles inside a name"),
        pytest.param(("The",), "a", 0, 1, id="nothing left on both sides"),
        pytest.param(("Paris",), "", 0, 0, id="no text"),
        pytest.param(("É 10",), "é 10", 1, 1, id="case beyond ASCII"),
        pytest.param(("1\u201312",), "1-12", 0, 0, id="only ASCII punctuation is dropped"),
    ],
)
def test_f1_and_exact_match_are_those_of_squad(
    answers: tuple[str, ...], text: str, f1: float, exact: float
) -> None:
    assert score("f1", answers, text) == pytest.approx(float(f1))
    assert score("exact-match", answers, text) == exact


# Lin 2004, section 3: R = LCS / m, P = LCS / n, F = 2PR / (P + R).
@pytest.mark.parametrize(
    ("gold", "text", "expected"),
    [
        pytest.param("police killed the gunman", "police kill the gunman", Fraction(3, 4), id="Lin's S2"),
        pytest.param("police killed the gunman", "the gunman kill police", Fraction(1, 2), id="Lin's S3"),
        pytest.param("a b c d", "a d", Fraction(2 * 2, 6), id="P 1, R 1/2"),
        pytest.param("a", "", 0, id="no text"),
    ],
)
def test_rouge_l_is_the_f_measure_of_the_longest_common_subsequence(
    gold: str, text: str, expected: float
) -> None:
    assert score("rouge-l", (gold,), text) == pytest.approx(float(expected))


@pytest.mark.parametrize("scorer", ["f1", "exact-match", "rouge-l"])
@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param(r"Let us see. It is \boxed{Paris}", "Paris", id="marked"),
        pytest.param("Thinking. The answer is Paris. Good.", "Paris", id="said"),
        pytest.param("Paris", "Paris", id="the whole text"),
        pytest.param("Paris", None, id="cut short"),
    ],
)
def test_texts_are_scored_by_what_they_mark_else_as_a_whole(
    scorer: str, text: str, value: str | None
) -> None:
    assert score(scorer, ("Paris",), text, value) == 1


def test_a_number_in_an_unmarked_text_does_not_stand_for_it() -> None:
    assert score("exact-match", ("they met in 1999",), "they met in 1999", "1999") == 1
