from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from outlay.model.usage_report import read_usage

PLAIN = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}

BELOW_THE_TRUTH = [
    pytest.param({"prompt_tokens": -1000}, id="prompt below 0"),
    pytest.param({"completion_tokens": -1}, id="output below 0"),
    pytest.param({"total_tokens": -25}, id="total below 0"),
    pytest.param({"prompt_tokens": 10**400}, id="no store holds it"),
    pytest.param({"completion_tokens": float("inf")}, id="infinite"),
    pytest.param({"completion_tokens": float("nan")}, id="no number"),
    pytest.param({"prompt_tokens": "-20"}, id="a text below 0"),
]


@pytest.mark.parametrize("change", BELOW_THE_TRUTH)
def test_an_impossible_count_makes_the_rest_a_floor(change: dict[str, Any]) -> None:
    report = read_usage(PLAIN | change)
    assert report is not None
    assert report.partial
    assert report.prompt_tokens == (0 if "prompt_tokens" in change else 20)
    assert report.output_tokens == (0 if "completion_tokens" in change else 5)


def test_an_impossible_count_leaves_the_cost() -> None:
    report = read_usage({"prompt_tokens": 5, "completion_tokens": -3, "cost": 0.7})
    assert report is not None
    assert (report.partial, report.prompt_tokens, report.output_tokens, report.cost) == (True, 5, 0, 0.7)


def test_a_total_beside_an_impossible_count_is_no_output() -> None:
    report = read_usage({"prompt_tokens": -1, "completion_tokens": 5, "total_tokens": 90_000})
    assert report is not None
    assert report.output_tokens == 5


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"prompt_tokens": -1}, id="nothing beside it"),
        pytest.param({"prompt_tokens": 0, "completion_tokens": -1, "total_tokens": 9}, id="only a total"),
    ],
)
def test_an_impossible_count_alone_is_no_report(found: dict[str, Any]) -> None:
    assert read_usage(found) is None


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(None, id="none"),
        pytest.param({}, id="empty"),
        pytest.param([PLAIN], id="a list"),
        pytest.param("20", id="a text"),
        pytest.param({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, id="zeros"),
        pytest.param({"prompt_tokens": True, "completion_tokens": "many"}, id="no counts"),
    ],
)
def test_what_says_nothing_is_no_report(found: object) -> None:
    assert read_usage(found) is None


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(PLAIN, (20, 5), id="plain"),
        pytest.param(PLAIN | {"total_tokens": 65}, (20, 45), id="a total above its parts"),
        pytest.param(PLAIN | {"total_tokens": 1}, (20, 5), id="a total below its parts"),
        pytest.param({"prompt_tokens": 20, "total_tokens": 25}, (20, 5), id="the output by the total"),
        pytest.param({"prompt_tokens": "20", "completion_tokens": "5"}, (20, 5), id="texts"),
        pytest.param({"prompt_tokens": 20.0, "completion_tokens": 4.2}, (20, 5), id="fractions"),
        pytest.param(
            PLAIN | {"completion_tokens_details": {"reasoning_tokens": 60}},
            (20, 65),
            id="reasoning above output",
        ),
        pytest.param(
            PLAIN | {"completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 4}},
            (20, 12),
            id="parts above the output",
        ),
        pytest.param(
            PLAIN | {"prompt_tokens_details": {"cached_tokens": 80}}, (100, 5), id="cached above prompt"
        ),
        pytest.param(
            PLAIN | {"prompt_tokens_details": {"cached_tokens": 15, "cache_creation_tokens": 15}},
            (50, 5),
            id="cached and written above prompt",
        ),
        pytest.param(PLAIN | {"prompt_tokens_details": {"cached_tokens": -80}}, (20, 5), id="cached below 0"),
        pytest.param(PLAIN | {"prompt_tokens_details": [3]}, (20, 5), id="details that are no object"),
        pytest.param(
            {
                "input_tokens": 20,
                "output_tokens": 5,
                "cache_read_input_tokens": 8,
                "cache_creation_input_tokens": 2,
            },
            (30, 5),
            id="Anthropic's own shape",
        ),
        pytest.param(
            {"input_tokens": 20, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 8}},
            (20, 5),
            id="OpenAI's responses shape",
        ),
        pytest.param(
            {"prompt_tokens": 5, "input_tokens": 500, "completion_tokens": 1, "output_tokens": 90},
            (500, 90),
            id="two names, the second larger",
        ),
        pytest.param(
            {"prompt_tokens": 20, "input_tokens": 0, "completion_tokens": 5, "output_tokens": -1},
            (20, 5),
            id="two names, the second useless",
        ),
    ],
)
def test_the_larger_of_contradicting_counts_is_read(found: dict[str, Any], expected: tuple[int, int]) -> None:
    report = read_usage(found)
    assert report is not None
    assert (report.prompt_tokens, report.output_tokens) == expected
    assert report.prompt_reported


@pytest.mark.parametrize(
    "prompt", [{}, {"prompt_tokens": 0}, {"prompt_tokens": None}, {"prompt_tokens": True}]
)
def test_a_prompt_of_no_tokens_is_not_reported(prompt: dict[str, Any]) -> None:
    report = read_usage({"completion_tokens": 5, **prompt})
    assert report is not None
    assert (report.prompt_reported, report.output_tokens) == (False, 5)


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(
            {
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 7},
            },
            id="Anthropic",
        ),
        pytest.param(
            {
                "prompt_tokens_details": {
                    "cache_write_tokens": 10,
                    "cache_creation_token_details": {"ephemeral_1h_input_tokens": 7},
                }
            },
            id="LiteLLM",
        ),
    ],
)
def test_cache_writes_are_read(found: dict[str, Any]) -> None:
    report = read_usage(PLAIN | found)
    assert report is not None
    assert (report.prompt_tokens, report.cache_write_tokens, report.cache_write_1h_tokens) == (20, 10, 7)


@pytest.mark.parametrize(
    ("found", "cost"),
    [
        pytest.param({"cost": 0.5}, 0.5, id="OpenRouter"),
        pytest.param({"cost": "0.5"}, 0.5, id="as a text"),
        pytest.param({"cost": {"total_cost": 0.5, "input_tokens_cost": 0.1}}, 0.5, id="Perplexity"),
        pytest.param({"cost": 0.1, "cost_details": {"upstream_inference_cost": 0.5}}, 0.5, id="upstream"),
        pytest.param(
            {"cost": 0.1, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}},
            0.6,
            id="a key of one's own",
        ),
        pytest.param({"cost_in_usd_ticks": 5 * 10**9}, 0.5, id="xAI"),
        pytest.param({"estimated_cost": 0.5}, 0.5, id="DeepInfra"),
        pytest.param({"cost": 0}, None, id="0 is unknown"),
        pytest.param({"cost": -1}, None, id="below 0"),
        pytest.param({"cost": float("inf")}, None, id="infinite"),
        pytest.param({"cost": 10**400}, None, id="no float holds it"),
        pytest.param({"cost": True}, None, id="no number"),
    ],
)
def test_a_reported_cost_is_read(found: dict[str, Any], cost: float | None) -> None:
    report = read_usage(PLAIN | found)
    assert report is not None
    assert report.cost == (None if cost is None else pytest.approx(cost))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param({"service_tier": "priority"}, "priority", id="in the usage"),
        pytest.param({"speed": "fast", "service_tier": "standard"}, "fast", id="Anthropic's speed"),
        pytest.param({"inference_geo": "us"}, "us", id="Anthropic's region"),
        pytest.param({"service_tier": 3}, None, id="no text"),
    ],
)
def test_the_tier_that_served_is_read(found: dict[str, Any], expected: str | None) -> None:
    report = read_usage(PLAIN | found)
    assert report is not None
    assert report.service_tier == expected


@pytest.mark.parametrize(
    "found",
    [
        pytest.param({"num_search_queries": 3}, id="Perplexity"),
        pytest.param({"server_tool_use": {"web_search_requests": 3}}, id="Anthropic"),
        pytest.param({"prompt_tokens_details": {"web_search_requests": 3}}, id="Gemini by LiteLLM"),
    ],
)
def test_searches_are_read(found: dict[str, Any]) -> None:
    report = read_usage(PLAIN | found)
    assert report is not None
    assert report.searches == 3


NAMES = st.sampled_from([
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "input_tokens",
    "output_tokens",
    "prompt_tokens_details",
    "completion_tokens_details",
    "cache_creation",
    "cache_creation_token_details",
    "server_tool_use",
    "cost",
    "cost_details",
    "cached_tokens",
    "reasoning_tokens",
    "audio_tokens",
    "cache_creation_input_tokens",
    "ephemeral_1h_input_tokens",
    "web_search_requests",
    "total_cost",
    "upstream_inference_cost",
    "service_tier",
    "is_byok",
])
NUMBERS = st.one_of(
    st.integers(), st.floats(), st.integers(0, 100), st.sampled_from([10**400, -(10**400), 10**12])
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), NUMBERS.map(str)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=20,
)


@given(st.one_of(VALUES, st.dictionaries(NAMES, VALUES, max_size=8)), VALUES)
@example({"prompt_tokens": "9" * 5000}, None)
@example({"prompt_tokens": "\uff11"}, None)
def test_any_json_is_read_without_an_error(found: Any, tier: Any) -> None:
    report = read_usage(found, service_tier=tier)
    if report is None:
        return
    assert report.cached_tokens + report.cache_write_tokens <= report.prompt_tokens
    assert report.cache_write_1h_tokens <= report.cache_write_tokens
    assert report.reasoning_tokens <= report.output_tokens
    assert report.plain() == type(report.plain()).model_validate_json(json.dumps(report.plain().model_dump()))
