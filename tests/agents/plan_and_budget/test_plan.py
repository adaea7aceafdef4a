from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.agents.plan_and_budget.plan import (
    LEVEL_BUDGETS,
    LEVELS,
    MOST_STEPS,
    WHOLE_PROBLEM,
    Assessment,
    Plan,
    Step,
    assessment_schema,
    clamp_level,
    credits_for,
    plan_schema,
    read_assessment,
    read_plan,
)

TWO = (Step(question="How many apples?"), Step(question="How many in all?"))
HINTED = (Step(question="How many apples?", hint="two less"), Step(question="How many in all?", hint="add"))
THREE_STEPS = Plan(steps=(*TWO, Step(question="What is left?")))


@pytest.mark.parametrize(
    "text",
    [
        "1. How many apples?\nHint: two less\n2. How many in all?\nHint: add",
        "1. How many apples?\n**Hint:** two less\n2. How many in all?\n**Hint:** add",
        "**1. How many apples?**\n   *Hint*: two less\n**2. How many in all?**\n   *Hint*: add",
        "1) How many apples?\n    Hint: two less\n2) How many in all?\n\tHint: add",
        "1. How many apples? Hint: two less\n2. How many in all? (Hint: add)",
        "1. How many apples?\n- Hint: two less\nso fewer\n2. How many in all?\n- Hint: add\nand done",
        "Step 1: How many apples?\nHint - two less\nStep 2: How many in all?\nHint - add",
        "Of 12.5:\n12.5 is much.\n1. How many apples?\nHint: two less\n2. How many in all?\nHint: add",
        "<think>1. buy\n2. eat</think>1. How many apples?\nHint: two less\n2. How many in all?\nHint: add",
        "- How many apples?\n  Hint: two less\n- How many in all?\n  Hint: add",
        json.dumps({"steps": [{"question": step.question, "hint": step.hint} for step in HINTED]}),
    ],
    ids=[
        "as asked",
        "bold hint",
        "bold steps, italic hints, indented",
        "brackets and indented hints",
        "inline hints",
        "hints of two lines are cut at the first",
        "Step n:",
        "a preamble with 12.5",
        "a think block with a list",
        "bullets",
        "objects",
    ],
)
def test_a_malformed_plan_keeps_its_steps_and_hints(text: str) -> None:
    assert read_plan(text) == Plan(steps=HINTED)


@pytest.mark.parametrize(
    "text",
    [
        "1. How many apples?\n2. How many in all?",
        '{"steps": ["How many apples?", "How many in all?"]}',
        '["How many apples?", "How many in all?"]',
        'Sure!\n```json\n{"steps": ["How many apples?", "How many in all?"]}\n```\nDone.',
        '{"steps": ["How many apples?", "How many in all?", "What is th',
        '{"steps": ["1. How many apples?", "2. How many in all?", "3. 1.1.1.1"]}',
        '{"steps": ["How many apples?", "How many in all?", "how many in all?"]}',
        '{"a": {}, "steps": ["How many apples?", "How many in all?"]}',
        "{'steps': ['How many apples?', 'How many in all?',]}",
        '{"steps": [{"question": "How many apples?"}, {"question": "How many in all?", "hint": "ad',
        '["How many apples?", "How many in all?", "What is th',
        "1. _How many_ apples?\n2. How *many* in all?",
    ],
    ids=[
        "a list without hints",
        "JSON",
        "a bare list",
        "fenced JSON with words around it",
        "JSON cut off",
        "numbering inside, and a step of digits",
        "a step twice",
        "another key before",
        "Python",
        "objects cut off",
        "a bare list cut off",
        "emphasis",
    ],
)
def test_steps_need_no_hint(text: str) -> None:
    assert read_plan(text) == Plan(steps=TWO)


def test_a_step_without_a_hint_is_not_swallowed() -> None:
    found = read_plan("1. How many apples?\n2. How many in all?\nHint: add")
    assert found.steps == (TWO[0], HINTED[1])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just add them up.",
        '{"steps": []}',
        '{"steps": ["1.1.1.1"]}',
        "<think>1. never ends",
        "Hint: 1",
        "[" * 5000,
    ],
    ids=["empty", "prose", "no step", "nothing asked", "thinking cut off", "a hint alone", "brackets"],
)
def test_what_is_no_plan_is_one_step(text: str) -> None:
    found = read_plan(text)
    assert [step.question for step in found.steps] == [WHOLE_PROBLEM]
    assert not found.readable


def test_more_steps_than_asked_are_kept() -> None:
    letters = "abcdefghij"
    found = read_plan("\n".join(f"{i}. What is {letter}{letter}?" for i, letter in enumerate(letters, 1)))
    assert len(found.steps) == len(letters)


def test_a_plan_that_never_ends_is_cut() -> None:
    steps = [f"What is {'x' * (i + 2)}?" for i in range(100)]
    assert len(read_plan(json.dumps({"steps": steps})).steps) == MOST_STEPS


@given(st.text())
def test_any_text_is_a_plan(text: str) -> None:
    assert read_plan(text).steps


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"level": 4, "credits": [20, 80]}', Assessment(level=4, credits=(20, 80))),
        ('Well: {"level": "2", "credits": [1]} ok', Assessment(level=2, credits=(1,))),
        ('{"level": 9, "credits": [1, 2.5]}', Assessment(level=5, credits=(1, 2.5))),
        ('{"level": "hard", "credits": [1]}', Assessment(level=3, credits=(1,))),
        ('{"credits": [30, "many"]}', Assessment()),
        ('{"level": 1, "credits": [30, -1]}', Assessment(level=1)),
        ('{"level": 1, "credits": 30}', Assessment(level=1)),
        ('{"level": 1, "credits": [NaN]}', Assessment(level=1)),
        ("rather hard", Assessment()),
        ("{'level': 2, 'credits': [1,],}", Assessment(level=2, credits=(1,))),
        (f'{{"level": {"9" * 250}, "credits": [1]}}', Assessment(level=5, credits=(1,))),
        (f'{{"level": 1e999, "credits": [{"9" * 250}]}}', Assessment(level=3, credits=(1e250,))),
        (f'{{"level": "{"9" * 5000}", "credits": [1e999]}}', Assessment(level=3)),
        ('{"level": 2, "cred', Assessment()),
    ],
)
def test_an_assessment_is_read_or_left_empty(text: str, expected: Assessment) -> None:
    assert read_assessment(text) == expected


@pytest.mark.parametrize(
    ("credits", "expected"),
    [
        ((20, 30, 50), (20, 30, 50)),
        ((2, 3, 5), (20, 30, 50)),
        ((40, 60, 60), (25, 37.5, 37.5)),
    ],
    ids=["100", "10", "160"],
)
def test_credits_are_scaled_to_100(credits: tuple[float, ...], expected: tuple[float, ...]) -> None:
    scaled, problem = credits_for(THREE_STEPS, Assessment(credits=credits))
    assert scaled == pytest.approx(expected)
    assert problem is None


@pytest.mark.parametrize(
    ("credits", "problem"),
    [
        ((50, 50), "2 credits for 3 steps"),
        ((25, 25, 25, 25), "4 credits for 3 steps"),
        ((0, 0, 0), "credit 0"),
        ((), "no readable credits"),
    ],
)
def test_credits_that_do_not_fit_become_equal_and_drop_no_step(
    credits: tuple[float, ...], problem: str
) -> None:
    given_credits, said = credits_for(THREE_STEPS, Assessment(credits=credits))
    assert given_credits == pytest.approx([100 / 3] * 3)
    assert problem in (said or "")


def test_no_assessment_means_equal_credits() -> None:
    assert credits_for(Plan(), None)[0] == (100,)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        (1, 1),
        (5, 5),
        (0, 1),
        (6, 5),
        (-3, 1),
        ("4", 4),
        (3.7, 4),
        ("hard", 3),
        (None, 3),
        ([], 3),
        (math.nan, 3),
    ],
)
def test_levels_are_clamped_and_3_when_unknown(value: object, level: int) -> None:
    assert clamp_level(value) == level


def test_every_level_has_its_budget() -> None:
    assert dict(zip(LEVELS, LEVEL_BUDGETS, strict=True)) == {1: 200, 2: 250, 3: 350, 4: 450, 5: 600}


def test_schemas_ask_for_no_more_than_is_used() -> None:
    steps = plan_schema(4)["properties"]["steps"]
    assert (steps["minItems"], steps["maxItems"]) == (1, 4)
    credits = assessment_schema(3)["properties"]["credits"]
    assert (credits["minItems"], credits["maxItems"]) == (3, 3)
