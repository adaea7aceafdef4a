from __future__ import annotations

import pytest

from outlay.answers import normalise
from outlay.answers.normal import boxed, is_number
from outlay.bench.scorers.values import number


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("[42]", "42"),
        ("{42}", "42"),
        (r"[\frac{1}{2}]", "0.5"),
        ("10 m/s", "10"),
        ("15/hour", "15"),
        ("$15/hr", "15"),
        ("1,00,000", "100000"),
        ("12,34,567.50", "1234567.5"),
        (r"12\,500", "12500"),
        (r"1\ 234\;567", "1234567"),
        ("approximately 3.14", "3.14"),
        ("about $3.50", "3.5"),
        ("\u22483.14", "3.14"),
        (r"x \approx 3.14", "3.14"),
        ("= 42", "42"),
        ("twenty-one", "21"),
        ("Ninety nine", "99"),
        (r"\frac{1}2", "0.5"),
        (r"\frac1{2}", "0.5"),
        (r"0.\overline{3}", "1/3"),
        (r"-0.1\overline{6}", "-1/6"),
        ("2^10", "2^{10}"),
        ("x**2", "x^2"),
        (r"x \leqslant 5", r"x\le 5"),
        ("\u221a12", r"\sqrt{12}"),
        ("3 p.m.", "3-pm"),
        ("n!", "n!"),
        ("a:b", "a:b"),
        ("2x+1=5", "2x+1=5"),
        ("-x=3", "-x=3"),
        ("3 x 4 = 12", "12"),
    ],
)
def test_normal_form(value: str, normal: str) -> None:
    assert normalise(value) == normal


@pytest.mark.parametrize(
    "value",
    ["3 sin x", "2 xy", "5 choose 2", "5 squared", "3 times x", "[1,234]", "(1,234)", "2 if x>0", "4 root 2"],
)
def test_words_and_brackets_that_change_what_is_meant_stay(value: str) -> None:
    assert not is_number(normalise(value))


@pytest.mark.parametrize("value", ["1/0", "1/00", "-3/0", "1" * 4301, "-" + "9" * 5000])
def test_what_is_no_number_for_python_is_none(value: str) -> None:
    assert number(value) is None


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        (r"\boxed{1} then \boxed 2", ["2", "1"]),
        (r"\boxed-3 and \boxed{ 4 }", ["4", "-3"]),
        (r"\boxed\frac{1}{2}", [r"\frac{1}{2}"]),
        (r"\boxed x, \boxed xyz", ["x"]),
        ("boxed{1} and \x08oxed{2}", ["2", "1"]),
        (r"unboxed{1}", []),
    ],
)
def test_a_box_holds_its_group_or_the_next_token(text: str, contents: list[str]) -> None:
    assert list(boxed(text)) == contents
