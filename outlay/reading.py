"""Readers of text that a model wrote: JSON, Python and numbers.

Every reader in Outlay that parses a model's text goes through this module. Its functions take any text:
their work grows linearly with its length, they read at most `LONGEST_TEXT` characters and `DEEPEST` levels
of nesting, and the only exception that they raise is `UnreadableError`.

The JSON reader takes JSON, and what models write for it where only one reading is possible: trailing or
missing commas, single quotes, keys without quotes, raw line ends in strings, comments, unknown escapes, and
Python's `True`, `False` and `None`.
"""

from __future__ import annotations

import ast
import re
import warnings
from contextlib import contextmanager, suppress
from math import isfinite
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_TEXT: Final = 1_000_000
"""Characters that are read; the rest of a longer text is ignored."""
DEEPEST: Final = 64
"""Levels of nesting; what is nested more deeply is unreadable."""
LONGEST_NUMBER: Final = 300
"""Characters; a longer number is unreadable."""
WORK_PER_CHARACTER: Final = 4
"""How often a character may be looked at again, as the inside of something that could not be read."""

_BRACKET: Final = re.compile(r"[\[{]")
_GAP: Final = re.compile(r"(?:\s++|(?://|#)[^\n]*+|/\*[^*]*+\*++/)*+")
_NUMBER: Final = re.compile(
    r"[-+]?(?:(?:0|[1-9][0-9]*+)(\.[0-9]*+)?|(\.[0-9]++))([eE][-+]?[0-9]++)?(?![\w.])", re.ASCII
)
_NAME: Final = re.compile(r"-?[^\W\d][\w-]*+")
_QUOTED: Final = {
    '"': re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL),
    "'": re.compile(r"'([^'\\]*+(?:\\.[^'\\]*+)*+)'", re.DOTALL),
}
# A quote inside a string ends it only where an item, or a line, can end.
_LOOSELY_QUOTED: Final = {
    '"': re.compile(r'"((?:[^"\\]++|\\.|"(?!\s*+(?:[,:\]}]|\Z)|[^\S\n]*+\n))*+)("?)', re.DOTALL),
    "'": re.compile(r"'((?:[^'\\]++|\\.|'(?!\s*+(?:[,:\]}]|\Z)|[^\S\n]*+\n))*+)('?)", re.DOTALL),
}
_BARE: Final = re.compile(r"[^\[\]{},\"\n]++")
_ESCAPE: Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", **{mark: mark for mark in "\"'\\/"}}
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_WORDS: Final[dict[str, Any]] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "-Infinity": float("-inf"),
}

# `catch_warnings` swaps the filters of the whole process, and strategies read replies in several threads.
_one_at_a_time: Final = Lock()


class UnreadableError(ValueError):
    """The text is not what a reader reads."""


class Found(NamedTuple):
    """A JSON value in a text."""

    value: Any
    start: int
    end: int


def json_values(text: str) -> Iterator[Found]:
    """Yield the JSON objects and arrays in `text`, in order, none that lies inside another."""
    text = text[:LONGEST_TEXT]
    work, place = WORK_PER_CHARACTER * len(text), 0
    while work >= 0 and (bracket := _BRACKET.search(text, place)):
        reader = _Reader(text, bracket.start())
        try:
            found = Found(reader.value(), bracket.start(), reader.place)
        except UnreadableError:
            # What lies between the outermost and the deepest bracket is nested as deeply.
            place = reader.place if reader.too_deep else bracket.end()
        else:
            place = found.end
            yield found
        work -= reader.place - bracket.start()


def salvaged_json(text: str, *, cut_strings: bool) -> Any:
    """Return what can be read of the JSON value that `text` starts with, damaged or cut off.

    Words without quotes are strings, and a quote that does not end an item is part of its string. The
    value ends at the first fault.

    Args:
        text: Starts with the value.
        cut_strings: Whether a string without an end is kept.

    Raises:
        UnreadableError: The text starts with no value.
    """
    return _SalvagingReader(text[:LONGEST_TEXT], cut_strings=cut_strings).value()


@contextmanager
def unreadable() -> Iterator[None]:
    """Turn what parsers raise for a text into `UnreadableError`."""
    try:
        yield
    except (SyntaxError, ValueError, TypeError, OverflowError) as exc:
        raise UnreadableError(f"not readable ({type(exc).__name__})") from exc
    except (RecursionError, MemoryError) as exc:
        raise UnreadableError("nested too deeply") from exc


def python_tree(code: str) -> ast.Module:
    """Parse Python code.

    Raises:
        UnreadableError: It is no Python, or is too long or nested too deeply to be parsed.
    """
    if len(code) > LONGEST_TEXT:
        raise UnreadableError("too long")
    with unreadable(), _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about doubtful escapes, e.g. "\d"
        return ast.parse(code)


def python_literal(node: ast.expr) -> Any:
    """Return the value of a literal.

    Raises:
        UnreadableError: The node is no literal.
    """
    with unreadable():
        return ast.literal_eval(node)


def integer(digits: str) -> int | None:
    """Return the number that `digits` are, or `None` if they are none or too many."""
    try:
        return int(digits) if len(digits) <= LONGEST_NUMBER else None
    except ValueError:
        return None


def number(value: object) -> float | None:
    """Return a JSON value, or a string with a number in it, as a finite number; else `None`."""
    if not isinstance(value, int | float | str) or (isinstance(value, str) and len(value) > LONGEST_NUMBER):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if isfinite(found) else None


class _Reader:
    """Reads one JSON value; `place` is how far it looked."""

    def __init__(self, text: str, place: int = 0) -> None:
        self.text = text
        self.place = place
        self.too_deep = False
        self._depth = 0
        self._faulty = False

    def value(self) -> Any:
        match self._next():
            case "{":
                return self._nested(self._members, {}, "}")
            case "[":
                return self._nested(self._items, [], "]")
            case '"' | "'" as quote:
                return self._string(quote)
        return self._plain()

    def _next(self) -> str:
        gap = _GAP.match(self.text, self.place)
        self.place = gap.end() if gap else self.place
        return self.text[self.place : self.place + 1]

    def _nested(self, fill: Any, into: Any, closing: str) -> Any:
        if self._depth >= DEEPEST:
            self.too_deep = True
            raise UnreadableError("nested too deeply")
        self._depth += 1
        self.place += 1
        fill(into, closing)
        self._depth -= 1
        return into

    def _items(self, items: list[Any], closing: str) -> None:
        while not self._faulty and self._next() != closing:
            items.append(self.value())
            self._comma()
        self.place += 1

    def _members(self, members: dict[str, Any], closing: str) -> None:
        while not self._faulty and (first := self._next()) != closing:
            key = self._string(first) if first in {'"', "'"} else self._word()
            if self._next() != ":":
                raise UnreadableError("a key needs a colon")
            self.place += 1
            members[key] = self.value()
            self._comma()
        self.place += 1

    def _comma(self) -> None:
        if self._next() == ",":
            self.place += 1

    def _string(self, quote: str) -> str:
        found = _QUOTED[quote].match(self.text, self.place)
        self.place = found.end() if found else len(self.text)
        if not found:
            raise UnreadableError("a string has no end")
        return _unescaped(found[1])

    def _word(self) -> str:
        found = _NAME.match(self.text, self.place)
        if not found:
            raise UnreadableError("no value")
        self.place = found.end()
        return found[0]

    def _plain(self) -> Any:
        if found := _NUMBER.match(self.text, self.place):
            self.place = found.end()
            if len(found[0]) > LONGEST_NUMBER:
                raise UnreadableError("a number is too long")
            return float(found[0]) if any(found.groups()) else int(found[0])
        word = self._word()
        if word not in _WORDS:
            raise UnreadableError("a word needs quotes")
        return _WORDS[word]


class _SalvagingReader(_Reader):
    """Reads as much as it can: what follows a fault is ignored."""

    def __init__(self, text: str, *, cut_strings: bool) -> None:
        super().__init__(text)
        self._cut_strings = cut_strings

    def _nested(self, fill: Any, into: Any, closing: str) -> Any:
        try:
            return super()._nested(fill, into, closing)
        except UnreadableError:
            self._faulty = True
            return into

    def _string(self, quote: str) -> str:
        found = _LOOSELY_QUOTED[quote].match(self.text, self.place)
        if not found or not (found[2] or self._cut_strings):
            raise UnreadableError("a string has no end")
        self.place = found.end()
        return _unescaped(found[1])

    def _plain(self) -> Any:
        start = self.place
        with suppress(UnreadableError):
            value = super()._plain()
            if self._next() in {",", "]", "}", ""}:
                return value
        found = _BARE.match(self.text, start)
        if not found or not found[0].strip():
            raise UnreadableError("no value")
        self.place = found.end()
        return found[0].strip()


def _unescaped(string: str) -> str:
    if "\\" not in string:
        return string
    plain = _ESCAPE.sub(
        lambda found: chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[0]), string
    )
    if _SURROGATE.search(plain):  # an escaped pair is one character
        return plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
    return plain
