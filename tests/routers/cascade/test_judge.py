"""Samples that a model compares."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from outlay.budget import Budget, Price
from outlay.errors import ConfigurationError, ModelRefusedError
from outlay.ledger import Ledger
from outlay.routers.cascade import Cascade, Judge, Unified, next_wave, verdict
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from outlay.model import Request

THREE = Cascade(equivalence="judge")
SENDS = ("send(to='Ann', text='hi')", "text = 'hi'\nsend(to='Ann', text=text)", "send('Ann', 'hi')")


def about_ann(request: Request) -> dict[str, object]:
    """Says that two actions are the same where both are about the same person."""
    asked = str(request.messages[-1]["content"])
    first, second = re.findall(r"<(?:first|second)>\n(.*?)\n</", asked, re.DOTALL)
    return {"difference": "none", "same": ("Ann" in first) == ("Ann" in second)}


def unify(
    judge: Judge, *values: str | None, known: Unified | None = None, cascade: Cascade = THREE
) -> Unified:
    return asyncio.run(judge.unify(values, cascade, known=known or Unified(), situation="greet Ann"))


def test_samples_that_come_to_the_same_agree() -> None:
    unified = unify(Judge(ScriptedModel(about_ann)), *SENDS)
    found = verdict(unified.labels, THREE)
    assert found is not None
    assert (found.agreed, found.chosen, unified.failures) == (True, 0, ())
    assert unified.labels == (SENDS[0],) * 3


def test_the_second_that_differs_decides_and_the_third_is_not_judged() -> None:
    model = ScriptedModel(about_ann)
    unified = unify(Judge(model), SENDS[0], "send('Bob', 'hi')", SENDS[2])
    found = verdict(unified.labels, THREE)
    assert found is not None
    assert (found.agreed, len(model.requests)) == (False, 1)


def test_what_looks_alike_is_not_asked_about() -> None:
    model = ScriptedModel(about_ann)
    code = unify(Judge(model), "f('a')", 'f("a")  # now', "f( 'a' )")
    words = unify(Judge(model), "Go to desk 1.", "go to the desk 1", "go to desk 1")
    blank = unify(Judge(model), None, " ", "")
    assert [len(set(found.labels)) for found in (code, words)] == [1, 1]
    assert blank.labels == (None,)
    assert model.requests == []


def test_samples_of_a_later_wave_are_compared_with_what_is_known() -> None:
    model = ScriptedModel(about_ann)
    known = unify(Judge(model), *SENDS[:2])
    assert (next_wave(known.labels, THREE), len(model.requests)) == (1, 1)
    unified = unify(Judge(model), *SENDS, known=known)
    assert (unified.labels, len(model.requests)) == ((SENDS[0],) * 3, 2)


def test_a_majority_needs_no_look_at_the_third() -> None:
    model = ScriptedModel(about_ann)
    majority = THREE.model_copy(update={"rule": "majority"})
    unified = unify(Judge(model), *SENDS, cascade=majority)
    assert (len(unified.labels), len(model.requests)) == (2, 1)


@pytest.mark.parametrize("line", [ModelRefusedError("not today"), "I would rather not say"])
def test_a_judge_that_fails_is_disagreement_and_says_so(line: str | Exception) -> None:
    unified = unify(Judge(ScriptedModel(lambda _: line)), *SENDS)
    found = verdict(unified.labels, THREE)
    assert found is not None
    assert (found.agreed, len(unified.failures)) == (False, 1)


def test_its_calls_are_billed_and_one_that_no_fence_can_hold_is_disagreement() -> None:
    judge = Judge(ScriptedModel(about_ann, price=Price(input=1, output=1)))
    with Ledger(Budget(calls=1)) as ledger:
        unified = unify(judge, *SENDS)
    found = verdict(unified.labels, THREE)
    assert found is not None
    assert not found.agreed
    assert ledger.usage.calls == 1
    assert (ledger.usage.usd or 0) > 0
    assert "calls" in unified.failures[0]


def test_what_actions_say_does_not_break_the_prompt() -> None:
    model = ScriptedModel(about_ann)
    unify(Judge(model), "f({x})", "g('{0}', {})")
    assert "f({x})" in model.prompts[0]
    assert "greet Ann" in model.prompts[0]


def test_a_cascade_that_compares_otherwise_asks_no_judge() -> None:
    with pytest.raises(ConfigurationError, match="equivalence"):
        unify(Judge(ScriptedModel([])), "a", cascade=Cascade())
