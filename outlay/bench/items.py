"""A question with a known answer, as every source gives it and every scorer takes it."""

from __future__ import annotations

import hashlib
from typing import Any

from pydantic import Field

from outlay.budget import Record


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

    @property
    def asked(self) -> str:
        """The question as it is put: after its context, if it has one."""
        return f"{self.context}\n\n{self.question}" if self.context else self.question

    @property
    def digest(self) -> str:
        """Tells whether two items of one id are the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
