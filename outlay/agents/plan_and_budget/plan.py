"""What the planner returns, and how its answers are read when they are not what was asked for.

Small models break every format. Nothing they write raises: what cannot be read becomes the
one-step plan, equal credits, or the default level.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic import Field

from outlay.budget import Record
from outlay.model.thinking import split_thinking
from outlay.reading import LONGEST_TEXT, json_values, number, salvaged_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

WHOLE_PROBLEM: Final = "Solve the problem directly."
"""The only step of a plan that could not be read."""

DEFAULT_LEVEL: Final = 3
LEVELS: Final = range(1, 6)
LEVEL_BUDGETS: Final = (200, 250, 350, 450, 600)
"""Tokens for the solve at each level, as in the paper's code."""

MOST_STEPS: Final = 12
"""A longer plan is a loop: the rest of it is left out."""
LONGEST_STEP: Final = 100
"""Characters of a sub-question that constrained decoding lets through."""

NO_CREDITS: Final = "the planner gave no readable credits: equal credits"


class Step(Record):
    """A sub-question of the plan."""

    question: str
    hint: str = ""
    """What it achieves, in a line, where the planner said so."""


class Plan(Record):
    """The sub-questions, in the order in which they build on each other."""

    steps: tuple[Step, ...] = Field(default=(Step(question=WHOLE_PROBLEM),), min_length=1)
    readable: bool = True
    """Whether the planner's reply was a plan; if not, the problem is the only step."""


class Assessment(Record):
    """How hard the planner thinks it is."""

    level: int | None = Field(default=None, ge=1, le=5)
    """Of the problem, 1 to 5."""
    credits: tuple[float, ...] = ()
    """The weight of each step."""


UNREADABLE: Final = Plan(readable=False)

_NUMBERED: Final = re.compile(r"(?:step\s++|q(?:uestion\s*+)?)?\d{1,2}\s*+[.):]\s++(.*)", re.IGNORECASE)
_BULLET: Final = re.compile(r"[-*\u2022]\s++(.*)")
_HINT: Final = re.compile(r"(?:[-*\u2022]\s++)?hint\s*+[:\u2013-]\s*+(.*)", re.IGNORECASE)
_INLINE_HINT: Final = re.compile(r"\bhint\s*+:\s*+(.*)", re.IGNORECASE)
_MARKUP: Final = re.compile(
    r"^[#>\s]+|\*\*|__|`|(?<!\w)\*(\w[^*]*+)\*(?!\w)|(?<!\w)_(\w[^*_]*+(?:(?<=\w)_(?=\w)[^*_]*+)*+)_(?!\w)"
)
_CUT: Final = re.compile(r"""["']steps["']\s*+:\s*+\[|\A\s*+\[(?=\s*+["'{])""")
_QUESTION: Final = re.compile(r"[^\W\d_]{2}")
_NUMBERING: Final = re.compile(r"^\s*+(?:\d{1,2}\s*+[.):]\s*+)++")


def plan_schema(most_steps: int) -> dict[str, Any]:
    """Give the JSON schema of a plan: the least a planner can write, and no more."""
    step = {"type": "string", "maxLength": LONGEST_STEP}
    steps = {"type": "array", "items": step, "minItems": 1, "maxItems": most_steps}
    return _object(steps=steps)


def assessment_schema(steps: int) -> dict[str, Any]:
    """Give the JSON schema of an assessment: a level, and as many credits as there are steps."""
    credit = {"type": "integer", "minimum": 1, "maximum": 100}
    return _object(
        level={"type": "integer", "minimum": LEVELS[0], "maximum": LEVELS[-1]},
        credits={"type": "array", "items": credit, "minItems": steps, "maxItems": steps},
    )


def read_plan(text: str) -> Plan:
    """Read a plan from JSON, whole or cut off, or from a list in prose.

    Thinking is left out; Markdown, indentation and numbering are no obstacle; hints may be missing,
    inline or on the next line, of which they take one. A text without a list is the one-step plan.
    """
    text = split_thinking(text[:LONGEST_TEXT])[0]
    steps = tuple(_distinct(_steps_in_json(text) or _steps_in_prose(text)))[:MOST_STEPS]
    return Plan(steps=steps) if steps else UNREADABLE


def read_assessment(text: str) -> Assessment:
    """Read an assessment from the first JSON object in `text` that is one; else an empty one."""
    for found in json_values(split_thinking(text[:LONGEST_TEXT])[0]):
        if isinstance(found.value, dict):
            level = found.value.get("level")
            return Assessment(
                level=None if level is None else clamp_level(level),
                credits=_numbers(found.value.get("credits")),
            )
    return Assessment()


def credits_for(plan: Plan, assessment: Assessment | None) -> tuple[tuple[float, ...], str | None]:
    """Give one credit per step, summing to 100, and what was wrong with the planner's, if anything.

    Credits that do not match the plan are replaced by equal ones: no step is ever dropped.
    """
    given = assessment.credits if assessment else ()
    count = len(plan.steps)
    equal = (100 / count,) * count
    if len(given) != count:
        problem = f"the planner gave {len(given)} credits for {count} steps: equal credits"
        return equal, problem if given else NO_CREDITS
    if not any(given):
        return equal, "the planner gave every step credit 0: equal credits"
    return tuple(100 * credit / sum(given) for credit in given), None


def clamp_level(value: Any) -> int:
    """Give the nearest level of 1 to 5; what is no number is the default."""
    found = number(value)
    return DEFAULT_LEVEL if found is None else min(max(round(found), LEVELS[0]), LEVELS[-1])


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _steps_in_json(text: str) -> list[Step]:
    for found in json_values(text):
        if steps := _steps_in(found.value):
            return steps
    cut = _CUT.search(text)
    return _steps_in(salvaged_json(text[cut.end() - 1 :], cut_strings=False)) if cut else []


def _steps_in(value: Any) -> list[Step]:
    items = value.get("steps") if isinstance(value, dict) else value
    return [step for item in items if (step := _step(item))] if isinstance(items, list) else []


def _step(item: object) -> Step | None:
    if isinstance(item, str):
        return Step(question=item)
    if isinstance(item, dict) and isinstance(question := item.get("question"), str):
        return Step(question=question, hint=str(item.get("hint") or ""))
    return None


def _steps_in_prose(text: str) -> list[Step]:
    lines = [_MARKUP.sub(r"\1\2", line).strip() for line in text.splitlines()]
    item = _NUMBERED if any(map(_NUMBERED.match, lines)) else _BULLET
    steps: list[Step] = []
    for line in lines:
        hint = _HINT.fullmatch(line)
        if hint and steps:
            if not steps[-1].hint:
                steps[-1] = Step(question=steps[-1].question, hint=hint[1].strip())
        elif (found := item.fullmatch(line)) and not hint:
            steps.append(_with_inline_hint(found[1]))
    return steps


def _with_inline_hint(line: str) -> Step:
    if inline := _INLINE_HINT.search(line):
        question = line[: inline.start()].rstrip().rstrip("([,;\u2013-").rstrip()
        return Step(question=question, hint=inline[1].strip(" )]"))
    return Step(question=line.strip())


def _distinct(steps: Sequence[Step]) -> Iterator[Step]:
    """Leave out what asks nothing, and what was asked before."""
    asked: set[str] = set()
    for step in steps:
        question = _NUMBERING.sub("", step.question).strip()
        if _QUESTION.search(question) and (key := question.casefold()) not in asked:
            asked.add(key)
            yield Step(question=question, hint=step.hint)


def _numbers(value: object) -> tuple[float, ...]:
    """Give a list's numbers, or none at all if something in it is not a number of at least 0."""
    if not isinstance(value, list):
        return ()
    numbers = tuple(
        found for v in value if isinstance(v, int | float) and (found := number(v)) is not None and found >= 0
    )
    return numbers if len(numbers) == len(value) else ()
