"""Replies as models write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.memory.modules.reading import answer_in, read_lines, read_scores, read_text
from outlay.model import Completion


@pytest.mark.parametrize(
    ("text", "reasoned", "found"),
    [
        ("a - is - b", False, "a - is - b"),
        ("First, I look.\n<answer>a - is - b</answer> Done.", True, "a - is - b"),
        ("<answer>draft\nof it</answer> No: <answer>a\nb</answer>", True, "a\nb"),
        ("<answer>a</answer>\n<answer>b</answer>", True, "a\nb"),
        ("I write between <answer> and </answer>.\n<answer>a</answer>", True, "a"),
        ("I think.\nAnswer: a - is - b", True, "a - is - b"),
        ("**Answer:**\na", True, "a"),
        ("<answer>a\nb", True, "a\nb"),
        ("only thinking, and never an answer", True, None),
        ("", False, None),
        ("<answer></answer>", True, None),
    ],
    ids=str,
)
def test_the_answer_is_told_from_the_reasoning(text: str, *, reasoned: bool, found: str | None) -> None:
    assert answer_in(Completion(text=text), reasoned=reasoned) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one\ntwo\nthr", "one\ntwo"),
        ("one only", "one only"),
        ("<answer>one\ntwo</answer> and fur", "one\ntwo"),
        ("<answer>one\ntwo\nth", "one\ntwo"),
    ],
    ids=str,
)
def test_a_line_that_was_cut_is_left_out(text: str, found: str) -> None:
    assert answer_in(Completion(text=text, finish_reason="length"), reasoned=False) == found


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ("a - is - b\nc - has - d", ("a - is - b", "c - has - d")),
        ("Here are the facts:\n\n1. **a** - is - b\n2) c - has - d\n", ("a - is - b", "c - has - d")),
        ("- a\n* b\n\u2022 c", ("a", "b", "c")),
        ("a\na\na", ("a",)),
        ('["a - is - b", "c"]', ("a - is - b", "c")),
        ('```json\n["a", "b"]\n```', ("a", "b")),
        ('["a", "b", "c', ("a", "b", "c")),
        ("['a', 'b',]", ("a", "b")),
        ('[{"entity": "a", "relation": "is", "other": "b"}]', ("a - is - b",)),
        ('{"facts": ["a", "b"]}', ("a", "b")),
        ('{"facts": ["a", "b"], "mo', ("a", "b")),
        ('["he said \\"no\\"", "she said "yes" to me", "b"]', ('he said "no', 'she said "yes" to me', "b")),
        ("[a - is - b, c - is - d]", ("a - is - b", "c - is - d")),
        ('["a"\n"b"\n]', ("a", "b")),
        ("[" * 400, None),
        ("[" * 400 + '"a"', None),
        ("[1] a\n[2] b", ("a", "b")),
        ("none", ()),
        ("None.", ()),
        ("None of the texts mention it.", ()),
        ("[]", ()),
        ("Nonesuch - is - a place", ("Nonesuch - is - a place",)),
        ("...", None),
        ("[[[", None),
        ("The facts are:", None),
    ],
    ids=str,
)
def test_lines_are_read_from_lists_and_broken_json(answer: str, lines: tuple[str, ...] | None) -> None:
    assert read_lines(answer) == lines


def test_a_list_that_goes_round_in_circles_ends() -> None:
    lines = read_lines("\n".join(f"{number} bottles of beer" for number in range(1000)))
    assert lines is not None
    assert len(lines) == 40


@pytest.mark.parametrize(
    ("answer", "scores"),
    [
        ("1: 7\n2: 3", {1: 7, 2: 3}),
        ("[1]: 7/10\n[2]: 10/10", {1: 7, 2: 10}),
        ("1. Score: 7\n2. Score: 2.5", {1: 7, 2: 2.5}),
        ("Text 1 - 7\nText 2 - 0", {1: 7, 2: 0}),
        ('{"1": 7, "2": 3}', {1: 7, 2: 3}),
        ("1: 7, 2: 3; 3: 10", {1: 7, 2: 3, 3: 10}),
        ("[7, 3, 0]", {1: 7, 2: 3, 3: 0}),
        ("**1**: 9", {1: 9}),
        ("1: 99", None),
        ("1:14 pm: Ann ran", None),
        ("1:09 pm: Ann ran", None),
        ("[70, 30]", None),
        ("1: 7\n1: 2", {1: 7}),
        ("2: 8 (they met in 2023: see above)", {2: 8}),
        ("I cannot say which of the 2 is better.", None),
        ("no", None),
        ("1: 7 2: 3", {1: 7, 2: 3}),
        ("1. 7\n2. 3", {1: 7, 2: 3}),
        ("[1] 7\n[2] 3", {1: 7, 2: 3}),
        ("1 7\n2 3\n3 10", {1: 7, 2: 3, 3: 10}),
        ("[[1, 8], [2, 3]]", {1: 8, 2: 3}),
        ("1 8 2 3 3 0", {1: 8, 2: 3, 3: 0}),
        ("0: 2\n1: 7\n2: 3", {1: 2, 2: 7, 3: 3}),
        ("0. 2\n1. 7", {1: 2, 2: 7}),
        ("0: 2\n3: 7", {3: 7}),
        ("7", {1: 7}),
        ("7\n3", {1: 7, 2: 3}),
        ("[7, 3, 0, 5]", None),
        ("4: 9", None),
        ("1: " + "9" * 4301, None),
        ("9" * 4301, None),
        ("1: 7." + "9" * 4301, {1: 7.999999999999999999}),
    ],
    ids=str,
)
def test_scores_of_three_texts_are_read_by_number_or_in_order(
    answer: str, scores: dict[int, float] | None
) -> None:
    assert read_scores(answer, 3) == scores


@given(st.text(alphabet=st.sampled_from("0123456789:[]{}\"',-.\n ab<>/answer`*")))
def test_nothing_a_model_writes_raises(reply: str) -> None:
    for reason in ("stop", "length"):
        found = answer_in(Completion(text=reply, finish_reason=reason), reasoned=False)
        answer = reply if found is None else found
        lines, scores = read_lines(answer), read_scores(answer, 5)
        assert lines is None or all(line.strip() for line in lines)
        assert scores is None or all(0 <= score <= 10 for score in scores.values())


def test_a_note_is_anything_with_words_in_it() -> None:
    assert read_text("```\nAnn went.\n```") == "Ann went."
    assert read_text("<note></note>...") is None
