from __future__ import annotations

import pytest

from outlay.bench.items import Item
from outlay.bench.sweep import Sweep, budgets_of, conditions, with_baselines
from outlay.budget import Budget
from outlay.errors import ConfigurationError

ITEMS = tuple(Item(id=str(n), question="?", answers=("1",)) for n in range(3))


def test_a_sweep_is_conditions_times_items_times_seeds() -> None:
    sweep = Sweep(conditions(["direct"], budgets_of(output_tokens=(8, 9))), ITEMS, seeds=2)
    assert len(sweep) == 12
    assert [(job.seed, job.item.id) for job in sweep.jobs()] == [
        (0, "0"), (0, "1"), (0, "2"), (1, "0"), (1, "1"), (1, "2"),
    ]  # fmt: skip


def test_the_loosest_budget_of_a_unit_comes_first() -> None:
    made = conditions(["direct", "self-consistency"], budgets_of(output_tokens=(1, 300, 20), calls=(2, 5)))
    assert [c.budget for c in made[::2]] == [
        Budget(calls=5),
        Budget(calls=2),
        Budget(output_tokens=300),
        Budget(output_tokens=20),
        Budget(output_tokens=1),
    ]
    assert [c.strategy for c in made[:2]] == ["direct", "self-consistency"]


def test_no_budget_is_one_condition_without_limit() -> None:
    assert [c.label for c in conditions(["direct"], ())] == ["direct @ no limit"]


def test_two_ways_to_write_a_strategy_are_one() -> None:
    made = conditions(["self_consistency: threshold=0.9 , n=3"], ())
    assert made[0].strategy == "self-consistency:n=3,threshold=0.9"


@pytest.mark.parametrize(
    ("specs", "says"),
    [
        ([], "nothing to measure"),
        (["direct", "direct"], "given twice"),
        (["self-consistency:n=3", "self_consistency:n=3"], "given twice"),
        (["self-consistency", "self-consistency:n=5,threshold=0.950"], "given twice"),
        (["direct:seed=4"], "--seeds"),
        (["direkt"], "did you mean 'direct'"),
    ],
    ids=["none", "twice", "twice in another spelling", "twice with its defaults", "a seed", "unknown"],
)
def test_what_cannot_be_measured_is_refused(specs: list[str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        conditions(specs, ())


def test_baselines_are_added_once() -> None:
    assert with_baselines(["self-consistency:n=3", "plan-and-budget"], (3, 5)) == (
        "direct", "self-consistency", "self-consistency:n=3", "plan-and-budget",
    )  # fmt: skip


def test_a_strategy_that_is_a_baseline_by_its_defaults_is_one_condition() -> None:
    specs = with_baselines(["direct:temperature=0", "self-consistency"], (3, 5))
    assert [c.strategy for c in conditions(specs, ())] == [
        "self-consistency:n=3", "direct", "self-consistency",
    ]  # fmt: skip
