"""Upper bound on a request's prompt tokens, for models whose server cannot count them.

Everything in the request that may reach the model counts: messages, tools, schemas and every other
field that is not known to leave the prompt alone. Each text is counted by a tokenizer (see
`outlay.model.tokenizers`), and its margins cover what the provider's template adds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from outlay.model.tokenizers import BYTES, Tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.model.records import Message, Request

ATTACHMENT: Final = 50_000
"""What an attachment is taken for where no fence limits it; a large image at gpt-4o-mini takes 48,169."""

NOT_PROMPT: Final = frozenset(
    {
        "allowed_openai_params", "audio", "best_of", "cache", "cache_salt", "drop_params", "dry_multiplier",
        "extra_headers", "extra_query", "frequency_penalty", "headers", "ignore_eos",
        "include_stop_str_in_output", "length_penalty", "logit_bias", "logprobs", "max_completion_tokens",
        "max_tokens", "metadata", "min_p", "min_tokens", "mirostat", "modalities", "n", "num_ctx",
        "parallel_tool_calls", "presence_penalty", "priority", "prompt_cache_key", "prompt_cache_retention",
        "prompt_logprobs", "repeat_penalty", "repetition_penalty", "return_token_ids", "safety_identifier",
        "seed", "service_tier", "skip_special_tokens", "stop", "stop_token_ids", "store", "stream",
        "stream_options", "temperature", "timeout", "top_a", "top_k", "top_logprobs", "top_p", "typical_p",
        "use_beam_search", "user",
    }
)  # fmt: skip
"""Request fields that never become prompt; every other field counts."""

FOREIGN: Final = frozenset(
    {
        "cachedContent", "cached_content", "chat_template", "container", "conversation", "data_sources",
        "enable_search", "file_ids", "mcp_servers", "multi_modal_data", "plugins", "previous_response_id",
        "prompt", "prompt_embeds", "search_parameters", "tool_resources", "vector_store_ids", "web_search",
        "web_search_options",
    }
)  # fmt: skip
"""Request fields by which text comes into the prompt that the request does not contain."""

TEXT_PARTS: Final = frozenset({
    "text",
    "input_text",
    "output_text",
    "refusal",
    "thinking",
    "redacted_thinking",
    "tool_use",
    "tool_result",
})
"""Types of content parts whose tokens are those of the text in them."""

TEXT_KEYS: Final = frozenset(
    {
        "annotations", "cache_control", "caller", "citations", "content", "data", "id", "input", "is_error",
        "name", "refusal", "signature", "text", "thinking", "tool_use_id", "type",
    }
)  # fmt: skip
"""Fields of those parts; a part with another field may hold an attachment, whatever its type."""

ATTACHED: Final = frozenset({"audio", "images", "files", "file_ids", "attachments", "videos"})
"""Message fields beside `content` that hold an attachment."""

CALLERS_TOOLS: Final = frozenset({"function", "custom"})

SEARCHING: Final = ("search-preview", "search-api", "deep-research")
"""In the name of a model that always searches."""


def prompt_bound(request: Request, tokenizer: Tokenizer = BYTES) -> int:
    """Return an upper bound on the prompt tokens of `request`, attachments left out.

    `unknown_parts` counts what no bound is known for.
    """
    margins = tokenizer.margins
    fields = dict(prompt_fields(request.params))
    bound = margins.request + _messages(request.messages, tokenizer)
    tools = (*request.tools, *_listed(fields.pop("tools", ())), *_listed(fields.pop("functions", ())))
    if tools:
        bound += margins.tools + sum(margins.tool + _document(tool, tokenizer) for tool in tools)
    if request.tool_choice is not None:
        bound += margins.field + _document(request.tool_choice, tokenizer)
    if request.response_schema is not None:
        named = {request.schema_name: request.response_schema}
        bound += margins.schema + _document(named, tokenizer)
    for name, value in fields.items():
        around = margins.field if isinstance(value, str | int | float) else margins.schema
        bound += around + _document({name: value}, tokenizer)
    return bound


def unknown_parts(request: Request) -> int:
    """Count the parts of `request` whose tokens cannot be told before the call.

    These are attachments, tools that the provider runs itself, and searches.
    """
    fields = dict(prompt_fields(request.params))
    tools = (*request.tools, *_listed(fields.pop("tools", ())))
    found = sum(1 for tool in tools if not _runs_here(tool))
    found += sum(1 for name, value in fields.items() if name in FOREIGN and value not in (None, False))
    found += any(word in request.model for word in SEARCHING)
    for message in request.messages:
        found += _attachments(message.get("content")) + sum(1 for name in ATTACHED if message.get(name))
    return found


def prompt_fields(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that may reach the prompt, those of `extra_body` included."""
    for name, value in params.items():
        if name == "extra_body" and isinstance(value, Mapping):
            yield from prompt_fields(value)
        elif name not in NOT_PROMPT and value is not None:
            yield name, value


def _messages(messages: Sequence[Message], tokenizer: Tokenizer) -> int:
    bound, repeats = 0, 1
    for message in messages:
        calls = len(_listed(message.get("tool_calls"))) + bool(message.get("function_call"))
        result = message.get("role") in {"tool", "function"}
        if not result:
            repeats = tokenizer.margins.parallel if calls > 1 else 1
        bound += repeats * (_message(message, tokenizer) + tokenizer.margins.call * (calls + result))
    return bound


def _message(message: Message, tokenizer: Tokenizer) -> int:
    bound = tokenizer.margins.message
    for name, value in message.items():
        if name in {"role", "content", "name"} and isinstance(value, str):
            bound += tokenizer.count(value)
        elif name == "content" and isinstance(value, list | tuple):
            bound += sum(_part(part, tokenizer) for part in value)
        elif value is not None and name not in ATTACHED:
            bound += _document({name: value}, tokenizer)
    return bound


def _part(part: Any, tokenizer: Tokenizer) -> int:
    """Bound a content part, attachments left out."""
    if _is_attachment(part):
        return 0
    if not isinstance(part, Mapping) or not isinstance(inner := part.get("content"), list | tuple):
        return _document(part, tokenizer)
    rest = {name: value for name, value in part.items() if name != "content"}
    return _document(rest, tokenizer) + sum(_part(one, tokenizer) for one in inner)


def _document(value: Any, tokenizer: Tokenizer) -> int:
    """Bound a JSON value, in whatever notation a template writes it."""
    node = tokenizer.margins.node
    if isinstance(value, str):
        return node + tokenizer.count(value)
    if isinstance(value, Mapping):
        parts = value.items()
        return node + sum(tokenizer.count(str(name)) + _document(part, tokenizer) for name, part in parts)
    if isinstance(value, list | tuple):
        return node + sum(_document(part, tokenizer) for part in value)
    return node + tokenizer.count(json.dumps(value, default=str))


def _attachments(content: Any) -> int:
    if isinstance(content, Mapping):
        content = (content,)
    if not isinstance(content, list | tuple):
        return 0
    inside = (part.get("content") for part in content if isinstance(part, Mapping))
    return sum(_is_attachment(part) for part in content) + sum(map(_attachments, inside))


def _is_attachment(part: Any) -> bool:
    if not isinstance(part, Mapping):
        return False
    return part.get("type", "text") not in TEXT_PARTS or not part.keys() <= TEXT_KEYS


def _runs_here(tool: Message) -> bool:
    """Return True for a tool that the caller runs, not the provider."""
    return tool.get("type", "function" if {"function", "name"} & tool.keys() else None) in CALLERS_TOOLS


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()
