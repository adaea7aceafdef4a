"""What LiteLLM gives back, as our records; reads attributes, imports nothing of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from outlay.model.records import Choice, Chunk, Reply, TokenLogprob, ToolCall
from outlay.model.usage_report import read_usage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from outlay.budget import UsageReport
    from outlay.model.records import Message

FINISH = {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls"}


def reply(response: Any) -> Reply:
    """Read a whole response."""
    return Reply(
        choices=tuple(_choice(choice) for choice in response.choices),
        usage=usage(getattr(response, "usage", None), getattr(response, "service_tier", None)),
    )


def usage(reported: Any, service_tier: object = None) -> UsageReport | None:
    """Read a usage report; `None` where there is none, which LiteLLM turns into zeros."""
    if reported is None:
        return None
    found = reported if isinstance(reported, dict) else reported.model_dump(warnings=False)
    return read_usage(found, service_tier=service_tier)


def schema_instruction(schema: Mapping[str, Any]) -> Message:
    """Ask in words for what the provider cannot enforce."""
    text = "Reply with one JSON object and nothing else. It must fit this JSON schema:\n"
    return {"role": "user", "content": text + json.dumps(schema)}


class StreamReader:
    """Reads a stream's pieces, and holds its tool calls back until they are whole."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._calls: dict[int, dict[str, str]] = {}
        self._usage: UsageReport | None = None
        self._finish: str | None = None

    def chunk(self, piece: Any) -> Chunk:
        """Read one piece."""
        self._usage = (
            usage(getattr(piece, "usage", None), getattr(piece, "service_tier", None)) or self._usage
        )
        if not piece.choices:
            return Chunk()
        choice = piece.choices[0]
        self._finish = choice.finish_reason or self._finish
        for delta in choice.delta.tool_calls or ():
            self._gather(delta)
        return Chunk(
            text=choice.delta.content or "",
            reasoning=getattr(choice.delta, "reasoning_content", None) or "",
            logprobs=_logprobs(getattr(choice, "logprobs", None)) or (),
        )

    def last(self) -> Chunk:
        """Give what is known at the stream's end.

        LiteLLM invents a finish reason and a usage for a stream that ended without them; what
        came from the provider is told apart by its own notes.
        """
        finished = getattr(self._stream, "received_finish_reason", None) is not None
        reported = any(getattr(chunk, "usage", None) for chunk in getattr(self._stream, "chunks", ()))
        return Chunk(
            tool_calls=tuple(ToolCall(**call) for _, call in sorted(self._calls.items())),
            finish_reason=_finish(self._finish) if finished else None,
            usage=self._usage if reported else None,
        )

    def _gather(self, delta: Any) -> None:
        call = self._calls.setdefault(delta.index or 0, {"id": "", "name": "", "arguments": ""})
        call["id"] = delta.id or call["id"]
        if delta.function is not None:
            call["name"] += delta.function.name or ""
            call["arguments"] += delta.function.arguments or ""


async def close_stream(stream: Any) -> None:
    """Close the connection below LiteLLM's stream, so that the provider sees it go."""
    below = getattr(stream, "completion_stream", None)
    for name in ("aclose", "close"):
        close = getattr(below, name, None)
        if close is not None:
            await close()
            return


def _whole(text: str | None) -> str:
    """Give a text that UTF-8 can hold: a reply may end in half a character, which nothing could keep."""
    return (text or "").encode("utf-8", "replace").decode()


def _choice(choice: Any) -> Choice:
    message = choice.message
    return Choice(
        text=_whole(message.content),
        reasoning=_whole(getattr(message, "reasoning_content", None)),
        finish_reason=_finish(choice.finish_reason),
        tool_calls=tuple(_tool_calls(message.tool_calls or ())),
        logprobs=_logprobs(getattr(choice, "logprobs", None)),
    )


def _tool_calls(calls: Iterable[Any]) -> Iterable[ToolCall]:
    for call in calls:
        yield ToolCall(
            id=call.id or "", name=call.function.name or "", arguments=call.function.arguments or ""
        )


def _logprobs(found: Any) -> tuple[TokenLogprob, ...] | None:
    content = _get(found, "content")
    if content is None:
        return None
    return tuple(
        TokenLogprob(
            token=_get(token, "token"),
            logprob=_get(token, "logprob"),
            top=tuple((_get(t, "token"), _get(t, "logprob")) for t in _get(token, "top_logprobs") or ()),
        )
        for token in content
    )


def _get(found: Any, name: str) -> Any:
    return found.get(name) if isinstance(found, dict) else getattr(found, name, None)


def _finish(reason: str | None) -> str:
    return FINISH.get(reason or "stop", "content_filter" if reason == "content_filter" else "stop")
