"""The mean of similarities, and what a missing one does to it."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.memory.demonstrations.scoring import averaged, breadth

COSINE = st.integers(-100, 100).map(lambda n: n / 100)
ROWS = st.lists(st.tuples(COSINE, COSINE, COSINE), min_size=1, max_size=8)


def test_the_breadth_is_the_predecessor_s() -> None:
    assert breadth(6, ["goal", "plan"]) == 18
    assert breadth(6, ["goal", "observation"]) == 36


def test_the_mean_over_both_keys_decides() -> None:
    scores = averaged({"goal": {1: 0.9, 2: 0.6}, "observation": {1: 0.1, 2: 0.6}})
    assert scores == pytest.approx({1: 0.5, 2: 0.6})


@given(ROWS)
def test_complete_records_score_their_mean(rows: list[tuple[float, ...]]) -> None:
    keys = ("goal", "plan", "observation")
    found = {key: {id_: row[place] for id_, row in enumerate(rows)} for place, key in enumerate(keys)}
    assert averaged(found) == pytest.approx({id_: fmean(row) for id_, row in enumerate(rows)})


@given(ROWS)
def test_without_its_plan_a_record_scores_as_its_like_with_one(rows: list[tuple[float, ...]]) -> None:
    """Over a bank and its double without plans, leaving out a plan changes no mean."""
    goal, plan, observation = ({id_: row[place] for id_, row in enumerate(rows)} for place in range(3))
    double = {id_ + len(rows): value for id_, value in goal.items()}
    seen = {id_ + len(rows): value for id_, value in observation.items()}
    scores = averaged({"goal": goal | double, "plan": plan, "observation": observation | seen})
    assert fmean(scores[id_] for id_ in goal) == pytest.approx(fmean(scores[id_] for id_ in double))


@pytest.mark.parametrize("plans", [0.1, 0.9], ids=["plans-run-low", "plans-run-high"])
def test_a_plan_s_scale_moves_no_record_without_one(plans: float) -> None:
    goal = {1: 0.8, 2: 0.5, 3: 0.6}
    scores = averaged({"goal": goal, "plan": {1: plans, 2: plans}})
    assert sorted(scores, key=scores.__getitem__) == [2, 3, 1]


def test_a_key_that_no_record_has_does_not_count() -> None:
    assert averaged({"goal": {1: 0.4, 2: 0.2}, "plan": {}}) == {1: 0.4, 2: 0.2}


def test_records_that_lack_different_keys_score_what_they_have() -> None:
    assert averaged({"goal": {1: 0.4}, "plan": {2: 0.2}}) == {1: 0.4, 2: 0.2}
