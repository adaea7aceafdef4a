"""Scorers of final answers: numbers, normal forms, and letters of a multiple choice."""

from __future__ import annotations

from fractions import Fraction
from operator import eq
from typing import Final

from outlay.answers import extract, normalise
from outlay.answers.normal import is_number
from outlay.bench.scorers.score import Comparison, value_of

TOLERANCE: Final = Fraction(1, 10**6)
"""Relative; integers have none."""


def number(text: str) -> Fraction | None:
    """Read the number that a text is, with its currency, unit or percent sign."""
    normal = normalise(text)
    return Fraction(normal) if is_number(normal) else None


def near(gold: Fraction, given: Fraction) -> bool:
    """Whether two numbers are equal, within `TOLERANCE` if either has a fractional part."""
    if gold.denominator == given.denominator == 1:
        return gold == given
    return abs(gold - given) <= TOLERANCE * max(abs(gold), abs(given))


def letter(text: str) -> str | None:
    """Read the letter of a choice: `B`, `(b)`, `B) Paris`."""
    return extract(text, "choice")


def _normal(text: str) -> str | None:
    return normalise(text) or None


NUMERIC: Final = Comparison("numeric", value_of, number, near)
EXACT: Final = Comparison("exact", value_of, _normal, eq)
CHOICE: Final = Comparison("choice", value_of, letter, eq)
