"""Every function that reads an answer takes any text: none raises, whatever a model writes."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from outlay.answers import boxed_answer, extract, find, normalise, same, tally
from outlay.answers.equality import equal
from outlay.answers.normal import boxed, is_number, plain_tex
from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.bench.scorers.score import marked_or_whole
from outlay.bench.scorers.values import letter, number
from outlay.bench.scorers.words import overlap, words
from outlay.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

PIECES: Final = (
    "\\boxed{",
    "\\boxed",
    "\\boxed{}",
    "\\fbox{",
    "\\frac",
    "\\frac{",
    "\\frac{1}{2}",
    "\\frac12",
    "\\sqrt(",
    "\\sqrt",
    "\\sqrt{",
    "\\text{",
    "\\mathrm{e}",
    "}",
    "\\pm",
    "\\mp",
    "\\cup",
    "\\ldots",
    "\\forall",
    "\\in",
    "\\le",
    "<",
    ">",
    "=",
    "!=",
    "\\begin{pmatrix}",
    "\\end{pmatrix}",
    "&",
    "\\\\",
    "\\{",
    "\\}",
    "\\langle",
    "\\rangle",
    "\\,",
    "\\!",
    "{,}",
    "\\(",
    "\\)",
    "\\[",
    "\\]",
    "\\%",
    "\\$",
    "\\overline{",
    "0.\\overline{3}",
    "\\left(",
    "\\right]",
    "\\circ",
    "^\\circ",
    "\\pi",
    "\\infty",
    "\\x",
    "\\",
    "[",
    "]",
    "(",
    ")",
    "{",
    "|",
    "$",
    "$$",
    "%",
    ",",
    ";",
    ":",
    ".",
    "!",
    "?",
    "'",
    '"',
    "`",
    "~",
    "^",
    "_",
    "*",
    "**",
    "+",
    "-",
    "/",
    "#",
    "@",
    "answer",
    "the answer is ",
    "Answer: ",
    "#### ",
    "\n#### 7\n",
    "## Answer\n",
    "<answer>",
    "</answer>",
    "\ud800",
    "Antwort: ",
    "\u7b54\u6848\u662f",
    "\uff1a",
    "\u3002",
    "\uff0c",
    "<|im_end|>",
    "\n\nQuestion: ",
    "\n\nQ:",
    "```",
    '"answer": ',
    '{"answer": "',
    "'answer': '",
    '\\"',
    "I pick ",
    "option ",
    "(B",
    "B.",
    "A",
    "B)",
    "yes",
    "no",
    "1",
    "12",
    "1,234",
    "1,00,000",
    "0",
    "1/0",
    "9e99",
    "1e-400",
    "10^{9}",
    "2^10",
    "2_8",
    "3:5",
    "12:00",
    "9" * 310,
    "9" * 4301,
    "1," * 50,
    "(" * 400,
    "[" * 400,
    "{" * 400,
    "\\" * 400,
    "\\boxed{" * 400,
    "\n" * 400,
    "-" * 400,
    "\xbd",
    "\u221a",
    "\xb2",
    "\ufdfa",
    "\u0660",
    "\u2212",
    "\u2009",
    "\x00",
    "\u202e",
    "\u0301",
    "\xe9",
    "\r\n",
    "about ",
    "approximately ",
    " and ",
    "or",
    "x = ",
    "f(x)=",
    "km/h",
    " apples",
    "million",
    "pm",
    "a.m.",
    "twenty",
    " ",
    "\n",
    "\t",
    "x",
    "e",
    "i",
    "sin",
    "n!",
    "if",
)
TEXTS: Final = st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
FUZZED: Final = settings(
    max_examples=int(os.environ.get("OUTLAY_FUZZ", "30")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
"""`OUTLAY_FUZZ=100000` makes a long run, by hand with `--timeout 0`."""


def never(_one: str, _other: str) -> bool:
    return False


READERS: Final[dict[str, Callable[[str], object]]] = {
    "find": find,
    "extract a number": lambda text: extract(text, "number"),
    "extract a letter": lambda text: extract(text, "choice"),
    "extract a text": lambda text: extract(text, "text", marked=True),
    "extract a label": lambda text: extract(text, choices=("yes", "no", "not sure")),
    "normalise": normalise,
    "plain TeX": lambda text: plain_tex(text[:1000]),
    "boxes": lambda text: list(boxed(text)),
    "boxed answer": boxed_answer,
    "is a number": is_number,
    "votes": lambda text: tally([text, text[1:], None]),
    "scorer's number": number,
    "scorer's letter": letter,
    "scorer's words": lambda text: overlap(words(text), words(text[1:])),
    "scorer's text": lambda text: marked_or_whole(Outcome(text=text, value=extract(text))),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@given(text=TEXTS)
@FUZZED
def test_no_text_makes_a_reader_of_answers_raise(read: Callable[[str], object], text: str) -> None:
    read(text)


@given(text=TEXTS)
@FUZZED
def test_what_is_found_says_something_and_is_found_again(text: str) -> None:
    found = find(text)
    assert found is None or normalise(found.value)
    assert find(text) == found


@given(one=TEXTS, other=TEXTS)
@FUZZED
def test_comparing_any_two_texts_is_symmetric(one: str, other: str) -> None:
    assert equal(one, other, never) == equal(other, one, never)
    assert same(one[:60], other[:60]) == same(other[:60], one[:60])


@given(text=TEXTS.filter(normalise))
@FUZZED
def test_an_answer_is_equal_to_itself_in_a_box(text: str) -> None:
    assert same(text, text)


@pytest.mark.parametrize("name", ["numeric", "exact", "choice", "f1", "exact-match"])
@given(text=TEXTS)
@FUZZED
def test_no_answer_makes_a_scorer_raise(name: str, text: str) -> None:
    item = Item(id="i", question="?", answers=("3" if name == "numeric" else "B",))
    answer = Outcome(text=text, value=text)
    assert 0 <= asyncio.run(scorer_from_spec(name).score(item, answer)).value <= 1


@given(gold=TEXTS, given_=TEXTS)
@settings(FUZZED, max_examples=max(1, FUZZED.max_examples // 10))
def test_math_verify_reads_any_pair_of_short_texts_in_a_vote(gold: str, given_: str) -> None:
    assert same(gold[:40], given_[:40]) in {True, False}


@pytest.mark.parametrize("piece", PIECES, ids=[ascii(piece)[:20] for piece in PIECES])
@pytest.mark.timeout(60)
def test_a_hundred_kilobytes_of_a_piece_take_no_long_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    for read in (find, letter, number, words):
        read(text)
    extract(f"The answer is {text}", "choice")
    extract(f"\\boxed{{{text}}}", "number")
