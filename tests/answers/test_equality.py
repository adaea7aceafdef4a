from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.answers import same
from outlay.answers.equality import equal
from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.outcome import Outcome

MATH = scorer_from_spec("math")

EQUAL = [
    (r"1 - \frac{1}{\mathrm{e}}", "1 - e^{-1}"),
    (r"1, 2, \ldots, n", r"1,2,\dots,n"),
    ("12:00", "12:00"),
    ("3:5", "6:10"),
    ("3:5", r"\frac{3}{5}"),
    ("1:2:3", "2:4:6"),
    (r"\pm 2", "2, -2"),
    (r"\pm 2", "-2, 2"),
    (r"x = \pm 2", r"x=2 \text{ or } x=-2"),
    (r"1 \pm \sqrt{19}", r"1+\sqrt{19}, 1-\sqrt{19}"),
    (r"19, 46, \text{ and } 82", "19, 46, 82"),
    (r"4\sqrt(2)", r"4\sqrt{2}"),
    ("2x+4y-3=0", r"y = -\frac{1}{2}x + \frac{3}{4}"),
    (r"\sqrt{1/n}", r"\frac{1}{\sqrt{n}}"),
    (
        r"\begin{pmatrix} -1/3 \\ 2/3 \end{pmatrix}",
        r"\begin{pmatrix} -\dfrac{1}{3} \\ \dfrac{2}{3} \end{pmatrix}",
    ),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}"),
    (r"\{1, 2, 3\}", r"\{3, 2, 1\}"),
    ("(1,2)", "1,2"),
    ("1,2", "2,1"),
    (r"(-\infty, 2)", "x < 2"),
    (r"(-\infty, 2)\cup(3,\infty)", r"(3,\infty)\cup(-\infty, 2)"),
    (r"x < 2 \text{ or } x > 3", r"(-\infty, 2)\cup(3,\infty)"),
    ("2 < x < 3", "(2,3)"),
    (r"x \in [0,1]", "[0,1]"),
    (r"\mathbb{R} \setminus \{2\}", r"x \ne 2"),
    (r"0.\overline{3}", r"\frac{1}{3}"),
    (r"x \equiv 3 \pmod 5", r"x\equiv 3\pmod{5}"),
    ("x=1, y=2", "y=2, x=1"),
    ("(x,y) = (1,2)", "(1,2)"),
    ("y = 2x+1", "y = 1 + 2x"),
    ("y = 2x+1", "2x + 1"),
    ("x^2+y^2=4", "4 = y^2+x^2"),
    ("x < 5", "5 > x"),
    ("-x < 5", "x > -5"),
    (r"3 \sin x", "3 sin x"),
    ("2 sqrt(3)", r"2\sqrt{3}"),
    ("\u221a12", r"2\sqrt{3}"),
    ("2^10", "1024"),
    ("x**2 + 1", "x^2+1"),
    (r"\langle 1, 2\rangle", "(1,2)"),
    ("3-4+24", "23"),
    (r"5\sqrt{2} \text{ cm}", r"5\sqrt{2}"),
    (r"10\pi \text{ square inches}", r"10\pi"),
    (r"\sec^2 x", r"\tan^2 x + 1"),
    (r"\frac{x+2}{7}", r"\frac{x}{7}+\frac{2}{7}"),
    ("3+4i", "4i+3"),
    ("(1+i)^2", "2i"),
    (r"\frac{100}{3}", "33.3333333"),
    ("0.5x", r"\frac{x}{2}"),
    (r"\frac{1}{3}", "0.333333"),
    (r"\sqrt{2}", "1.41421356"),
    (r"\{(1,2),(3,4)\}", r"\{(3,4),(1,2)\}"),
    ("(1,2),(3,4)", "(3,4),(1,2)"),
    (r"\emptyset", r"\{\}"),
    (r"\vec{a}+\vec{b}", r"\vec{b}+\vec{a}"),
    ("2516_8", "2516"),
    ("f(x)=x^2", "x^2"),
    (r"\log_2 8", "3"),
    (r"90^\circ", "90"),
    (r"1 \frac{1}{2}", "1.5"),
    (r"\{x \mid x>2\}", r"(2,\infty)"),
    (r"e^{\ln 2}", "2"),
    ("14.0 - 1.0i", "14 - i"),
    ("x=5", "5"),
    ("3/4", "0.75"),
    ("3/4", r"\frac{6}{8}"),
    (r"-\frac12", "-1/2"),
    (r"\left(\frac{1}{2}, 3\right)", "(0.5, 3)"),
    (r"(3, \frac{\pi}{2})", r"(3,\pi/2)"),
    (r"\left[-2, 7\right]", "[-2,7]"),
    (r"\text{June 20}", "June 20"),
    (r"\text{(C)}", "C"),
    (r"\text{east}", "East"),
    (r"11\sqrt{5}+11", r"11+11\sqrt5"),
    ("a^2-b^2", "(a-b)(a+b)"),
    (r"3\sqrt{13}", r"\sqrt{117}"),
    ("1,-2", "-2, 1"),
    ("5x - 7y + 11z + 4 = 0", "10x - 14y + 22z + 8 = 0"),
    ("x^3+3x-6", "3x - 6 + x^3"),
    ("6 - 5i", "-5i + 6"),
    (r"10\%", "10"),
    (r"\$32,348", "32348"),
    ("32,348", "32348"),
    ("-7, -4", r"\{-7,-4\}"),
    (r"\frac{9}{2}\pi", r"4.5\pi"),
    ("y=-2x+3", "2x+y=3"),
    (r"\frac{3\sqrt{3}}{4}", r"\frac{3}{4}\sqrt{3}"),
    (r"\sqrt[3]{16}", r"2\sqrt[3]{2}"),
    (r"0.\overline{12}", r"\frac{4}{33}"),
    (r"\frac{1}{1-x}", r"\frac{-1}{x-1}"),
    (r"\ln(x^2)", r"2 \ln x"),
    (r"\cot x", r"\frac{\cos x}{\sin x}"),
    ("1000000", "10^6"),
    (r"1.5 \times 10^{-9}", "1.5e-9"),
    (r"\{1\}", "1"),
    (r"(-1,0)\cup(0,1)", r"(0,1)\cup(-1,0)"),
    (r"\{0,1\} \cup \{2\}", r"\{0,1,2\}"),
    ("x > 1", r"(1, \infty)"),
    (r"\cos(\frac{\pi}{2})", "0"),
    (r"\sqrt{2}+\sqrt{3}-\sqrt{5+2\sqrt{6}}", "0"),
    (r"\mathrm{e}^2", "e^2"),
]
DIFFERENT = [
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
    (r"\frac{2^{205}+1}{3 \cdot 2^{206}}", r"\frac{1}{3 \cdot 2^{206}}"),
    (r"\frac{2^{205}+1}{2^{205}}", "1"),
    (r"1 - \frac{1}{\mathrm{e}}", r"1 + \frac{1}{\mathrm{e}}"),
    (r"1:2:3:\ldots", r"1:4:9:\ldots"),
    (r"1, 2, \ldots, n", r"1, 3, 5, \ldots, 2n-1"),
    ("12:00", "1:00"),
    ("10:30", "10:45"),
    ("1:2:3", "1:2:4"),
    ("n=2, 3, 4", "n=1, 2, 3"),
    ("D = (0, 1)", "D = (0, 1.5)"),
    (r"\pm 2021", "2021"),
    (r"19, 46, \text{ and } 82", "21, 36, and 82"),
    (r"4\sqrt(2)", "4"),
    ("3*x-1*y+13=0", "3x+4y+14=0"),
    (r"\forall x>0, f(x) = 0", "f(x) = 0"),
    (r"\forall x>0, f(x) = 0", r"\forall x>0, f(x) = 1"),
    (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", r"\begin{pmatrix} 1 & 3 \\ 2 & 4 \end{pmatrix}"),
    (r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}", r"\begin{pmatrix} 1 & 2 \end{pmatrix}"),
    (r"\{1, 2, 3\}", r"\{1, 2, 4\}"),
    (r"\{1,2\}", "(1,2)"),
    ("(1,2)", "(2,1)"),
    ("(1,2]", "[1,2)"),
    ("(1,2)", "[1,2]"),
    (r"(-\infty, 2]", "x < 2"),
    (r"(-\infty, 2)\cup(3,\infty)", r"(-\infty, 2)\cup(4,\infty)"),
    (r"(-\infty, 2)\cup(3,\infty)", r"(-\infty, 2]\cup[3,\infty)"),
    (r"2 < x \le 3", "(2,3)"),
    (r"x \in [0,1]", "[0,2]"),
    (r"0.\overline{3}", r"0.\overline{6}"),
    (r"x \equiv 3 \pmod 5", r"x \equiv 4 \pmod 5"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    ("10^{-20}", "10^{-21}"),
    (r"2 \times 10^{-7}", "10^{-7}"),
    ("e^{-50}", "e^{-51}"),
    ("e^{-50}", "0"),
    (r"\sin(10^{-20})", "0"),
    ("x=1, y=2", "x=2, y=1"),
    ("x^2+y^2=4", "x^2+y^2=5"),
    ("x < 5", "x > 5"),
    (r"x \le 5", "x < 5"),
    ("2x+1=5", "3x=5"),
    ("3 sin x", "3"),
    ("5 choose 2", "5"),
    ("2 sqrt 3", "2"),
    (r"\langle 1, 2\rangle", r"\langle 1, 3\rangle"),
    (r"7\sqrt[7]{108}", "7"),
    (r"31.\overline{6}", "31"),
    (r"2(a+b)^{-1} \pmod n", "2"),
    (r"6\text{ and }8", "6"),
    ("3+4i", "3-4i"),
    ("|x|", "x"),
    (r"\sqrt{x^2}", "x"),
    ("n!", "n"),
    ("a:b", "ab"),
    (r"\frac{100}{3}", "33.3"),
    (r"\sqrt{2}", "1.414"),
    (r"2:30 \text{ p.m.}", r"2:30 \text{ a.m.}"),
    (r"\{(1,2),(3,4)\}", r"\{(2,1),(3,4)\}"),
    (r"\emptyset", "0"),
    (r"\overline{AB}", r"\overline{AC}"),
    (r"\angle ABC", r"\angle ACB"),
    ("2516_8", "2516_9"),
    ("f(x) = x+1", "f(x) = x-1"),
    (r"\infty", r"-\infty"),
    (r"\cos 60^\circ", r"\cos 30^\circ"),
    ("3 4", "7"),
    ("3 4", "34"),
    (r"\{x : x > 2\}", r"\{x : x > 3\}"),
    (r"x \ge 0", "x > 0"),
    (r"A \cap B", r"A \cup B"),
    (r"x \to 3", r"x \to 4"),
    (r"p \implies q", r"q \implies p"),
    (r"\text{even}", r"\text{odd}"),
    (r"\lfloor x \rfloor", r"\lceil x \rceil"),
    (r"\sum_{k=1}^{n} k", r"\sum_{k=1}^{n} k^2"),
    (r"F_n = \sum_{k=0}^{n-1} F_k F_{n-k-1}", r"F_n = \sum_{k=0}^{n-2} F_k F_{n-k-2}"),
    (r"\int_0^1 x dx", r"\int_0^1 x^2 dx"),
    (r"\begin{cases} 1 & x>0 \\ 0 & x<0\end{cases}", r"\begin{cases} 1 & x>0 \\ 2 & x<0\end{cases}"),
    ("a_1 + a_2", "a_1 + a_3"),
    (r"\binom{5}{2}", "11"),
    (r"\frac{a}{b}", r"\frac{b}{a}"),
    ("x+1=x", "x+2=x"),
    ("1.0000000001", "1"),
    (r"\frac{10^{20}+1}{10^{20}}", "1"),
    (r"\frac{1}{3}", "0.33"),
    ("x=5", "x = 6"),
    ("[-2,7]", "(-2,7)"),
    ("1,-2", "1, 2"),
    ("5x - 7y + 11z + 4 = 0", "5x - 7y + 11z - 4 = 0"),
    ("1,2,3", "123"),
    (r"2\sqrt[3]{2}", r"2\sqrt{2}"),
    ("e^{2x}", "e^x"),
    (r"\frac{\pi}{4}", r"45^\circ"),
    (r"6.02 \times 10^{23}", r"6.02 \times 10^{22}"),
    (r"(0,1) \cup (1,2)", "(0,2)"),
    ("1 < x < 2", "1 < x < 3"),
    (r"\forall x \in \mathbb{R}", r"\exists x \in \mathbb{R}"),
    (r"a \equiv b", "a = b"),
    ("10^{100}", "10^{101}"),
    ("10^{100}+1", "10^{100}"),
    ("100!", "101!"),
    (r"\frac{1}{100!}", r"\frac{1}{101!}"),
    (r"\binom{100}{50}", r"\binom{100}{49}"),
    ("e^{-100}", "2e^{-100}"),
    (r"\tan 10^{-12}", r"\sin 10^{-12}"),
    ("2^{-60}", "2^{-61}"),
    ("10^{-15}", "0"),
    (r"\cos(\frac{\pi}{2})", "10^{-30}"),
    (r"\sqrt{2}+10^{-40}", r"\sqrt{2}"),
    ("x + 10^{-20}", "x"),
    (r"\mathrm{e}^2", "e^3"),
    (r"1 + \mathrm{i}", r"1 - \mathrm{i}"),
    (r"\text{Yes}, 5", r"\text{No}, 5"),
    (r"5 \text{ or } 6", "5"),
    ("(1, 2, 3)", "(1, 2)"),
    (r"\begin{pmatrix} 10^{-20} \\ 0 \end{pmatrix}", r"\begin{pmatrix} 10^{-21} \\ 0 \end{pmatrix}"),
    ("(10^{-20}, 1)", "(10^{-21}, 1)"),
    (r"\{10^{-20}\}", r"\{10^{-21}\}"),
    ("x < 10^{-20}", "x < 10^{-21}"),
    ("x = 10^{-20}y", "x = 10^{-21}y"),
    ("10^{-20}x", "10^{-21}x"),
]


def scored(gold: str, given: str) -> float:
    item = Item(id="i", question="?", answers=(gold,))
    return asyncio.run(MATH.score(item, Outcome(text="", value=given))).value


def never(one: str, other: str) -> bool:
    raise AssertionError(f"{one!r} and {other!r} were given to math-verify")


@pytest.mark.parametrize(("a", "b"), EQUAL)
def test_equal_answers_are_equal_for_a_vote_and_for_the_scorer_either_way_round(a: str, b: str) -> None:
    assert (same(a, b), same(b, a), scored(a, b), scored(b, a)) == (True, True, 1, 1)


@pytest.mark.parametrize(("a", "b"), DIFFERENT)
def test_different_answers_get_a_verdict_and_are_not_equal(a: str, b: str) -> None:
    assert (same(a, b), same(b, a), scored(a, b), scored(b, a)) == (False, False, 0, 0)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("42", "42.0", True),
        ("9^{9^{9^9}}", "9^{9^{9^9}}", True),
        ("42", "43", False),
        ("monday", "tuesday", False),
        ("2516_8", "2516_{9}", False),
        ("12:00", "1:00", False),
        ("(1, 2)", r"\{1, 2\}", False),
        (r"0.\overline{3}", "1/3", True),
        ("5, 3", "3, 5", True),
    ],
)
def test_what_needs_no_mathematics_is_decided_without_it(a: str, b: str, *, expected: bool) -> None:
    assert equal(a, b, never) is expected


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("1, 2, 3", "3, 1, 2", True),
        ("1, 1, 2", "1, 2, 2", False),
        ("red, blue", "blue, red", False),
        ("(1, 2)", "(2, 1)", False),
        (r"1, 2, \ldots, 9", r"2, 1, \ldots, 9", False),
        ("a = 1, b = 2", "2, 1", False),
        ("a = 1, b = 2", "1, 2", True),
    ],
)
def test_the_order_of_a_list_counts_where_it_says_something(a: str, b: str, *, expected: bool) -> None:
    assert equal(a, b, never) is expected


@given(st.lists(st.integers(-99, 99), min_size=1, max_size=30), st.randoms(use_true_random=False))
@settings(max_examples=50)
def test_a_set_is_the_same_in_any_order_and_with_nothing_left_out(numbers: list[int], random: object) -> None:
    shuffled = list(numbers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (", ".join(map(str, side)) for side in (numbers, shuffled))
    assert equal(rf"\{{{one}\}}", rf"\{{{other}\}}", never)
    assert not equal(rf"\{{{one}\}}", rf"\{{{other}, 100\}}", never)
