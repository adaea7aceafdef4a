"""The prompts of planner and solver, in words that small models follow.

The planner is shown one worked problem: it costs prompt tokens, which are cheap and cached, and halves what
small models write. The solver's calls all begin with what they share, for the same cache.

A plan is a model's text: its steps stand between tags. An answer to a step has a message of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.prompts import delimited, inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.plan_and_budget.plan import Plan
    from outlay.model import Message
    from outlay.prompts import Tag

TAGS: Final[tuple[Tag, ...]] = ("context", "step", "steps")
"""The tags in these prompts and in questions, which models copy into replies."""

VERSION: Final = 4
"""Part of the plan cache's key: raise it with any change to `PLAN` or `ASSESS`."""

PLAN: Final = """\
Problem: {question}

What has to be found, one after the other, to solve it? Give, as JSON {{"steps": [...]}}, {fewest} to {most} \
short questions, each for one number or fact that the problem does not state. The last one is what the \
problem asks for. Do not answer them."""

EXAMPLE: Final = """\
Problem: A baker sells 12 rolls at $2 each, and half as many cakes at $15 each. How much does she earn in all?
"""

ASSESS: Final = (
    """\
How hard is the last problem below (level 1 easy to 5 very hard), and how many percent of the work is each \
of its {count} steps?

"""
    + EXAMPLE
    + """\
1. money from the rolls
2. number of cakes
3. money from the cakes
4. money earned in all
{{"level": 2, "credits": [30, 15, 40, 15]}}

Problem: {question}
{steps}"""
)

SINGLE: Final = """\
{question}

Answer these questions one after the other. For each, reason in one or two short sentences, within its \
number of words, and end with the result:
{steps}

Then put the final answer inside \\boxed{{}}."""

FIRST_STEP: Final = """\
{question}

Answer one question at a time. Reason in one or two short sentences from what the problem says, and end \
with the result.

{step}"""

STEP: Final = "Step {number} of {count}:\n{question}"

SYNTHESIS: Final = "Read the problem again. From these results, what is its answer? Put it inside \\boxed{}."

UNANSWERED: Final = "(no answer)"
"""Stands for the answer of a step that failed."""


def plan_prompt(question: str, most_steps: int) -> str:
    """Ask for a plan."""
    return PLAN.format(question=question, fewest=min(2, most_steps), most=most_steps)


def assessment_prompt(question: str, plan: Plan) -> str:
    """Ask how hard the problem is, and each step of it."""
    steps = "\n".join(f"{i}. {step.question}" for i, step in enumerate(plan.steps, 1))
    return ASSESS.format(question=question, steps=delimited("steps", steps), count=len(plan.steps))


def single_prompt(question: str, plan: Plan, words: Sequence[int]) -> str:
    """Ask for everything in one call, with a limit in words on each step."""
    steps = "\n".join(
        f"{i}. {_hinted(step.question, step.hint)} (at most {limit} {'word' if limit == 1 else 'words'})"
        for i, (step, limit) in enumerate(zip(plan.steps, words, strict=True), 1)
    )
    return SINGLE.format(question=question, steps=delimited("steps", steps))


def conversation(question: str, plan: Plan, answers: Sequence[str], *, last: str = "") -> list[Message]:
    """Give the talk so far: each step asked and answered, then the next step, or `last`.

    Args:
        question: The problem.
        plan: Its sub-questions.
        answers: To the first of them; empty for one that failed.
        last: What is asked after the answers instead of the next step.
    """
    asked = [_step(question, plan, i) for i in range(len(answers) + (not last))]
    messages: list[Message] = []
    for step, answer in zip(asked, answers, strict=False):
        messages.append({"role": "user", "content": step})
        messages.append({"role": "assistant", "content": inert(answer) or UNANSWERED})
    return [*messages, {"role": "user", "content": last or asked[-1]}]


def _step(question: str, plan: Plan, index: int) -> str:
    step = plan.steps[index]
    shown = delimited("step", _hinted(step.question, step.hint))
    asked = STEP.format(number=index + 1, count=len(plan.steps), question=shown)
    return asked if index else FIRST_STEP.format(question=question, step=asked)


def _hinted(question: str, hint: str) -> str:
    return f"{question} ({hint})" if hint else question
