import subprocess
import sys
import threading

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from outlay.answers import FINAL_ANSWER, Vote, extract, find, normalise, same, tally

PIECES = st.sampled_from([
    "42", "1,234", "0.5", "-", "\u2212", " ", "\u2009", "\n", ".", ",", "$", "%", "\\%", "\\$", "/", "=",
    "x", "B", "(", ")", "{", "}", "\\", "\\boxed{", "\\frac{1}{2}", "\\frac12", "\\text{", "\\text{ cm}",
    "^2", "^\\circ", "apples", "Paris", "million", "the answer is", "Answer:", "####", "**", "```", "\u00bd",
    '{"answer": "', '"', "\u00b2", "e5", "e-400", "10^{9}", "pm", "five", "Step 1", "1.", "a", "\\,", "\\!",
    "{,}", "\\sqrt", "!",
])  # fmt: skip
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=12).map("".join))


@pytest.mark.parametrize(
    "value",
    [
        "42", "42.0", r"\boxed{42}", "$42", r"\$42", "$42$", r"\(42\)", "42.", " 42 ", "**42**", "42 dollars",
        "42 apples", "42%", r"42\%", "42 percent", "x = 42", "40 + 2 = 42", "+42", "4.2e1",
        r"4.2 \times 10^{1}",
        "84/2", r"\frac{84}{2}", r"42^\circ", "42\u00b0", r"42\text{ cm}", r"42 \mbox{ inches}^2", "42 km/h",
        "42km", "(42)", "\uff14\uff12", "`42`", '"42"', "US$42", "42 miles per hour", r"\text{42}",
        r"\boxed{\boxed{42}}",
    ],
)  # fmt: skip
def test_many_ways_to_write_42_are_one_answer(value: str) -> None:
    assert normalise(value) == "42"


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("1,234", "1234"),
        ("1\u2009234 567", "1234 567"),
        (r"11,\! 111,\! 111,\! 100", "11111111100"),
        ("1{,}234.50", "1234.5"),
        ("\u22123", "-3"),
        ("-$5", "-5"),
        ("-0", "0"),
        (".50", "0.5"),
        ("3.14e2", "314"),
        ("5 million dollars", "5000000"),
        ("1/3", "1/3"),
        (r"\frac{2}{6}", "1/3"),
        (r"-\dfrac{1}{2}", "-0.5"),
        ("2 1/2", "2.5"),
        ("2\u00bd", "2.5"),
        (r"2\frac{1}{2}", "2.5"),
        ("twelve", "12"),
        ("5!", "5!"),
        ("1/0", "1/0"),
        ("9e999999999", "9e999999999"),
        ("(8, -2)", "(8,-2)"),
        (r"\left( 8, -2 \right)", "(8,-2)"),
        ("2,12", "2,12"),
        ("(2, 4)", "(2,4)"),
        ("( -4.0 )", "-4"),
        ("1, 234", "1, 234"),
        ("4210_{5}", "4210_5"),
        (r"11 \sqrt5 + 11", r"11\sqrt{5}+11"),
        ("y = 2x + 1", "2x+1"),
        ("x^2 + y^2 = 4", "x^2+y^2=4"),
        ("10:30", "10:30"),
        ("Paris.", "paris"),
        ("  **The  Hague** ", "hague"),
        (r"\text{cats}", "cats"),
        ("Washington, D.C.", "washington dc"),
        ("(B)", "b"),
        ("B.", "b"),
        (r"\text{(B)}", "b"),
        ("", ""),
        ("...", ""),
        (r"\boxed{}", ""),
    ],
)
def test_normal_form(value: str, normal: str) -> None:
    assert normalise(value) == normal


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("50%", "0.5"),
        ("3 pm", "3 am"),
        ("12 March", "12 May"),
        ("12 Monkeys", "12 Angry Men"),
        ("5 million", "5"),
        ("5x", "5"),
        ("1,234", "1.234"),
        ("2, 345", "2345"),
        ("-3", "3"),
        ("10:30", "10"),
        (r"\frac{1}{2}", "1 2"),
        ("x^2", "x2"),
    ],
)
def test_different_answers_stay_different(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


@given(TEXTS)
@example("7 Eleven")
@example("((a))")
def test_normalising_twice_changes_nothing(value: str) -> None:
    assert normalise(normalise(value)) == normalise(value)


@given(st.integers(-(10**12), 10**12), st.integers(0, 9))
def test_a_number_is_the_same_with_separators_and_zeros(number: int, zeros: int) -> None:
    assert normalise(f"{number:,}.{'0' * zeros}") == str(number)


@pytest.mark.parametrize(
    ("text", "value", "how"),
    [
        (r"So \(2 + 2 = \boxed{4}\).", "4", "boxed"),
        (r"First \boxed{3}, no: \boxed{\frac{1}{\sqrt{2}}} it is", r"\frac{1}{\sqrt{2}}", "boxed"),
        (r"\boxed{7} and then \boxed{} or \boxed{8", "7", "boxed"),
        (r"the set \boxed{\{1, 2\}}", r"\{1, 2\}", "boxed"),
        ("3 + 4 = 7\n#### 7", "7", "hashes"),
        ("#### Step 1: add 3\n...\n#### 7 apples\n\nDone in 2 steps.", "7", "hashes"),
        ("So it is #### **$1,200**", "$1,200", "hashes"),
        ("#### 3 + 4 = 7", "3 + 4 = 7", "hashes"),
        ("It is in France.\n#### Paris", "Paris", "hashes"),
        ("The answer is 42.", "42", "said"),
        ("The answer is 42 apples, because 6 times 7 is 42.", "42", "said"),
        ("the final answer is: **42** apples", "42", "said"),
        ("**Answer:** 42\n", "42", "said"),
        ("**Final Answer: 42**", "42", "said"),
        ("### Final Answer\n\nAnswer:\n\n42", "42", "said"),
        ("The answer to 6 times 7 is $x = 42$. I checked 3 times.", "x = 42", "said"),
        ("The answer is 3.5 hours. 2 of them", "3.5", "said"),
        ("The answer is 5 million.", "5 million", "said"),
        ("The answer is St. Louis. It lies in Missouri.", "St. Louis", "said"),
        ("The correct answer is (B) Paris", "B", "said"),
        ("The answer is B. Paris", "B", "said"),
        ("The answer is J. K. Rowling.", "J. K. Rowling", "said"),
        ("The answer is 3. No: the answer is 4.", "4", "said"),
        ('{"reason": "the answer is 3, no", "answer": 4}', "4", "json"),
        ('```json\n{"answer": "Paris"}\n```', "Paris", "json"),
        (r'{"final_answer": "\frac{1}{2}"}', r"\frac{1}{2}", "json"),
        (r'{"answer": "\sqrt{2}"}', r"\sqrt{2}", "json"),
        ('{"answer": "\\u00e9t\\u00e9"}', "\u00e9t\u00e9", "json"),
        ("He has 3 apples, and 4 more make 7 in all.", "7", "number"),
        ("2010-2015 are 5 years and 10-3", "3", "number"),
        ("It falls by -3 degrees on average", "-3", "number"),
        ("It prints\n```python\nx = 99\n```\n```output\n12\n```\nas wanted", "12", "number"),
        ("There are 7 of them:\n1. red ones\n2. blue ones", "7", "number"),
        ("#### 1. Find the 9 primes\nAll done.", "9", "number"),
        ("Paris", "Paris", "whole"),
        ("**Paris.**", "Paris", "whole"),
        ("x = 5", "x = 5", "whole"),
        ("(3, 4)", "(3, 4)", "whole"),
    ],
)
def test_the_final_answer_is_found(text: str, value: str, how: str) -> None:
    found = find(text)
    assert found is not None
    assert (found.value, found.how) == (value, how)


@pytest.mark.parametrize(
    "text", ["", " \n", r"\boxed{}", "....", "I do not know.\nSorry.", "#### \n####", "Answer:"]
)
def test_no_answer_is_none(text: str) -> None:
    assert extract(text, "number") is None
    assert extract(text, "choice") is None


@pytest.mark.parametrize("text", ["", " \n", r"\boxed{}", "....", "I do not know.\nSorry."])
def test_an_empty_text_or_prose_of_several_lines_has_no_answer(text: str) -> None:
    assert extract(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("First 12 + 3 = 15, then 15 *", None),
        ("The answer is 1", None),
        ("#### 1", None),
        ("Answer: New Yo", None),
        (r"so it is \boxed{1", None),
        ("Paris", None),
        ("The answer is 12.\nLet us check", "12"),
        ("#### 12\nLet us", "12"),
        (r"It is \boxed{12}", "12"),
        ('{"answer": "12"', "12"),
        ('{"answer": 12', None),
    ],
)
def test_a_text_that_was_cut_off_has_only_the_answer_it_marked_in_full(text: str, value: str | None) -> None:
    assert extract(text, marked=True) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is x = 5 apples.", "5"),
        (r"\boxed{18 \text{ dollars}}", "18"),
        (r"\boxed{\$1,200}", "1,200"),
        ("The answer is about 12.", "12"),
        ("The answer is Paris, which has 20 districts.", "20"),
        (r"it is \boxed{\frac{3}{4}}", r"\frac{3}{4}"),
    ],
)
def test_kind_number_gives_a_bare_number(text: str, value: str) -> None:
    assert extract(text, "number") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("B", "B"),
        ("b.", "B"),
        ("(B) Paris", "B"),
        ("B. Paris", "B"),
        ("The answer is B", "B"),
        ("The answer is **(B)**.", "B"),
        (r"\boxed{\text{(B)}}", "B"),
        ("I think it is (B), because A is too small.", "B"),
        ("Option B is right", "B"),
        ('{"answer": "B"}', "B"),
        ("A cat sat on a mat", None),
        ("I am not sure.", None),
    ],
)
def test_kind_choice_gives_a_letter(text: str, value: str | None) -> None:
    assert extract(text, "choice") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("Yes, it is.", "yes"), ("The answer is no.", "no"), ("It is not clear. Yes\n", "yes"), ("Maybe", None)],
)
def test_given_labels_are_looked_for_as_words(text: str, value: str | None) -> None:
    assert extract(text, choices=("yes", "no")) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The capital of France is Paris.", "The capital of France is Paris"),
        ("Two lines\nof prose with 3 numbers", "Two lines\nof prose with 3 numbers"),
        ("Hm. The answer is Paris. Sure.", "Paris"),
    ],
)
def test_kind_text_gives_what_is_marked_or_everything(text: str, value: str) -> None:
    assert extract(text, "text") == value


@given(st.text(st.characters(exclude_characters="{}\\"), min_size=1).map(str.strip).filter(normalise))
def test_what_is_boxed_comes_back(value: str) -> None:
    assert extract(f"I think that {7} is \\boxed{{{value}}}, so.") == value


@given(TEXTS, st.sampled_from(["auto", "number", "choice", "text"]))
@settings(max_examples=200)
def test_no_text_makes_it_raise_and_what_it_finds_stands_there(text: str, kind: str) -> None:
    value = extract(text, kind)  # type: ignore[arg-type]
    assert value is None or normalise(value)


@pytest.mark.parametrize(
    "piece",
    [
        "{", r"\boxed{", r"\text{", "#### ", "answer is ", "answer:", "answer ", '"answer": "\\"', "1", "1,",
        "1,111", "a ", " ", "*", "**", "\\", "(B", "final ", "```", ".", "-", "1/", "9e9", "answer to ", "$1",
        "\n", "the answer is a. ",
    ],
)  # fmt: skip
@pytest.mark.timeout(20)
def test_long_texts_take_no_long_time(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    for kind in ("auto", "number", "choice", "text"):
        extract(text, kind)
    normalise(text)
    normalise(text[:999])
    same(text, text + "1")


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        ("42", r"\boxed{42.0}", True),
        ("Paris", "paris.", True),
        (r"\frac{\sqrt{3}}{3}", r"\frac{1}{\sqrt{3}}", True),
        ("2x + 1", "1 + 2x", True),
        ("(x-1)(x+1)", "x^2 - 1", True),
        (r"(3,4]", r"\left(3, 4\right]", True),
        ("10^6", "1,000,000", True),
        ("42", "43", False),
        ("3 pm", "3 am", False),
        ("2012-01-02", "2012-02-01", False),
        ("cat", "act", False),
        ("", "", False),
        ("9^{9^{9^{9}}}", "1", False),
        (r"999999999!", "1", False),
        ("}{", "1+x", False),
    ],
)
def test_same(a: str, b: str, *, equal: bool) -> None:
    assert same(a, b) is equal
    assert same(b, a) is equal


def test_same_works_in_a_thread() -> None:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(same("3 + x", "x + 3")))
    thread.start()
    thread.join()
    assert results == [True]


def test_votes_count_equal_answers_once() -> None:
    assert tally(["41", "42", "42.0", None, r"\boxed{42}", "$42", "41", ""]) == (
        Vote(value="42", count=4, first=1),
        Vote(value="41", count=2, first=0),
    )


def test_ties_go_to_the_answer_given_first() -> None:
    assert [vote.value for vote in tally(["b", "c", "a", "c", "b"])] == ["b", "c", "a"]


def test_nothing_to_count_gives_no_votes() -> None:
    assert tally([None, "", "..."]) == ()


def test_votes_may_be_counted_by_mathematical_equality() -> None:
    assert [vote.count for vote in tally(["2x+1", "3", "1+2x"])] == [1, 1, 1]
    assert [vote.count for vote in tally(["2x+1", "3", "1+2x"], equal=same)] == [2, 1]
    assert [vote.count for vote in tally(["5 cents", "$5", "5 dollars"], equal=same)] == [2, 1]


WITHOUT = """
import sys
sys.modules["math_verify"] = None
from outlay.answers import FINAL_ANSWER, same
print(same("1/2", "0.5"), same("2x+1", "1+2x"), "sympy" in sys.modules)
"""


def test_without_math_verify_only_normal_forms_are_compared() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False", "False"]


@pytest.mark.parametrize(
    ("text", "value"),
    [(FINAL_ANSWER, None), (r"\boxed{} 42", "42"), (r"The capital is inside \boxed{ }", None)],
    ids=["the-instruction-said-back", "a-number-beside", "words-beside"],
)
def test_an_empty_box_is_no_answer(text: str, value: str | None) -> None:
    assert extract(text) == value
