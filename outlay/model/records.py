"""What goes into a model and what comes out of it: values, no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field

from outlay.budget import Record, Usage
from outlay.redaction import mask_known

Message = Mapping[str, Any]
"""One message in OpenAI's chat format, tool calls and tool results included."""

Schema = TypeVar("Schema", bound=BaseModel)


ForeignText = Annotated[str, AfterValidator(mask_known)]
"""Text from a server: a key that it echoes is masked here, before anything shows or records it."""


class ToolCall(Record):
    """A tool the model wants called."""

    id: ForeignText
    name: ForeignText
    arguments: ForeignText
    """JSON, as the model wrote it: it may not parse."""


class TokenLogprob(Record):
    """One generated token and how likely it was."""

    token: ForeignText
    logprob: float
    top: tuple[tuple[str, float], ...] = ()
    """The likeliest tokens at this place with their log-probabilities, if they were asked for."""


class Completion(Record):
    """One answer of a model."""

    text: str
    """What it said, without its thinking; empty when the thinking was cut short."""
    reasoning: str = ""
    """Its thinking, where it shows any."""
    usage: Usage = Usage()
    """What it was billed. Of several samples of one request the first carries call and prompt."""
    finish_reason: str = "stop"
    """`stop`, `length`, `tool_calls`, `content_filter`, or `error`: the provider broke the reply off."""
    logprobs: tuple[TokenLogprob, ...] | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    model: str = ""
    requested: Literal["shared", "single"] = "single"
    """Whether its request asked for several samples at once, or for this one only."""
    replayed: bool = False
    """Whether it came from a replay store."""

    @property
    def is_cut(self) -> bool:
        """Whether the text ends before its answer may have been given."""
        return self.finish_reason in {"length", "error"}


class Parsed(Record, Generic[Schema]):
    """A completion read as a pydantic object."""

    value: Schema
    completions: tuple[Completion, ...]
    """The attempts in order; the last one parsed."""
    usage: Usage
    """What all attempts were billed."""


class StreamEvent(Record):
    """A piece of a streamed answer; the last one carries the whole."""

    text: str = ""
    reasoning: str = ""
    completion: Completion | None = None


class Request(Record):
    """Everything a provider needs to know about one request."""

    model: str
    messages: tuple[Message, ...]
    max_output_tokens: int = Field(ge=1)
    """Per generation; what the fences admitted, never 0."""
    n: int = 1
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    tools: tuple[Message, ...] = ()
    tool_choice: str | Message | None = None
    response_schema: Message | None = None
    """A JSON schema that the reply must fit."""
    schema_name: str = "reply"
    logprobs: bool | None = None
    params: Mapping[str, Any] = Field(default_factory=dict)
    """Any other parameter of the chat API, under its own name."""

    def seeded(self, offset: int) -> Request:
        """Give the request for later samples: under one seed they would repeat the first ones."""
        if self.seed is None or not offset:
            return self
        return self.model_copy(update={"seed": self.seed + offset})


class Choice(Record):
    """One of a reply's answers, as the provider gave it."""

    text: ForeignText = ""
    reasoning: ForeignText = ""
    finish_reason: ForeignText = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None


class Reply(Record):
    """A provider's reply to one request."""

    choices: tuple[Choice, ...]
    usage: Usage | None = None
    """What the provider reported; `None` or all zeros: nothing."""
    output_tokens: tuple[int, ...] | None = None
    """What each choice took, where that was counted apart from `usage`."""


class Chunk(Record):
    """A piece of a streamed reply."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    """Whole ones, with or before the finish reason."""
    received: str = ""
    """Arguments of tool calls that came with this piece and are not whole yet: a floor for the bill."""
    logprobs: tuple[TokenLogprob, ...] = ()
    finish_reason: str | None = None
    """On the piece that ends the answer; a stream that ends without one was cut."""
    usage: Usage | None = None
    """On the last piece, where the provider reports it."""
