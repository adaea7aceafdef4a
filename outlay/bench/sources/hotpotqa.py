"""HotpotQA (Yang et al., 2018, arXiv:1809.09600): questions that take two of ten paragraphs.

Its own layout (`[title, sentences]` pairs) and that of the `datasets` library (one list per column).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from outlay.bench.sources.rows import Row, wrong
from outlay.memory.conversations.records import Document

if TYPE_CHECKING:
    from collections.abc import Mapping


class Paragraphs(BaseModel):
    """Paragraphs as columns."""

    title: list[str]
    sentences: list[list[str]]


class Facts(BaseModel):
    """Supporting sentences as columns."""

    title: list[str]
    sent_id: list[int]


class Question(BaseModel):
    """A record of either layout."""

    model_config = ConfigDict(extra="allow")

    context: list[tuple[str, list[str]]] | Paragraphs
    supporting_facts: list[tuple[str, int]] | Facts
    id: str | None = Field(default=None, alias="_id")


def knows(values: Mapping[str, object]) -> bool:
    """Whether a record is one of HotpotQA's, with its paragraphs."""
    return "supporting_facts" in values and isinstance(values.get("context"), list | dict)


def told(row: Row) -> Row:
    """Give the record with its paragraphs as text, each under its title; `hard` is a label, no level."""
    try:
        asked = Question.model_validate(dict(row.values))
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise wrong(row.place, f"not as HotpotQA has it, `{field}` ({first['msg']}): correct it") from exc
    facts, context = asked.supporting_facts, asked.context
    pairs = zip(facts.title, facts.sent_id, strict=False) if isinstance(facts, Facts) else facts
    paragraphs = list(
        zip(context.title, context.sentences, strict=False) if isinstance(context, Paragraphs) else context
    )
    values = {name: value for name, value in row.values.items() if name not in {"_id", "level"}}
    return replace(
        row,
        id=asked.id or row.id,
        values={**values, "context": "\n\n".join(_paragraph(*one) for one in paragraphs)},
        labels={
            "supporting_facts": [list(pair) for pair in pairs],
            **{name: row.values[name] for name in ("level",) if name in row.values},
        },
        history=tuple(Document(text=_text(sentences), title=title) for title, sentences in paragraphs),
    )


def _paragraph(title: str, sentences: list[str]) -> str:
    return f"{title}\n{_text(sentences)}"


def _text(sentences: list[str]) -> str:
    return " ".join(sentence.strip() for sentence in sentences)
