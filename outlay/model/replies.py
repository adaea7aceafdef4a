"""Read replies in OpenAI's chat format, as plain JSON; total for any JSON value.

A provider was paid for its reply, so a part of it that is malformed costs that part only.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from outlay.model.records import Choice, Chunk, Reply, TokenLogprob, ToolCall
from outlay.model.usage_report import read_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from outlay.budget import UsageReport
    from outlay.model.records import Message

IMPOSSIBLE: Final = -9999.0
"""Log-probability of a token that cannot occur; JSON has no minus infinity, so servers write null."""

_FINISH_REASONS: Final = (
    (
        "error",
        ("error", "abort", "cancel", "fail", "malformed", "unexpected", "invalid", "resource", "timeout"),
    ),
    ("error", ("too_many", "not_")),
    ("tool_calls", ("tool", "function")),
    ("content_filter", ("filter", "safety", "refusal", "block", "prohibited", "recitation", "guardrail")),
    ("content_filter", ("sensitive", "spii", "toxic", "language", "moderation", "escalation", "policy")),
    ("length", ("length", "token", "limit", "context", "truncat", "incomplete", "compaction", "pause")),
    ("stop", ("stop", "end", "eos", "complete", "finish", "done", "unspecified")),
)
"""Our finish reasons, each with the parts of a provider's words that mean it; the first match counts."""
_EXACT: Final = {"eos_token": "stop", "error_toxic": "content_filter", "error_limit": "length"}
_HIGH_SURROGATE: Final = re.compile("[\ud800-\udbff]\\Z")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def finish_reason(word: Any) -> str:
    """Give `stop`, `length`, `tool_calls`, `content_filter` or `error` for a provider's word.

    An unknown word is `error`: a reply that may have been broken off is no finished answer.
    """
    if word is None or word == "":
        return "stop"
    word = str(word).casefold()
    if word in _EXACT:
        return _EXACT[word]
    return next((ours for ours, parts in _FINISH_REASONS if any(part in word for part in parts)), "error")


def read_reply(body: Any) -> Reply:
    """Read a whole reply."""
    choices = _items(_get(body, "choices"))
    return Reply(
        choices=tuple(_choice(choice) for choice in choices if isinstance(choice, dict)),
        usage=read_usage(_get(body, "usage"), service_tier=_get(body, "service_tier")),
    )


def schema_instruction(schema: Mapping[str, Any]) -> Message:
    """Ask in words for what the provider cannot enforce."""
    text = "Reply with one JSON object and nothing else. It must fit this JSON schema:\n"
    return {"role": "user", "content": text + json.dumps(schema)}


@dataclass
class _PartialCall:
    id: str = ""
    name: str = ""
    arguments: str = ""

    depth: int = 0
    """How many brackets of the arguments are open."""
    is_quoted: bool = False
    is_escaped: bool = False

    def add(self, piece: str) -> None:
        """Add a piece of the arguments."""
        self.arguments += piece
        for character in piece:
            if self.is_escaped:
                self.is_escaped = False
            elif character == "\\":
                self.is_escaped = self.is_quoted
            elif character == '"':
                self.is_quoted = not self.is_quoted
            elif not self.is_quoted:
                self.depth += (character in "{[") - (character in "}]")

    def is_whole(self) -> bool:
        """Whether the arguments are closed, so that more of them belong to another call."""
        return bool(self.arguments.strip()) and self.depth <= 0 and not self.is_quoted


class StreamReader:
    """Read a stream's events, and hold its tool calls back until they are whole."""

    def __init__(self) -> None:
        self._calls: list[_PartialCall] = []
        self._by_index: dict[int, _PartialCall] = {}
        self._by_id: dict[str, _PartialCall] = {}
        self.usage: UsageReport | None = None
        """What was reported so far."""
        self._finish: str | None = None
        self._has_choice = False
        self.told_usage = False
        """Whether the last event had a usage report and no text, as the last one of a stream has."""
        self._half = ""
        """The first half of a character whose second half comes with the next event."""

    def chunk(self, event: Any) -> Chunk:
        """Read one event."""
        reported = _get(event, "usage")
        if reported is not None:
            # A void report makes all of them void: an earlier one covers less of the reply.
            report = read_usage(reported, service_tier=_get(event, "service_tier"))
            self.usage = _larger(self.usage, report) if report else None
        self.told_usage = self.usage is not None and (
            reported is not None or (self.told_usage and event is None)
        )
        choice = next((c for c in _items(_get(event, "choices")) if isinstance(c, dict)), None)
        if choice is None:
            return Chunk()
        self._has_choice = True
        # Some servers answer a streamed request with the whole message.
        found = (choice.get(key) for key in ("delta", "message"))
        delta: dict[str, Any] = next((part for part in found if isinstance(part, dict)), {})
        self._finish = _native_finish(choice) or self._finish
        for call in _calls_in(delta):
            self._gather(call)
        text, reasoning = _said(delta)
        self.told_usage = self.told_usage and not text and not reasoning
        text, self._half = _split_half(self._half + text)
        return Chunk(
            text=_whole(text),
            reasoning=_whole(reasoning),
            logprobs=_logprobs(choice.get("logprobs")) or (),
            received=_whole("".join(map(_arguments, _calls_in(delta)))),
        )

    def last(self, *, ended: bool) -> Chunk:
        """Give what is known at the stream's end.

        Args:
            ended: Whether the stream came to its end marker; a reply whose finish reason is missing
                is whole then.
        """
        is_whole = self._finish is not None or (ended and self._has_choice)
        finish = finish_reason(self._finish) if is_whole else None
        calls = tuple(
            ToolCall(
                id=_whole(call.id) or f"call_{place}",
                name=_whole(call.name),
                arguments=_whole(call.arguments),
            )
            for place, call in enumerate(self._calls)
        )
        return Chunk(
            text=_whole(self._half),
            tool_calls=calls,
            finish_reason="tool_calls" if calls and finish == "stop" else finish,
            usage=self.usage,
        )

    def _gather(self, piece: dict[str, Any]) -> None:
        """Add a piece of a tool call to the call that it continues, or begin another."""
        index, name = piece.get("index"), _name(piece)
        index = index if isinstance(index, int) else None
        call = self._continued(index, _text(piece.get("id")), name, _arguments(piece))
        if call is None:
            call = _PartialCall()
            self._calls.append(call)
        if index is not None:
            self._by_index[index] = call
        if id_ := _text(piece.get("id")):
            call.id = call.id or id_
            self._by_id[id_] = call
        if not call.name or name.startswith(call.name):
            call.name = name or call.name  # repeated in every piece, or sent as it grows
        else:
            call.name += name
        call.add(_arguments(piece))

    def _continued(self, index: int | None, id_: str, name: str, arguments: str) -> _PartialCall | None:
        known = self._by_id.get(id_)
        if known is not None:
            return known
        last = self._calls[-1] if self._calls else None
        call = self._by_index.get(index) if index is not None else last
        if call is None or (id_ and index is None):
            return None
        if id_ and call.id and (name not in {"", call.name} or not call.arguments or call.is_whole()):
            return None
        begins = bool(name) and call.is_whole() and (name != call.name or bool(arguments))
        return None if begins else call


def _choice(choice: dict[str, Any]) -> Choice:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {"content": choice.get("text")}
    text, reasoning = _said(message)
    calls = tuple(_tool_calls(message))
    finish = finish_reason(_native_finish(choice))
    refusal = message.get("refusal")
    if not text and isinstance(refusal, str) and refusal:
        text, finish = refusal, "content_filter"
    return Choice(
        text=_whole(text),
        reasoning=_whole(reasoning),
        finish_reason="tool_calls" if calls and finish == "stop" else finish,
        tool_calls=calls,
        logprobs=_logprobs(choice.get("logprobs")),
    )


def _native_finish(choice: dict[str, Any]) -> Any:
    # LiteLLM maps words that it does not know to "stop", and keeps the provider's own beside it.
    return _get(choice.get("provider_specific_fields"), "native_finish_reason") or choice.get("finish_reason")


def _said(message: dict[str, Any]) -> tuple[str, str]:
    """Give the text and the reasoning of a message or delta."""
    text, thought = _parts(message.get("content"))
    given = message.get("reasoning_content") or message.get("reasoning")
    return text, given if isinstance(given, str) else thought


def _parts(content: Any) -> tuple[str, str]:
    """Give the text and the thinking of content that is a text, or a list of parts."""
    if not isinstance(content, list):
        return _text(content), ""
    text, thought = [], []
    for part in content:
        if not isinstance(part, dict):
            text.append(_text(part))
        elif part.get("type") in {"thinking", "reasoning"}:
            inner = part.get("thinking") or part.get("reasoning") or part.get("text")
            thought.append("".join(_parts(inner)))
        else:
            text.append(_text(part.get("text")) or _text(part.get("refusal")))
    return "".join(text), "".join(thought)


def _tool_calls(message: dict[str, Any]) -> Iterator[ToolCall]:
    for place, call in enumerate(_calls_in(message)):
        yield ToolCall(
            id=_whole(_text(call.get("id"))) or f"call_{place}",
            name=_whole(_name(call)),
            arguments=_whole(_arguments(call)),
        )


def _calls_in(message: dict[str, Any]) -> Iterable[dict[str, Any]]:
    calls = [call for call in _items(message.get("tool_calls")) if isinstance(call, dict)]
    legacy = message.get("function_call")
    if not calls and isinstance(legacy, dict):
        return [{"index": 0, "function": legacy}]
    return calls


def _name(call: dict[str, Any]) -> str:
    return _text(_get(call.get("function"), "name")) or _text(call.get("name"))


def _arguments(call: dict[str, Any]) -> str:
    function = call.get("function")
    function = function if isinstance(function, dict) else call
    given = function.get("arguments", function.get("parameters"))
    if given is None or isinstance(given, str):
        return given or ""
    return json.dumps(given)


def _logprobs(found: Any) -> tuple[TokenLogprob, ...] | None:
    content = _get(found, "content")
    if not isinstance(content, list):
        return None
    return tuple(
        TokenLogprob(
            token=_whole(_text(token.get("token"))),
            logprob=_logprob(token.get("logprob")),
            top=tuple(
                (_whole(_text(top.get("token"))), _logprob(top.get("logprob")))
                for top in _items(token.get("top_logprobs"))
                if isinstance(top, dict)
            ),
        )
        for token in content
        if isinstance(token, dict)
    )


def _logprob(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) <= -IMPOSSIBLE and math.isfinite(value) else IMPOSSIBLE


def _get(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, dict) else None


def _items(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _larger(first: UsageReport | None, second: UsageReport) -> UsageReport:
    """Return the larger of each count: servers report running totals, and the last one may be partial."""
    if first is None:
        return second
    counts = {
        name: max(value, getattr(first, name))
        for name, value in second
        if isinstance(value, int | float) and isinstance(getattr(first, name), int | float)
    }
    return second.model_copy(update=counts)


def _split_half(text: str) -> tuple[str, str]:
    half = _HIGH_SURROGATE.search(text)
    return (text[:-1], text[-1]) if half else (text, "")


def _whole(text: str) -> str:
    """Join the halves of characters, and replace a half that stands alone: UTF-8 cannot hold it."""
    if not _SURROGATE.search(text):
        return text
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return joined.encode("utf-8", "replace").decode()
