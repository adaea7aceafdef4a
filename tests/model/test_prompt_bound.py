from __future__ import annotations

import asyncio
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.budget import Budget, Price
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import Ledger
from outlay.model import Model
from outlay.model.prompt_bound import prompt_bound, unknown_parts
from outlay.model.records import Request
from outlay.model.tokenizers import tokenizer_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outlay.testing import CountingServer

USER = {"role": "user", "content": "hello"}
IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "description": "a city " * 50}}}


def tool(name: str, properties: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties or {}}
    return {"type": "function", "function": {"name": name, **more, "parameters": parameters}}


def request(messages: Sequence[Any] = (USER,), **more: Any) -> Request:
    return Request(model="m", messages=tuple(messages), max_output_tokens=1, **more)


NESTED = {
    "foo": {
        "type": "object",
        "properties": {"bar": {"type": "string", "enum": ["a", "b", "c"]}, "baz": {"type": "boolean"}},
    }
}
RECIPE = {
    "ingredients": {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["name", "unit", "amount"],
            "properties": {
                "name": {"type": "string"},
                "unit": {"enum": ["grams", "ml", "cups", "pieces", "teaspoons"], "type": "string"},
                "amount": {"type": "number"},
            },
        },
    },
    "instructions": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Steps to prepare the recipe (no numbering)",
    },
    "time_to_cook": {"type": "number", "description": "Total time to prepare the recipe in minutes"},
}
WEATHER = tool(
    "get_current_weather",
    {
        "location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
        "unit": {
            "type": "string",
            "description": "The unit of temperature to return",
            "enum": ["celsius", "fahrenheit"],
        },
    },
    description="Get the current weather in a given location",
)
ASKED = (
    {
        "role": "system",
        "content": "You are a helpful assistant that can answer to questions about the weather.",
    },
    {"role": "user", "content": "What's the weather like in San Francisco?"},
)
CALL = {"id": "a", "type": "function", "function": {"name": "calculator", "arguments": '{"a":2, "b":2}'}}
CALLED = (
    {"role": "assistant", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "a", "content": "4"},
)
SUM = {"role": "user", "content": [{"type": "text", "text": "How much is 2 plus 2?"}]}

# What OpenAI's API reported: its cookbook, github.com/hmarr/openai-chat-tokens and
# https://community.openai.com/t/strange-token-cost-calculation-for-tool-calls/538914
BILLED = [
    pytest.param("cl100k_base", request(), 8, id="one message"),
    pytest.param(
        "cl100k_base",
        request([
            {"role": "system", "content": "# Important: you're the best robot"},
            {"role": "user", "content": "hello robot"},
            {"role": "assistant", "content": "hello world"},
        ]),
        27,
        id="three messages",
    ),
    pytest.param("cl100k_base", request(tools=(tool("foo"),)), 31, id="a tool of no words"),
    pytest.param("cl100k_base", request(tools=(tool("bing_bong", NESTED),)), 68, id="a nested tool"),
    pytest.param("cl100k_base", request(tools=(tool("get_recipe", RECIPE),)), 106, id="a tool with lists"),
    pytest.param("cl100k_base", request(ASKED, tools=(WEATHER,)), 105, id="the cookbook's tool, gpt-4"),
    pytest.param("o200k_base", request(ASKED, tools=(WEATHER,)), 101, id="the cookbook's tool, gpt-4o"),
    pytest.param(
        "cl100k_base",
        request([
            {"role": "function", "name": "dance_the_tango", "content": '{"a": { "b" : { "c": false}}}'}
        ]),
        24,
        id="a named result",
    ),
    pytest.param("cl100k_base", request([SUM, *CALLED]), 40, id="a call and its result"),
    pytest.param("cl100k_base", request([SUM, *CALLED, *CALLED]), 89, id="two calls"),
    pytest.param("cl100k_base", request([SUM, *CALLED, *CALLED, *CALLED]), 114, id="three calls"),
]


@pytest.mark.parametrize(("encoding", "asked", "billed"), BILLED)
def test_tiktoken_bound_covers_what_openai_billed_and_stays_near(
    encoding: str, asked: Request, billed: int
) -> None:
    assert billed <= prompt_bound(asked, tokenizer_of(encoding)) <= 2 * billed + 300


@pytest.mark.parametrize(("encoding", "asked", "billed"), BILLED)
def test_bytes_cover_what_openai_billed(encoding: str, asked: Request, billed: int) -> None:
    del encoding
    assert billed <= prompt_bound(asked)


def test_first_call_of_an_agent_with_two_small_tools_leaves_room_in_700_tokens() -> None:
    add = tool("add", {"a": {"type": "integer"}, "b": {"type": "integer"}}, description="Add two numbers.")
    asked = request(ASKED, tools=(WEATHER, add))
    assert prompt_bound(asked, tokenizer_of("o200k_base")) < 400


@pytest.mark.parametrize(
    "text", ["", "hello", "héllo ∑ 🙂", "\udc80", "数" * 500, "\n" * 50, "ﷺ" * 20, "क़" * 9]
)
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_bytes_cover_every_normal_form(text: str, form: Any) -> None:
    normal = unicodedata.normalize(form, text).encode("utf-8", "surrogatepass")
    assert prompt_bound(request([{"role": "user", "content": text}])) > len(normal)


@pytest.mark.parametrize(
    "field",
    [
        {"response_schema": SCHEMA},
        {"tools": (tool("f", SCHEMA["properties"]),)},  # type: ignore[arg-type]
        {"params": {"functions": [{"name": "f", "parameters": SCHEMA}]}},
        {
            "params": {
                "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
            }
        },
        {"params": {"prediction": {"type": "content", "content": "a city " * 50}}},
        {"params": {"extra_body": {"guided_json": SCHEMA}}},
        {"params": {"extra_body": {"guided_regex": "a city " * 50}}},
        {"params": {"extra_body": {"documents": [{"title": "t", "text": "a city " * 50}]}}},
        {"params": {"extra_body": {"chat_template_kwargs": {"persona": "a city " * 50}}}},
        {"params": {"extra_body": {"tools": [tool("f", SCHEMA["properties"])]}}},  # type: ignore[arg-type]
        {"params": {"invented_field": ["a city " * 50]}},
        {"tool_choice": {"type": "function", "function": {"name": "a city " * 50}}},
    ],
    ids=lambda field: "-".join(str(field).split("'")[1:6:2]),
)
@pytest.mark.parametrize("tokenizer", ["bytes", "o200k_base"])
def test_every_field_that_may_become_prompt_counts(field: dict[str, Any], tokenizer: str) -> None:
    count = tokenizer_of(tokenizer)
    text = count.count("a city " * 50)
    assert prompt_bound(request(**field), count) >= prompt_bound(request(), count) + text


def test_sampling_parameters_are_no_prompt() -> None:
    params = {"top_p": 0.5, "logit_bias": {"1": 2}, "user": "u", "extra_body": {"top_k": 3, "min_p": 0.1}}
    assert prompt_bound(request(params=params)) == prompt_bound(request())


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (request([{"role": "user", "content": [IMAGE, {"type": "text", "text": "what is it?"}]}]), 1),
        (request([{"role": "user", "content": [{"type": "tool_result", "content": [IMAGE, IMAGE]}]}]), 2),
        (request([{"role": "assistant", "audio": {"id": "audio_1"}, "content": None}]), 1),
        (request(params={"web_search_options": {}}), 1),
        (request(params={"extra_body": {"plugins": [{"id": "web"}]}}), 1),
        (request(tools=({"type": "web_search_20250305", "name": "web_search"}, {"googleSearch": {}})), 2),
        (request(tools=(WEATHER, {"name": "f", "input_schema": {}}, {"type": "custom", "custom": {}})), 0),
        (request([{"role": "user", "content": [{"type": "text", "text": "hi"}]}]), 0),
        (request([{"role": "user", "content": [{"text": "hi", "cache_control": {}}, "hi"]}]), 0),
        (request([{"role": "user", "content": [{"image_url": {"url": "http://x/y.png"}}]}]), 1),
        (request([{"role": "user", "content": [{"inline_data": {"data": "AAAA"}}]}]), 1),
        (request([{"role": "user", "content": [{"type": "text", "text": "a", "image_url": "http://x"}]}]), 1),
        (request([{"role": "user", "content": [{"type": "tool_result", "content": IMAGE}]}]), 1),
        (
            request([
                {"role": "user", "content": [{"type": "tool_use", "id": "a", "name": "f", "input": {}}]}
            ]),
            0,
        ),
        (request(params={"web_search_options": None, "temperature": 1}), 0),
    ],
)
def test_parts_of_unknown_size_are_counted(asked: Request, parts: int) -> None:
    assert unknown_parts(asked) == parts


TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
VALUES = st.recursive(
    TEXTS | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS, VALUES, VALUES)
def test_tiktoken_bound_is_above_openais_published_rule(
    texts: list[str], name: str, document: Any, schema: Any
) -> None:
    import json  # noqa: PLC0415

    import litellm  # noqa: PLC0415 - its counts follow OpenAI's cookbook

    tokenizer = tokenizer_of("o200k_base")
    messages = [{"role": "user", "name": name, "content": text} for text in texts]
    described = tool(
        "f", {"x": {"type": "object", "description": name, "default": document}}, description=texts[0]
    )
    asked = request(messages, tools=(described,), response_schema={"schema": schema})
    counted = litellm.token_counter(
        model="gpt-4o", messages=messages, tools=[described], default_token_count=None
    )
    written = json.dumps({"schema": schema}, ensure_ascii=False)
    assert prompt_bound(asked, tokenizer) >= counted + tokenizer.count(written)


@pytest.mark.parametrize(
    ("name", "options", "environment", "shown"),
    [
        ("openai/gpt-4o", {}, {}, "tiktoken o200k_base + margin"),
        ("gpt-4.1-mini", {}, {}, "tiktoken o200k_base + margin"),
        ("gpt-4", {}, {}, "tiktoken cl100k_base + margin"),
        ("openai/gpt-4o", {"api_base": "https://eu.api.openai.com/v1"}, {}, "tiktoken o200k_base + margin"),
        ("openai/gpt-4o", {"api_base": "http://gpu:8000/v1"}, {}, "UTF-8 bytes + margin"),
        ("openai/gpt-4o", {"api_base": "https://api.openai.com.evil.test/v1"}, {}, "UTF-8 bytes + margin"),
        ("openai/gpt-4o", {}, {"OPENAI_BASE_URL": "http://gpu:8000/v1"}, "UTF-8 bytes + margin"),
        ("openai/gpt-4o", {}, {"OPENAI_API_BASE": "http://gpu:8000/v1"}, "UTF-8 bytes + margin"),
        ("openai/test", {}, {}, "UTF-8 bytes + margin"),
        ("azure/gpt-4o", {"api_base": "https://x.openai.azure.com"}, {}, "UTF-8 bytes + margin"),
        ("anthropic/claude-sonnet-4-5", {}, {}, "UTF-8 bytes + margin"),
        ("azure/mine", {"tokenizer": "o200k_base"}, {}, "tiktoken o200k_base + margin"),
        ("openai/gpt-4o", {"tokenizer": "bytes"}, {}, "UTF-8 bytes + margin"),
        ("hosted_vllm/qwen", {"tokenizer": len}, {}, "len + margin"),
        ("local", {}, {}, "llama.cpp server, exact"),
    ],
)
def test_model_tells_which_tokenizer_counts_its_prompts(
    monkeypatch: pytest.MonkeyPatch, name: str, options: Any, environment: dict[str, str], shown: str
) -> None:
    for variable in ("OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert Model(name, **options).tokenizer == shown


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("openai/test", {"tokenizer": "gpt5"}, "o200k_base"),
        ("local", {"tokenizer": "bytes"}, "leave tokenizer= out"),
        ("openai/test", {"attachment_tokens": -1}, "at least 0"),
    ],
)
def test_a_wrong_tokenizer_is_a_configuration_error(name: str, options: Any, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Model(name, **options)


def test_given_function_counts_the_prompt(server: CountingServer, served: Callable[..., Model]) -> None:
    one = asyncio.run(served(server, tokenizer=lambda text: len(text.split())).worst_case("a b c"))
    two = asyncio.run(served(server, tokenizer=lambda text: len(text.split())).worst_case("a b c d e"))
    assert two.prompt_tokens - one.prompt_tokens == 2


def test_function_that_gives_no_count_is_refused(
    server: CountingServer, served: Callable[..., Model]
) -> None:
    with pytest.raises(ConfigurationError, match="number of tokens"):
        asyncio.run(served(server, tokenizer=lambda text: text).complete("hello"))
    assert not server.exchanges


def test_first_call_of_an_agent_is_admitted_by_700_total_tokens(server: CountingServer) -> None:
    model = Model("openai/gpt-4o", api_base=server.url, api_key="x", tokenizer="o200k_base")
    add = tool("add", {"a": {"type": "integer"}, "b": {"type": "integer"}}, description="Add two numbers.")
    with Ledger(Budget(total_tokens=700)):
        asyncio.run(model.complete(ASKED, tools=[WEATHER, add], min_output_tokens=256))
    assert server.requests == 1


LOOK = [{"role": "user", "content": [IMAGE]}]


@pytest.mark.parametrize("limit", [{"total_tokens": 10**9}, {"usd": 10**6}])
def test_attachment_of_unknown_size_is_refused_under_a_hard_limit(
    server: CountingServer, served: Callable[..., Model], limit: Any
) -> None:
    with Ledger(Budget(**limit)) as ledger, pytest.raises(ConfigurationError, match="attachment_tokens"):
        asyncio.run(served(server).complete(LOOK))
    assert ledger.usage.calls == 0
    assert not server.exchanges


@pytest.mark.parametrize("limit", [{}, {"output_tokens": 10**6}, {"calls": 3}])
def test_attachment_counts_where_no_limit_depends_on_it(
    server: CountingServer, served: Callable[..., Model], limit: Any
) -> None:
    with Ledger(Budget(**limit)) as ledger:
        asyncio.run(served(server).complete(LOOK))
    assert ledger.usage.calls == 1


def test_attachment_tokens_bound_an_attachment(server: CountingServer, served: Callable[..., Model]) -> None:
    model = served(server, attachment_tokens=1_500)
    with Ledger(Budget(total_tokens=1_600)), pytest.raises(BudgetExhaustedError):
        asyncio.run(model.complete(LOOK, max_output_tokens=10))
    with Ledger(Budget(total_tokens=2_000)):
        asyncio.run(model.complete(LOOK, max_output_tokens=10))


def test_attachment_of_a_free_model_costs_nothing(
    server: CountingServer, served: Callable[..., Model]
) -> None:
    with Ledger(Budget(usd=0)):
        asyncio.run(served(server, price=Price(input=0, output=0)).complete(LOOK))
    assert len(server.exchanges) == 1
