"""Keys stay out of errors, replies and files; server text cannot steer a terminal."""

from __future__ import annotations

import asyncio
import gc
import json
import pickle
import sqlite3
import traceback
from contextlib import contextmanager
from copy import copy, deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest

from outlay import ConfigurationError, ModelError, Price
from outlay.agents import SelfConsistency
from outlay.model import Model
from outlay.model.records import Choice, Chunk, Reply, TokenLogprob, ToolCall
from outlay.redaction import MOST_CHARACTERS, StreamMask, mask, mask_known, masked, printable, register
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from outlay.model.records import Request

KEY = "correct-horse/battery+staple=9"
PRICE = Price(input=1, output=2)


class Holder:
    pass


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Incorrect API key provided: sk-proj-abc123DEF456. See", "Incorrect API key provided: ***. See"),
        ("provided: sk-abcd********wxyz.", "provided: ***."),
        ("Authorization: Bearer abc.def-1234", "Authorization: Bearer ***"),
        ('{"authorization": "Basic dXNlcjpwYXNz"}', '{"authorization": "Basic ***"}'),
        ("GET https://me:pa@ss@host:8000/v1?model=a", "GET https://***@host:8000/v1?model=a"),
        ("POST /v1?api-key=abc&model=b", "POST /v1?api-key=***&model=b"),
        (
            "https://h/v1beta/models/g:generateContent?key=AIzaX",
            "https://h/v1beta/models/g:generateContent?key=***",
        ),
        ('{"api_key": "0123456789abcdef"}', '{"api_key": "***"}'),
        ("x-api-key: 0123456789abcdef", "x-api-key: ***"),
        ("token ghp_0123456789abcdefghijKLMN", "token ***"),
        ("token hf_abcdefghij0123456789", "token ***"),
        ("jwt eyJhbGciOiJI.eyJzdWIiOiIx.c2ln", "jwt ***"),
    ],
)
def test_what_looks_like_a_key_is_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "set OPENAI_API_KEY in the environment, or pass Model(..., api_key=...)",
        "check api_key= or the provider's key variable",
        "a task-oriented sk-learn pipeline with 3 steps",
        "Bearer authentication is required",
        "write to someone@example.com, or mailto:someone@example.com",
        "http://127.0.0.1:8000/v1 cannot be reached at 12:30",
        "ollama/qwen3:4b has 3 tokens left",
    ],
)
def test_ordinary_text_stays(text: str) -> None:
    assert mask(text) == text


def test_a_registered_key_is_masked_in_all_its_forms_until_its_holder_is_gone() -> None:
    holder = Holder()
    register(
        holder,
        api_key=KEY,
        headers={"X-Api-Key": "Token h34der"},
        url="http://ann:s3cr3t%21pw@host/v1?key=q1w2e3r4",
    )
    said = f"{KEY} correct-horse%2Fbattery%2Bstaple%3D9 s3cr3t!pw q1w2e3r4 YW5uOnMzY3IzdCFwdw== {KEY[:17]}"
    assert mask_known(f"h34der {said}") == "*** *** *** *** *** *** ***"
    assert masked({"a": [KEY, 1, None]}) == {"a": ["***", 1, None]}
    del holder
    gc.collect()
    assert mask_known(said) == said


@pytest.mark.parametrize(
    "copied",
    [lambda model: model.with_history([]), copy, deepcopy, lambda model: pickle.loads(pickle.dumps(model))],  # noqa: S301
)
def test_the_key_of_a_copied_model_is_masked_until_the_last_copy_is_gone(
    copied: Callable[[Model], Model],
) -> None:
    model = copied(Model("openai/test", api_base="http://127.0.0.1:9/v1", api_key=KEY, price=PRICE))
    gc.collect()
    assert mask_known(KEY) == "***"
    assert str(model) == "openai/test"
    del model
    gc.collect()
    assert mask_known(KEY) == KEY


def test_a_pickled_model_brings_its_key_to_be_masked() -> None:
    model = Model("openai/test", api_base="http://127.0.0.1:9/v1", api_key=KEY, price=PRICE)
    saved = pickle.dumps(model)
    del model
    gc.collect()
    model = pickle.loads(saved)  # noqa: S301
    assert mask_known(KEY) == "***"
    assert model


def test_a_long_text_is_masked_up_to_a_limit_and_cut_there() -> None:
    text = "a " * MOST_CHARACTERS + "sk-proj-abc123DEF456"
    assert mask(text) == text[:MOST_CHARACTERS] + "..."
    assert mask(mask(text)) == mask(text)


def test_a_key_in_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMEBODYS_API_KEY", "plain words as a key")
    assert str(ConfigurationError("it said: plain words as a key!")) == "it said: ***!"


def test_a_placeholder_for_a_key_is_an_ordinary_word() -> None:
    holder = Holder()
    register(holder, api_key="ollama")
    assert mask("ollama/qwen3:4b") == "ollama/qwen3:4b"


@pytest.mark.parametrize("size", [1, 2, 7, 100])
def test_a_key_is_masked_in_a_stream_however_it_is_cut(size: int) -> None:
    holder = Holder()
    register(holder, api_key=KEY)
    said = f"cc correct-horses {KEY} and {KEY[:4]}"
    stream = StreamMask()
    pieces = [stream.feed(said[start : start + size]) for start in range(0, len(said), size)]
    assert "".join([*pieces, stream.end()]) == f"cc correct-horses *** and {KEY[:4]}"
    assert holder


def error(status: int, body: bytes, **headers: str) -> type[BaseHTTPRequestHandler]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            said = body.replace(b"KEY", self.headers["Authorization"].encode())
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value.replace("KEY", self.headers["Authorization"]))
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            pass

    return Answer


@contextmanager
def serving(answer: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), answer) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
        server.shutdown()


SAID = json.dumps({"error": {"message": "bad key KEY", "type": "auth", "code": "KEY"}}).encode()
PADDED = json.dumps({"error": {"message": "x" * 570 + "KEY" * 9}}).encode()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (401, SAID),
        (400, SAID),
        (403, SAID),
        (404, SAID),
        (429, SAID),
        (500, SAID),
        (503, b"<html>KEY</html>"),
        (200, SAID),
        (200, b"<html>KEY</html>"),
        (400, PADDED),
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
def test_a_key_that_an_error_echoes_is_masked(status: int, body: bytes, *, streamed: bool) -> None:
    with serving(error(status, body, WWW_Authenticate="KEY")) as url:
        model = Model("openai/test", api_base=url, api_key=KEY, price=PRICE, retries=0)

        async def ask() -> None:
            if streamed:
                async for _ in model.stream("hello"):
                    pass
            else:
                await model.complete("hello")

        with pytest.raises(ModelError) as raised:
            asyncio.run(ask())
    found = raised.value
    shown = [str(found), repr(found), repr(vars(found)), str(pickle.loads(pickle.dumps(found)))]  # noqa: S301
    shown += traceback.format_exception(found)
    assert not [text for text in shown if KEY[:12] in text]


@pytest.mark.parametrize("url", ["http://ann:s3cr3tpw@127.0.0.1:9/v1", "http://127.0.0.1:9/v1?key=q1w2e3r4"])
def test_credentials_in_a_url_are_masked_where_the_server_is_named(url: str) -> None:
    with pytest.raises(ModelError) as raised:
        asyncio.run(Model("openai/test", api_base=url, api_key=KEY, price=PRICE, retries=0).complete("hello"))
    shown = "".join(traceback.format_exception(raised.value))
    assert not [secret for secret in (KEY, "s3cr3tpw", "q1w2e3r4") if secret in shown]


def test_a_model_shows_no_key() -> None:
    model = Model("openai/test", api_base=f"http://u:{KEY}@h/v1", api_key=KEY)
    assert KEY not in repr(model) + str(model) + repr(SelfConsistency(model))


class Echo:
    """Says the key, whole and piece by piece."""

    def __init__(self) -> None:
        self.pieces = [f"your key is {KEY[:5]}", KEY[5:9], KEY[9:], ", is it not?"]

    async def complete(self, request: Request) -> Reply:
        del request
        tokens = tuple(TokenLogprob(token=piece, logprob=-0.1) for piece in ("a", KEY))
        call = ToolCall(id="1", name="call", arguments=json.dumps({"key": KEY}))
        choice = Choice(text="".join(self.pieces), reasoning=KEY, logprobs=tokens, tool_calls=(call,))
        return Reply(choices=(choice,))

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        del request
        for piece in self.pieces:
            yield Chunk(text=piece, reasoning=piece)
        yield Chunk(finish_reason="stop")

    async def count_prompt(self, request: Request) -> int:
        del request
        return 10

    async def split_tokens(self, text: str) -> tuple[str, ...] | None:
        return tuple(text)

    async def max_n(self) -> int:
        return 1

    async def context_window(self) -> int | None:
        return None

    def price(self, prompt_tokens: int) -> Price | None:
        del prompt_tokens
        return PRICE


def test_a_key_in_a_reply_is_masked_before_anything_records_it(tmp_path: Path) -> None:
    with Replay(tmp_path / "journal.sqlite") as replay:
        model = Model("echo", provider=Echo(), api_key=KEY, replay=replay)
        completion = asyncio.run(model.complete("hello", temperature=0, logprobs=True))
        [row] = sqlite3.connect(tmp_path / "journal.sqlite").execute("SELECT * FROM completions").fetchall()
    assert completion.text == "your key is ***, is it not?"
    assert KEY not in completion.model_dump_json() + repr(row)


def test_a_key_in_a_streamed_reply_is_masked() -> None:
    async def heard() -> tuple[str, str, str]:
        model = Model("echo", provider=Echo(), api_key=KEY)
        events = [event async for event in model.stream("hello")]
        whole = events[-1].completion
        assert whole is not None
        return "".join(e.text for e in events), "".join(e.reasoning for e in events), whole.text

    said = "your key is ***, is it not?"
    assert asyncio.run(heard()) == (said, said, said)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x1b[0m", "a[31mb[0m"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://evil\x1b\\b", "ab"),
        ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
        ("a\x9b2Jb\x85c", "a2Jbc"),
        ("a\x90q\x9cb", "ab"),
        ("a\r\nb\tc\rd\x08e\x7f\x00", "a\nb\tcde"),
        ("\u202eevil\u202c \u2066x\u2069 \u200f", "evil x "),
        ("half \ud83d", "half \N{REPLACEMENT CHARACTER}"),
        ("[red]x[/] [/] :smile: \N{GRINNING FACE}", "[red]x[/] [/] :smile: \N{GRINNING FACE}"),
        ("\x1b]never ends", "]never ends"),
    ],
)
def test_what_steers_a_terminal_is_dropped(text: str, shown: str) -> None:
    assert printable(text) == shown
