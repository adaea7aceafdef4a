"""The most tokens that a prompt can take, for models whose tokenizer cannot be asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.model.records import Message

REQUEST: Final = 128
"""What a template may add of its own, a default system prompt included."""
MESSAGE: Final = 16
"""A message's role and delimiters."""
TOOL: Final = 64
"""The words around a tool's description."""
TOOLS: Final = 512
"""The instructions for calling tools at all."""
SCHEMA: Final = 512
"""The instructions around a JSON schema, where it becomes a tool or part of the prompt."""
ATTACHMENT: Final = 50_000
"""An image, audio or file; the dearest known is a large image at gpt-4o-mini (48,169 tokens)."""


def prompt_bound(
    messages: Sequence[Message], tools: Sequence[Message] = (), schema: Mapping[str, Any] | None = None
) -> int:
    """Give an upper bound in tokens: every tokenizer in use gives at most one per UTF-8 byte."""
    bound = REQUEST + sum(MESSAGE + _size(message) + _attached(message) for message in messages)
    if tools:
        bound += TOOLS + sum(TOOL + _size(tool) for tool in tools)
    if schema is not None:
        bound += SCHEMA + _size(schema)
    return bound


def _size(value: Mapping[str, Any]) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass"))


def _attached(message: Message) -> int:
    content = message.get("content")
    if not isinstance(content, list | tuple):
        return 0
    return ATTACHMENT * sum(1 for part in content if part.get("type") not in {"text", "refusal"})
