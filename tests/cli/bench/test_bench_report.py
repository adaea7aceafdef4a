from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]


@pytest.fixture
def measured(outlay: Outlay, tmp_path: Path) -> Path:
    out = tmp_path / "b"
    outlay(
        "bench", "run", "--model", "simulated:ability=0.7", "--data", "simulated:5",
        "--output-tokens", "200,40",
        "--strategy", "plan-and-budget", "--baselines", "3", "--out", str(out),
    )  # fmt: skip
    return out


def test_a_report_is_a_table_a_picture_and_a_page(outlay: Outlay, measured: Path) -> None:
    ran = outlay("bench", "report", str(measured))
    assert ran.status == 0
    assert "SIMULATED MODEL" in ran.out
    assert "plan-and-budget" in ran.out
    assert "[/" not in ran.out  # markup that nobody reads
    with (measured / "summary.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 6
    assert (measured / "frontier.png").read_bytes().startswith(b"\x89PNG")
    assert "SIMULATED MODEL" in (measured / "report.html").read_text(encoding="utf-8")


def test_a_program_gets_the_findings(outlay: Outlay, measured: Path) -> None:
    told = outlay("bench", "report", str(measured), "--json").json
    assert (told["items"], told["records"], len(told["figures"])) == (5, 30, 6)


def test_a_directory_without_a_bench_is_one_sentence(outlay: Outlay, tmp_path: Path) -> None:
    ran = outlay("bench", "report", str(tmp_path))
    assert (ran.status, ran.out) == (2, "")
    assert "holds no bench" in ran.err


def test_a_bench_without_records_is_one_sentence(outlay: Outlay, tmp_path: Path) -> None:
    outlay(
        "bench", "run", "--model", "simulated", "--data", "simulated:2", "--output-tokens", "50",
        "--total-output-tokens", "1", "--out", str(tmp_path),
    )  # fmt: skip
    ran = outlay("bench", "report", str(tmp_path))
    assert ran.status == 2
    assert "no records" in ran.err
