"""What a step costs: the page's arithmetic, and bookkeeping worked by hand."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.budget import Price
from outlay.errors import ConfigurationError
from outlay.routers.cascade import (
    Cascade,
    Terms,
    cost_at_once,
    cost_in_waves,
    in_waves,
    most_deferrals,
    next_wave,
    step_usd,
)

STUDENT, TEACHER = Price(input=0.4, output=1.6), Price(input=3, output=15)
SHARED = Terms(prompt_tokens=3000, output_tokens=60, price=STUDENT, per_request=3)
SEPARATE = SHARED.model_copy(update={"per_request": 1})


def test_a3_samples_and_teacher_in_dollars() -> None:
    assert cost_at_once(Cascade(), SHARED) == 0.001488
    assert cost_at_once(Cascade(), SEPARATE) == 0.003888
    assert Terms(prompt_tokens=1200, output_tokens=80, price=TEACHER).cost(1) == 0.0048


def test_a3_a_step_at_the_papers_deferral_rate() -> None:
    assert step_usd(0.001488, 0.0048, 0.039) == 0.0016752
    assert step_usd(0.001488, 0.0048, 0.039) / 0.0048 == pytest.approx(0.349, abs=1e-12)


def test_deferrals_up_to_which_a_cascade_is_the_cheaper_one() -> None:
    assert most_deferrals(0.001488, 0.0048) == pytest.approx(0.69, abs=1e-12)
    assert most_deferrals(0.003888, 0.0048) == pytest.approx(0.19, abs=1e-12)
    assert most_deferrals(0.006, 0.0048) == most_deferrals(0.0, 0.0) == 0.0


@settings(deadline=None)
@given(st.floats(0.0001, 1), st.floats(0.0001, 1))
def test_at_that_many_deferrals_a_step_costs_what_the_teacher_does(samples: float, teacher: float) -> None:
    most = most_deferrals(samples, teacher)
    assert step_usd(samples, teacher, most) == pytest.approx(max(samples, teacher), abs=2e-12)


@pytest.mark.parametrize(
    ("terms", "agreement", "waves"),
    [
        # Two, and a third with a prompt of its own where they are equal.
        (SHARED, 0.25, (3000 * 0.4 + 120 * 1.6 + 0.25 * (3000 * 0.4 + 60 * 1.6)) / 1e6),
        (SEPARATE, 0.25, 2.25 * (3000 * 0.4 + 60 * 1.6) / 1e6),
        (SHARED, 0.0, (3000 * 0.4 + 120 * 1.6) / 1e6),
        (SHARED, 1.0, (2 * 3000 * 0.4 + 180 * 1.6) / 1e6),
    ],
)
def test_waves_of_three_by_unanimity(terms: Terms, agreement: float, waves: float) -> None:
    assert cost_in_waves(Cascade(), terms, agreement) == pytest.approx(waves, abs=1e-12)


def test_a_dear_prompt_is_bought_once_and_a_cheap_one_in_waves() -> None:
    talkative = SHARED.model_copy(update={"prompt_tokens": 50, "output_tokens": 800})
    assert not in_waves(Cascade(), SHARED)
    assert in_waves(Cascade(), talkative)
    assert in_waves(Cascade(), SEPARATE)
    assert not in_waves(Cascade(), SEPARATE, agreement=1.0)
    assert not in_waves(Cascade(n=1), SEPARATE)


def test_a_cached_prompt_makes_waves_cheaper() -> None:
    price = Price(input=0.4, output=1.6, cached_input=0.04)
    cold = Terms(prompt_tokens=3000, output_tokens=100, price=price, per_request=3)
    warm = cold.model_copy(update={"cached": 1.0})
    assert cost_at_once(Cascade(), warm) == cost_at_once(Cascade(), cold)
    assert (in_waves(Cascade(), cold, 0.5), in_waves(Cascade(), warm, 0.5)) == (False, True)
    assert cost_in_waves(Cascade(), warm, 0.5) == pytest.approx(
        (3000 * 0.4 + 200 * 1.6 + 0.5 * (3000 * 0.04 + 100 * 1.6)) / 1e6, abs=1e-12
    )


def test_an_unknown_price_weighs_an_output_token_as_four_of_the_prompt() -> None:
    unknown = Terms(prompt_tokens=100, output_tokens=25, per_request=8)
    priced = unknown.model_copy(update={"price": Price(input=2, output=8)})
    assert 2 * cost_at_once(Cascade(), unknown) == cost_at_once(Cascade(), priced)
    assert in_waves(Cascade(), unknown, 0.4) == in_waves(Cascade(), priced, 0.4)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.sampled_from(["unanimity", "majority"]), st.floats(0, 1), st.integers(1, 3))
def test_the_cost_of_waves_is_the_mean_over_all_draws(
    n: int, rule: str, usual: float, per_request: int
) -> None:
    terms = Terms(prompt_tokens=40, output_tokens=7, price=STUDENT, per_request=per_request)
    cascade = Cascade(n=n, rule=rule)
    mean = 0.0
    for draws in product([True, False], repeat=n):
        values = ["same" if equal else str(place) for place, equal in enumerate(draws)]
        cost, bought = 0.0, 0
        while wave := next_wave(values[:bought], cascade):
            cost, bought = cost + terms.cost(wave, again=bought > 0), bought + wave
        mean += usual ** sum(draws) * (1 - usual) ** (n - sum(draws)) * cost
    assert cost_in_waves(cascade, terms, usual**2) == pytest.approx(mean, abs=1e-10)


def test_terms_that_cannot_be_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cached"):
        Terms(prompt_tokens=1, output_tokens=1, cached=1.5)
