"""The questions of simulated models: how they are made, and found in prompts."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

import pytest

from outlay.answers import asked, normalise
from outlay.errors import ConfigurationError
from outlay.testing import SimulatedQuestion, drawn_difficulty, simulated_questions
from outlay.testing.questions import Known

if TYPE_CHECKING:
    from outlay.model import Message


def question(text: str, answer: str = "42") -> SimulatedQuestion:
    return SimulatedQuestion(question=text, answer=answer, difficulty=0.5)


SUM = question("What is 2 + 2?", "4")
WHO = question("Bob asks: What is 2 + 2?", "four")
TEXT = "Ann is 3.\nBob is 5.\n\n"
ANN = question(TEXT + "How old is Ann?", "3")
BOB = question(TEXT + "How old is Bob?", "5")
KNOWN = Known([SUM, WHO, ANN, BOB])


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        pytest.param(SUM.question, SUM, id="alone"),
        pytest.param(asked(SUM.question), SUM, id="before an instruction"),
        pytest.param(f"Problem: {SUM.question}\n1. add", SUM, id="behind a prefix"),
        pytest.param(f"Problem: {WHO.question}", WHO, id="the longer one of two that end alike"),
        pytest.param(asked(ANN.question), ANN, id="of several lines"),
        pytest.param(f"Context: {BOB.question}", BOB, id="of several lines, behind a prefix"),
        pytest.param(f"Q: {SUM.question}\nA: 4\n\nQ: {ANN.question}", ANN, id="the last one, after examples"),
        pytest.param("How old is Ann?", None, id="a part of a question"),
        pytest.param("What is 2 + 3?", None, id="unknown"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_the_question_of_a_prompt_is_found(prompt: str, found: SimulatedQuestion | None) -> None:
    assert KNOWN.asked_in([{"role": "user", "content": prompt}]) == found


def test_it_is_found_in_an_earlier_message_but_not_in_the_models_own() -> None:
    messages: list[Message] = [
        {"role": "user", "content": asked(SUM.question)},
        {"role": "assistant", "content": ANN.question},
        {"role": "user", "content": [{"type": "text", "text": "Go on."}]},
    ]
    assert KNOWN.asked_in(messages) == SUM


def test_a_question_may_come_twice_but_not_with_two_answers() -> None:
    assert len(Known([SUM, SUM])) == 1
    with pytest.raises(ConfigurationError, match="two answers"):
        Known([SUM, question(SUM.question, "5")])


def test_a_model_without_questions_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="there are none"):
        Known([])


@pytest.mark.parametrize(
    "answer", ["0", "7", "123456", "-12", "1,234", "B", "j", "1/2", "Paris", r"\frac{1}{2}"]
)
def test_wrong_answers_are_four_and_wrong(answer: str) -> None:
    wrong = question("Which?", answer).wrong
    assert len({normalise(value) for value in (answer, *wrong)}) == 5


def test_made_questions_are_distinct_uniform_and_the_same_every_time() -> None:
    questions = simulated_questions(5000, seed=1)
    assert questions[:10] == simulated_questions(10, seed=1)
    assert questions[0] != simulated_questions(1, seed=2)[0]
    assert len({q.question for q in questions}) == 5000
    assert fmean(q.difficulty for q in questions) == pytest.approx(0.5, abs=0.02)
    assert fmean(q.difficulty < 0.25 for q in questions) == pytest.approx(0.25, abs=0.03)


def test_an_unrated_question_has_a_difficulty_of_its_own() -> None:
    assert drawn_difficulty("a") == drawn_difficulty("a") != drawn_difficulty("b")
    assert 0 <= drawn_difficulty("a") < 1
