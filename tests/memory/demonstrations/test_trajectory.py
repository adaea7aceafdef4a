"""What is cleaned out of a trajectory, and what a window holds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import Query, Step, Trajectory
from outlay.memory.demonstrations.trajectory import cleaned, window

WORDS = st.sampled_from(["a desk", "Nothing happens.", "a bed", "nothing happened", ""])
STEPS = st.builds(
    Step, observation=WORDS, reasoning=st.just("so"), action=st.sampled_from(["go", "take", " "])
)


def trajectory(*steps: Step) -> Trajectory:
    return Trajectory(task="t", goal="find the key", steps=steps, success=True)


def test_the_action_that_did_nothing_goes_with_its_reasoning() -> None:
    tried = trajectory(
        Step(observation="A locked door.", reasoning="push it", action="push door"),
        Step(observation="Nothing happens.", reasoning="pull it", action="pull door"),
        Step(observation="> nothing happened!", reasoning="use the key", action="unlock door"),
        Step(observation="The door is open.", reasoning="in", action="enter"),
    )
    assert cleaned(tried).steps == (
        Step(observation="A locked door.", reasoning="use the key", action="unlock door"),
        Step(observation="The door is open.", reasoning="in", action="enter"),
    )


def test_a_step_that_only_mentions_it_stays() -> None:
    steps = (Step(observation="You wait, nothing happens, then a bell rings.", action="listen"),)
    assert cleaned(trajectory(*steps)).steps == steps


def test_a_closing_observation_is_no_step() -> None:
    done = trajectory(Step(observation="a desk", action="take key"), Step(observation="Done!", action=""))
    assert [step.action for step in cleaned(done).steps] == ["take key"]


def test_nothing_before_the_first_action_is_left_out() -> None:
    assert cleaned(trajectory(Step(observation="Nothing happens.", action="wait"))).steps == ()


@given(st.lists(STEPS, max_size=8))
def test_cleaning_leaves_no_futile_step_and_nothing_to_clean(steps: list[Step]) -> None:
    once = cleaned(trajectory(*steps))
    assert not {step.observation for step in once.steps} & {"Nothing happens.", "nothing happened"}
    assert all(step.action.strip() for step in once.steps)
    assert cleaned(once) == once


@given(st.integers(1, 40), st.data(), st.integers(0, 12))
def test_a_window_is_clipped_and_holds_its_step(steps: int, data: st.DataObject, margin: int) -> None:
    around = data.draw(st.integers(0, steps - 1))
    places = window(steps, around, margin)
    assert list(places) == [place for place in range(steps) if abs(place - around) <= margin]


def test_a_success_must_say_its_goal() -> None:
    assert Trajectory(task="t", success=False).goal == ""
    with pytest.raises(ConfigurationError, match="goal"):
        Trajectory(task="t", goal=" ", success=True)


def test_a_query_must_ask_something() -> None:
    with pytest.raises(ConfigurationError, match="a goal, a plan or an observation"):
        Query(goal=" ")
