from __future__ import annotations

import asyncio
from fractions import Fraction

import pytest

from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.errors import ScorerError
from outlay.outcome import Outcome

LOCOMO = scorer_from_spec("locomo")


def score(category: object, gold: str, text: str) -> float:
    item = Item(id="i", question="?", answers=(gold,), labels={"category": category})
    return asyncio.run(LOCOMO.score(item, Outcome(text=text))).value


# Worked by hand after task_eval/evaluation.py of LoCoMo (Maharana et al. 2024, arXiv 2402.17753).
@pytest.mark.parametrize(
    ("category", "gold", "text", "expected"),
    [
        pytest.param(4, "researching agencies", "She researched an agency", Fraction(4, 5), id="stems"),
        pytest.param(2, "7 May 2023", "7 May, 2023", 1, id="a comma in a date is no list"),
        pytest.param(4, "pottery and camping", "camping pottery", 1, id="`and` is left out, order too"),
        pytest.param(4, "running", "swimming", 0, id="nothing shared"),
        pytest.param(1, "pottery, camping", "camping", Fraction(1, 2), id="one of two parts"),
        pytest.param(1, "pottery, camping", "camping, a pottery class", Fraction(5, 6), id="(2/3 + 1) / 2"),
        pytest.param(1, "pottery, camping", "pottery and camping", Fraction(2, 3), id="not split: 2/3 each"),
        pytest.param(1, "pottery,", "pottery", Fraction(1, 2), id="an empty part counts as one"),
        pytest.param(3, "Likely no; though she reads", "likely no", 1, id="what explains is left out"),
        pytest.param(3, "Paris; because B", "Paris", 1, id="B10: what explains is left out"),
        pytest.param(4, "cat sat", "the Cat, sat", 1, id="B10: articles, commas and capitals"),
        pytest.param(3, "Likely no", "likely no; she reads", Fraction(2, 3), id="not of what is said"),
        pytest.param(5, "self-care", "That is Not mentioned in the conversation.", 1, id="not mentioned"),
        pytest.param(5, "self-care", "No information available", 1, id="no information"),
        pytest.param(5, "self-care", "self-care is important", 0, id="trapped"),
        pytest.param("4", "Sweden", "sweden", 1, id="a category read as text"),
    ],
)  # fmt: skip
def test_each_category_is_scored_as_locomo_does(
    category: object, gold: str, text: str, expected: float
) -> None:
    assert score(category, gold, text) == pytest.approx(float(expected))


@pytest.mark.parametrize("category", [None, 6, "temporal"])
def test_an_item_without_a_category_of_locomo_is_no_score_of_zero(category: object) -> None:
    with pytest.raises(ScorerError, match="needs 1 to 5"):
        score(category, "Sweden", "Sweden")
