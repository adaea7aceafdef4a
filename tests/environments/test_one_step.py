"""A question as an episode, and what every environment holds an actor to."""

from __future__ import annotations

import asyncio

import pytest

from outlay import ConfigurationError
from outlay.environments import Episode, Episodic, OneStep, Taken, Turn, play, replay


class Counting(Episodic):
    """Counts to three, and hangs when it is told to."""

    task = "counting"
    goal = "three"
    instructions = ""

    def __init__(self, max_steps: int | None = None) -> None:
        super().__init__(max_steps)
        self.count = 0

    async def _begin(self) -> Turn:
        self.count = 0
        return self._turn()

    async def _advance(self, action: str) -> Turn:
        if action == "hang":
            await asyncio.sleep(60)
        self.count += 1
        return self._turn()

    def _turn(self) -> Turn:
        return Turn(observation=str(self.count), done=self.count == 3, success=self.count == 3)


class Steady:
    """Says one thing, always."""

    name = "steady"

    async def act(self, environment: object, turn: Turn) -> str:  # noqa: ARG002
        return "more"


def test_a_question_is_over_with_its_answer_and_nobody_knows_whether_it_is_right() -> None:
    async def ask() -> tuple[Turn, Turn]:
        question = OneStep("How many legs has a spider?")
        return await question.reset(), await question.step("eight")

    first, last = asyncio.run(ask())
    assert (first.done, first.success) == (False, None)
    assert (last.done, last.success) == (True, None)


def test_the_task_of_a_question_is_its_own_name_or_the_question() -> None:
    assert OneStep("Why?").task == OneStep("Why?").goal == "Why?"
    assert OneStep("Why?", task="q7").task == "q7"


@pytest.mark.parametrize("actions", [[], ["eight"]], ids=["before reset", "after the end"])
def test_a_step_outside_an_episode_is_the_callers_mistake(actions: list[str]) -> None:
    async def ask() -> None:
        question = OneStep("Why?")
        if actions:
            await replay(question, actions)
        await question.step("because")

    with pytest.raises(ConfigurationError, match="`reset`"):
        asyncio.run(ask())


def test_a_closed_environment_takes_no_step_and_no_reset_and_may_be_closed_again() -> None:
    async def leave() -> Counting:
        async with Counting() as counting:
            await counting.reset()
        await counting.close()
        return counting

    counting = asyncio.run(leave())
    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(counting.step("more"))
    with pytest.raises(ConfigurationError, match="closed"):
        asyncio.run(counting.reset())


def test_success_is_told_at_the_end_only() -> None:
    async def count() -> list[bool | None]:
        counting = Counting()
        turns = [await counting.reset(), *[await counting.step("more") for _ in range(3)]]
        return [turn.success for turn in turns]

    assert asyncio.run(count()) == [None, None, None, True]


def test_the_step_cap_ends_an_episode_lost_and_a_reset_begins_the_count_again() -> None:
    async def count() -> list[Episode]:
        counting = Counting(max_steps=2)
        return [await play(counting, Steady()) for _ in range(2)]

    for episode in asyncio.run(count()):
        assert [step.observation for step in episode.steps] == ["0", "1"]
        assert episode.success is False


def test_a_step_cap_below_one_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="max_steps"):
        Counting(max_steps=0)


def test_after_a_step_that_was_cancelled_only_a_reset_goes_on() -> None:
    async def cancel() -> Turn:
        counting = Counting()
        await counting.reset()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(counting.step("hang"), 0.01)
        with pytest.raises(ConfigurationError):
            await counting.step("more")
        return await counting.reset()

    assert asyncio.run(cancel()).observation == "0"


def test_play_stops_where_it_is_told_to() -> None:
    episode = asyncio.run(play(Counting(), Steady(), max_steps=1))
    assert [step.action for step in episode.steps] == ["more"]
    assert (episode.success, episode.task, episode.goal) == (None, "counting", "three")


def test_replay_does_nothing_after_the_end() -> None:
    episode = asyncio.run(replay(Counting(), ["more"] * 9))
    assert len(episode.steps) == 3
    assert episode.success is True


def test_the_deferral_rate_is_of_steps_and_savings_are_against_the_teacher() -> None:
    steps = tuple(Taken(observation="", action="a", deferred=index < 1) for index in range(4))
    assert Episode(task="t", goal="g", steps=steps).deferral_rate == 0.25
    assert Episode(task="t", goal="g").deferral_rate == 0
    assert Episode(task="t", goal="g").saved is None
    assert Episode(task="t", goal="g", teacher_alone=0.5).saved == 0.5
