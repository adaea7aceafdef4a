"""Every function that reads a model's text, as a function of one text that must not raise."""

from __future__ import annotations

import asyncio
import atexit
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from outlay.agents.budget_mem.allotting import first_lines
from outlay.agents.budget_mem.reading import answered
from outlay.agents.in_context_distillation.prompts import read_action, read_answer, read_code, unwrapped
from outlay.agents.in_context_distillation.reading import worded_action
from outlay.agents.parallel_distill_refine.workspace import read_distilled, read_picks
from outlay.agents.plan_and_budget.plan import clamp_level, read_assessment, read_plan
from outlay.environments import ToolEnvironment, other_wording
from outlay.environments.tool_calls import UnreadableCallError, json_call, read_call
from outlay.memory.modules.reading import answer_in, read_lines, read_scores, read_text
from outlay.model import Completion
from outlay.model.parsing import read_reply
from outlay.model.thinking import ThinkingSplitter, split_thinking
from outlay.reading import UnreadableError, integer, json_values, number, python_tree, salvaged_json
from outlay.routers.cascade import normal_form

if TYPE_CHECKING:
    from collections.abc import Callable


class _Asked(BaseModel):
    a: int
    b: list[str] = []
    c: dict[str, _Asked] = {}


def _add(a: float, b: float = 1) -> float:
    """Add two numbers."""
    return a + b


def _json(text: str) -> None:
    values = list(json_values(text))
    assert all(0 <= found.start < found.end <= len(text) for found in values)


def _salvaged(text: str) -> None:
    for cut_strings in (True, False):
        with suppress(UnreadableError):
            salvaged_json(text, cut_strings=cut_strings)


def _reply(text: str) -> None:
    with suppress(ValidationError):
        assert isinstance(read_reply(text, _Asked), _Asked)


def _python(text: str) -> None:
    with suppress(UnreadableError):
        python_tree(text)


def _numbers(text: str) -> None:
    integer(text)
    number(text)
    assert 1 <= clamp_level(text) <= 5


def _call(text: str) -> None:
    with suppress(UnreadableCallError):
        assert isinstance(read_call(text).tool, str)
    call = json_call(text)
    assert call is None or call in text


_ENVIRONMENT: Final = ToolEnvironment("Add.", [_add], max_steps=None)
_RUNNER: Final = asyncio.Runner()
atexit.register(_RUNNER.close)


def _environment(text: str) -> None:
    async def step() -> None:
        await _ENVIRONMENT.reset()
        await _ENVIRONMENT.step(text)

    _RUNNER.run(step())


def _action(text: str) -> None:
    possible = ("move a to b", "go to desk 1", "look")
    for completion, admissible in zip(_completions(text), (possible, None), strict=True):
        sample = read_action(unwrapped(completion), admissible)
        assert admissible is None or sample.action in {None, *possible}
        worded_action(sample)
    other_wording(text)


def _answer(text: str) -> None:
    for completion in _completions(text):
        read_answer(completion, whole=True)
        read_code(completion)


def _memory(text: str) -> None:
    for completion in _completions(text):
        for reasoned in (True, False):
            answer_in(completion, reasoned=reasoned)
    read_text(text)


def _lines(text: str) -> None:
    lines = read_lines(text)
    assert lines is None or len(lines) <= 40


def _scores(text: str) -> None:
    scores = read_scores(text, 5)
    assert scores is None or (set(scores) <= {1, 2, 3, 4, 5} and all(0 <= s <= 10 for s in scores.values()))


def _plan(text: str) -> None:
    assert 1 <= len(read_plan(text).steps) <= 12
    read_assessment(text)


def _picks(text: str) -> None:
    picks, _ = read_picks(text, 4, 2, Random(1))  # noqa: S311 - no secret
    assert len(set(picks)) == 2
    read_distilled(Completion(text=text), "global-summary", range(4), 2, 100, Random(1))  # noqa: S311


def _short_answer(text: str) -> None:
    for completion in _completions(text):
        answered(completion, (), None)
    lines, count = first_lines(text)
    lines(count)


def _equivalence(text: str) -> None:
    for equivalence in ("action", "python", "judge"):
        form = normal_form(text, equivalence)
        assert equivalence != "action" or form is None or form


def _thinking(text: str) -> None:
    split_thinking(text)
    splitter = ThinkingSplitter()
    for piece in (text[:7], text[7:50], text[50:]):
        splitter.feed(piece)
    splitter.end()


def _completions(text: str) -> tuple[Completion, Completion]:
    return Completion(text=text), Completion(text=text, finish_reason="length")


READERS: Final[dict[str, Callable[[str], None]]] = {
    "json_values": _json,
    "salvaged_json": _salvaged,
    "python_tree": _python,
    "numbers": _numbers,
    "Model.parse": _reply,
    "read_call": _call,
    "ToolEnvironment": _environment,
    "read_action": _action,
    "read_answer, read_code": _answer,
    "answer_in, read_text": _memory,
    "read_lines": _lines,
    "read_scores": _scores,
    "read_plan": _plan,
    "read_picks": _picks,
    "short_answer": _short_answer,
    "normal_form": _equivalence,
    "split_thinking": _thinking,
}
