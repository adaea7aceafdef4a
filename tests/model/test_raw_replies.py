"""Replies as bytes: cut in pieces, with other line ends, other content types, or damaged."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from outlay.budget import Budget, Price
from outlay.errors import ConfigurationError, ContextOverflowError, ModelRefusedError, OutlayError
from outlay.ledger import Ledger
from outlay.model import Completion, Model
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
WHOLE = {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
    "usage": USAGE,
}
DELTA = {"choices": [{"index": 0, "delta": {"content": "hello"}, "finish_reason": "stop"}], "usage": USAGE}


@asynccontextmanager
async def answering(
    pieces: Sequence[bytes], status: str = "200 OK", kind: str = "application/json", **headers: str
) -> AsyncIterator[tuple[str, list[int]]]:
    """Serve these bytes to every request, one write after the other; counts the requests."""
    requests: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        await reader.readexactly(int(length.split(b":")[1]))
        requests.append(1)
        named = {"content-type": kind, "connection": "close", **headers}
        lines = [
            f"HTTP/1.1 {status}",
            *(f"{name.replace('_', '-')}: {value}" for name, value in named.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        for piece in pieces:
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(piece)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", requests


async def _ask(model: Model, *, stream: bool) -> Completion | OutlayError | None:
    try:
        if not stream:
            return await model.complete("hi", max_output_tokens=100)
        return [event async for event in model.stream("hi", max_output_tokens=100)][-1].completion
    except OutlayError as exc:
        return exc


def outcome_of(pieces: Sequence[bytes], *, stream: bool = False, **reply: Any) -> tuple[Any, Ledger, int]:
    async def ask() -> tuple[Any, Ledger, int]:
        async with answering(pieces, **reply) as (url, requests):
            model = Model("openai/m", api_base=url, api_key="x", price=Price(input=1, output=2), retries=2)
            with Ledger() as ledger:
                outcome = await _ask(model, stream=stream)
            return outcome, ledger, len(requests)

    return asyncio.run(ask())


def test_an_error_body_in_two_pieces_is_read_to_its_end() -> None:
    body = json.dumps({
        "error": {"message": "maximum context length exceeded", "code": "context_length_exceeded"},
        "usage": {"prompt_tokens": 900, "completion_tokens": 50, "total_tokens": 950},
    }).encode()
    outcome, ledger, _ = outcome_of([body[:25], body[25:]], status="400 Bad Request")
    assert isinstance(outcome, ContextOverflowError)
    assert (ledger.usage.prompt_tokens, ledger.usage.output_tokens) == (900, 50)


ODD_STREAMS = [
    pytest.param([b"data: " + json.dumps(DELTA).encode() + b"\r\n\r\ndata: [DONE]\r\n\r\n"], id="CRLF"),
    pytest.param(
        [
            b'data: {"choices":\r\ndata: ',
            json.dumps(DELTA["choices"]).encode(),
            b"}\r\n\r\ndata: [DONE]\r\n\r\n",
        ],
        id="an event over two lines with CRLF",
    ),
    pytest.param(
        [b"data: " + json.dumps(DELTA).encode() + b"\r", b"\n\r", b"\ndata: [DONE]\r\n\r\n"], id="CR LF apart"
    ),
    pytest.param([b"data: " + json.dumps(DELTA).encode() + b"\ndata: [DONE]\n"], id="no empty lines"),
    pytest.param(
        [b"\xef\xbb\xbfdata: " + json.dumps(DELTA).encode() + b"\n\ndata: [DONE]\n\n"], id="byte order mark"
    ),
    pytest.param(
        [b": keep alive\n\nevent: x\nid: 3\ndata: " + json.dumps(DELTA).encode() + b"\n\n"], id="comments"
    ),
    pytest.param([json.dumps(WHOLE).encode()], id="a whole reply"),
    pytest.param([json.dumps(WHOLE, indent=1).encode()], id="a whole reply over many lines"),
]


@pytest.mark.parametrize("pieces", ODD_STREAMS)
@pytest.mark.parametrize("kind", ["text/event-stream", "application/json", "text/plain"])
def test_a_stream_is_read_whatever_its_lines_and_its_content_type(pieces: list[bytes], kind: str) -> None:
    outcome, _, requests = outcome_of(pieces, stream=True, kind=kind)
    assert isinstance(outcome, Completion)
    assert (outcome.text, requests) == ("hello", 1)


DAMAGED = [
    pytest.param(json.dumps(WHOLE).encode().replace(b"hello", b"h\xe9llo"), id="a byte that is no UTF-8"),
    pytest.param(b"\xef\xbb\xbf" + json.dumps(WHOLE).encode(), id="byte order mark"),
    pytest.param(
        json.dumps(WHOLE).encode()[:-1] + b', "created": ' + b"9" * 5000 + b"}", id="a number of 5,000 digits"
    ),
]


@pytest.mark.parametrize("body", DAMAGED)
def test_a_reply_is_not_lost_for_one_damaged_part(body: bytes) -> None:
    outcome, ledger, requests = outcome_of([body])
    assert isinstance(outcome, Completion)
    assert requests == 1
    assert ledger.usage.total_tokens == 15


def test_a_compressed_reply_does_not_unpack_without_limit() -> None:
    packed = gzip.compress(json.dumps({**WHOLE, "padding": "x" * 30_000_000}).encode())
    outcome, ledger, requests = outcome_of([packed], content_encoding="gzip", content_length=str(len(packed)))
    assert isinstance(outcome, ModelRefusedError)
    assert (ledger.usage.output_tokens, requests) == (100, 1)


def test_each_of_several_calls_under_way_is_asked_again_under_the_other_name() -> None:
    said = json.dumps({
        "error": {"message": "Use 'max_completion_tokens' instead of max_tokens.", "code": "x"}
    })

    def choose(body: Any, index: int) -> str:
        return "42" if "max_completion_tokens" in body and not index else "no"

    class Picky(CountingServer):
        async def _serve_one(self, asked: Any, wire: Any) -> None:
            if "max_completion_tokens" not in json.loads(asked.body):
                await asyncio.sleep(0.05)
                await wire.reply(400, said.encode())
            else:
                await super()._serve_one(asked, wire)

    async def fan(url: str) -> list[str]:
        model = Model("openai/m", api_base=url, api_key="x", price=Price(input=1, output=2), retries=1)
        return [c.text for c in await asyncio.gather(*(model.complete("hi") for _ in range(8)))]

    with Picky(choose) as server:
        assert asyncio.run(fan(server.url)) == ["42"] * 8


@pytest.mark.parametrize(
    "options",
    [
        {"extra_headers": "x"},
        {"extra_body": [1]},
        {"top_logprobs": "x"},
        {"response_format": object()},
        {"thinking": {"type": "enabled", "budget_tokens": 99999}},
        {"reasoning": {"max_tokens": 99999}},
        {"extra_body": {"extra_body": {"n": 5}}},
        {"extra_body": {"generationConfig": {"maxOutputTokens": 9}}},
        {"extra_body": {"maxNewTokens": 9}},
        {"extra_body": {"num-beams": 9}},
        {"extra_body": {"n_cmpl": 9}},
        {"extra_body": {"settings": {"max_tokens": 9}}},
    ],
    ids=lambda options: str(sorted(options)),
)
def test_a_parameter_that_cannot_be_sent_costs_nothing(options: dict[str, Any]) -> None:
    async def ask(url: str) -> None:
        await Model("openai/m", api_base=url, api_key="x", price=Price(input=1, output=2)).complete(
            "hi", **options
        )

    with CountingServer() as server, Ledger(Budget(calls=1)) as ledger:
        with pytest.raises(ConfigurationError):
            asyncio.run(ask(server.url))
        assert (server.requests, ledger.usage.calls) == (0, 0)


@pytest.mark.parametrize("url", ["http://[bad", "ftp://x", "gpu:80"])
def test_an_address_that_is_none_costs_nothing(url: str) -> None:
    with Ledger(Budget(calls=1)) as ledger, pytest.raises(ConfigurationError):
        asyncio.run(Model("openai/m", api_base=url, api_key="x").complete("hi"))
    assert ledger.usage.calls == 0
