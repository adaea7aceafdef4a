r"""A question with its solution, as a trajectory of one step whose answer is marked as ours are."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from outlay.answers import find
from outlay.memory.demonstrations.trajectory import Step, Trajectory

if TYPE_CHECKING:
    from collections.abc import Mapping

_CALCULATION: Final = re.compile(r"<<[^<>\n]*>>")
_HASHES: Final = re.compile(r"\s*^####[ \t]*(?P<answer>[^\n]*?)[ \t]*$\s*\Z", re.MULTILINE)


def of_question(row: Mapping[str, object], teacher: str = "") -> Trajectory:
    r"""Give the trajectory that a row of questions and solutions stands for.

    The goal is the question, as it is without the words that `outlay.answers.asked` adds. The one action is
    the solution, without GSM8K's calculations in `<<...>>`, and with the answer in a `\boxed{}` behind it,
    which is what `asked` asks for and `extract` reads; what stood after `####` goes.

    Args:
        row: `question`, and `answer`, `solution` or both; a row without `id` is called after its question.
            An answer that ends in `####` and a value, as in GSM8K's own files, is a solution.
        teacher: Who solved it.

    Raises:
        ValueError: A field is missing or is no text; the message says which.
    """
    question = _text(row, "question")
    if not question:
        raise ValueError("no `question`: write one, or take the row out")
    solution, answer = _solved(_text(row, "solution"), _text(row, "answer"))
    return Trajectory(
        task=_text(row, "id") or f"question-{hashlib.sha256(question.encode()).hexdigest()[:16]}",
        goal=question,
        steps=(Step(action=_marked(solution, answer)),),
        success=True,
        teacher=teacher,
    )


def _solved(solution: str, answer: str) -> tuple[str, str]:
    """Give the solution without its final mark, and the final answer."""
    if not solution and _HASHES.search(answer):
        solution, answer = answer, ""
    hashes = _HASHES.search(solution)
    if hashes:
        solution, answer = solution[: hashes.start()], answer or hashes["answer"]
    solution = _CALCULATION.sub("", solution).strip()
    answer = answer or _boxed(solution)
    if not answer:
        raise ValueError("no `answer`, and no solution that marks one: write it, or take the row out")
    return solution, answer


def _marked(solution: str, answer: str) -> str:
    if _boxed(solution) == answer:
        return solution
    return f"{solution}\nThe answer is \\boxed{{{answer}}}.".strip()


def _boxed(text: str) -> str:
    found = find(text)
    return found.value if found and found.how == "boxed" else ""


def _text(row: Mapping[str, object], field: str) -> str:
    match row.get(field):
        case None:
            return ""
        case str(text):
            return text.strip()
        case bool() | list() | dict() as value:
            raise ValueError(f"`{field}` is {value!r:.60}: make it a text or a number")
        case number:
            return str(number)
