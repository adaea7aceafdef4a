"""The table on the terminal."""

from __future__ import annotations

from io import StringIO

import pytest
from bench_records import LOOSE, TIGHT, failed, items, manifest, right, trial, trials
from rich.console import Console

from outlay.bench.analysis import Findings, analyse
from outlay.bench.report.table import table
from outlay.budget import Budget, Usage

PLAN = "plan-and-budget:solve=sequential,schedule=cosine"
EVERYTHING = [
    *trials(right(20, 40), spend=(100, 900)),
    *trials(right(20, 40), spend=(12345, 23456), budget=LOOSE),
    *trials([1.0] * 40, spend=(100, 900), strategy=PLAN),
    *trials(right(20, 40)[1:], spend=(99999, 99999), strategy=PLAN, budget=LOOSE),
    failed(39, strategy=PLAN, budget=LOOSE),
]


def _printed(findings: Findings, width: int = 100) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(table(findings))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_it_fits_100_columns_with_everything_in_it() -> None:
    printed = _printed(analyse(manifest(simulated=True), items(40), EVERYTHING), width=300)
    rows = printed.partition("accuracy in %")[0].splitlines()
    assert any("failed" in row for row in rows)
    assert max(len(row.rstrip()) for row in rows) <= 100


def test_it_says_model_source_items_and_that_a_model_is_simulated() -> None:
    printed = _printed(analyse(manifest(simulated=True), items(40), EVERYTHING))
    assert printed.startswith("SIMULATED MODEL · some-model · sums.jsonl · 40 items")


def test_a_long_name_runs_down_the_rows_of_its_strategy() -> None:
    lines = _printed(analyse(manifest(), items(40), EVERYTHING)).splitlines()
    named = [
        line.split()[:2] for line in lines if "plan-and" in line or "solve" in line or "schedule" in line
    ]
    assert named == [["plan-and-budget:", "100"], ["solve=sequential,", "200"], ["schedule=cosine"]]


def test_differences_beyond_the_noise_and_dearer_than_the_baseline_are_marked() -> None:
    printed = _printed(analyse(manifest(), items(40), EVERYTHING))
    assert " +50.0* " in printed
    assert " >-" in printed


def test_what_is_cheaper_than_the_baseline_is_marked() -> None:
    cheap = [*trials(right(20, 40)), *trials([1.0] * 40, spend=(10, 10), strategy=PLAN)]
    assert " <+75.0* " in _printed(analyse(manifest(), items(40), cheap))


@pytest.mark.parametrize(
    ("usage", "heading"),
    [
        (Usage(calls=1, output_tokens=9, usd=0.02), "dollars"),
        (Usage(calls=1, output_tokens=9, usd=0.0002), "per 1,000"),
        (Usage(calls=1, output_tokens=9), None),
        (Usage(calls=1, output_tokens=9, usd=None), None),
    ],
    ids=["cents", "fractions of a cent", "free", "unknown"],
)
def test_dollars_have_a_column_where_there_are_any(usage: Usage, heading: str | None) -> None:
    printed = _printed(analyse(manifest(), items(1), [trial(0, 1.0, usage=usage)])).partition(
        "accuracy in %"
    )[0]
    assert [word for word in ("per 1,000", "dollars") if word in printed][:1] == (
        [heading] if heading else []
    )


def test_budgets_of_several_units_are_written_out() -> None:
    records = [trial(0, 1.0, budget=budget) for budget in (TIGHT, Budget(usd=0.5, calls=2), Budget())]
    printed = _printed(analyse(manifest(), items(1), records))
    assert all(said in printed for said in ("100 output tokens", "$0.50", "2 calls", "no limit"))
