"""Whether two answers are the same one, and how many votes each answer has."""

from __future__ import annotations

import logging
import re
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from outlay.answers.normal import is_number, normalise
from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST_CHARACTERS: Final = 150
"""Longest answer that is given to math-verify."""

# Its parser keeps state in module-level objects, and strategies vote from several threads.
_one_at_a_time: Final = Lock()

_PROSE: Final = re.compile(r"(?<![\\a-z])[a-z]{3,}|[ap]m\b|\d-\d+-\d")
"""Words, times and dates, in which math-verify would read products and differences."""
_MATHS: Final = re.compile(r"[\d\\^/*+=]|^[a-z]$")
_ENDLESS: Final = re.compile(r"\^[^,;&+\-]*\^|\*\*|!|\d{25}|\^\s*\{?\s*-?\d{4}|\\(?:int|sum|prod|lim|binom)")
"""What sympy may compute for ever: towers of powers, factorials, huge exponents, integrals."""


class Vote(Record):
    """An answer and how many gave it."""

    value: str
    """The answer as it was first given."""
    count: int
    first: int
    """Where it was first given, counted from 0."""


def tally(
    values: Sequence[str | None], *, equal: Callable[[str, str], bool] | None = None
) -> tuple[Vote, ...]:
    """Count equal answers, most votes first; ties go to the one given first.

    `None` and values with nothing in them abstain.

    Args:
        values: Answers, in normal form or not.
        equal: Also counts as equal what this says is (`same`, say); otherwise only equal normal forms are.
    """
    groups: dict[str, list[int]] = {}
    for index, value in enumerate(values):
        normal = normalise(value) if value is not None else ""
        if normal:
            alike = equal and next(
                (n for n, g in groups.items() if equal(str(values[g[0]]), str(value))), None
            )
            groups.setdefault(normal if normal in groups or not alike else alike, []).append(index)
    votes = [Vote(value=str(values[g[0]]), count=len(g), first=g[0]) for g in groups.values()]
    return tuple(sorted(votes, key=lambda vote: (-vote.count, vote.first)))


def same(a: str, b: str) -> bool:
    """Whether two answers are equal: in normal form, or as mathematics where math-verify is installed."""
    first, second = normalise(a), normalise(b)
    if not first or not second or first == second:
        return first == second != ""
    if is_number(first) and is_number(second) and "/" not in first + second:
        return False
    if not (_is_maths(a, first) and _is_maths(b, second)):
        return False
    return _equivalent(a, b) or _equivalent(b, a)


def _is_maths(value: str, normal: str) -> bool:
    if len(value) > MOST_CHARACTERS or _ENDLESS.search(value) or _PROSE.search(normal):
        return False
    return _MATHS.search(normal) is not None


@lru_cache(maxsize=1024)
def _equivalent(gold: str, target: str) -> bool:
    """Ask math-verify, which is not symmetric.

    Its own time limits are alarm signals, which exist in the main thread only: what would need them is
    kept from it by `_ENDLESS` instead.
    """
    if not _math_verify_is_quiet():
        return False
    from math_verify import parse, verify  # type: ignore[import-untyped]  # noqa: PLC0415  (an extra, and seconds to import)

    with _one_at_a_time:
        sides = [parse(f"${_bare(side)}$", parsing_timeout=None) for side in (gold, target)]
        return bool(all(sides) and verify(*sides, timeout_seconds=None))


def _bare(value: str) -> str:
    return value.strip().strip("$").replace("$", r"\$")


@cache
def _math_verify_is_quiet() -> bool:
    """Whether math-verify is there; stops it from warning that it runs without its time limits."""
    try:
        import math_verify  # noqa: F401, PLC0415
    except ImportError:
        return False
    for module in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(module).addFilter(lambda record: "Timeout is disabled" not in str(record.msg))
    return True
