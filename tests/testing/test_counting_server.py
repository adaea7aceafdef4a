"""The counting server: what it says, what it counts, and how it fails."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any

import httpx
import pytest

from outlay.budget import Usage
from outlay.model.records import Choice, ToolCall
from outlay.testing import CountingServer, Fault, mix

HELLO = {"model": "test", "messages": [{"role": "user", "content": "hello there"}], "max_tokens": 5}
WEATHER = ToolCall(id="call-1", name="weather", arguments='{"town": "Graz"}')


def ask(server: CountingServer, patience: float = 30.0, **changes: Any) -> httpx.Response:
    with httpx.Client(timeout=patience, trust_env=False) as client:
        return client.post(f"{server.url}/chat/completions", json=HELLO | changes)


def ask_and_leave(server: CountingServer, **changes: Any) -> None:
    with suppress(httpx.HTTPError):
        ask(server, patience=0.5, **changes)


def events(response: httpx.Response) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in response.text.splitlines() if line]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_reply_is_cut_at_max_tokens_and_counted() -> None:
    with CountingServer("one two three four five six seven") as server:
        reply = ask(server).json()
        assert reply["choices"][0]["message"]["content"] == "one two three four five"
        assert reply["choices"][0]["finish_reason"] == "length"
        assert reply["usage"]["prompt_tokens"] == 5
        assert reply["usage"]["completion_tokens"] == 5
        assert server.usage == Usage(calls=1, generations=1, prompt_tokens=5, output_tokens=5)
        assert server.told == server.usage


def test_every_choice_is_counted_and_the_prompt_once() -> None:
    with CountingServer(lambda _body, index: f"answer number {index}") as server:
        reply = ask(server, n=3).json()
        assert [c["message"]["content"] for c in reply["choices"]][2] == "answer number 2"
        assert server.usage == Usage(calls=1, generations=3, prompt_tokens=5, output_tokens=9)


def test_a_stop_sequence_ends_the_reply() -> None:
    with CountingServer("one two END three") as server:
        choice = ask(server, stop=["END"]).json()["choices"][0]
        assert (choice["message"]["content"], choice["finish_reason"]) == ("one two ", "stop")


def test_json_is_served_where_a_schema_asks_for_it() -> None:
    with CountingServer(json_reply='{"answer": 42}') as server:
        schema = {"type": "json_schema", "json_schema": {"name": "a", "schema": {}}}
        reply = ask(server, response_format=schema).json()
        assert reply["choices"][0]["message"]["content"] == '{"answer": 42}'


def test_tools_are_called_and_thinking_is_shown_and_both_are_counted() -> None:
    with CountingServer(Choice(reasoning="let me see", tool_calls=(WEATHER,))) as server:
        choice = ask(server, max_tokens=50).json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["tool_calls"][0]["function"]["name"] == "weather"
        assert choice["message"]["reasoning_content"] == "let me see"
        assert (server.usage.output_tokens, server.usage.reasoning_tokens) == (6, 3)


def test_a_stream_carries_text_finish_reason_and_usage() -> None:
    with CountingServer("one two three") as server:
        got = events(ask(server, stream=True, stream_options={"include_usage": True}))
        texts = [e["choices"][0]["delta"].get("content", "") for e in got if e["choices"]]
        assert "".join(texts) == "one two three"
        assert got[-2]["choices"][0]["finish_reason"] == "stop"
        assert got[-1]["usage"]["completion_tokens"] == 3
        assert server.told == server.usage


def test_log_probabilities_come_with_the_text() -> None:
    with CountingServer("one two") as server:
        found = ask(server, logprobs=True).json()["choices"][0]["logprobs"]["content"]
        assert [token["token"] for token in found] == ["one", " two"]


@pytest.mark.parametrize(
    ("fault", "status", "generated"),
    [
        pytest.param(Fault.RATE_LIMITED, 429, 0, id="429"),
        pytest.param(Fault.BAD_REQUEST, 400, 0, id="400"),
        pytest.param(Fault.UNAUTHORISED, 401, 0, id="401"),
        pytest.param(Fault.TOO_LONG, 400, 0, id="too-long"),
        pytest.param(Fault.FAILED_BEFORE, 500, 0, id="500-before"),
        pytest.param(Fault.UNAVAILABLE, 503, 0, id="503-before"),
        pytest.param(Fault.FAILED_AFTER, 500, 5, id="500-after"),
        pytest.param(Fault.UNAVAILABLE_AFTER, 503, 5, id="503-after"),
    ],
)
def test_an_error_reply_is_counted_by_what_was_generated(fault: Fault, status: int, generated: int) -> None:
    with CountingServer(faults=[fault]) as server:
        assert ask(server).status_code == status
        assert ask(server).status_code == 200
        first = server.exchanges[0]
        assert (first.usage.output_tokens, first.usage.calls) == (generated, 1)
        assert (first.told is not None) == (status < 500)


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        pytest.param(Fault.MALFORMED, None, id="malformed"),
        pytest.param(Fault.NO_USAGE, None, id="no-usage"),
        pytest.param(Fault.ZERO_USAGE, None, id="zero-usage"),
        pytest.param(Fault.CUT, None, id="cut"),
        pytest.param(Fault.ENDED_EARLY, None, id="ended-early"),
        pytest.param(Fault.NO_CHOICES, 10, id="no-choices"),
        pytest.param(Fault.FIRST_CHOICE_USAGE, 5, id="first-choice"),
        pytest.param(Fault.SLOW, 10, id="slow"),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_what_a_spoilt_reply_told_is_kept_apart_from_what_was_served(
    fault: Fault, told: int | None, *, stream: bool
) -> None:
    with CountingServer(faults=[fault]) as server:
        with suppress(httpx.HTTPError):
            ask(server, n=2, stream=stream, stream_options={"include_usage": True})
        (exchange,) = server.exchanges
        assert exchange.usage.output_tokens == 10
        assert (exchange.told and exchange.told.output_tokens) == told
        assert server.untold.output_tokens == (10 if told is None else 0)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_silence_comes_after_generating(*, stream: bool) -> None:
    with CountingServer(faults=[Fault.STALL]) as server:
        ask_and_leave(server, stream=stream)
        assert server.wait_for(1)
        assert server.wait_idle()
        assert server.untold.output_tokens == 5


def test_an_over_report_is_of_what_was_really_generated() -> None:
    with CountingServer("short", faults=[Fault.OVER_REPORT]) as server:
        reply = ask(server).json()
        assert reply["usage"]["completion_tokens"] == server.usage.output_tokens == 15


def test_what_a_client_left_behind_is_generated_and_counted() -> None:
    with CountingServer(delay=0.8) as server:
        ask_and_leave(server)
        assert server.wait_for(1)
        assert server.wait_idle()
        assert server.untold.output_tokens == 5


def test_a_limited_client_is_told_when_to_come_back() -> None:
    with CountingServer(faults=[Fault.RATE_LIMITED], retry_after=0.25) as server:
        assert ask(server).headers["retry-after"] == "0.25"


def test_a_wrong_key_is_refused_and_not_counted() -> None:
    with CountingServer(api_key="right") as server:
        assert ask(server).status_code == 401
        assert server.requests == 0


def test_another_path_is_not_found() -> None:
    with CountingServer() as server:
        assert httpx.get(f"{server.url}/nothing", trust_env=False).status_code == 404
        assert httpx.get(f"{server.url}/models", trust_env=False).json()["data"][0]["id"] == "test"


def test_a_mix_of_faults_is_the_same_for_the_same_seed() -> None:
    first, second = (mix({Fault.CUT: 0.3, Fault.STALL: 0.3}, seed=7) for _ in range(2))
    drawn = [first({}) for _ in range(50)]
    assert drawn == [second({}) for _ in range(50)]
    assert set(drawn) == {Fault.CUT, Fault.STALL, None}


def test_hundreds_of_connections_are_served_at_once() -> None:
    async def storm(server: CountingServer) -> None:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {len(json.dumps(HELLO))}\r\n\r\n"
        host, port = server.url.removeprefix("http://").removesuffix("/v1").split(":")
        open_ones = [await asyncio.open_connection(host, int(port)) for _ in range(400)]
        for _, writer in open_ones:
            writer.write((head + json.dumps(HELLO)).encode())
        firsts = await asyncio.gather(*(reader.readline() for reader, _ in open_ones))
        assert set(firsts) == {b"HTTP/1.1 200 OK\r\n"}
        for _, writer in open_ones:
            writer.close()
            await writer.wait_closed()

    with CountingServer() as server:
        asyncio.run(storm(server))
        assert server.usage.calls == 400
