"""Values: ceilings, sums, prices and shares."""

import math
import pickle
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from outlay import errors
from outlay.budget import Budget, Price, Usage, apportion, picodollars
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError, OutlayError


@pytest.mark.parametrize("field", ["output_tokens", "total_tokens", "usd", "calls", "seconds"])
@pytest.mark.parametrize(
    "value", [-1, math.nan, math.inf, "many"], ids=["negative", "nan", "infinite", "text"]
)
def test_a_limit_is_a_finite_number_of_at_least_zero(field: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=field):
        Budget(**{field: value})


def test_an_unknown_limit_names_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="output_tokens, total_tokens, usd, calls, seconds"):
        Budget(tokens=5)  # type: ignore[call-arg]


def test_no_limit_is_not_zero() -> None:
    assert not Budget().limited
    assert Budget(calls=0).limited


@pytest.mark.parametrize("field", [name for name in Usage.model_fields if name != "usd"])
@pytest.mark.parametrize(
    "value",
    [-1, 2.0, True, "3", 10**400, math.nan, None],
    ids=["negative", "a float", "a bool", "a text", "huge", "nan", "none"],
)
def test_a_count_is_an_integer_of_at_least_zero(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Usage(**{field: value})


@pytest.mark.parametrize("usd", [-0.1, math.nan, math.inf])
def test_dollars_spent_are_finite_and_at_least_zero(usd: float) -> None:
    with pytest.raises(ValidationError, match="usd"):
        Usage(usd=usd)


def test_what_is_left_beside_a_larger_part_is_nothing() -> None:
    part = Usage(calls=2, prompt_tokens=3, cache_write_tokens=1, output_tokens=5, usd=0.5)
    assert Usage(calls=1, output_tokens=7, usd=0.2).less(part) == Usage(output_tokens=2)


def test_a_price_is_one_that_a_cost_can_be_made_of() -> None:
    with pytest.raises(ConfigurationError, match="input"):
        Price(input=1e300, output=1)


def test_a_dearer_long_prompt_is_in_the_worst_case() -> None:
    price = Price(input=1, output=2, long_prompts={100: Price(input=3, output=4)})
    assert price.worst_case(100, 10) == 120 * 10**6
    assert price.worst_case(101, 10) == (303 + 40) * 10**6
    assert price.affords(price.worst_case(101, 10), 101) == 10
    assert price.cost(Usage(prompt_tokens=100, output_tokens=10)) == 120 * 10**6


def test_an_unknown_price_stays_unknown_in_a_sum() -> None:
    assert (Usage(usd=1.0) + Usage(usd=None)).usd is None


@given(st.lists(st.integers(0, 10**12), max_size=20))
def test_dollars_of_parts_add_up_to_their_whole(parts: list[int]) -> None:
    whole = sum((Usage(usd=part / 10**12) for part in parts), Usage())
    assert whole.usd == sum(parts) / 10**12


def test_the_worst_case_takes_the_dearest_way_to_read_a_prompt() -> None:
    price = Price(input=1, output=4, cached_input=0.1, cache_write=1.25)
    assert price.worst_case(100, 10) == 165_000_000
    assert price.cost(Usage(prompt_tokens=100, cached_tokens=50, output_tokens=10)) == 95_000_000


@given(st.integers(0, 10**12), st.integers(0, 1000), st.integers(0, 50), st.integers(0, 50))
def test_what_money_affords_it_pays_for(money: int, prompt: int, dear_in: int, dear_out: int) -> None:
    price = Price(input=dear_in, output=dear_out)
    tokens = price.affords(money, prompt)
    assert tokens is None or tokens < 0 or price.worst_case(prompt, tokens) <= money
    assert tokens is None or price.worst_case(prompt, tokens + 1) > money or tokens < 0


def test_dollar_limits_are_exact() -> None:
    assert picodollars(0.3) == 3 * picodollars(0.1)


@given(
    st.integers(0, 10_000),
    st.lists(st.integers(0, 1000), min_size=1, max_size=12),
    st.integers(0, 100),
)
def test_apportion_loses_no_token(total: int, weights: list[int], floor: int) -> None:
    shares = apportion(total, weights, floor)
    assert sum(shares) == total
    assert min(shares) >= min(floor, total // len(weights))


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=8), st.integers(2, 50))
def test_apportion_knows_only_proportions(weights: list[int], factor: int) -> None:
    assert apportion(1000, weights) == apportion(1000, [weight * factor for weight in weights])


def test_what_rounding_leaves_goes_to_the_largest_shares() -> None:
    assert apportion(200, [40, 80]) == (66, 134)
    assert apportion(450, [1, 1, 1, 1]) == (113, 113, 112, 112)
    assert apportion(7, [0, 0]) == (4, 3)
    assert apportion(10, [Fraction(1, 3), Fraction(2, 3)]) == (3, 7)


@pytest.mark.parametrize(
    ("total", "weights", "floor"),
    [(-1, [1], 0), (1, [], 0), (1, [-1], 0), (1, [math.nan], 0), (1, [math.inf], 0), (1, [1], -1)],
    ids=["total", "no-weights", "weight", "nan", "infinite", "floor"],
)
def test_apportion_refuses_what_has_no_share(total: int, weights: list[float], floor: int) -> None:
    with pytest.raises(ConfigurationError):
        apportion(total, weights, floor)


@pytest.mark.parametrize("kind", [getattr(errors, name) for name in dir(errors) if name.endswith("Error")])
def test_every_error_pickles_with_its_facts(kind: type[OutlayError]) -> None:
    made = kind("run", "usd", 0.5, 0.1) if kind is BudgetExhaustedError else kind("what to change")
    made.__dict__["note"] = "kept"
    again = pickle.loads(pickle.dumps(made))  # noqa: S301
    assert (type(again), str(again), again.__dict__) == (kind, str(made), made.__dict__)


def test_a_model_error_carries_model_and_usage() -> None:
    error = ModelError("down", model="m", usage=Usage(calls=1))
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (again.model, again.usage) == ("m", Usage(calls=1))
