"""What is sent, what comes back and what is billed for it, directly and through LiteLLM's wrapper."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from scripted_server import serving

from outlay.budget import Budget, Price, Usage
from outlay.errors import (
    BudgetExhaustedError,
    ConfigurationError,
    ContextOverflowError,
    ModelError,
    ModelRefusedError,
    ModelUnavailableError,
    OutlayError,
)
from outlay.ledger import Ledger
from outlay.model import Completion, Model
from outlay.model.options import CLAIMED, check_parameters
from outlay.model.provider_errors import from_body, from_status
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRICE = Price(input=1, output=2)
USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
ERROR = {"error": {"message": "Incorrect API key provided: missing credentials", "code": "server_error"}}
BEGUN = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}


@pytest.fixture(params=["direct", "litellm"], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("OUTLAY_DIRECT", "1" if request.param == "direct" else "0")
    return str(request.param)


def model_at(url: str, name: str = "openai/test", **options: Any) -> Model:
    return Model(
        name, **{"api_base": url, "api_key": "x", "price": PRICE, "retries": 0, "timeout": 20, **options}
    )


def body_of(content: Any, **message: Any) -> dict[str, Any]:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": content, **message},
        "finish_reason": "stop",
    }
    return {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [choice],
        "usage": USAGE,
    }


def piece(content: str = "", finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        **BEGUN,
        "choices": [{"index": 0, "delta": {"content": content, **delta}, "finish_reason": finish}],
    }


def outcome_of(
    reply: dict[str, Any], *, stream: bool = False, retries: int = 0, **options: Any
) -> tuple[Completion | OutlayError, Usage, Usage, int]:
    """Give what a call came to, what was booked, what of it is unconfirmed, and the number of requests."""

    async def ask(model: Model) -> Completion:
        if not stream:
            return await model.complete("hi", **{"max_output_tokens": 100, **options})
        events = [event async for event in model.stream("hi", **{"max_output_tokens": 100, **options})]
        assert events[-1].completion is not None
        return events[-1].completion

    outcome: Completion | OutlayError
    with serving(reply) as server, Ledger() as ledger:
        try:
            outcome = asyncio.run(ask(model_at(server.url, retries=retries)))
        except OutlayError as exc:
            outcome = exc
        return outcome, ledger.usage, ledger.unconfirmed, server.requests


SERVED_ERRORS = [
    pytest.param({"body": ERROR}, False, id="an error object under status 200"),
    pytest.param(
        {"body": "<html><body>Missing credentials: api key</body></html>"}, False, id="a page of HTML"
    ),
    pytest.param({"status": 500, "body": ERROR}, False, id="status 500"),
    pytest.param({"status": 408, "body": ERROR}, False, id="status 408"),
    pytest.param({"events": [piece("forty"), ERROR]}, True, id="an error event in a stream"),
    pytest.param(
        {"events": [piece("forty"), {"error": {"message": "no api key", "code": 401}}]},
        True,
        id="401 in a stream",
    ),
]


@pytest.mark.parametrize(("reply", "stream"), SERVED_ERRORS)
def test_words_of_a_server_never_unbook_a_call(reply: dict[str, Any], *, stream: bool) -> None:
    outcome, booked, unconfirmed, requests = outcome_of(reply, stream=stream)
    assert isinstance(outcome, ModelError)
    assert requests == 1
    assert booked.output_tokens == 100
    assert booked == unconfirmed


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 429])
def test_a_status_line_of_the_4xx_class_bills_one_call_of_no_tokens(status: int) -> None:
    outcome, booked, unconfirmed, _ = outcome_of({"status": status, "body": ERROR})
    assert isinstance(outcome, ModelError)
    assert (booked.calls, booked.total_tokens, unconfirmed.calls) == (1, 0, 0)


OTHERS = [
    "anthropic/m",
    "gemini/m",
    "groq/m",
    "ollama_chat/m",
    "huggingface/m",
    "azure/m",
    "cohere_chat/m",
    "mistral/m",
]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(("reply", "stream"), SERVED_ERRORS)
def test_no_provider_s_words_unbook_a_call(
    name: str, reply: dict[str, Any], way: str, *, stream: bool
) -> None:
    if way == "direct" and not name.startswith("mistral"):
        pytest.skip("asked through LiteLLM only")

    async def ask(url: str) -> None:
        model = model_at(url.removesuffix("/v1"), name, api_version="2024-10-21" if "azure" in name else None)
        with suppress(ModelError):
            if stream:
                [event async for event in model.stream("hi", max_output_tokens=100)]
            else:
                await model.complete("hi", max_output_tokens=100)

    with serving(reply) as server, Ledger(Budget(calls=2)) as ledger:
        for _ in range(4):
            with suppress(BudgetExhaustedError):
                asyncio.run(ask(server.url))
        assert server.requests <= ledger.usage.calls == 2
        assert ledger.usage.output_tokens == 200


def test_a_redirect_is_not_followed() -> None:
    with serving({"body": body_of("42")}) as other:
        moved = {"status": 307, "headers": {"location": f"{other.url}/chat/completions"}, "body": {}}
        outcome, *_, requests = outcome_of(moved)
        assert requests + other.requests <= 2
        assert isinstance(outcome, Completion | ModelError)


def test_an_error_400_in_a_stream_is_asked_once(way: str) -> None:
    reply = {"events": [{"error": {"message": "bad schema", "code": 400}}]}
    outcome, *_, requests = outcome_of(reply, stream=True, retries=2)
    if way == "direct":  # LiteLLM drops the code of an error inside a stream
        assert isinstance(outcome, ModelRefusedError)
        assert requests == 1


def test_a_field_that_the_claim_is_made_of_is_refused_in_the_body() -> None:
    for name in CLAIMED:
        with pytest.raises(ConfigurationError, match=name):
            check_parameters("m", {"extra_body": {name: 5}})
    outcome, booked, _, requests = outcome_of({"body": body_of("42")}, extra_body={"n": 5})
    assert isinstance(outcome, ConfigurationError)
    assert (requests, booked) == (0, Usage())


@pytest.mark.parametrize(
    "options",
    [
        {"context_window_fallback_dict": {"test": "openai/gpt-5"}},
        {"model_list": [{"model_name": "x"}]},
        {"custom_llm_provider": "anthropic"},
        {"fallbacks": ["openai/gpt-5"]},
        {"mock_response": "42"},
        {"base_model": "gpt-5"},
        {"model": "gpt-5"},
        {"best_of": 5},
        {"num_retries": 3},
        {"use_litellm_proxy": True},
        {"prompt_id": "x"},
        {"drop_params": True},
        {"extra_body": {" N ": 5}},
        {"extra_body": {"MAX_TOKENS": 5}},
    ],
    ids=str,
)
def test_a_keyword_that_changes_what_is_asked_is_refused(options: dict[str, Any]) -> None:
    outcome, booked, _, requests = outcome_of({"body": body_of("42")}, **options)
    assert isinstance(outcome, ConfigurationError)
    assert (requests, booked) == (0, Usage())


def test_a_field_of_the_servers_own_reaches_it() -> None:
    outcome, *_ = outcome_of({"body": body_of("42")}, extra_body={"chat_template_kwargs": {"a": 1}}, top_k=3)
    assert isinstance(outcome, Completion)


@contextmanager
def dropping(requests_before: int) -> Iterator[tuple[str, list[bytes]]]:
    """Serve so many requests on a connection, and then read one more and close it without a reply."""
    served: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))
    content = json.dumps(body_of("42")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(content)

    def converse(connection: socket.socket) -> None:
        with connection:
            for _ in range(requests_before):
                if not _read_request(connection, served):
                    return
                connection.sendall(head + content)
            _read_request(connection, served)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", served
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _read_request(connection: socket.socket, served: list[bytes]) -> bool:
    received = b""
    while b"\r\n\r\n" not in received:
        if not (part := connection.recv(65536)):
            return False
        received += part
    head, _, rest = received.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    served.append(rest)
    return True


@pytest.mark.parametrize("name", ["openai/test", "hosted_vllm/test", "groq/test"])
@pytest.mark.parametrize("transport", ["", "True"])
def test_no_request_is_repeated_behind_the_fence(
    name: str, transport: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if transport:
        monkeypatch.setenv("DISABLE_AIOHTTP_TRANSPORT", transport)

    async def ask(url: str) -> None:
        for _ in range(4):
            try:
                await model_at(url, name).complete("hi", max_output_tokens=5)
            except ModelUnavailableError:
                continue

    with dropping(1) as (url, served), Ledger() as ledger:
        asyncio.run(ask(url))
        assert ledger.usage.calls == len(served) == 4


def test_a_reply_larger_than_what_was_reserved_is_cut_off(way: str) -> None:
    if way == "litellm":
        pytest.skip("LiteLLM's wrapper reads the whole reply itself")
    outcome, booked, unconfirmed, _ = outcome_of({"body": body_of("x" * 4_000_000)})
    assert isinstance(outcome, ModelRefusedError)
    assert booked == unconfirmed
    endless = {"events": [piece("x" * 100_000)] * 40}
    assert isinstance(outcome_of(endless, stream=True)[0], ModelRefusedError)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (429, {"retry-after-ms": "1500"}, {}),
        (429, {"Retry-After": "1.5"}, {}),
        (503, {"x-ms-retry-after-ms": "1500"}, {}),
        (429, {}, {"error": {"code": 429, "details": [{"@type": "RetryInfo", "retryDelay": "1.5s"}]}}),
        (429, {}, [{"error": {"details": [{"retryDelay": "1.5s"}]}}]),
        (429, {}, {"error": {"message": "slow down", "metadata": {"retry_after_seconds": 1.5}}}),
    ],
)
def test_the_pause_that_a_server_asks_for_is_read(status: int, headers: dict[str, str], body: Any) -> None:
    outcome, *_ = outcome_of({"status": status, "headers": headers, "body": body})
    assert isinstance(outcome, ModelUnavailableError)
    assert outcome.retry_after == 1.5


ODD_REPLIES = [
    pytest.param(body_of([{"type": "text", "text": "It is "}, {"type": "text", "text": "42"}]), id="parts"),
    pytest.param(
        body_of([{"type": "text", "text": "It is 42"}, None, 3, {"type": "image_url"}]), id="odd parts"
    ),
    pytest.param({**body_of("It is 42"), "id": None, "created": "today", "model": None}, id="odd heads"),
    pytest.param({**body_of("It is 42"), "system_fingerprint": {"a": 1}, "object": 3}, id="odd fields"),
    pytest.param(
        {
            **body_of("It is 42"),
            "choices": [
                {
                    **body_of("It is 42")["choices"][0],
                    "logprobs": {
                        "content": [{"token": "42", "logprob": None, "top_logprobs": [{"token": "4"}]}]
                    },
                }
            ],
        },
        id="null log-probabilities",
    ),
    pytest.param(
        body_of("It is 42", tool_calls=None, function_call=None, audio=None, refusal=None), id="nulls"
    ),
    pytest.param(body_of("It is 42", tool_calls=[None, {}, {"function": None}]), id="odd tool calls"),
]


@pytest.mark.parametrize("body", ODD_REPLIES)
def test_a_paid_reply_is_not_lost(body: dict[str, Any]) -> None:
    outcome, booked, unconfirmed, requests = outcome_of({"body": body}, retries=2)
    assert isinstance(outcome, Completion)
    assert outcome.text == "It is 42"
    assert (requests, booked.total_tokens, unconfirmed.calls) == (1, 15, 0)


def test_infinite_log_probabilities_and_half_characters_reach_the_journal(tmp_path: Path) -> None:
    call = {"id": "t\ud800", "type": "function", "function": {"name": "f", "arguments": '{"a": "\ud83d"}'}}
    body = body_of("4\ud83d", tool_calls=[call])
    body["choices"][0]["logprobs"] = {
        "content": [{"token": "\udc00", "logprob": float("-inf"), "top_logprobs": []}]
    }

    async def ask(url: str) -> Completion:
        with Replay(tmp_path / "journal.sqlite") as replay:
            model = model_at(url, replay=replay)
            first = await model.complete("hi", max_output_tokens=100, logprobs=True)
        with Replay(tmp_path / "journal.sqlite") as replay:
            model = model_at(url, replay=replay)
            second = await model.complete("hi", max_output_tokens=100, logprobs=True)
        assert second.replayed
        assert second.text == first.text
        return first

    with serving({"body": body}) as server:
        completion = asyncio.run(ask(server.url))
        assert server.requests == 1
    assert completion.logprobs is not None
    assert completion.logprobs[0].logprob == -9999.0
    completion.model_dump_json().encode()


@pytest.mark.parametrize(
    ("counts", "prompt", "output"),
    [({}, 0, 0), ({"eval_count": 5}, 0, 5), ({"prompt_eval_count": 9}, 0, 0)],
    ids=["no counts", "no count of the prompt", "no count of the output"],
)
def test_counts_that_litellm_makes_up_for_ollama_are_no_report(
    counts: dict[str, int], prompt: int, output: int
) -> None:
    body = {
        "model": "m",
        "message": {"role": "assistant", "content": "42"},
        "done": True,
        "done_reason": "stop",
    }

    async def ask(url: str) -> None:
        model = model_at(url.removesuffix("/v1"), "ollama_chat/m")
        assert (await model.complete("hi", max_output_tokens=100)).text == "42"

    with serving({"body": {**body, **counts}}) as server, Ledger() as ledger:
        asyncio.run(ask(server.url))
    confirmed = ledger.usage.less(ledger.unconfirmed)
    assert (confirmed.prompt_tokens, confirmed.output_tokens) == (prompt, output)
    assert ledger.usage.output_tokens == (output or 100)


@pytest.mark.parametrize("parameter", ["max_tokens", "max_completion_tokens"])
def test_a_server_that_takes_the_limit_under_one_name_is_asked_under_it(parameter: str, way: str) -> None:
    if (way, parameter) == ("litellm", "max_completion_tokens"):
        pytest.skip("LiteLLM's wrapper always renames the limit for models of this name")
    other = {"max_tokens": "max_completion_tokens"}.get(parameter, "max_tokens")
    said = f"Unsupported parameter: '{parameter}' is not supported with this model. Use '{other}' instead."
    reply = {
        "refuse_parameter": parameter,
        "status": 400,
        "body": {"error": {"message": said}},
        "then": body_of("42"),
    }
    name = "openai/test" if parameter == "max_tokens" else "openai/gpt-5-mine"

    async def ask(url: str) -> None:
        model = model_at(url, name)
        for _ in range(2):
            assert (await model.complete("hi", max_output_tokens=100)).text == "42"

    with serving(reply) as server, Ledger(Budget(calls=3)) as ledger:
        asyncio.run(ask(server.url))
        assert server.requests == ledger.usage.calls == 3


OVERFLOWS = [
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
    "the request exceeds the available context size. try increasing the context size or enable context shift",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens",
    "Requested token count exceeds the model's maximum context length of 32768 tokens.",
    "The input (40000 tokens) is longer than the model's context length (32768 tokens).",
    "Prompt contains 50000 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
    "Prompt is 11543 tokens but the model context window is 4096 tokens.",
    "Please reduce the length of the messages or completion.",
    "too many tokens: size limit exceeded by 300 tokens",
    "The prompt (total length 9000) is too long to fit into the model (total length 8192).",
    "Input is too long for requested model.",
    "trying to keep the first 5000 tokens when context overflows; context length is only 4096 tokens",
]


@pytest.mark.parametrize("said", OVERFLOWS)
@pytest.mark.parametrize("shape", ["error", "message", "detail", "plain"])
def test_an_overflow_of_the_context_is_told_from_other_refusals(said: str, shape: str) -> None:
    bodies = {
        "error": {"error": {"message": said, "type": "invalid_request_error"}},
        "message": {"object": "error", "message": said},
        "detail": {"detail": [{"loc": ["body"], "msg": said}]},
        "plain": {"error": said},
    }
    found = from_status(400, json.dumps(bodies[shape]), {}, model="m")
    assert type(found) is ContextOverflowError
    assert not found.unknown
    assert type(from_body(bodies[shape], model="m")) is ContextOverflowError


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, "max_tokens is too large: 99999. This model supports at most 16384 completion tokens."),
        (429, "Rate limit reached: input tokens per minute exceeded the limit of 30000 tokens"),
        (400, "Invalid value for 'temperature': must be at most 2"),
        (401, "Incorrect API key provided"),
        (404, "The model `x` does not exist"),
        (400, "Invalid schema for response_format: the context is not an object"),
    ],
)
def test_other_refusals_are_no_overflow(status: int, said: str) -> None:
    found = from_status(status, json.dumps({"error": {"message": said}}), {}, model="m")
    assert type(found) is not ContextOverflowError
