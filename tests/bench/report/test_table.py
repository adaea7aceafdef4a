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
WAITED = Usage(calls=1, prompt_tokens=900, output_tokens=60, usd=None)
PLAIN = [
    *trials(right(20, 40), spend=(100, 900)),
    *trials(right(20, 40), spend=(12345, 23456), budget=LOOSE),
    *trials([1.0] * 40, spend=(100, 900), strategy=PLAN, sequential=WAITED),
]
EVERYTHING = [
    *PLAIN,
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
    assert any("failed" in row and "dollars" in row and "tokens" in row for row in rows)
    assert any("sequen-" in row for row in rows)
    assert max(len(row.rstrip()) for row in rows) <= 100


def test_what_was_waited_for_has_a_column_and_is_explained() -> None:
    printed = _printed(analyse(manifest(), items(40), EVERYTHING))
    (plan,) = (line.split() for line in printed.splitlines() if line.startswith(" plan-and-budget:"))
    assert plan[4:7] == ["100", "1,000", "960"]
    assert "sequential tokens: the part of the total" in " ".join(printed.split())


def test_where_all_that_was_spent_was_waited_for_there_is_no_column_for_it() -> None:
    # As in records from before it was kept; thirds, so that the two means are rounded apart.
    spends = ((1, 30), (2, 31), (4, 33))
    records = [trial(place, 1.0, spend=spend) for place, spend in enumerate(spends)]
    assert "sequen" not in _printed(analyse(manifest(), items(3), records))


def test_with_that_column_and_no_dollars_it_fits_80_columns() -> None:
    usage = Usage(calls=3, prompt_tokens=900, output_tokens=1234)
    records = [
        *trials(right(20, 40), usage=usage),
        *trials(right(30, 40), usage=usage, strategy=PLAN),
        *trials(right(30, 40), usage=usage, strategy=PLAN, budget=LOOSE, sequential=WAITED),
    ]
    findings = analyse(manifest(), items(40), records)
    rows = _printed(findings, width=300).partition("accuracy in %")[0].splitlines()
    assert any("sequen-" in row for row in rows)
    assert max(len(row.rstrip()) for row in rows) <= 80


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
    assert " <+75* " in _printed(analyse(manifest(), items(40), cheap))


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
