from __future__ import annotations

from typing import Any

import pytest

from outlay.budget import Price
from outlay.model.litellm_prices import price_from
from outlay.model.litellm_provider import LiteLLMProvider

PLAIN = {"litellm_provider": "openai", "input_cost_per_token": 4e-07, "output_cost_per_token": 1.6e-06}
TIERED = {
    "litellm_provider": "vertex_ai-language-models",
    "input_cost_per_token": 1e-06,
    "input_cost_per_token_above_200k_tokens": 2e-06,
    "output_cost_per_token": 1e-05,
    "output_cost_per_token_above_200k_tokens": 1.5e-05,
    "cache_read_input_token_cost": 1e-07,
}


def test_dollars_per_token_become_dollars_per_million_exactly() -> None:
    assert price_from({"m": PLAIN}, ["m"], "openai", 10) == Price(input=0.4, output=1.6)


@pytest.mark.parametrize(
    ("prompt_tokens", "expected"),
    [
        pytest.param(200_000, Price(input=1, output=10, cached_input=0.1), id="at the step"),
        pytest.param(200_001, Price(input=2, output=15, cached_input=0.1), id="above the step"),
    ],
)
def test_a_long_prompt_has_the_price_of_its_tier(prompt_tokens: int, expected: Price) -> None:
    assert price_from({"m": TIERED}, ["m"], "vertex_ai", prompt_tokens) == expected


def test_dearer_thinking_is_the_price_of_output() -> None:
    entry = {**PLAIN, "output_cost_per_reasoning_token": 3e-06}
    assert price_from({"m": entry}, ["m"], "openai", 10) == Price(input=0.4, output=3)


@pytest.mark.parametrize(
    "prices",
    [
        pytest.param({}, id="not listed"),
        pytest.param({"m": {**PLAIN, "litellm_provider": "azure"}}, id="listed for another provider"),
        pytest.param({"m": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}}, id="half a price"),
    ],
)
def test_a_price_that_is_not_listed_is_unknown(prices: dict[str, dict[str, Any]]) -> None:
    assert price_from(prices, ["openai/m", "m"], "openai", 10) is None


def test_known_models_have_a_price_and_self_hosted_ones_have_none() -> None:
    assert LiteLLMProvider("openai/gpt-4.1-mini").price(10) is not None
    assert LiteLLMProvider("hosted_vllm/gpt-4.1-mini").price(10) is None
