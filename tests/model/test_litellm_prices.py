from __future__ import annotations

from typing import Any

import pytest

from outlay.budget import PICODOLLARS, Price, Usage
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
    assert price_from({"m": PLAIN}, ["m"], "openai") == Price(input=0.4, output=1.6)


@pytest.mark.parametrize(
    ("prompt_tokens", "dollars"),
    [
        pytest.param(200_000, 0.2 + 0.01, id="at the step"),
        pytest.param(200_001, 0.400002 + 0.015, id="above the step"),
    ],
)
def test_a_long_prompt_has_the_price_of_its_tier(prompt_tokens: int, dollars: float) -> None:
    price = price_from({"m": TIERED}, ["m"], "vertex_ai")
    assert price is not None
    used = Usage(prompt_tokens=prompt_tokens, output_tokens=1000)
    assert price.cost(used) / PICODOLLARS == pytest.approx(dollars)
    assert price.worst_case(prompt_tokens, 1000) == price.cost(used)


def test_ranges_of_prompt_lengths_are_prices_too() -> None:
    ranges = [
        {"range": [0, 256_000], "input_cost_per_token": 5e-08, "output_cost_per_token": 4e-07},
        {"range": [256_000, 1_000_000], "input_cost_per_token": 2.5e-07, "output_cost_per_token": 2e-06},
    ]
    entry = {"litellm_provider": "dashscope", "tiered_pricing": ranges}
    expected = Price(input=0.05, output=0.4, long_prompts={256_000: Price(input=0.25, output=2)})
    assert price_from({"m": entry}, ["m"], "dashscope") == expected


def test_dearer_thinking_has_its_own_price() -> None:
    entry = {**PLAIN, "output_cost_per_reasoning_token": 3e-06}
    price = price_from({"m": entry}, ["m"], "openai")
    assert price == Price(input=0.4, output=1.6, reasoning=3)
    assert price.worst_case(0, 1) == 3_000_000
    assert price.cost(Usage(output_tokens=3, reasoning_tokens=2)) == 7_600_000


def test_service_tiers_have_their_prices() -> None:
    entry = {
        **PLAIN,
        "input_cost_per_token_priority": 7e-07,
        "output_cost_per_token_priority": 2.8e-06,
        "input_cost_per_token_flex": 2e-07,
        "output_cost_per_token_flex": 8e-07,
        "input_cost_per_token_batches": 1e-07,
        "provider_specific_entry": {"fast": 6.0},
    }
    price = price_from({"m": entry}, ["m"], "openai")
    assert price is not None
    assert price.service_tiers == {
        "flex": Price(input=0.2, output=0.8),
        "priority": Price(input=0.7, output=2.8),
        "fast": Price(input=2.4, output=9.6),
    }


def test_what_is_billed_beside_tokens_is_read() -> None:
    entry = {
        "litellm_provider": "anthropic",
        "input_cost_per_token": 3e-06,
        "output_cost_per_token": 1.5e-05,
        "cache_creation_input_token_cost": 3.75e-06,
        "cache_creation_input_token_cost_above_1hr": 6e-06,
        "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.02},
        "output_cost_per_audio_token": 8e-05,
    }
    expected = Price(input=3, output=15, cache_write=3.75, cache_write_1h=6, search=0.02, audio_output=80)
    assert price_from({"m": entry}, ["m"], "anthropic") == expected


def test_a_model_that_always_searches_costs_that_in_every_request() -> None:
    searches = {"search_context_cost_per_query": {"search_context_size_high": 0.014}}
    entry = {**PLAIN, **searches, "litellm_provider": "perplexity"}
    price = price_from({"perplexity/sonar": entry}, ["perplexity/sonar"], "perplexity")
    assert price is not None
    assert price.worst_case(0, 0) == 14_000_000_000


def test_a_changed_entry_has_its_new_price() -> None:
    entry = dict(PLAIN)
    assert price_from({"m": entry}, ["m"], "openai") == Price(input=0.4, output=1.6)
    entry["input_cost_per_token"] = 5e-07
    assert price_from({"m": entry}, ["m"], "openai") == Price(input=0.5, output=1.6)


@pytest.mark.parametrize(
    "prices",
    [
        pytest.param({}, id="not listed"),
        pytest.param({"m": {**PLAIN, "litellm_provider": "azure"}}, id="listed for another provider"),
        pytest.param({"m": {"litellm_provider": "openai", "input_cost_per_token": 1e-06}}, id="half a price"),
    ],
)
def test_a_price_that_is_not_listed_is_unknown(prices: dict[str, dict[str, Any]]) -> None:
    assert price_from(prices, ["openai/m", "m"], "openai") is None


def test_known_models_have_a_price_and_self_hosted_ones_have_none() -> None:
    assert LiteLLMProvider("openai/gpt-4.1-mini").price(10) is not None
    assert LiteLLMProvider("hosted_vllm/gpt-4.1-mini").price(10) is None
