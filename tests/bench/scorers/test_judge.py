from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from outlay.bench.items import Item
from outlay.bench.scorers.judge import Judge, Verdict
from outlay.budget import Budget, Usage
from outlay.errors import ModelRefusedError, ScorerError
from outlay.ledger import Ledger
from outlay.memory.conversations.records import Document
from outlay.outcome import Outcome
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from outlay.bench.scorers import Score

ITEM = Item(id="i", question="Where is it?", answers=("Paris", "the French capital"))
RIGHT = Verdict(final_answer="Paris", correct=True)
WRONG = Verdict(final_answer="Rome", correct=False)


def score(judge: Judge, text: str = "I say Paris.") -> Score:
    return asyncio.run(judge.score(ITEM, Outcome(text=text)))


@pytest.mark.parametrize(("verdict", "expected"), [(RIGHT, 1), (WRONG, 0)], ids=["right", "wrong"])
def test_the_verdict_is_the_score_and_its_cost_is_told_apart(verdict: Verdict, expected: float) -> None:
    judge = Judge(ScriptedModel([verdict]))
    given = score(judge)
    assert given.value == expected
    assert given.judge.calls == 1
    assert given.judge == judge.ledger.usage


def test_the_judge_sees_question_right_answers_and_response_without_chance() -> None:
    model = ScriptedModel([RIGHT])
    score(Judge(model))
    assert "Where is it?" in model.prompts[0]
    assert "Paris\nor: the French capital" in model.prompts[0]
    assert "<response>\nI say Paris.\n</response>" in model.prompts[0]
    assert model.requests[0].temperature == 0


def test_the_judge_reads_a_text_that_is_asked_about_and_no_history() -> None:
    model = ScriptedModel([RIGHT, RIGHT])
    about = ITEM.model_copy(update={"context": "A text."})
    remembering = about.model_copy(update={"history": (Document(text="A text."),)})
    for item in (about, remembering):
        asyncio.run(Judge(model).score(item, Outcome(text="Paris")))
    assert ["A text." in asked for asked in model.prompts] == [True, False]


def test_an_answer_without_text_is_wrong_and_nobody_is_asked() -> None:
    assert score(Judge(ScriptedModel([])), text=" \n").model_dump() == {
        "value": 0,
        "judge": Usage().model_dump(),
    }


def test_one_fence_lasts_over_all_answers() -> None:
    judge = Judge(ScriptedModel([RIGHT, WRONG, RIGHT]), Ledger(Budget(calls=2), name="judge"))
    assert [score(judge).value, score(judge).value] == [1, 0]
    with pytest.raises(ScorerError, match="could not be paid: fence 'judge'") as refused:
        score(judge)
    assert refused.value.usage == Usage()
    assert judge.ledger.usage.calls == 2


def test_answers_can_be_judged_at_the_same_time() -> None:
    judge = Judge(ScriptedModel([RIGHT] * 8))

    async def all_of_them() -> list[Score]:
        return await asyncio.gather(*(judge.score(ITEM, Outcome(text="Paris")) for _ in range(8)))

    assert [score.judge.calls for score in asyncio.run(all_of_them())] == [1] * 8


def test_a_reply_that_does_not_parse_is_no_score_and_is_billed() -> None:
    judge = Judge(ScriptedModel(["I think so", "yes"]))
    with pytest.raises(ScorerError, match="the judge failed: no valid Verdict") as failed:
        score(judge)
    assert failed.value.usage is not None
    assert failed.value.usage.calls == 2


def test_a_judge_that_cannot_be_reached_is_no_score() -> None:
    with pytest.raises(ScorerError, match="the judge failed: no key"):
        score(Judge(ScriptedModel([ModelRefusedError("no key")])))
