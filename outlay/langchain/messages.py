"""LangChain's messages from and to what an Outlay `Model` takes and gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage, AIMessageChunk, convert_to_openai_messages
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call
from langchain_core.utils.function_calling import convert_to_openai_tool

from outlay.budget import Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import BaseMessage, InvalidToolCall, ToolCall, ToolCallChunk

    from outlay.model import Completion

EXHAUSTED: Final = "The budget ran out before I could answer: {refusal}."

TRACING_ONLY: Final = frozenset({
    "stream",
    "stream_usage",
    "strict",
    "ls_structured_output_format",
    "structured_output_format",
})
"""What LangChain passes along with a call that says nothing about what to generate."""


def options_of(stop: list[str] | None, kwargs: Mapping[str, Any]) -> Any:
    """Give the options of an Outlay call, from what LangChain passes to a chat model's.

    Raises:
        ConfigurationError: Another model is asked for.
    """
    if "model" in kwargs:
        raise ConfigurationError("the model of a call cannot be changed: make another Model(...)")
    options = {k: v for k, v in kwargs.items() if k not in TRACING_ONLY}
    for name in ("max_tokens", "max_completion_tokens"):
        if name in options:
            options["max_output_tokens"] = options.pop(name)
    if stop:
        options["stop"] = stop
    if options.get("tools"):
        options["tools"] = [convert_to_openai_tool(tool) for tool in options["tools"]]
    if options.get("tool_choice") is not None:
        options["tool_choice"] = openai_tool_choice(options["tool_choice"])
    return options


def openai_tool_choice(choice: str | bool | dict[str, Any]) -> str | dict[str, Any]:  # noqa: FBT001
    """Give LangChain's ways to choose a tool in OpenAI's terms."""
    if choice is True or choice == "any":
        return "required"
    if choice is False:
        return "none"
    if isinstance(choice, dict) or choice in {"auto", "none", "required"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


def openai_messages(messages: list[BaseMessage]) -> list[dict[str, Any]]:
    """Give `messages` in OpenAI's chat format, without any thinking in them.

    Raises:
        ConfigurationError: A message has no counterpart there.
    """
    try:
        converted = convert_to_openai_messages(messages)
    except ValueError as exc:
        raise ConfigurationError(f"a message cannot be put into the chat format: {exc}") from exc
    return [_without_thinking(message) for message in converted]


def _without_thinking(message: dict[str, Any]) -> dict[str, Any]:
    # Another provider's thinking is no content block of the chat format.
    if not isinstance(message["content"], list):
        return message
    said = [block for block in message["content"] if block["type"] not in {"thinking", "reasoning"}]
    return {**message, "content": said or ""}


def ai_message(completion: Completion) -> AIMessage:
    """Give a completion as a message; arguments that are no JSON make an invalid tool call."""
    calls, invalid = _tool_calls(completion)
    return AIMessage(
        content=completion.text,
        tool_calls=calls,
        invalid_tool_calls=invalid,
        additional_kwargs=_thinking(completion.reasoning),
        usage_metadata=_usage_metadata(completion.usage),
        response_metadata=_response_metadata(completion),
    )


def piece(text: str, reasoning: str) -> AIMessageChunk:
    """Give a piece of a streamed answer."""
    return AIMessageChunk(content=text, additional_kwargs=_thinking(reasoning))


def last_piece(completion: Completion) -> AIMessageChunk:
    """Give what a stream of `completion` still lacks after its text."""
    calls: list[ToolCallChunk] = [
        tool_call_chunk(name=call.name, args=call.arguments, id=call.id, index=index)
        for index, call in enumerate(completion.tool_calls)
    ]
    return AIMessageChunk(
        content="",
        tool_call_chunks=calls,
        usage_metadata=_usage_metadata(completion.usage),
        response_metadata=_response_metadata(completion),
        chunk_position="last",
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


def _tool_calls(completion: Completion) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    calls: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in completion.tool_calls:
        raw = {"id": call.id, "function": {"name": call.name, "arguments": call.arguments}}
        try:
            calls.append(cast("ToolCall", parse_tool_call(raw)))
        except OutputParserException as exc:
            invalid.append(make_invalid_tool_call(raw, str(exc)))
    return calls, invalid


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
