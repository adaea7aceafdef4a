"""Language models: asking them, inside fences."""

from outlay.model.model import Model
from outlay.model.options import Options
from outlay.model.provider import Provider
from outlay.model.records import (
    Choice,
    Chunk,
    Completion,
    Message,
    Parsed,
    Reply,
    Request,
    StreamEvent,
    TokenLogprob,
    ToolCall,
)

__all__ = [
    "Choice",
    "Chunk",
    "Completion",
    "Message",
    "Model",
    "Options",
    "Parsed",
    "Provider",
    "Reply",
    "Request",
    "StreamEvent",
    "TokenLogprob",
    "ToolCall",
]
