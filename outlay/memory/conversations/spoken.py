"""What apps and libraries call a message, as an utterance or a document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from outlay.errors import ConfigurationError
from outlay.memory.conversations.records import Document, Utterance

_SPEAKERS: Final = ("name", "speaker", "role", "type")
_TIMES: Final = ("time", "timestamp", "date", "created_at")
_ROLES: Final = {"human": "user", "ai": "assistant", "AIMessageChunk": "assistant"}
"""LangChain's types of messages, and what they are called elsewhere."""


def spoken(said: Any) -> Utterance | Document:
    """Take a text, a chat message as a dict or an object of LangChain's, or one of our records.

    - A dict has `content` or `text`. Its speaker is the first that it has of `name`, `speaker`, `role` and
      `type`; its time is `time`, `timestamp`, `date` or `created_at`, a text, a `datetime`, or seconds
      since 1970; its session is `session`. With a `title` it is a document. Other keys are ignored.
    - An object has `type` and `content`, and may have a `name`. Its time is looked for in its
      `additional_kwargs`.
    - Of content in parts, the texts are kept.

    Raises:
        ConfigurationError: It is none of these.
    """
    if isinstance(said, Utterance | Document):
        return said
    if isinstance(said, str):
        return Utterance(text=said)
    found = _fields(said)
    if found is None or not {"content", "text"} & found.keys():
        raise ConfigurationError(
            f"{said!r:.80} is no message: give a text, a dict with `role` and `content` or with `speaker` "
            "and `text`, a LangChain message, an Utterance or a Document"
        )
    text, time = _text(found.get("content", found.get("text"))), _time(_first(found, _TIMES))
    if title := found.get("title"):
        return Document(text=text, title=str(title), time=time)
    speaker = str(_first(found, _SPEAKERS))
    session = found.get("session")
    return Utterance(
        text=text,
        speaker=_ROLES.get(speaker, speaker),
        time=time,
        session="" if session is None else str(session),
    )


def _fields(said: Any) -> dict[str, Any] | None:
    if isinstance(said, Mapping):
        inner = said.get("data")  # as LangChain writes messages to a file
        return {**said, **inner} if isinstance(inner, Mapping) else dict(said)
    if not (hasattr(said, "type") and hasattr(said, "content")):
        return None
    further = getattr(said, "additional_kwargs", None) or {}
    times = {name: further[name] for name in _TIMES if name in further}
    return {"type": said.type, "content": said.content, "name": getattr(said, "name", None), **times}


def _first(found: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((found[name] for name in names if found.get(name) not in (None, "")), "")


def _text(content: Any) -> str:
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list | tuple):
        parts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
        return "\n".join(part for part in parts if isinstance(part, str))
    raise ConfigurationError(
        f"the content of a message is {content!r:.60}: make it a text, or a list of parts"
    )


def _time(time: Any) -> str:
    if isinstance(time, int | float) and not isinstance(time, bool):
        try:
            time = datetime.fromtimestamp(time, UTC)
        except (OverflowError, ValueError, OSError) as exc:
            raise ConfigurationError(
                f"the time of a message is {time!r}: give seconds since 1970, a datetime or a text"
            ) from exc
    return time.strftime("%Y-%m-%d %H:%M") if isinstance(time, datetime) else str(time)
