"""What counts as the same action."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.routers.cascade import normal_form, normalise_action, python_normal_form


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" Go  to\tthe desk 1. ", "go to desk 1"),
        ("`take an apple 2 from a table`", "take apple 2 from table"),
        ('"look"!', "look"),
        ('The "red" door', 'red" door'),
        ("choose A", "choose a"),
        ("A", "a"),
        ("put theatre in anthill", "put theatre in anthill"),
        ("Read /Home/Notes.txt", "read /Home/Notes.txt"),
        ("ls -R", "ls -R"),
        ("Call getUser for Ada", "call getUser for ada"),
        (" ... ", ""),
        ('"a "a "the x', "x"),
        ('" "', ""),
        ("`a`", "a"),
        ('go to the "the"', 'go to "the'),
    ],
)
def test_actions_are_folded_to_what_they_do(text: str, form: str) -> None:
    assert normalise_action(text) == form


@settings(deadline=None)
@given(st.text(st.sampled_from("aAnthe \t.,'\"`ßİ1 "), max_size=30) | st.text(max_size=30))
def test_folding_an_action_twice_changes_nothing_more(text: str) -> None:
    assert normalise_action(normalise_action(text)) == normalise_action(text)


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(["go", "to", "desk", "1", "b"]), min_size=1),
    st.sampled_from(["a ", "THE  ", ""]),
)
def test_case_space_articles_and_a_full_stop_make_no_other_action(words: list[str], article: str) -> None:
    written = " " + article + "  ".join(word.capitalize() for word in words) + ". "
    assert normalise_action(written) == " ".join(words)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ('{"tool": "read", "args": {"a": 1, "b": 2}}', '{"args": {"b": 2, "a": 1}, "tool": "read"}', True),
        ('{"tool": "read", "args": {"name": "Ada"}}', '{"tool": "read", "args": {"name": "ada"}}', False),
        ('{"tool": "read", "args": [' + "9" * 310 + "]}", '{"tool": "read", "args": [8]}', False),
        ("read(name='Ada')", 'read( name = "Ada" )', True),
        ('read(name="The end")', 'read(name="the end")', False),
    ],
    ids=["order", "case", "long number", "quotes", "case in Python"],
)
def test_calls_of_tools_are_compared_as_calls(first: str, second: str, *, same: bool) -> None:
    assert (normal_form(first, "action") == normal_form(second, "action")) is same


SAME_CODE = {
    "quotes": ("print('a')", 'print("a")'),
    "formatting": ("x=[1,\n   2]", "x = [1, 2]"),
    "parentheses": ("y = (a + b)", "y = a + b"),
    "comments": ("f()  # now", "# first\nf()"),
    "docstring": ('def f():\n    """Say."""\n    return 1', "def f():\n    return 1"),
    "docstring alone": ('class A:\n    "x"', "class A:\n    pass"),
    "module docstring": ('"""Do it."""\nf()', "f()"),
    "prefix": ("f(u'a')", "f('a')"),
    "fence": ("```python\nf(1)\n```", "f(1)"),
    "indented as a whole": ("    f()\n    g()", "f()\ng()"),
    "a space first": (" f()\ng()", "f()\ng()"),
}
OTHER_CODE = {
    "value": ("f(1)", "f(2)"),
    "type of a value": ("f(1)", "f(True)"),
    "names": ("x = 1", "y = 1"),
    "case": ("f(a)", "f(A)"),
    "order": ("f(); g()", "g(); f()"),
    "a string that is not first": ("f()\n'x'", "f()"),
    "a string alone": ("'x'", "'y'"),
}


@pytest.mark.parametrize(("one", "other"), SAME_CODE.values(), ids=SAME_CODE)
def test_code_that_differs_in_looks_is_the_same(one: str, other: str) -> None:
    assert python_normal_form(one) == python_normal_form(other) is not None


@pytest.mark.parametrize(("one", "other"), OTHER_CODE.values(), ids=OTHER_CODE)
def test_code_that_may_do_something_else_is_not(one: str, other: str) -> None:
    forms = {python_normal_form(one), python_normal_form(other)}
    assert len(forms - {None}) == 2


@pytest.mark.parametrize(
    "code",
    [
        "go to desk 1",
        "f(",
        "",
        "# only a comment",
        "f('\0')",
        "f('\ud800')",
        "(" * 5000,
        "-" * 50_000 + "1",
        "x = 0x" + "f" * 9000,
    ],
    ids=["prose", "cut", "empty", "comment", "zero byte", "surrogate", "nested", "minus", "endless number"],
)
def test_what_is_no_python_is_invalid_and_no_crash(code: str) -> None:
    assert python_normal_form(code) is None


def test_pythons_own_warnings_about_an_action_are_kept_quiet() -> None:
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert python_normal_form(r"re.match('\d', x)") is not None
    assert said == []


@pytest.mark.parametrize(
    ("value", "form"),
    [("$1,234.00", "1234"), (r"\boxed{1/2}", "0.5"), ("The Hague.", "hague"), (" ", None), (None, None)],
)
def test_answers_are_compared_as_everywhere_else(value: str | None, form: str | None) -> None:
    assert normal_form(value, "answer") == form
