from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.reading import (
    DEEPEST,
    LONGEST_TEXT,
    UnreadableError,
    integer,
    json_values,
    number,
    python_literal,
    python_tree,
    salvaged_json,
    unreadable,
)

plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(plain, max_size=3) | st.dictionaries(st.text(max_size=3), plain, max_size=3))
def test_json_is_read_as_the_standard_library_writes_it(value: Any) -> None:
    assert [found.value for found in json_values(json.dumps(value))] == [value]
    assert [found.value for found in json_values(json.dumps(value, ensure_ascii=False, indent=1))] == [value]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("[1] and {'a': 2,} and [3", [[1], {"a": 2}]),
        ("{x} [] {y: {}} f(z)", [[], {"y": {}}]),
        ('{"a": {"b": [1, 2]}, "c" 3}', [{"b": [1, 2]}]),
        ("[1 2,\n3,]", [[1, 2, 3]]),
        ("[+1, -.5, 2., 1e3, -0]", [[1, -0.5, 2.0, 1000.0, 0]]),
        ("[007] [1_000] [1a] [1.2.3] [0x1]", []),
        ("[,] [1,,2] {,}", []),
        ("['it's'] [\"a\"b\"]", []),
        ('["\\ud83d\\ude00", "\\u12", "\\q"]', [["\U0001f600", "\\u12", "\\q"]]),
        ('[1, // "]\n2 /* ] */]', [[1, 2]]),
        ("[" * 1000 + "{} [7]", [{}, [7]]),
        ("[" * DEEPEST + "]" * DEEPEST, [json.loads("[" * DEEPEST + "]" * DEEPEST)]),
        ("[" + "9" * 300 + "]", [[int("9" * 300)]]),
        ("[" + "9" * 301 + "]", []),
    ],
    ids=[
        *("in prose", "braces", "an object with a fault", "commas", "numbers", "no numbers", "commas alone"),
        *("quotes", "escapes", "comments", "too deep", "deep", "a long number", "too long a number"),
    ],
)
def test_values_are_found_in_prose(text: str, values: list[Any]) -> None:
    assert [found.value for found in json_values(text)] == values


def test_a_text_is_read_as_far_as_the_bound() -> None:
    assert [f.value for f in json_values("[1]" + " " * (LONGEST_TEXT - 6) + "[2][3]")] == [[1], [2]]


def test_what_cannot_be_read_is_tried_again_a_bounded_number_of_times() -> None:
    # Each of these is open to the end of the text: all together would take quadratic time.
    assert list(json_values('{"a": 1, [' * 2000 + '"')) == []


@pytest.mark.parametrize(
    ("text", "whole", "cut"),
    [
        ('["a", "b', ["a"], ["a", "b"]),
        ('{"a": [1, {"b": "c', {"a": [1, {}]}, {"a": [1, {"b": "c"}]}),
        ("[one, two words, 3:30]", ["one", "two words", "3:30"], ["one", "two words", "3:30"]),
        ('["he said "no" once", 2]', ['he said "no" once', 2], ['he said "no" once', 2]),
        ("[1, }, 2]", [1], [1]),
    ],
)
def test_damaged_json_is_read_up_to_the_fault(text: str, whole: Any, cut: Any) -> None:
    assert salvaged_json(text, cut_strings=False) == whole
    assert salvaged_json(text, cut_strings=True) == cut


@pytest.mark.parametrize("text", ["", '"', ",", "\n"])
def test_what_begins_with_no_value_is_not_salvaged(text: str) -> None:
    with pytest.raises(UnreadableError):
        salvaged_json(text, cut_strings=False)


@pytest.mark.parametrize(
    "code", ["f(", "(" * 5000, "x = " + "9" * 5000, "\0", "\ud800", " " * LONGEST_TEXT + "1"]
)
def test_what_is_no_python_is_unreadable(code: str) -> None:
    with pytest.raises(UnreadableError):
        python_tree(code)


@pytest.mark.parametrize("code", ["f(1)", "a", "{[]: 1}", "1 + 'a'", "-" * 2000 + "1"])
def test_what_is_no_literal_is_unreadable(code: str) -> None:
    with unreadable(), pytest.raises(UnreadableError):
        python_literal(python_tree(code).body[0].value)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "error", [ValueError, SyntaxError, TypeError, OverflowError, RecursionError, MemoryError]
)
def test_every_error_of_a_parser_is_one_error(error: type[Exception]) -> None:
    with pytest.raises(UnreadableError) as caught, unreadable():
        raise error
    assert isinstance(caught.value.__cause__, error)


@pytest.mark.parametrize(
    ("digits", "found"),
    [("7", 7), ("\u0667", 7), ("", None), ("x", None), ("\u00b2", None), ("9" * 301, None)],
)
def test_an_integer_is_read_or_none(digits: str, found: int | None) -> None:
    assert integer(digits) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        *((2, 2.0), ("2.5", 2.5), (True, 1.0), ("many", None), (None, None), ([1], None)),
        *((10**400, None), ("1e999", None), (float("nan"), None), ("9" * 301, None)),
    ],
    ids=str,
)
def test_a_number_is_finite_or_none(value: object, found: float | None) -> None:
    assert number(value) == found


def test_reading_needs_little_of_the_stack() -> None:
    def deeper(levels: int) -> list[Any]:
        return deeper(levels - 1) if levels else [found.value for found in json_values("[" * 64 + "]" * 64)]

    limit = sys.getrecursionlimit()
    assert len(deeper(limit // 2)) == 1
