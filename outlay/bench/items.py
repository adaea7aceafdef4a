"""A question with a known answer, as every source gives it and every scorer takes it."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from outlay.budget import Record
from outlay.memory.conversations.records import Document, Utterance
from outlay.prompts import delimited


class Item(Record):
    """A question with a known answer."""

    id: str = Field(min_length=1)
    """Unique in its source."""
    question: str = Field(min_length=1)
    answers: tuple[str, ...] = Field(min_length=1)
    """Right answers; any of them counts, the first is the one shown."""
    level: int | None = None
    """How hard it is said to be; MATH's is 1 to 5."""
    context: str | None = None
    """What the question is about, where it is about a text."""
    labels: dict[str, Any] = Field(default_factory=dict)
    """What else its source says of it, e.g. `subject`, `category`: JSON."""
    history: tuple[Utterance | Document, ...] = Field(default=(), exclude=True)
    """What `context` is made of, where its source tells the pieces apart; in no file of a bench."""

    @property
    def asked(self) -> str:
        """The question as it is put: after its context, if it has one, which stands between tags."""
        return f"{delimited('context', self.context)}\n\n{self.question}" if self.context else self.question

    @property
    def remembered(self) -> tuple[Utterance | Document, ...]:
        """What a memory is given of it: its history, else its context in one piece."""
        return self.history or ((Document(text=self.context),) if self.context else ())

    @property
    def digest(self) -> str:
        """Tells whether two items of one id are the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
