"""A record as its source has it, and the item it stands for."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from outlay.answers import boxed_answer
from outlay.bench.items import Item
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outlay.memory.conversations import Document, Utterance

FIELDS: Final = ("id", "question", "answer", "level", "context")
"""What an item takes from a record; everything else goes to its labels."""

_REQUIRED: Final = ("question", "answer")
_MOST_NAMES: Final = 12
"""How many of a record's fields a message names."""


_UNKNOWN: Final = re.compile(r"(?:level)?\s*(?:\?+|-+|n/?a|none|null|nan|unknown|unrated)?", re.IGNORECASE)
"""A level that is not known."""


@dataclass(frozen=True)
class Row:
    """A record as its source has it."""

    place: str
    """Where it stands, for messages: the file and the line."""
    id: str
    """What it is called where it has no id of its own."""
    values: Mapping[str, object]
    labels: Mapping[str, object] = field(default_factory=dict)
    """What goes to the item's labels under a name that is also a field's."""
    history: tuple[Utterance | Document, ...] = ()
    """The pieces of its context, where it is made of some."""


def wrong(place: str, what: str) -> ConfigurationError:
    """Give the error that says what is wrong where."""
    return ConfigurationError(f"{place}: {what}")


def as_item(row: Row, fields: Mapping[str, str]) -> Item:
    """Give the item a record stands for.

    Args:
        row: The record.
        fields: The record's name for a field, where it is not ours.

    Raises:
        ConfigurationError: A field is missing, empty or of the wrong type.
    """
    names = {ours: fields.get(ours, ours) for ours in FIELDS}
    for ours in FIELDS:
        if (ours in _REQUIRED or ours in fields) and names[ours] not in row.values:
            raise _missing(row, ours, names[ours])
    values = {ours: row.values.get(name) for ours, name in names.items()}
    labels = {name: value for name, value in row.values.items() if name not in names.values()}
    answers = _answers(row, values["answer"])
    if isinstance(values["answer"], str) and values["answer"].strip() != answers[0]:
        labels.setdefault("solution", values["answer"])
    try:
        return Item(
            id=_id(row, values["id"]),
            question=_question(row, values["question"]),
            answers=answers,
            level=_level(row, values["level"]),
            context=_context(row, values["context"]),
            labels=_json({**labels, **row.labels}),
            history=row.history,
        )
    except ValueError as exc:
        raise wrong(row.place, "it holds text that is not Unicode: take out half surrogate pairs") from exc


def _missing(row: Row, ours: str, name: str) -> ConfigurationError:
    names = ", ".join(f"`{there}`" for there in list(row.values)[:_MOST_NAMES])
    more = ", ..." if len(row.values) > _MOST_NAMES else ""
    return wrong(
        row.place,
        f"no field `{name}` among {names or 'none'}{more}: add it, or name the field that holds the {ours}",
    )


def _id(row: Row, value: object) -> str:
    match value:
        case bool() | float() | list() | dict():
            raise wrong(row.place, f"the id is {value!r:.60}: make it a text or an integer")
        case None:
            return row.id
        case _:
            return str(value).strip() or row.id


def _question(row: Row, value: object) -> str:
    if not isinstance(value, str):
        raise wrong(row.place, f"the question is {value!r:.60}: make it a text")
    if not value.strip():
        raise wrong(row.place, "the question is empty: write one, or take the record out")
    return value.strip()


def _answers(row: Row, value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    answers = [text for one in given for text in _answer(row, one)]
    if not answers:
        raise wrong(row.place, "the answer is an empty list: write the right answers, or take the record out")
    return tuple(dict.fromkeys(answers))


def _answer(row: Row, value: object) -> tuple[str, ...]:
    """Give the ways to write one right answer."""
    match value:
        case bool():
            return ("true", "yes") if value else ("false", "no")
        case str() | int() | float() if not (isinstance(value, float) and math.isnan(value)):
            text = _final(str(value))
        case None | float():
            text = ""
        case _:
            raise wrong(
                row.place, f"the answer is {value!r:.60}: make it a text, a number or a list of those"
            )
    if not text:
        raise wrong(row.place, "the answer is empty: write one, or take the record out")
    return (text,)


def _final(answer: str) -> str:
    """Give what stands after GSM8K's hashes or in MATH's last box or boxes; else all of it."""
    after = answer.rpartition("####")[2].strip()
    boxed = boxed_answer(after)
    return after if boxed is None else boxed


def _level(row: Row, value: object) -> int | None:
    """Read a level such as `3` or `Level 3`; MATH has a few of `Level ?`, which is none."""
    if value is None or (isinstance(value, str) and _UNKNOWN.fullmatch(value.strip())):
        return None
    number = re.fullmatch(r"(?:level)?\s*([-+]?\d{1,9})(?:\.0*)?", str(value).strip(), re.IGNORECASE)
    if number is None or isinstance(value, bool):
        raise wrong(row.place, f"the level is {value!r:.60}: make it an integer, or call the field otherwise")
    return int(number[1])


def _context(row: Row, value: object) -> str | None:
    match value:
        case None:
            return None
        case str():
            return value if value.strip() else None
        case [*parts] if all(isinstance(part, str) for part in parts):
            return "\n\n".join(map(str, parts)) or None
        case _:
            raise wrong(row.place, f"the context is {value!r:.60}: make it a text or a list of texts")


def _json(labels: Mapping[str, object]) -> dict[str, Any]:
    """Give the nearest that JSON can say: dates and unknown objects as text, NaN as null."""
    text = to_json(labels, inf_nan_mode="null", bytes_mode="base64", serialize_unknown=True)
    return dict(from_json(text))
