r"""The shape every scorer has, and the one that most share.

What of an answer is scored:

- `numeric`, `exact`, `choice` and `math` take `answer.value` only. Which value a text has is the strategy's
  to say: that of an answer that was cut short counts only if the text marks it. Without a value the score
  is 0.
- `f1`, `exact-match`, `rouge-l` and `locomo` compare texts. They take `answer.value` where the text marks
  one (by `\boxed{}`, `####`, "the answer is", a JSON key), else the whole text, also if it was cut short.
- `judge` reads the whole text.
- `success` asks what the environment said of the episode.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar, runtime_checkable

from pydantic import Field

from outlay.answers import MARKED, find
from outlay.budget import Record, Usage
from outlay.errors import ScorerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.bench.items import Item
    from outlay.outcome import Outcome

T = TypeVar("T")


class Score(Record):
    """How right an answer is."""

    value: float = Field(ge=0, le=1)
    judge: Usage = Usage()
    """What a judging model was billed for it."""


@runtime_checkable
class Scorer(Protocol):
    """Says how right an answer is."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    def check(self, item: Item) -> None:
        """Look at an item before anything is paid for it.

        Raises:
            ScorerError: No answer to it could be scored.
        """

    async def score(self, item: Item, answer: Outcome) -> Score:
        """Score an answer.

        Raises:
            ScorerError: It could not be scored, which is no 0.
        """


def value_of(answer: Outcome) -> str | None:
    """Give the answer's value, whatever its text says."""
    return answer.value


def marked_or_whole(answer: Outcome) -> str:
    """Give the answer's value where its text marks one, else its text."""
    found = find(answer.text)
    is_marked = found is not None and found.how in MARKED
    return answer.value if is_marked and answer.value is not None else answer.text


@dataclass(frozen=True)
class Comparison(Generic[T]):
    """Compares what an answer says with each right answer; the best counts."""

    name: str
    said: Callable[[Outcome], str | None]
    """What of the answer is scored."""
    read: Callable[[str], T | None]
    """Reads it, and a right answer, into what is compared; `None`: there is no such thing in it."""
    alike: Callable[[T, T], float]
    """How much the right answer, first, and the given one are the same, 0 to 1."""
    slow: bool = False
    """Whether comparing would hold up an event loop."""

    def check(self, item: Item) -> None:
        self._right(item)

    async def score(self, item: Item, answer: Outcome) -> Score:
        compare = self._compare
        value = await asyncio.to_thread(compare, item, answer) if self.slow else compare(item, answer)
        return Score(value=value)

    def _compare(self, item: Item, answer: Outcome) -> float:
        right = self._right(item)
        said = self.said(answer)
        given = None if said is None else self.read(said)
        return 0.0 if given is None else max(self.alike(gold, given) for gold in right)

    def _right(self, item: Item) -> list[T]:
        right = [read for gold in item.answers if (read := self.read(gold)) is not None]
        if not right:
            raise ScorerError(
                f"no right answer of item {item.id!r} is one that scorer {self.name!r} can read "
                f"({item.answers[0]!r:.80}): use another scorer"
            )
        return right
