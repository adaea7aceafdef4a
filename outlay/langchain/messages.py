"""LangChain's messages from and to what an Outlay `Model` takes and gives."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final, Literal

from langchain_core import messages as core
from langchain_core.messages import AIMessage, convert_to_messages, convert_to_openai_messages
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool

from outlay.budget import Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage, InvalidToolCall

    from outlay.model import Completion
    from outlay.outcome import Answer

EXHAUSTED: Final = "The budget ran out before I could answer: {refusal}."

TRACING_ONLY: Final = frozenset({
    "stream",
    "stream_usage",
    "ls_structured_output_format",
    "structured_output_format",
})
"""What LangChain passes along with a call that says nothing about what to generate."""


def options_of(stop: list[str] | None, kwargs: Mapping[str, Any]) -> Any:
    """Give the options of an Outlay call, from what LangChain passes to a chat model's.

    Raises:
        ConfigurationError: Another model is asked for, a tool is none, or `strict` is said without tools.
    """
    if "model" in kwargs:
        raise ConfigurationError("the model of a call cannot be changed: make another Model(...)")
    options = {k: v for k, v in kwargs.items() if k not in TRACING_ONLY}
    for name in ("max_tokens", "max_completion_tokens"):
        if name in options:
            options["max_output_tokens"] = options.pop(name)
    if stop:
        options["stop"] = stop
    strict = options.pop("strict", None)
    if options.get("tools"):
        options["tools"] = [openai_tool(tool, strict) for tool in options["tools"]]
    elif strict is not None:
        raise ConfigurationError("strict says how tools are called: pass it to bind_tools, with the tools")
    if options.get("tool_choice") is not None:
        options["tool_choice"] = openai_tool_choice(options["tool_choice"])
    return options


def openai_tool(tool: Any, strict: bool | None) -> dict[str, Any]:  # noqa: FBT001 - LangChain's parameter
    """Return a tool in OpenAI's format.

    Args:
        tool: A function, a LangChain tool, a class with annotations or OpenAI's JSON.
        strict: Whether calls must fit the tool's schema exactly; `None`: what the tool itself says.

    Raises:
        ConfigurationError: It is no tool, or itself says something else than `strict`.
    """
    try:
        described = deepcopy(convert_to_openai_tool(tool))
        if strict is None or "function" not in described:
            return described
        function = {"parameters": {"type": "object", "properties": {}}, **described["function"]}
        return {**described, "function": convert_to_openai_function(function, strict=strict)}
    except (ValueError, TypeError) as exc:
        raise ConfigurationError(f"{tool!r} cannot be offered as a tool: {exc}") from exc


def openai_tool_choice(choice: str | bool | dict[str, Any]) -> str | dict[str, Any]:  # noqa: FBT001
    """Give LangChain's ways to choose a tool in OpenAI's terms."""
    if choice is True or choice == "any":
        return "required"
    if choice is False:
        return "none"
    if isinstance(choice, dict) and choice.get("type") in {"auto", "any", "none", "tool"}:
        # Anthropic's terms.
        return openai_tool_choice(choice["name"] if choice["type"] == "tool" else choice["type"])
    if isinstance(choice, dict) or choice in {"auto", "none", "required"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


def openai_messages(messages: Sequence[Any]) -> list[dict[str, Any]]:
    """Return LangChain's messages in OpenAI's chat format, without any thinking in them.

    Invalid tool calls are sent as calls: the tool messages that answer them must follow their calls.

    Raises:
        ConfigurationError: A message has no counterpart there.
    """
    try:
        converted = [
            (message, convert_to_openai_messages([message])) for message in convert_to_messages(messages)
        ]
    except (ValueError, NotImplementedError) as exc:
        raise ConfigurationError(f"a message cannot be put into the chat format: {exc}") from exc
    for message, parts in converted:
        if isinstance(message, AIMessage) and message.invalid_tool_calls:
            invalid = [_openai_call(call) for call in message.invalid_tool_calls]
            parts[-1]["tool_calls"] = [*parts[-1].get("tool_calls", ()), *invalid]
    return [_without_thinking(part) for _, parts in converted for part in parts]


def chat_messages(messages: Sequence[Any]) -> list[BaseMessage]:
    """Return messages of either format as LangChain's."""
    return convert_to_messages([dict(m) if not isinstance(m, core.BaseMessage) else m for m in messages])


def _openai_call(call: InvalidToolCall) -> dict[str, Any]:
    function = {"name": call["name"] or "", "arguments": call["args"] or ""}
    return {"type": "function", "id": call["id"] or "", "function": function}


def _without_thinking(message: dict[str, Any]) -> dict[str, Any]:
    # Another provider's thinking is no content block of the chat format.
    if not isinstance(message["content"], list):
        return message
    said = [block for block in message["content"] if block["type"] not in {"thinking", "reasoning"}]
    return {**message, "content": said or ""}


CALLS: Final = frozenset({"tool_calls", "invalid_tool_calls", "tool_call_chunks"})


class AIMessageChunk(core.AIMessageChunk):
    """A piece of a streamed reply that keeps invalid tool calls invalid when pieces are added up.

    LangChain reads the arguments of added pieces as JSON that may be incomplete: a call that was cut
    becomes a valid one with fewer arguments. The name is LangChain's, under which it is serialised.
    """

    type: Literal["AIMessageChunk"] = "AIMessageChunk"

    def __add__(self, other: Any) -> core.AIMessageChunk:  # type: ignore[override] # as LangChain's own
        whole: core.AIMessageChunk = super().__add__(other)
        last = other[-1] if isinstance(other, (list, tuple)) and other else other
        if not isinstance(last, core.AIMessageChunk) or last.chunk_position != "last":
            return whole
        fields = {name: getattr(whole, name) for name in type(whole).model_fields if name not in CALLS}
        added = core.AIMessageChunk(
            **fields, tool_calls=last.tool_calls, invalid_tool_calls=last.invalid_tool_calls
        )
        added.tool_call_chunks = last.tool_call_chunks
        return added


def ai_message(completion: Completion) -> AIMessage:
    """Return a completion as a message.

    A tool call whose arguments are no JSON object is an invalid one; empty arguments and `null` are
    `{}`. The last call of a reply that was cut at its token limit is invalid, too.
    """
    return AIMessage(
        content=completion.text, additional_kwargs=_thinking(completion.reasoning), **_ending(completion)
    )


def piece(text: str, reasoning: str) -> core.AIMessageChunk:
    """Return a piece of a streamed answer."""
    return AIMessageChunk(content=text, additional_kwargs=_thinking(reasoning))


def last_piece(completion: Completion) -> core.AIMessageChunk:
    """Return what a stream of `completion` still lacks after its text."""
    last = core.AIMessageChunk(content="", **_ending(completion), chunk_position="last")
    for place, chunk in enumerate(last.tool_call_chunks):
        chunk["index"] = place
    return last


def answer_message(answer: Answer, name: str, message_id: str) -> AIMessage:
    """Return the answer of a strategy as a message, with the usage of the whole run.

    `Answer.model_validate(message.response_metadata["outlay"]["answer"])` gives the answer back.
    """
    return AIMessage(
        id=message_id,
        content=answer.text,
        usage_metadata=_usage_metadata(answer.usage),
        response_metadata={
            "model_name": name,
            "finish_reason": "stop" if answer.stop_reason == "finished" else "length",
            "stop_reason": answer.stop_reason,
            "outlay": {"answer": answer.model_dump(mode="json")},
        },
    )


def exhausted(refusal: BudgetExhaustedError, model: str) -> AIMessage:
    """Give the message that stands for an answer nobody could pay for."""
    return AIMessage(
        content=EXHAUSTED.format(refusal=refusal),
        usage_metadata=_usage_metadata(Usage()),
        response_metadata={
            "stop_reason": "budget",
            "finish_reason": "stop",
            "model_name": model,
            "outlay": {"usage": Usage().model_dump(), "refusal": vars(refusal)},
        },
    )


def refusal_of(message: AIMessage) -> BudgetExhaustedError | None:
    """Give the refusal that a message of `exhausted` stands for."""
    if message.response_metadata.get("stop_reason") != "budget":
        return None
    return BudgetExhaustedError(**message.response_metadata["outlay"]["refusal"])


def _thinking(reasoning: str) -> dict[str, Any]:
    return {"reasoning_content": reasoning} if reasoning else {}


def _ending(completion: Completion) -> dict[str, Any]:
    calls, invalid = [], []
    for place, call in enumerate(completion.tool_calls, 1):
        cut = completion.is_cut and place == len(completion.tool_calls)
        try:
            args = _arguments(call.arguments, cut=cut)
        except ValueError as exc:
            error = f"the arguments of {call.name} {exc}"
            invalid.append(invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=error))
        else:
            calls.append(tool_call(name=call.name, args=args, id=call.id))
    return {
        "tool_calls": calls,
        "invalid_tool_calls": invalid,
        "usage_metadata": _usage_metadata(completion.usage),
        "response_metadata": _response_metadata(completion),
    }


def _arguments(text: str, *, cut: bool) -> dict[str, Any]:
    if cut:
        raise ValueError("were cut at the token limit")
    try:
        found = json.loads(text, strict=False) if text.strip() else None
    except RecursionError as exc:
        raise ValueError("are nested too deeply") from exc
    except ValueError as exc:
        raise ValueError(f"are not JSON: {exc}") from exc
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("are JSON, but not an object")  # noqa: TRY004 - the model's mistake, not a caller's
    return found


def _usage_metadata(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        input_token_details=InputTokenDetails(cache_read=usage.cached_tokens),
        output_token_details=OutputTokenDetails(reasoning=usage.reasoning_tokens),
    )


def _response_metadata(completion: Completion) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "finish_reason": completion.finish_reason,
        "model_name": completion.model,
        "outlay": {"usage": completion.usage.model_dump(), "replayed": completion.replayed},
    }
    if completion.logprobs is not None:
        metadata["logprobs"] = [token.model_dump() for token in completion.logprobs]
    return metadata
