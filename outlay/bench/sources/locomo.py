"""LoCoMo (Maharana et al., 2024, arXiv:2402.17753): questions about long conversations.

Its evaluation is followed where it says what is asked and what is right:
- of an answer to an open-domain question (category 3), what stands before the first semicolon counts;
- an adversarial question (category 5) is about something that was never said. It is put as a choice
  between saying so and the answer that it lures to, and only saying so is right.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from outlay.bench.sources.rows import Row, wrong
from outlay.memory.conversations.records import Utterance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NOT_MENTIONED: Final = ("Not mentioned in the conversation", "No information available")
"""The two ways to answer an adversarial question that LoCoMo's evaluation takes for right."""

OPEN_DOMAIN: Final = 3
ADVERSARIAL: Final = 5

_SESSION: Final = re.compile(r"session_(\d+)")


class Turn(BaseModel):
    """What one speaker says."""

    speaker: str
    text: str
    blip_caption: str | None = None
    """What the image that goes with it shows."""


class Question(BaseModel):
    """A question about a conversation."""

    question: str
    category: int
    answer: str | int | float | None = None
    adversarial_answer: str | None = None
    evidence: list[str] = []
    """The turns that hold the answer."""


class Sample(BaseModel):
    """A conversation and the questions about it."""

    sample_id: str
    conversation: dict[str, str | list[Turn]]
    """`session_1`, `session_1_date_time`, ... and the names of the speakers."""
    qa: list[Question]


def knows(record: Mapping[str, object]) -> bool:
    """Whether a record is one of LoCoMo's conversations."""
    return record.keys() >= {"qa", "conversation"}


def rows(place: str, record: Mapping[str, object]) -> Iterator[Row]:
    """Give the questions about a conversation, called `conv-26/q12` after their places, from 1."""
    sample = sample_of(place, record)
    context, history = _told(sample), history_of(sample)
    for number, question in enumerate(sample.qa, 1):
        labels = question.model_dump(exclude={"question"}, exclude_none=True)
        yield Row(
            place=f"{place}, question {number}",
            id=f"{sample.sample_id}/q{number}",
            values={"question": _asked(question, number), "answer": _right(question), "context": context},
            labels={"conversation": sample.sample_id, **labels},
            history=history,
        )


def sample_of(place: str, record: Mapping[str, object]) -> Sample:
    """Read a conversation.

    Raises:
        ConfigurationError: It is not as LoCoMo has it.
    """
    try:
        return Sample.model_validate(record)
    except ValidationError as exc:
        first = exc.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise wrong(place, f"not as LoCoMo has it, `{field}` ({first['msg']}): correct it") from exc


def _told(sample: Sample) -> str:
    """Write the conversation down: each session under its date, each turn after its speaker."""
    return "\n\n".join(_session(sample, number) for number in _sessions(sample))


def history_of(sample: Sample) -> tuple[Utterance, ...]:
    """Give the turns one by one, each with its session and when that was."""
    return tuple(
        Utterance(text=_said(turn), speaker=turn.speaker, time=_date(sample, number, ""), session=str(number))
        for number in _sessions(sample)
        for turn in _turns(sample, number)
    )


def _session(sample: Sample, number: int) -> str:
    said = [f"{turn.speaker}: {_said(turn)}" for turn in _turns(sample, number)]
    return "\n".join([f"Session {number}, {_date(sample, number, 'no date')}", *said])


def _sessions(sample: Sample) -> list[int]:
    return sorted(int(match[1]) for key in sample.conversation if (match := _SESSION.fullmatch(key)))


def _turns(sample: Sample, number: int) -> list[Turn]:
    return [turn for turn in sample.conversation[f"session_{number}"] if isinstance(turn, Turn)]


def _date(sample: Sample, number: int, absent: str) -> str:
    return str(sample.conversation.get(f"session_{number}_date_time", absent))


def _said(turn: Turn) -> str:
    return f"{turn.text} [shares {turn.blip_caption}]" if turn.blip_caption else turn.text


def _asked(question: Question, number: int) -> str:
    if question.category != ADVERSARIAL or not question.adversarial_answer:
        return question.question
    choices = [NOT_MENTIONED[0], question.adversarial_answer]
    # Neither may always be the first.
    first, second = choices if number % 2 else reversed(choices)
    return f"{question.question} Select the correct answer: {first!r} or {second!r}."


def _right(question: Question) -> object:
    match question.category:
        case 5:
            return list(NOT_MENTIONED)
        case 3 if isinstance(question.answer, str):
            return question.answer.partition(";")[0]
        case _:
            return question.answer
