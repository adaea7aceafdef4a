"""The questions that a simulated model knows, and how it finds the one that a prompt is about."""

from __future__ import annotations

import re
from collections import Counter
from functools import cached_property
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Final

from pydantic import Field

from outlay.answers import normalise
from outlay.budget import Record
from outlay.errors import ConfigurationError
from outlay.testing.words import prompt_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from outlay.model import Message

    Pair = tuple[str, "SimulatedQuestion"]

WRONG_ODDS: Final = (8, 4, 2, 1)
"""How often a question's wrong answers are given, one beside the other."""

LETTERS: Final = "ABCDEFGHIJ"
SPAN: Final = 9
"""Least distance within which the wrong integers lie."""
SHORT: Final = 4
"""Characters below which an answer is too common to be counted wherever it stands."""

_WORD: Final = re.compile(r"\S+")
_PLAIN: Final = re.compile(r"[1-9]\d{0,20}")
_INTEGER: Final = re.compile(r"-?\d+")
_NUMERALS: Final = ("one", "two", "three", "four")


class SimulatedQuestion(Record):
    """A question whose answer and difficulty a simulated model is told."""

    question: str = Field(min_length=1)
    answer: str = Field(min_length=1)
    difficulty: float = Field(ge=0, le=1)
    """0 is easy."""

    @cached_property
    def wrong(self) -> tuple[str, ...]:
        """Its four wrong answers, which every simulated model gives with `WRONG_ODDS`.

        Integers near an integer, other letters for a letter, else `simulated wrong answer one` to four.
        """
        dice = Random(digest(self.question))  # noqa: S311 - a simulation's dice
        count = len(WRONG_ODDS)
        letter = self.answer.strip().upper()
        if len(letter) == 1 and letter in LETTERS:
            return tuple(dice.sample(LETTERS[: count + 1].replace(letter, ""), count))
        normal = self.answer if _PLAIN.fullmatch(self.answer) else normalise(self.answer)
        if not _INTEGER.fullmatch(normal):
            return tuple(f"simulated wrong answer {numeral}" for numeral in _NUMERALS)
        right = int(normal)
        span = max(SPAN, abs(right) // 2)
        low = right - span if right < 0 else max(0, right - span)
        near = dice.sample(range(low, right + span + 1), count + 1)
        return tuple(str(number) for number in near if number != right)[:count]


def simulated_questions(n: int, seed: int = 0) -> tuple[SimulatedQuestion, ...]:
    """Make `n` questions, their difficulties uniform between 0 and 1.

    The answer is a number of six digits, which no prompt holds by chance. The text tells the difficulty
    to two digits, so that whoever routes or allocates has something to read. The first questions of a
    longer list are those of a shorter one.
    """
    return tuple(_simulated(number, seed) for number in range(n))


def drawn_difficulty(question: str) -> float:
    """Give a question that nobody has rated a difficulty, by its text: uniform between 0 and 1."""
    return digest(question) / 2**64


def digest(text: str) -> int:
    """Give 64 bits that depend on nothing but `text`."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Known:
    """Questions, found by the prompts that hold them.

    Raises:
        ConfigurationError: There are none, or one of them has two answers.
    """

    def __init__(self, questions: Iterable[SimulatedQuestion]) -> None:
        distinct: dict[str, SimulatedQuestion] = {}
        for question in questions:
            text = question.question.strip()
            if distinct.setdefault(text, question).answer != question.answer:
                raise ConfigurationError(
                    f"a simulated question has two answers: leave one out: {text[:200]!r}"
                )
        if not distinct:
            raise ConfigurationError("a simulated model needs the questions it will be asked: there are none")
        self._by_line = _by_rarest_line(distinct)
        self._lengths = frozenset(map(len, self._by_line))
        self._shortest = min(self._lengths)

    def __len__(self) -> int:
        return sum(map(len, self._by_line.values()))

    def asked_in(self, messages: Sequence[Message]) -> SimulatedQuestion | None:
        """Give the question that the messages hold word for word; the last one, where there are several.

        It must end its line, and may begin behind a prefix such as `Problem: `. What the model said
        itself is not searched.
        """
        heard = [message for message in reversed(messages) if message.get("role") != "assistant"]
        return next((found for message in heard if (found := self._in(prompt_text([message])))), None)

    def _in(self, text: str) -> SimulatedQuestion | None:
        keys = (key for line in reversed(text.split("\n")) for key in self._keys(line))
        pairs = (pair for key in keys for pair in self._by_line[key])
        return next((question for known, question in pairs if known in text), None)

    def _keys(self, line: str) -> Iterator[str]:
        """Give what ends `line` and is a line of a known question, longest first."""
        if line in self._by_line:
            yield line
        length = len(line)
        if length <= self._shortest:
            return
        for word in _WORD.finditer(line):
            start = word.start()
            if length - start in self._lengths and start and (end := line[start:]) in self._by_line:
                yield end


def candidates(question: SimulatedQuestion, prompt: str) -> tuple[int, int]:
    """Count the right and the wrong answers that the prompt shows beside the question.

    An answer counts wherever it stands as a word of its own; one of less than four characters only
    inside `boxed{}`.
    """
    text = prompt.replace(question.question.strip(), " ")
    return _mentions(text, question.answer), sum(_mentions(text, wrong) for wrong in question.wrong)


def _mentions(text: str, answer: str) -> int:
    if len(answer) < SHORT:
        return text.count(f"boxed{{{answer}}}")
    count, start = 0, text.find(answer)
    while start >= 0:
        end = start + len(answer)
        count += not (text[start - 1 : start].isalnum() or text[end : end + 1].isalnum())
        start = text.find(answer, end)
    return count


def _by_rarest_line(questions: Mapping[str, SimulatedQuestion]) -> dict[str, tuple[Pair, ...]]:
    # Questions about one text share most of their lines: by their rarest one, few have to be looked at.
    lines = {text: [line for line in text.split("\n") if line.strip()] for text in questions}
    counts = Counter(line for found in lines.values() for line in found)
    known: dict[str, list[Pair]] = {}
    for text, question in questions.items():
        known.setdefault(min(lines[text], key=counts.__getitem__), []).append((text, question))
    # One question may be the end of another: the longer ones are looked for first.
    return {line: tuple(sorted(found, key=_length)) for line, found in known.items()}


def _length(pair: Pair) -> int:
    return -len(pair[0])


def _simulated(number: int, seed: int) -> SimulatedQuestion:
    high, low = divmod(digest(f"simulated question {number} of set {seed}"), 2**32)
    difficulty = high / 2**32
    text = f"Simulated question {number} of set {seed}, difficulty {difficulty:.2f}: what is its number?"
    return SimulatedQuestion(question=text, answer=str(10**5 + low % (9 * 10**5)), difficulty=difficulty)
