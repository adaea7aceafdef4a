r"""Questions with solutions become trajectories of one step, with the answer where ours is."""

from __future__ import annotations

import pytest

from outlay.answers import asked, extract
from outlay.memory.demonstrations import Step
from outlay.memory.demonstrations.questions import of_question

SOLUTION = "He gets 6*5=<<6*5=30>>30 hours on weekdays\nSo he got 30+20=<<30+20=50>>50 hours"
PLAIN = "He gets 6*5=30 hours on weekdays\nSo he got 30+20=50 hours"


@pytest.mark.parametrize(
    ("row", "action"),
    [
        pytest.param(
            {"solution": SOLUTION, "answer": "50"}, PLAIN + "\nThe answer is \\boxed{50}.", id="both"
        ),
        pytest.param(
            {"answer": SOLUTION + "\n#### 50"}, PLAIN + "\nThe answer is \\boxed{50}.", id="gsm8k-s-own"
        ),
        pytest.param(
            {"solution": SOLUTION + "\n#### 50\n"}, PLAIN + "\nThe answer is \\boxed{50}.", id="only-solution"
        ),
        pytest.param({"answer": 50}, "The answer is \\boxed{50}.", id="only-answer"),
        pytest.param(
            {"solution": r"So $x = \boxed{\frac{1}{2}}$.", "answer": r"\frac{1}{2}"},
            r"So $x = \boxed{\frac{1}{2}}$.",
            id="boxed-already",
        ),
        pytest.param(
            {"solution": r"Not \boxed{2} but three.", "answer": "3"},
            "Not \\boxed{2} but three.\nThe answer is \\boxed{3}.",
            id="another-is-boxed",
        ),
        pytest.param(
            {"solution": "She has 3 < 5 and 7 > 5.\n#### Step 1\nSo 7.", "answer": "7"},
            "She has 3 < 5 and 7 > 5.\n#### Step 1\nSo 7.\nThe answer is \\boxed{7}.",
            id="what-looks-like-a-mark-stays",
        ),
    ],
)
def test_a_solution_ends_in_the_mark_that_is_asked_for(row: dict[str, object], action: str) -> None:
    trajectory = of_question({"id": "q-1", "question": "How much sleep? ", **row})
    assert trajectory.steps == (Step(action=action),)
    assert (trajectory.task, trajectory.goal, trajectory.success) == ("q-1", "How much sleep?", True)


@pytest.mark.parametrize("answer", ["50", "-3/4", "1,000", r"\frac{1}{2}", "12%", "Paris", "3.5"])
def test_the_mark_is_read_back(answer: str) -> None:
    (step,) = of_question({"question": "?", "solution": "1 and 2 <<1+2=3>>make 3", "answer": answer}).steps
    assert extract(step.action, marked=True) == answer
    assert r"\boxed{" in asked("?")


def test_a_question_without_an_id_is_called_after_itself() -> None:
    first, again, other = (of_question({"question": q, "answer": "1"}).task for q in ("a?", "a? ", "b?"))
    assert first == again != other


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question": " ", "answer": "1"}, "no `question`"),
        ({"question": "a?"}, "no `answer`"),
        ({"question": "a?", "solution": "It is 5."}, "no `answer`"),
        ({"question": "a?", "answer": ["1"]}, r"`answer` is \['1'\]: make it a text"),
    ],
)
def test_what_is_missing_is_named(row: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        of_question(row)
