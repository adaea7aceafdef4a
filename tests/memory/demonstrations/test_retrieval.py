"""Retrieval against a search through everything, over random banks; and what a larger bank is worth."""

from __future__ import annotations

import random
from itertools import pairwise
from statistics import fmean
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.memory.demonstrations import Bank, Query, Step, Trajectory
from outlay.testing import HashEmbedder

EMBEDDER = HashEmbedder(16)
WORDS = st.lists(st.sampled_from(["key", "door", "lamp", "open", "shut", "red"]), min_size=1, max_size=4)
TEXT = WORDS.map(" ".join)
WHOLE = st.builds(
    Trajectory,
    task=st.sampled_from("abcdefgh"),
    goal=TEXT,
    plan=TEXT,
    steps=st.lists(st.builds(Step, observation=TEXT, action=TEXT), min_size=1, max_size=5),
    success=st.booleans(),
)
QUERIES = st.builds(Query, goal=TEXT, plan=TEXT | st.just(""), observation=TEXT | st.just(""))


def cosine(one: str, other: str) -> float:
    vectors = EMBEDDER.embed([one, other])
    return float(vectors[0] @ vectors[1])


def by_hand(trajectory: Trajectory, query: Query) -> tuple[float, int]:
    """Score a trajectory that lacks nothing, and find its closest step."""
    seen = [cosine(step.observation, query.observation or "-") for step in trajectory.steps]
    each = {
        "goal": cosine(trajectory.goal, query.goal),
        "plan": cosine(trajectory.plan, query.plan or "-"),
        "observation": max(seen),
    }
    return fmean(each[key] for key in query.texts), seen.index(max(seen)) if query.observation else 0


@settings(max_examples=20, deadline=None)
@given(
    st.lists(WHOLE, max_size=8), QUERIES, st.integers(3, 9), st.sets(st.sampled_from("abcdefgh"), max_size=2)
)
def test_retrieval_is_what_a_search_through_everything_finds(
    runs: list[Trajectory], query: Query, k: int, exclude: set[str]
) -> None:
    with TemporaryDirectory() as folder, Bank.create(f"{folder}/bank", EMBEDDER) as bank:
        bank.add(runs)
        stored = [one for one in bank.trajectories() if one.task not in exclude]
        found = bank.retrieve(query, k, window=1, exclude=exclude)
    expected = sorted((by_hand(one, query)[0] for one in stored), reverse=True)[:k]
    assert [round(each.score, 4) for each in found] == [round(score, 4) for score in expected]
    for each in found:
        assert any(
            (one.task, one.goal, one.plan) == (each.task, each.goal, each.plan)
            and one.steps[each.start : each.start + len(each.steps)] == each.steps
            and round(by_hand(one, query)[0], 4) == round(each.score, 4)
            for one in stored
        )


KINDS = [f"kind{n}" for n in range(40)]


def lesson(number: int, kind: str) -> Trajectory:
    noise = random.Random(number).choices(["lamp", "desk", "shelf", "bed", "sofa"], k=3)  # noqa: S311
    return Trajectory(
        task=f"task-{number}",
        goal=f"deal with {kind} beside the {noise[0]}",
        steps=(
            Step(observation=f"you see a {noise[1]} and {kind}", action=f"use {kind} tool"),
            Step(observation=f"{kind} is done near the {noise[2]}", action=f"leave {kind}"),
        ),
        success=True,
    )


def success_of_copying(bank: Bank, tests: list[Trajectory]) -> float:
    """Run a student that does what the nearest demonstration did, or guesses one action for all."""

    def right(test: Trajectory) -> bool:
        found = bank.retrieve(
            Query(goal=test.goal, observation=test.steps[0].observation), 1, exclude=[test.task]
        )
        action = found[0].steps[found[0].matched].action if found else "use kind0 tool"
        return action == test.steps[0].action

    return fmean(right(test) for test in tests)


def test_more_demonstrations_never_hurt_a_student_that_copies_the_nearest(bank: Bank) -> None:
    drawn = random.Random(7)  # noqa: S311
    lessons = [lesson(number, drawn.choice(KINDS)) for number in range(560)]
    tests = lessons[500:]
    success = []
    for size, before in zip((0, 20, 100, 500), (0, 0, 20, 100), strict=True):
        bank.add(lessons[before:size])
        assert bank.stats().trajectories == size
        success.append(success_of_copying(bank, tests))
    assert all(more >= fewer for fewer, more in pairwise(success))
    assert success[-1] >= success[0] + 0.3
