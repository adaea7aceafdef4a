from __future__ import annotations

import json
import os
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.model import Completion
from outlay.model.replies import StreamReader, finish_reason, read_reply
from outlay.model.thinking import ThinkingSplitter, split_thinking

EXAMPLES = int(os.environ.get("OUTLAY_FUZZ", "200"))

FINISHES: dict[str, list[str | None]] = {
    "stop": ["stop", "STOP", "end_turn", "stop_sequence", "eos", "eos_token", "COMPLETE", "done", None, ""],
    "length": [
        "length", "max_tokens", "MAX_TOKENS", "model_length", "max_output_tokens", "context_length_exceeded",
        "model_context_window_exceeded", "token_limit", "incomplete", "truncated", "pause_turn", "time_limit",
    ],
    "tool_calls": ["tool_calls", "function_call", "tool_use", "tool_call"],
    "content_filter": [
        "content_filter", "SAFETY", "RECITATION", "refusal", "sensitive", "guardrail_intervened", "BLOCKLIST",
        "PROHIBITED_CONTENT", "SPII", "content_filtered", "ERROR_TOXIC",
    ],
    "error": [
        "error", "ERROR", "insufficient_system_resource", "network_error", "abort", "cancelled", "timeout",
        "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER", "failed", "a word of next year",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("word", "reason"), [(word, reason) for reason in FINISHES for word in FINISHES[reason]]
)
def test_every_word_for_the_end_of_a_reply_has_its_reason(word: str | None, reason: str) -> None:
    assert finish_reason(word) == reason


def streamed(*pieces: dict[str, Any]) -> list[tuple[str, str, str]]:
    reader = StreamReader()
    for piece in pieces:
        reader.chunk({"choices": [{"index": 0, "delta": {"tool_calls": [piece]}}]})
    last = reader.last(ended=True)
    return [(call.id, call.name, call.arguments) for call in last.tool_calls]


def part(
    arguments: Any = None, name: str | None = None, id_: str | None = None, **more: Any
) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, "id": id_, **more}


TWO = [("a", "weather", '{"city": "Rome"}'), ("b", "time", '{"tz": 1}')]
ROME = '{"city": "Rome"}'


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        pytest.param(
            [part(ROME, "weather", "a", index=0), part('{"tz": 1}', "time", "b", index=1)], TWO, id="usual"
        ),
        pytest.param(
            [part(ROME, "weather", "a", index=0), part('{"tz": 1}', "time", "b", index=0)],
            TWO, id="one index",
        ),
        pytest.param([part(ROME, "weather", "a"), part('{"tz": 1}', "time", "b")], TWO, id="no index"),
        pytest.param(
            [part("", "weather", "a", index=0), part('{"city": ', index=0), part('"Rome"}', index=0),
             part("", "time", "b", index=0), part('{"tz": 1}', index=0)],
            TWO, id="in pieces under one index",
        ),
        pytest.param(
            [part('{"city": ', "weather", "a", index=0), part('{"tz"', "time", "b", index=1),
             part('"Rome"}', index=0), part(": 1}", index=1)],
            TWO, id="interleaved",
        ),
        pytest.param(
            [part('{"city": ', "weather", "a", index=0), part('"Rome"}', "weather", "a", index=0)],
            TWO[:1], id="name and id repeated in every piece",
        ),
        pytest.param(
            [part('{"city": ', "weather", "a", index=0), part('"Rome"}', "weather", "x9", index=0)],
            TWO[:1], id="another id in every piece",
        ),
        pytest.param(
            [part("", "wea", "a", index=0), part(ROME, "ther", index=0)], TWO[:1], id="a name in two pieces"
        ),
        pytest.param(
            [part("", "wea", "a", index=0), part(ROME, "weather", index=0)], TWO[:1], id="a name that grows"
        ),
        pytest.param(
            [part(ROME, "weather", index=0), part(ROME, "weather", index=0)],
            [("call_0", "weather", ROME), ("call_1", "weather", ROME)], id="the same tool twice, without ids",
        ),
        pytest.param([part({"city": "Rome"}, "weather", "a", index=0)], TWO[:1], id="arguments as an object"),
        pytest.param([part(None, "now", "a", index=0), part(None, "then", "b", index=0)],
                     [("a", "now", ""), ("b", "then", "")], id="calls without arguments"),
    ],
)  # fmt: skip
def test_tool_calls_of_a_stream_are_put_together(
    pieces: list[dict[str, Any]], calls: list[tuple[str, str, str]]
) -> None:
    assert streamed(*pieces) == calls


def test_a_character_in_two_pieces_is_joined() -> None:
    reader = StreamReader()
    halves = ["4\ud83d", "\ude00", "2\ud83d"]
    texts = [reader.chunk({"choices": [{"delta": {"content": half}}]}).text for half in halves]
    assert "".join([*texts, reader.last(ended=True).text]) == "4\U0001f6002?"


KEYS = """choices message delta content tool_calls function name arguments logprobs finish_reason type text
    thinking index id top_logprobs logprob token""".split()
PARTS = """<think> </think> <thought> </thought> [THINK] [/THINK] ` " < 42 </ think> <|channel|> analysis
    final <|message|> <|end|> <|start|> assistant""".split()

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["stop", "<think>", "</think>", "{", '{"a": 1}']),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.dictionaries(st.just("choices"), st.lists(JSON, max_size=3)) | JSON)
def test_any_json_is_read(body: Any) -> None:
    reply = read_reply(body)
    json.dumps([choice.model_dump() for choice in reply.choices]).encode()
    reader = StreamReader()
    for _ in range(2):
        reader.chunk(body)
    reader.last(ended=True)


PIECES = st.lists(
    st.sampled_from([*PARTS, " ", "\n", "it is"]),
    max_size=14,
)


@settings(max_examples=EXAMPLES, deadline=None)
@given(PIECES, st.integers(1, 9))
def test_a_streamed_text_is_split_as_the_whole_one(pieces: list[str], size: int) -> None:
    text = "".join(pieces)
    splitter, whole = ThinkingSplitter(), ThinkingSplitter()
    parts = [splitter.feed(text[i : i + size]) for i in range(0, len(text), size)] + [splitter.end()]
    expected = [whole.feed(text), whole.end()]
    assert ["".join(found) for found in zip(*parts, strict=True)] == [
        "".join(found) for found in zip(*expected, strict=True)
    ]
    answer, thinking = split_thinking(text)
    assert len(answer) + len(thinking) <= len(text) + text.count("<") + text.count("[")


@pytest.mark.parametrize(("reason", "is_cut"), [("stop", False), ("length", True), ("error", True)])
def test_a_reply_that_was_broken_off_is_cut(reason: str, is_cut: bool) -> None:  # noqa: FBT001
    assert Completion(text="First 12, then", finish_reason=reason).is_cut is is_cut
