"""summary.csv: a row for each condition, every figure, unknown ones empty."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from bench_records import failed, items, manifest, right, trials

from outlay.bench.analysis import analyse
from outlay.bench.report.summary import COLUMNS, write_summary
from outlay.budget import Usage

if TYPE_CHECKING:
    from pathlib import Path

PLAN = "plan-and-budget:solve=sequential,schedule=cosine"
RECORDS = [*trials(right(20, 40), spend=(10, 90)), *trials(right(30, 40), spend=(20, 80), strategy=PLAN)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_it_has_a_row_for_each_condition_with_its_figures(tmp_path: Path) -> None:
    write_summary(analyse(manifest(), items(40), RECORDS), tmp_path / "summary.csv")
    direct, plan = _rows(tmp_path / "summary.csv")
    assert (direct["strategy"], direct["budget"], direct["budget_output_tokens"]) == (
        "direct",
        "output_tokens=100",
        "100",
    )
    assert (plan["strategy"], plan["accuracy_percent"], plan["items"]) == (PLAN, "75.0", "40")
    assert (plan["total_tokens_mean"], plan["usd_mean"], plan["e3"]) == ("100.0", "0.0001", "281.25")
    assert (plan["baseline_total_tokens_percent"], plan["baseline_total_tokens_difference_points"]) == (
        "50.0",
        "25.0",
    )
    assert (direct["baseline_total_tokens_verdict"], direct["budget_usd"]) == ("", "")


def test_what_was_waited_for_is_beside_what_was_spent(tmp_path: Path) -> None:
    waited = Usage(calls=1, prompt_tokens=80, output_tokens=8, usd=None)
    records = [*RECORDS[:40], *trials(right(30, 40), spend=(20, 80), strategy=PLAN, sequential=waited)]
    write_summary(analyse(manifest(), items(40), records), tmp_path / "summary.csv")
    sequential = [
        (row["sequential_output_tokens_mean"], row["sequential_total_tokens_mean"])
        for row in _rows(tmp_path / "summary.csv")
    ]
    assert sequential == [("10.0", "100.0"), ("8.0", "88.0")]


def test_a_condition_without_scores_has_empty_figures(tmp_path: Path) -> None:
    write_summary(analyse(manifest(), items(1), [failed(0)]), tmp_path / "summary.csv")
    (row,) = _rows(tmp_path / "summary.csv")
    assert (row["accuracy_percent"], row["output_tokens_mean"], row["e3"]) == ("", "", "")
    assert (row["failed"], row["failures"], row["runs_failed"]) == ("1", "run ModelUnavailableError: 1", "1")


def test_every_column_has_its_own_name_and_says_what_it_means() -> None:
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert all(column.meaning for column in COLUMNS)
