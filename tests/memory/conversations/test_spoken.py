"""Messages as apps and libraries have them, in a memory."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage, messages_to_dict

from outlay.errors import ConfigurationError
from outlay.memory.conversations import Document, Memory, Utterance, chunked
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from outlay.memory.conversations import Chunk

NOON = datetime(2023, 5, 8, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        pytest.param({"role": "user", "content": "Hi"}, ("Hi", "user", "", ""), id="role"),
        pytest.param({"role": "user", "name": "Ann", "content": "Hi"}, ("Hi", "Ann", "", ""), id="name"),
        pytest.param({"speaker": "Ann", "text": "Hi", "dia_id": "D1:1"}, ("Hi", "Ann", "", ""), id="speaker"),
        pytest.param({"text": "Hi", "time": "May"}, ("Hi", "", "May", ""), id="nobody"),
        pytest.param(
            {"text": "Hi", "timestamp": 1683547200}, ("Hi", "", "2023-05-08 12:00", ""), id="seconds"
        ),
        pytest.param({"text": "Hi", "created_at": NOON}, ("Hi", "", "2023-05-08 12:00", ""), id="datetime"),
        pytest.param({"text": "Hi", "session": 3}, ("Hi", "", "", "3"), id="session"),
        pytest.param({"role": "assistant", "content": None}, ("", "assistant", "", ""), id="a tool call"),
        pytest.param(
            {"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "image_url"}, "there"]},
            ("Hi\nthere", "user", "", ""),
            id="parts",
        ),
        pytest.param(HumanMessage("Hi"), ("Hi", "user", "", ""), id="HumanMessage"),
        pytest.param(AIMessage("Hi", name="Bot"), ("Hi", "Bot", "", ""), id="AIMessage with a name"),
        pytest.param(AIMessageChunk(content="Hi"), ("Hi", "assistant", "", ""), id="AIMessageChunk"),
        pytest.param(ToolMessage("4", tool_call_id="1"), ("4", "tool", "", ""), id="ToolMessage"),
        pytest.param(
            HumanMessage("Hi", additional_kwargs={"timestamp": 1683547200}),
            ("Hi", "user", "2023-05-08 12:00", ""),
            id="LangChain with a time",
        ),
        pytest.param(
            messages_to_dict([AIMessage("Hi")])[0], ("Hi", "assistant", "", ""), id="LangChain's dict"
        ),
    ],
)
def test_a_message_is_kept_as_an_utterance(memory: Memory, said: Any, kept: tuple[str, ...]) -> None:
    memory.append(said)
    text, speaker, time, session = kept
    assert memory.utterances() == (Utterance(text=text, speaker=speaker, time=time, session=session),)


def test_a_dict_with_a_title_is_a_document(memory: Memory) -> None:
    memory.append({"title": "Manual", "text": "Press it."})
    assert memory.documents() == (Document(text="Press it.", title="Manual"),)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        pytest.param({"speeker": "Ann"}, "{'speeker': 'Ann'} is no message", id="no text"),
        pytest.param(3, "3 is no message", id="a number"),
        pytest.param(["Hi"], "['Hi'] is no message", id="a list"),
        pytest.param({"content": 3}, "the content of a message is 3", id="content"),
        pytest.param({"text": "Hi", "time": 1e30}, "the time of a message is 1e+30", id="time"),
        pytest.param({"text": "Hi", "time": float("nan")}, "the time of a message is nan", id="no time"),
    ],
)
def test_what_is_no_message_is_refused_and_nothing_is_kept(memory: Memory, said: Any, shown: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(shown)):
        memory.append("first", said)
    assert memory.utterances() == ()


def test_chunks_are_made_of_messages_too() -> None:
    chunks: tuple[Chunk, ...] = chunked([{"role": "user", "content": "Hi"}], HashEmbedder())
    assert [chunk.text for chunk in chunks] == ["user: Hi"]
