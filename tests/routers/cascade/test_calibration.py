"""Which rule is chosen, and what is said of it."""

from __future__ import annotations

import sys
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest

from outlay.errors import ConfigurationError
from outlay.routers.cascade import Calibration, Cascade, Observation, calibrate
from outlay.routers.cascade.calibration import wilson

if TYPE_CHECKING:
    from collections.abc import Iterable

SAMPLE, PROMPT, TEACHER = 0.0001, 0.001, 0.005


def item(said: str, *, teacher: bool = True, teacher_usd: float = TEACHER) -> Observation:
    """Samples as letters: `r` is right, `-` invalid; the first carries the prompt."""
    values = [None if letter == "-" else letter for letter in said]
    return Observation(
        values=values,
        right=[value == "r" for value in values],
        usd=[PROMPT + SAMPLE, *[SAMPLE] * (len(said) - 1)],
        teacher_right=teacher,
        teacher_usd=teacher_usd,
    )


def students(count: int, *, sure: float, seed: int = 0, teacher_usd: float = TEACHER) -> list[Observation]:
    """Items that a student knows, or guesses at: then it is right now and then, and samples differ."""
    dice = Random(seed)  # noqa: S311
    knows = [dice.random() < sure for _ in range(count)]
    return [
        item(
            "rrr" if known else "".join(dice.choice("rwxyz") for _ in range(3)),
            teacher=dice.random() < 0.95,
            teacher_usd=teacher_usd,
        )
        for known in knows
    ]


def of(calibration: Calibration) -> dict[str, tuple[float, float, float]]:
    return {
        candidate.name: (
            round(candidate.figures.accuracy.value, 9),
            round(candidate.figures.deferral.value, 9),
            round(candidate.figures.usd.value, 9),
        )
        for candidate in calibration.candidates
    }


FOUR = [item("rrr"), item("rrw"), item("wwr"), item("-ww", teacher=False)]
"""Unanimous; two of three right; two of three wrong; an invalid first sample."""


def test_every_rule_comes_to_what_is_worked_by_hand() -> None:
    one, two, three = PROMPT + SAMPLE, PROMPT + 2 * SAMPLE, PROMPT + 3 * SAMPLE
    assert of(calibrate(FOUR, accuracy=0.5)) == {
        "student alone": (0.5, 0.0, one),
        "1 if valid": (0.5, 0.25, one + TEACHER / 4),
        "most of 2": (0.5, 0.0, round(two, 9)),
        "2 equal of 2": (0.5, 0.25, two + TEACHER / 4),
        "most of 3": (0.5, 0.0, three),
        "2 equal of 3": (0.5, 0.0, three),
        "3 equal of 3": (0.75, 0.75, round(three + 0.75 * TEACHER, 9)),
        "teacher alone": (0.75, 1.0, TEACHER),
    }


def test_in_waves_only_what_decides_is_paid() -> None:
    found = of(calibrate(FOUR, accuracy=0.5, in_waves=True))
    bought = (3 + 3 + 2 + 2) / 4
    # The third item differs at its third sample, the last is invalid within the first wave of two.
    assert found["3 equal of 3"][2] == pytest.approx(
        PROMPT + (bought + 0.25) * SAMPLE + 0.75 * TEACHER, abs=1e-9
    )
    assert found["2 equal of 3"][2] == pytest.approx(PROMPT + 2.25 * SAMPLE, abs=1e-9)


def test_comparing_is_charged_to_rules_that_compare() -> None:
    judged = [observation.model_copy(update={"judge_usd": 0.01}) for observation in FOUR]
    before, after = of(calibrate(FOUR, accuracy=0.5)), of(calibrate(judged, accuracy=0.5))
    dearer = {name for name in before if after[name][2] == pytest.approx(before[name][2] + 0.01)}
    assert dearer == {"most of 2", "2 equal of 2", "most of 3", "2 equal of 3", "3 equal of 3"}


def test_the_cheapest_that_is_accurate_enough_is_chosen() -> None:
    found = calibrate(students(300, sure=0.7), accuracy=0.9)
    enough = [c for c in found.candidates if c.figures.accuracy.value >= 0.9]
    assert found.chosen == min(enough, key=lambda c: c.figures.usd.value)
    assert (found.met, found.pays) == (True, True)
    assert found.cascade in {Cascade(n=2), Cascade(n=3), Cascade(n=3, rule="majority")}
    assert found.saved.low > 0


def test_the_most_accurate_that_is_cheap_enough_is_chosen() -> None:
    found = calibrate(students(300, sure=0.7), usd=0.002)
    affordable = [c for c in found.candidates if c.figures.usd.value <= 0.002]
    assert found.chosen == max(affordable, key=lambda c: c.figures.accuracy.value)
    assert found.met


def test_what_nothing_reaches_is_said_and_the_nearest_given() -> None:
    never = calibrate(students(60, sure=0.3), accuracy=1.0)
    assert not never.met
    assert never.chosen.figures.accuracy.value == max(c.figures.accuracy.value for c in never.candidates)
    free = calibrate(students(60, sure=0.3), usd=0.0)
    assert not free.met
    assert free.chosen.name == "student alone"
    assert "nothing reaches" in str(never)
    assert "nothing is as cheap" in str(free)


def test_a_student_that_never_agrees_does_not_pay() -> None:
    found = calibrate([item("wxy") for _ in range(40)], accuracy=0.95)
    assert (found.cascade, found.pays, found.chosen.who) == (None, False, "teacher alone")
    assert any(
        "teacher alone is no less accurate" in remark and "3 equal of 3" in remark for remark in found.remarks
    )


def test_a_student_that_is_always_right_needs_no_teacher() -> None:
    found = calibrate([item("rrr", teacher=False) for _ in range(40)], accuracy=0.95)
    assert (found.chosen.who, found.pays) == ("student alone", False)
    assert any("student alone serves" in remark for remark in found.remarks)


def test_a_cascade_dearer_than_a_teacher_it_does_not_surpass_does_not_pay() -> None:
    # The teacher errs on three items that the student knows, and costs less than a sample.
    cheap = PROMPT / 2
    items = [item("rrr", teacher=False, teacher_usd=cheap)] * 3
    items += [item("wxy", teacher_usd=cheap)] * 30 + [item("rrr", teacher_usd=cheap)] * 27
    found = calibrate(items, usd=1.0)
    assert found.chosen.figures.accuracy.value == 1.0 > found.teacher.figures.accuracy.value
    assert found.cascade is not None
    assert not found.pays
    assert any("beyond the noise" in remark for remark in found.remarks)


def test_a_choice_that_does_not_hold_on_other_items_does_not_pay() -> None:
    # On all items a cascade is the more accurate one, by a single item.
    cheap = PROMPT / 2
    items = [item("rrr", teacher=False, teacher_usd=cheap)]
    items += [item("wxy", teacher_usd=cheap)] * 30 + [item("rrr", teacher_usd=cheap)] * 29
    found = calibrate(items, usd=1.0)
    assert found.cascade is not None
    assert not found.pays
    assert any("held out, the teacher alone is no less accurate" in remark for remark in found.remarks)


def test_dollars_that_may_be_more_than_was_asked_for_are_pointed_out() -> None:
    found = calibrate(students(100, sure=0.7), usd=0.003)
    assert found.met
    assert found.held_out.usd.high > 0.003
    assert any("may cost more than was asked for" in remark for remark in found.remarks)


def test_held_out_figures_are_not_those_of_the_lucky_rule() -> None:
    # All rules are right half the time, so that the best on some items is so by chance.
    dice = Random(3)  # noqa: S311
    found = [
        calibrate(
            [item("".join(dice.choices("rw", k=5)), teacher=dice.random() < 0.5) for _ in range(40)], usd=1.0
        )
        for _ in range(6)
    ]
    chosen = sum(calibration.chosen.figures.accuracy.value for calibration in found) / len(found)
    held_out = sum(calibration.held_out.accuracy.value for calibration in found) / len(found)
    assert chosen > 0.54
    assert abs(held_out - 0.5) < 0.04


def test_few_items_are_said_to_be_few() -> None:
    assert any("too few" in remark for remark in calibrate(students(19, sure=0.7), accuracy=0.8).remarks)
    assert not any("too few" in remark for remark in calibrate(students(20, sure=0.7), accuracy=0.8).remarks)


def test_the_same_seed_gives_the_same_calibration_and_it_survives_json() -> None:
    items = students(50, sure=0.5)
    first, again, other = (calibrate(items, accuracy=0.85, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first.candidates[0].figures.usd == other.candidates[0].figures.usd
    assert first.held_out != other.held_out
    assert Calibration.model_validate_json(first.model_dump_json()) == first


def test_an_interval_holds_the_mean_and_widens_with_confidence() -> None:
    items = students(80, sure=0.6)
    narrow, wide = (calibrate(items, accuracy=0.8, confidence=c) for c in (0.5, 0.99))
    for a, b in zip(narrow.candidates, wide.candidates, strict=True):
        for field in ("accuracy", "deferral", "usd"):
            inner, outer = getattr(a.figures, field), getattr(b.figures, field)
            assert outer.low - 1e-12 <= inner.low <= inner.value + 1e-12
            assert inner.value - 1e-12 <= inner.high <= outer.high + 1e-12


@settings(deadline=None)
@given(st.integers(1, 500), st.data(), st.sampled_from([0.8, 0.95, 0.99]))
def test_shares_have_scipys_wilson_interval(items: int, data: st.DataObject, confidence: float) -> None:
    right = data.draw(st.integers(0, items))
    theirs = binomtest(right, items).proportion_ci(confidence, method="wilson")
    assert wilson(right / items, items, confidence) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


def test_the_report_marks_the_chosen_rule_and_says_the_held_out_figures() -> None:
    found = calibrate(students(100, sure=0.7), accuracy=0.9)
    lines = str(found).splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith("*")] == [f"* {found.chosen.name}"]
    assert f"{found.held_out.accuracy.value:.1%}" in str(found)
    assert "not chosen on (10 folds)" in str(found)


def names(items: Iterable[Observation]) -> list[str]:
    return [candidate.name for candidate in calibrate(list(items), accuracy=0.5).candidates]


def test_one_sample_leaves_the_two_models_alone_and_trust_in_what_is_valid() -> None:
    assert names([item("r"), item("-")]) == ["student alone", "1 if valid", "teacher alone"]


@pytest.mark.parametrize(
    ("asked", "items", "said"),
    [
        ({}, FOUR, "not both"),
        ({"accuracy": 0.9, "usd": 1}, FOUR, "not both"),
        ({"accuracy": 90}, FOUR, "accuracy"),
        ({"usd": -1}, FOUR, "usd"),
        ({"usd": 1, "confidence": 1}, FOUR, "confidence"),
        ({"usd": 1}, FOUR[:1], "2 labelled items or more, not 1"),
        ({"usd": 1}, [item("rr"), item("rrr")], "2 to 3 samples"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(
    asked: dict[str, Any], items: list[Observation], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        calibrate(items, **asked)


def test_an_observation_says_something_of_every_sample() -> None:
    with pytest.raises(ConfigurationError, match="one entry per sample"):
        Observation(values=["a", "b"], right=[True], usd=[0, 0], teacher_right=True, teacher_usd=0)


@pytest.mark.parametrize("missing", ["numpy", "scipy.stats"])
def test_without_scipy_the_extra_is_named(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigurationError, match=r"outlay\[bench\]"):
        calibrate(FOUR, accuracy=0.5)
