"""The parameters of a call, in one place for every method that takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.model.records import Message


class Options(TypedDict, total=False):
    """What may be said about a call; `None` or absent: the model's default.

    Any other parameter of the chat API may be given under its own name, and reaches the provider.
    """

    max_output_tokens: int | None
    """Per generation, thinking included; absent: the model's `default_max_output_tokens`."""
    min_output_tokens: int
    """The call is refused where the fences afford less than this per generation; 1 by default."""
    temperature: float | None
    top_p: float | None
    stop: str | Sequence[str] | None
    seed: int | None
    tools: Sequence[Message] | None
    tool_choice: str | Message | None
    response_schema: Mapping[str, Any] | None
    """A JSON schema that the reply must fit; see also `Model.parse`."""
    schema_name: str
    logprobs: bool | None
    top_logprobs: int | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, float] | None
    reasoning_effort: str | None
    parallel_tool_calls: bool | None
    response_format: Mapping[str, Any] | None
    user: str | None
    extra_body: Mapping[str, Any] | None
    """Fields of the request's body that the chat API does not know, e.g. `chat_template_kwargs`."""
    extra_headers: Mapping[str, str] | None
