"""Cutting a text that is too long: at the ends of sentences, else of words, else anywhere."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_SENTENCE: Final = re.compile(r"[.!?\u2026]+[\"'\u2019\u201d)\]]*(?=\s)|[\u3002\uff01\uff1f]|(?=\n)")
_INK: Final = re.compile(r"\S")
_WORD: Final = re.compile(r"(?<=\S)(?=\s)")


def split(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """Give the parts of `text`, each as long as `fits` lets it be; only blanks between them are dropped.

    A part ends with a sentence where a whole one fits, else with a word, else with a character.

    Args:
        text: Cut; a blank one has no parts.
        fits: Must let pass what is shorter than what it lets pass.
    """
    start = 0
    while ink := _INK.search(text, start):
        stop = _end_of_part(text, ink.start(), fits)
        yield text[ink.start() : stop].rstrip()
        start = stop


def _end_of_part(text: str, start: int, fits: Callable[[str], bool]) -> int:
    def fit(end: int) -> bool:
        return fits(text[start:end])

    for ends in (_SENTENCE, _WORD):
        found = (match.end() for match in ends.finditer(text, start + 1))
        if last := _furthest(chain(found, [len(text)]), fit):
            return last
    return _furthest(range(start + 1, len(text) + 1), fit) or start + 1


def _furthest(ends: Iterable[int], fits: Callable[[int], bool]) -> int | None:
    """Give the last of ascending `ends` that fits, looking at few: 1, 2, 4, ... at a time, then by halves."""
    rest, last, step = iter(ends), None, 1
    while some := list(islice(rest, step)):
        if not fits(some[-1]):
            count = bisect_left(some, True, key=lambda end: not fits(end))
            return some[count - 1] if count else last
        last, step = some[-1], step * 2
    return last
