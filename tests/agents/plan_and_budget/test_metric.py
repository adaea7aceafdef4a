from __future__ import annotations

import math

import pytest

from outlay.agents.plan_and_budget.metric import e3
from outlay.errors import ConfigurationError


@pytest.mark.parametrize(("accuracy", "tokens", "expected"), [(90, 1000, 8.1), (80, 500, 12.8), (0, 10, 0)])
def test_e3_is_accuracy_squared_over_tokens(accuracy: float, tokens: float, expected: float) -> None:
    assert e3(accuracy, tokens) == pytest.approx(expected)


def test_the_published_headline_is_a_rise_of_193_percent() -> None:
    rise = (0.47 / 0.16 - 1) * 100
    assert rise == pytest.approx(193.75)


def test_e3_with_the_planners_tokens_is_never_larger() -> None:
    assert e3(80, 500 + 120) <= e3(80, 500)


@pytest.mark.parametrize(
    ("accuracy", "tokens"), [(101, 10), (-1, 10), (50, 0), (math.nan, 10), (50, math.nan)]
)
def test_what_has_no_e3_is_refused(accuracy: float, tokens: float) -> None:
    with pytest.raises(ConfigurationError, match="E3 needs"):
        e3(accuracy, tokens)
