"""OpenAI's chat-completions dialect, as a server speaks it: pure functions over JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from outlay.budget import Usage
from outlay.model.records import Choice
from outlay.testing.faults import Fault
from outlay.testing.words import cut, prompt_text, split

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.model.records import ToolCall

Json = dict[str, Any]

MESSAGE_TOKENS = 3
"""What a message costs beside its words."""

EXCESS = 10
"""Tokens that `Fault.OVER_REPORT` generates above `max_tokens`."""


@dataclass(frozen=True)
class Made:
    """One choice as it was generated."""

    choice: Choice
    tokens: int
    reasoning_tokens: int


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Count a request's prompt: its words, tools and schema included, and some per message."""
    messages = body.get("messages") or []
    extras = [body[key] for key in ("tools", "response_format") if body.get(key)]
    words = len(split(prompt_text(messages))) + sum(len(split(json.dumps(extra))) for extra in extras)
    return words + MESSAGE_TOKENS * len(messages)


def generate(body: Mapping[str, Any], reply: Choice, fault: Fault | None) -> Made:
    """Give `reply` as far as the request's `max_tokens` and `stop` let it go."""
    limit = max_tokens(body)
    stop = body.get("stop") or []
    thought = cut(reply.reasoning, limit)
    left = None if limit is None else limit - thought.tokens
    said = cut(reply.text, left, [stop] if isinstance(stop, str) else stop)
    called = len(split(" ".join(f"{call.name} {call.arguments}" for call in reply.tool_calls)))
    fits = left is None or said.tokens + called <= left
    whole = fits and "length" not in {thought.finish_reason, said.finish_reason}
    excess = limit + EXCESS - thought.tokens - said.tokens if fault is Fault.OVER_REPORT and limit else 0
    choice = Choice(
        text=said.text + " more" * excess,
        reasoning=thought.text,
        finish_reason=(reply.finish_reason if not called else "tool_calls") if whole else "length",
        tool_calls=reply.tool_calls if whole else (),
    )
    tokens = thought.tokens + said.tokens + excess + (called if whole else 0)
    return Made(choice, tokens, thought.tokens)


def max_tokens(body: Mapping[str, Any]) -> int | None:
    """Give the request's limit per choice; like a real server's, it is at least 1."""
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return None if limit is None else max(1, int(limit))


def bill(body: Mapping[str, Any], made: Sequence[Made]) -> Usage:
    """Give what the generated choices took."""
    return Usage(
        calls=1,
        generations=len(made),
        prompt_tokens=prompt_tokens(body),
        output_tokens=sum(one.tokens for one in made),
        reasoning_tokens=sum(one.reasoning_tokens for one in made),
    )


def told_usage(body: Mapping[str, Any], made: Sequence[Made], fault: Fault | None) -> Usage | None:
    """Return what a client can know from `report`; `None`: nothing."""
    if fault in {Fault.NO_USAGE, Fault.NEGATIVE_PROMPT, Fault.NEGATIVE_OUTPUT, Fault.HUGE_PROMPT}:
        return None
    if fault is Fault.ZERO_USAGE:
        return Usage()
    told = bill(body, made[:1] if fault is Fault.FIRST_CHOICE_USAGE else made)
    unknown = {"prompt_tokens": 0} if fault in {Fault.ZERO_PROMPT, Fault.NO_PROMPT} else {}
    return told.model_copy(update=unknown)


def report(body: Mapping[str, Any], made: Sequence[Made], fault: Fault | None) -> Json | None:
    """Write the usage object of a reply, which under some faults is not what it took."""
    if fault is Fault.NO_USAGE:
        return None
    usage = _usage(told_usage(body, made, fault) or bill(body, made))
    prompt, output = usage["prompt_tokens"], usage["completion_tokens"]
    odd: dict[Fault | None, Json] = {
        Fault.NEGATIVE_PROMPT: {"prompt_tokens": -1000},
        Fault.NEGATIVE_OUTPUT: {"completion_tokens": -1000},
        Fault.HUGE_PROMPT: {"prompt_tokens": 10**30},
        Fault.REASONING_APART: {
            "completion_tokens": output // 3,
            "total_tokens": prompt + output // 3,
            "completion_tokens_details": {"reasoning_tokens": output - output // 3},
        },
        Fault.CACHE_APART: {
            "prompt_tokens": prompt // 3,
            "total_tokens": prompt // 3 + output,
            "prompt_tokens_details": {"cached_tokens": prompt - prompt // 3},
        },
        Fault.LARGER_TOTAL: {"completion_tokens": output // 2},
        Fault.SMALLER_TOTAL: {"total_tokens": 1},
        Fault.COUNTS_AS_TEXT: {"prompt_tokens": str(prompt), "completion_tokens": str(output)},
    }
    usage |= odd.get(fault, {})
    if fault is Fault.NO_PROMPT:
        del usage["prompt_tokens"], usage["total_tokens"]
    return usage


def completion(number: int, body: Mapping[str, Any], made: Sequence[Made], usage: Json | None) -> Json:
    """Write a reply that is not a stream."""
    choices = [
        {
            "index": index,
            "message": _message(one.choice),
            "finish_reason": one.choice.finish_reason,
            "logprobs": _logprobs(one.choice.text) if body.get("logprobs") else None,
        }
        for index, one in enumerate(made)
    ]
    return _envelope(number, body, "chat.completion", choices) | ({"usage": usage} if usage else {})


def chunks(number: int, body: Mapping[str, Any], made: Sequence[Made], usage: Json | None) -> list[Json]:
    """Write a streamed reply as its events; the usage comes last, where it was asked for."""
    choices = [
        _delta(body, index, delta, None) for index, one in enumerate(made) for delta in _deltas(one.choice)
    ]
    ends = [_delta(body, index, {}, one.choice.finish_reason) for index, one in enumerate(made)]
    events = [_envelope(number, body, "chat.completion.chunk", [choice]) for choice in [*choices, *ends]]
    asked = (body.get("stream_options") or {}).get("include_usage")
    if asked and usage:
        events.append(_envelope(number, body, "chat.completion.chunk", []) | {"usage": usage})
    return events


def error(kind: str, code: str | None, message: str) -> Json:
    """Write an error reply."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def _envelope(number: int, body: Mapping[str, Any], kind: str, choices: list[Json]) -> Json:
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": 1_700_000_000,
        "model": body.get("model", "test"),
        "choices": choices,
    }


def _usage(told: Usage) -> Json:
    return {
        "prompt_tokens": told.prompt_tokens,
        "completion_tokens": told.output_tokens,
        "total_tokens": told.total_tokens,
        "prompt_tokens_details": {"cached_tokens": told.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": told.reasoning_tokens},
    }


def _message(choice: Choice) -> Json:
    message: Json = {"role": "assistant", "content": choice.text}
    if choice.reasoning:
        message["reasoning_content"] = choice.reasoning
    if choice.tool_calls:
        message["tool_calls"] = [_tool_call(call) for call in choice.tool_calls]
        message["content"] = choice.text or None
    return message


def _tool_call(call: ToolCall) -> Json:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": call.id, "type": "function", "function": function}


def _deltas(choice: Choice) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in split(choice.reasoning)]
    deltas += [{"content": piece} for piece in split(choice.text)]
    deltas += [
        {"tool_calls": [{"index": place} | _tool_call(call)]} for place, call in enumerate(choice.tool_calls)
    ]
    return deltas


def _delta(body: Mapping[str, Any], index: int, delta: Json, finish_reason: str | None) -> Json:
    choice: Json = {"index": index, "delta": delta, "finish_reason": finish_reason}
    if body.get("logprobs") and delta.get("content"):
        choice["logprobs"] = _logprobs(delta["content"])
    return choice


def _logprobs(text: str) -> Json:
    return {
        "content": [
            {"token": piece, "logprob": -0.1, "bytes": list(piece.encode()), "top_logprobs": []}
            for piece in split(text)
        ]
    }
