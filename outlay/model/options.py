"""The parameters of a call, in one place for every method that takes them."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Final, TypedDict

from pydantic import ValidationError

from outlay.errors import ConfigurationError
from outlay.model.records import Message, Request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

ELSEWHERE: Final = {
    "max_tokens": "max_output_tokens=",
    "max_completion_tokens": "max_output_tokens=",
    "n": "Model.sample(messages, n)",
    "stream": "Model.stream(messages)",
    "stream_options": "Model.stream(messages), which asks for usage by itself",
    "num_retries": "Model(..., retries=)",
    "max_retries": "Model(..., retries=)",
    "timeout": "Model(..., timeout=)",
    "request_timeout": "Model(..., timeout=)",
    "fallbacks": "a strategy",
    "mock_response": "outlay.testing.ScriptedModel",
    "drop_params": "nothing: Outlay drops no parameter",
    "caching": "Model(..., replay=)",
    "cache": "Model(..., replay=)",
    "api_base": "Model(..., api_base=)",
    "base_url": "Model(..., api_base=)",
    "api_key": "Model(..., api_key=)",
}
"""LiteLLM's names for what is said in another way here."""


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


def request_for(
    model: str,
    messages: str | Sequence[Message],
    options: Mapping[str, Any],
    *,
    default_max_output_tokens: int,
    n: int = 1,
) -> Request:
    """Make a request of what a caller said.

    Raises:
        ConfigurationError: There are no messages, or an option is wrong.
    """
    said = {name: value for name, value in options.items() if value is not None}
    for name in said.keys() & ELSEWHERE.keys():
        raise ConfigurationError(f"{name} is not an option here: use {ELSEWHERE[name]}")
    said.pop("min_output_tokens", None)
    said.setdefault("max_output_tokens", default_max_output_tokens)
    stop = said.pop("stop", ())
    own = {name: said.pop(name) for name in Request.model_fields if name in said}
    try:
        return Request(
            **{**own, "model": model, "messages": as_messages(messages), "n": n, "params": said},
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )
    except ValidationError as exc:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in exc.errors())
        raise ConfigurationError(f"{model}: {faults}") from exc


def as_messages(messages: str | Sequence[Message]) -> tuple[Message, ...]:
    """Give messages as a tuple; a text is one message of the user's.

    Raises:
        ConfigurationError: There are none.
    """
    found = ({"role": "user", "content": messages},) if isinstance(messages, str) else tuple(messages)
    if not found:
        raise ConfigurationError("there are no messages: give at least one, or a text")
    return found


def check_spelling(names: Iterable[str]) -> None:
    """Refuse a parameter that is one of these misspelt: the provider would not miss it.

    Raises:
        ConfigurationError: One is.
    """
    for name in names:
        if name in Options.__annotations__:
            continue
        close = get_close_matches(name, Options.__annotations__, n=1, cutoff=0.85)
        if close:
            raise ConfigurationError(f"unknown parameter {name!r}: did you mean {close[0]!r}?")
