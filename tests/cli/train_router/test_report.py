from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

WRITTEN = {"frontier.png", "report.html", "reward.png", "routers.csv", "tiers.png", "training.png"}


@pytest.fixture
def policy(outlay: Outlay, log: Path, tmp_path: Path) -> Path:
    path = tmp_path / "policy.pt"
    outlay(
        "train-router", "fit", str(log), "--out", str(path),
        "--updates", "2", "--hidden", "8", "--trade-offs", "0,0.3",
    )  # fmt: skip
    return path


def test_a_report_is_pictures_a_page_and_a_table(
    outlay: Outlay, collection: Callable[..., Path], log: Path, policy: Path, tmp_path: Path
) -> None:
    test, out = collection("test", range(100, 124)), tmp_path / "deep" / "report"
    ran = outlay(
        "train-router", "report", str(log), "--policy", str(policy), "--test", str(test), "--out", str(out)
    )
    assert (ran.status, ran.err) == (0, "")
    assert "SIMULATED MODEL" in ran.out
    assert "all routers are tried on 24 of another log" in ran.out
    assert {path.name for path in out.iterdir()} == WRITTEN
    with (out / "routers.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 5 * 2 + 12
    assert "SIMULATED MODEL" in (out / "report.html").read_text(encoding="utf-8")


def test_without_a_test_log_a_program_is_told_of_what_was_held_out(
    outlay: Outlay, log: Path, policy: Path, tmp_path: Path
) -> None:
    told = outlay(
        "train-router", "report", str(log), "--policy", str(policy), "--out", str(tmp_path / "r"), "--json"
    ).json
    assert (told["is_held_out"], told["questions"], told["learnt_questions"]) == (True, 2, 6)
    names = {row["name"] for row in told["rows"]}
    assert names == {"learned", "best constant", "LinUCB", "random", "oracle"}
    assert {path.rpartition("/")[2] for path in told["written"]} == WRITTEN


def test_what_cannot_be_reported_is_one_sentence(
    outlay: Outlay, collection: Callable[..., Path], log: Path, policy: Path, tmp_path: Path
) -> None:
    def failed(log: Path, policy: Path, out: Path) -> str:
        ran = outlay("train-router", "report", str(log), "--policy", str(policy), "--out", str(out))
        assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
        return ran.err

    out = tmp_path / "out"
    assert "none.json cannot be read" in failed(log, tmp_path / "none.pt", out)
    assert "cannot be read" in failed(tmp_path / "no-log", policy, out)
    other = collection("other", range(50, 58))
    assert "not the log that the policy was learnt from" in failed(other, policy, out)
    assert not out.exists()
    out.touch()
    assert "check --out" in failed(log, policy, out)
