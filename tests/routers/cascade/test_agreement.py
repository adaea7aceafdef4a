"""When samples agree, and when that is known."""

from __future__ import annotations

from itertools import product
from math import ceil
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.errors import ConfigurationError
from outlay.routers.cascade import Cascade, Verdict, next_wave, verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

Values = list[str | None]
VALUES = st.sampled_from(["a", "b", "c", None])


@st.composite
def cascades(draw: st.DrawFn, most: int = 5) -> Cascade:
    n = draw(st.integers(1, most))
    rules = st.sampled_from(["unanimity", "majority"]) | st.integers(1, n).map(lambda m: m / n)
    return Cascade(n=n, rule=draw(rules), equivalence=draw(st.sampled_from(["action", "judge"])))


@st.composite
def drawn(draw: st.DrawFn) -> tuple[Cascade, Values]:
    cascade = draw(cascades())
    return cascade, draw(st.lists(VALUES, max_size=cascade.n))


def completed(values: Sequence[str | None], cascade: Cascade) -> Verdict:
    found = verdict(values, cascade)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("rule", "n", "needed"),
    [
        ("unanimity", 3, 3),
        ("majority", 3, 2),
        ("majority", 4, 3),
        ("majority", 1, 1),
        (1.0, 7, 7),
        (0.67, 3, 2),
        (0.667, 3, 2),
        (2 / 3, 3, 2),
        (0.68, 3, 3),
        (0.8, 5, 4),
        (0.01, 5, 1),
        (0.5, 4, 2),
    ],
)
def test_samples_that_must_be_equal(rule: str | float, n: int, needed: int) -> None:
    assert Cascade(n=n, rule=rule).needed == needed


@settings(deadline=None)
@given(st.integers(1, 100), st.data())
def test_a_share_of_m_in_n_needs_m_even_rounded_to_whole_percent(n: int, data: st.DataObject) -> None:
    m = data.draw(st.integers(1, n))
    assert Cascade(n=n, rule=m / n).needed == Cascade(n=n, rule=round(m / n, 2)).needed == m


@settings(deadline=None)
@given(st.integers(1, 100), st.floats(0.01, 1))
def test_a_share_needs_what_it_says_within_half_a_percent(n: int, share: float) -> None:
    assert ceil(n * (share - 0.011)) <= Cascade(n=n, rule=share).needed <= ceil(n * (share + 0.011))


@pytest.mark.parametrize("rule", [0.0, 1.01, -1, float("nan"), "all"])
def test_a_rule_that_is_none_is_refused(rule: object) -> None:
    with pytest.raises(ConfigurationError, match="rule"):
        Cascade(rule=rule)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["a", "a", "a"], Verdict(agreed=True, chosen=0, votes=(3,), share=1.0)),
        (["a", "a", "b"], Verdict(agreed=False, chosen=0, votes=(2, 1), share=2 / 3)),
        (["b", "a", "a"], Verdict(agreed=False, chosen=1, votes=(2, 1), share=2 / 3)),
        (["a", "a", None], Verdict(agreed=False, chosen=0, votes=(2,), share=2 / 3)),
        (["", "", ""], Verdict(agreed=False, chosen=None, votes=(), share=0.0)),
        ([None, None, None], Verdict(agreed=False, chosen=None, votes=(), share=0.0)),
        ([" . ", "a", "a"], Verdict(agreed=False, chosen=1, votes=(2,), share=2 / 3)),
        (
            ["Go to desk 1", " go to desk 1 ", "go to the desk 1"],
            Verdict(agreed=True, chosen=0, votes=(3,), share=1.0),
        ),
        (["a", "b"], Verdict(agreed=False, chosen=0, votes=(1, 1), share=0.5)),
        ([None], Verdict(agreed=False, chosen=None, votes=(), share=0.0)),
        (["a", "a"], None),
        (["a"], None),
        ([], None),
    ],
)
def test_three_by_unanimity(values: Values, expected: Verdict | None) -> None:
    assert verdict(values, Cascade()) == expected


def test_a_majority_is_known_after_two_of_three() -> None:
    assert completed(["b", "b"], Cascade(rule="majority")).agreed
    assert verdict(["a", "b"], Cascade(rule="majority")) is None
    assert completed(["a", None, None], Cascade(rule="majority")).agreed is False


@pytest.mark.parametrize(
    ("values", "chosen"), [(["a", "a"], 0), (["b", "a", "a"], None), (["b", "a", "a", "a"], 1)]
)
def test_of_a_vote_the_first_of_equals_is_taken(values: Values, chosen: int | None) -> None:
    vote = Cascade(n=4, rule=0.25)
    found = verdict(values, vote)
    assert (found and found.chosen) == chosen
    assert (next_wave(values, vote) > 0) == (chosen is None)


def test_one_sample_is_trusted_where_it_is_valid() -> None:
    assert completed(["a"], Cascade(n=1)).agreed
    assert not completed([" "], Cascade(n=1)).agreed


def test_each_equivalence_compares_in_its_own_way() -> None:
    code: Values = ["f('a')", 'f( "a" )', "f('a') # now"]
    answers: Values = ["1/2", "0.5", r"\frac{1}{2}"]
    assert completed(code, Cascade(equivalence="python")).agreed
    assert not completed(code, Cascade(equivalence="action")).agreed
    assert completed(answers, Cascade(equivalence="answer")).agreed
    assert not completed(answers, Cascade(equivalence="judge")).agreed
    assert not completed(["f(", "f(", "f("], Cascade(equivalence="python")).agreed


def test_more_values_than_samples_are_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="at most n"):
        verdict(["a"] * 4, Cascade(n=3))
    with pytest.raises(ConfigurationError, match="at most n"):
        next_wave(["a"] * 4, Cascade(n=3))


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_verdict_is_given_exactly_when_nothing_to_come_can_change_it(
    drawing: tuple[Cascade, Values],
) -> None:
    cascade, values = drawing
    left = cascade.n - len(values)
    endings = product(["a", "b", "c", "new", None], repeat=left)
    ends = {
        (end.agreed, end.chosen if end.agreed else None)
        for end in (completed([*values, *ending], cascade) for ending in endings)
    }
    early = verdict(values, cascade)
    if early is None:
        assert len(ends) > 1
    else:
        assert ends == {(early.agreed, early.chosen if early.agreed else None)}


@settings(max_examples=60, deadline=None)
@given(drawn())
def test_a_wave_is_the_fewest_valid_samples_that_could_decide(drawing: tuple[Cascade, Values]) -> None:
    cascade, values = drawing
    left = cascade.n - len(values)
    could = (
        k
        for k in range(left + 1)
        if any(
            verdict([*values, *wave], cascade) is not None
            for wave in product([*"abc", *"vwxyz"[:k]], repeat=k)
        )
    )
    assert next_wave(values, cascade) == next(could)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=6))
def test_a_share_of_one_is_unanimity(values: Values) -> None:
    n = len(values)
    assert verdict(values, Cascade(n=n, rule=1.0)) == verdict(values, Cascade(n=n))


@settings(deadline=None)
@given(cascades(), st.data())
def test_the_order_of_samples_changes_neither_agreement_nor_votes(
    cascade: Cascade, data: st.DataObject
) -> None:
    values = data.draw(st.lists(VALUES, min_size=cascade.n, max_size=cascade.n))
    one, other = completed(values, cascade), completed(data.draw(st.permutations(values)), cascade)
    assert (one.agreed, one.votes) == (other.agreed, other.votes)


@pytest.mark.parametrize(("n", "agrees", "accuracy"), [(2, 0.68, 0.96), (3, 0.52, 0.992), (5, 0.328, 0.9997)])
def test_a4_a_student_right_four_times_in_five_with_a_perfect_teacher(
    n: int, agrees: float, accuracy: float
) -> None:
    dice, cascade, steps = Random(n), Cascade(n=n), 20_000  # noqa: S311
    agreed = right = 0
    for _ in range(steps):
        values: Values = []
        while (found := verdict(values, cascade)) is None:
            wave = next_wave(values, cascade)
            values += ["right" if dice.random() < 0.8 else "wrong" for _ in range(wave)]
        agreed += found.agreed
        right += not found.agreed or values[found.chosen or 0] == "right"
    assert agreed / steps == pytest.approx(agrees, abs=0.01)
    assert right / steps == pytest.approx(accuracy, abs=0.01)
