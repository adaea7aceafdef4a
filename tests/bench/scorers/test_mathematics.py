from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from outlay.bench.items import Item
from outlay.bench.scorers import scorer_from_spec
from outlay.bench.scorers.mathematics import Verifier
from outlay.errors import ScorerError
from outlay.outcome import Outcome

if TYPE_CHECKING:
    from pathlib import Path

MATH = scorer_from_spec("math")


def score(gold: str, value: str | None) -> float:
    item = Item(id="i", question="?", answers=(gold,))
    return asyncio.run(MATH.score(item, Outcome(text="", value=value))).value


@pytest.mark.parametrize(
    ("gold", "value", "expected"),
    [
        pytest.param("(x+1)^2", "x^2 + 2x + 1", 1, id="polynomials"),
        pytest.param("p - q", "-q + p", 1, id="letters"),
        pytest.param(r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", 1, id="radicals"),
        pytest.param("1/3", "0.333333", 1, id="a rounded third"),
        pytest.param("2^{2008} - 1", "-1 + 2^{2008}", 1, id="what a vote would not compute"),
        pytest.param("120", "5!", 1, id="a factorial"),
        pytest.param(r"(-\infty, 2)", "x < 2", 1, id="an interval as a relation"),
        pytest.param("(x+1)^2", "(x-1)^2", 0, id="others"),
        pytest.param("2516_8", "2516", 1, id="a base left out"),
        pytest.param("42", r"\frac{42}{", 0, id="unbalanced braces"),
        pytest.param("42", "{" * 50 + "1", 0, id="many unbalanced braces"),
        pytest.param("42", "1+" * 5_000 + "1", 0, id="ten thousand characters"),
        pytest.param("42", None, 0, id="no value"),
        pytest.param("42", r"\frac{1}{0}", 0, id="division by zero"),
        pytest.param("42", "x^2+", 0, id="a sum cut off"),
        pytest.param(r"\$5", r"\frac{10}{2}", 1, id="money"),
    ],
)
def test_math_compares_what_is_meant(gold: str, value: str | None, expected: float) -> None:
    assert score(gold, value) == expected


def test_what_takes_too_long_is_killed_and_the_next_pair_is_answered() -> None:
    verifier = Verifier(seconds=1)
    with pytest.raises(ScorerError, match="within 1 s of computing whether"):
        verifier.equivalent("42", "9^{9^{9^9}}")
    assert verifier.equivalent("x+x", "2x")


@pytest.mark.parametrize(
    ("gold", "given"),
    [(r"\frac{1}{0}", "42"), (r"\frac{1}{0}", r"\frac{2}{0}"), ("x^2+", "2x")],
    ids=["right answer without a value", "neither has a value", "right answer cut off"],
)
def test_a_right_answer_that_cannot_be_read_is_an_error_and_no_0(gold: str, given: str) -> None:
    with pytest.raises(ScorerError, match="cannot read the right answer: take the item out"):
        score(gold, given)


@pytest.mark.parametrize(
    ("deed", "seconds", "said"),
    [
        ("sys.exit(3)", 10, r"crashed \(status 3\) over whether 'y' is 'x'"),
        ("os.kill(os.getpid(), 9)", 10, r"crashed \(signal 9\) over"),
        ("print('{', end='', flush=True); os._exit(1)", 10, r"crashed \(status 1\)"),
        ("time.sleep(60)", 0.05, "did not say within 0.05 s"),
        (
            """print('{"error": "comparing them broke: TypeError"}', flush=True)""",
            10,
            "broke: TypeError: take",
        ),
    ],
    ids=["it exits", "it is killed", "half a reply", "it hangs", "it hands an error over"],
)
def test_what_went_wrong_in_the_process_is_said(tmp_path: Path, deed: str, seconds: float, said: str) -> None:
    program = tmp_path / "asked.py"
    program.write_text(f"import os, sys, time\nprint('ready', flush=True)\nsys.stdin.readline()\n{deed}\n")
    with pytest.raises(ScorerError, match=said):
        Verifier(seconds, program=str(program)).equivalent("x", "y")


def test_a_process_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    (program := tmp_path / "broken.py").write_text("raise SystemExit(1)")
    with pytest.raises(ScorerError, match="does not start"):
        Verifier(program=str(program)).equivalent("x", "y")


def test_its_process_ends_with_the_interpreter() -> None:
    code = (
        "from outlay.bench.scorers.mathematics import Verifier\n"
        "v = Verifier(); v.equivalent('x', 'y'); print(v._process.pid)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    alive = subprocess.run(["ps", "-p", done.stdout.strip()], capture_output=True, check=False)
    assert (done.stderr, alive.returncode) == ("", 1)
