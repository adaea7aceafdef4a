"""The doubles' tokenizer: a token is a word, with the space around it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

_WORD = re.compile(r"\s*\S+")


class Cut(NamedTuple):
    """What is left of a text under a limit."""

    text: str
    tokens: int
    finish_reason: str


def split(text: str) -> tuple[str, ...]:
    """Split `text` into words that keep their spaces, so that joining them gives `text` back."""
    words = _WORD.findall(text)
    if words:
        words[-1] += text[sum(map(len, words)) :]
    return tuple(words)


def cut(
    text: str,
    limit: int | None,
    stop: Sequence[str] = (),
    tokens: Callable[[str], Sequence[str]] = split,
) -> Cut:
    """End `text` at the first stop sequence, and after `limit` tokens."""
    text = text[: min([len(text), *(at for at in map(text.find, stop) if at >= 0)])]
    pieces = tokens(text)
    if limit is None or len(pieces) <= limit:
        return Cut(text, len(pieces), "stop")
    return Cut("".join(pieces[:limit]), limit, "length")


def prompt_text(messages: Sequence[Mapping[str, Any]]) -> str:
    """Give all that the messages say, one line each."""
    return "\n".join(_said(message) for message in messages)


def _said(message: Mapping[str, Any]) -> str:
    content = message.get("content") or ""
    parts = [content] if isinstance(content, str) else [str(part.get("text", "")) for part in content]
    calls = message.get("tool_calls")
    return " ".join([*parts, json.dumps(calls)] if calls else parts)
