"""`outlay bank import | list | show | stats | export`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]


def trajectory(task: str, *, success: bool = True, usd: float = 0.01) -> dict[str, Any]:
    return {
        "task": task,
        "goal": f"put the {task} away",
        "plan": "find it; put it away",
        "steps": [
            {"observation": f"You see a {task}.", "reasoning": "it is there", "action": f"take {task}"},
            {"observation": "You have it.", "action": f"put {task}"},
        ],
        "success": success,
        "teacher": "expert",
        "usage": {"calls": 2, "generations": 2, "prompt_tokens": 100, "output_tokens": 10, "usd": usd},
    }


ROWS = [trajectory("mug"), trajectory("pen"), trajectory("lamp", success=False)]
QUESTIONS = [
    {"id": "q1", "question": "What is 2 + 2?", "answer": "4", "solution": "Two and two make <<2+2=4>>4."},
    {"question": "What is 3 + 5?", "answer": "It is 8.\n#### 8"},
]


def written(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def bank(outlay: Outlay, tmp_path: Path) -> str:
    outlay(
        "bank", "import", str(tmp_path / "bank"), written(tmp_path / "rows.jsonl", ROWS), "--embedder", "hash"
    )
    return str(tmp_path / "bank")


def test_import_makes_the_bank_and_counts(outlay: Outlay, tmp_path: Path) -> None:
    file = written(tmp_path / "rows.jsonl", [*ROWS, ROWS[0]])
    ran = outlay("bank", "import", str(tmp_path / "b"), file, "--embedder", "hash")
    assert ran.status == 0
    assert "4 lines: 2 kept, 1 failed, 1 duplicates." in ran.out
    told = outlay("bank", "import", str(tmp_path / "b"), file, "--json").json
    assert (told["kept"], told["failed"], told["duplicates"], told["demonstrations"]) == (0, 0, 4, 2)


def test_questions_with_solutions_are_demonstrations_of_one_step(outlay: Outlay, tmp_path: Path) -> None:
    file = written(tmp_path / "q.jsonl", QUESTIONS)
    order = (
        "bank",
        "import",
        str(tmp_path / "b"),
        file,
        "--embedder",
        "hash",
        "--teacher",
        "people",
        "--json",
    )
    assert outlay(*order).json["kept"] == 2
    run = outlay("bank", "show", str(tmp_path / "b"), "q1", "--json").json["runs"][0]
    assert (run["goal"], run["teacher"]) == ("What is 2 + 2?", "people")
    assert run["steps"][0]["action"] == "Two and two make 4.\nThe answer is \\boxed{4}."


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("no json", "line 2"),
        ('{"question": "What is 2?"}', "line 2"),
        ('{"goal": "g"}', "line 2"),
        ('{"task": "t", "goal": "g", "steps": [{"observation": "o"}], "success": true}', "line 2"),
    ],
    ids=["no JSON", "no answer", "neither", "no action"],
)
def test_a_bad_line_is_named_and_nothing_is_imported(
    outlay: Outlay, tmp_path: Path, line: str, says: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text(f"{json.dumps(ROWS[0])}\n{line}\n")
    ran = outlay("bank", "import", str(tmp_path / "b"), str(file), "--embedder", "hash")
    assert (ran.status, len(ran.err.splitlines())) == (2, 1)
    assert says in ran.err
    assert not (tmp_path / "b").exists()


def test_lists_are_of_demonstrations_or_of_failures(outlay: Outlay, bank: str) -> None:
    told = outlay("bank", "list", bank, "--json").json
    assert [(run["task"], run["steps"], run["teacher"], run["usd"]) for run in told["runs"]] == [
        ("mug", 2, "expert", 0.01),
        ("pen", 2, "expert", 0.01),
    ]
    failed = outlay("bank", "list", bank, "--failed", "--json").json
    assert [run["task"] for run in failed["runs"]] == ["lamp"]
    shown = outlay("bank", "list", bank).out
    assert "put the mug away" in shown
    assert "lamp" not in shown
    assert "2 demonstrations" in shown


def test_a_task_is_shown_step_by_step(outlay: Outlay, bank: str) -> None:
    shown = outlay("bank", "show", bank, "mug").out
    for part in ("mug: succeeded, 2 steps", "by expert", "plan: find it", "[1] You see a mug.", "> put mug"):
        assert part in shown


def test_an_unknown_task_is_a_mistake(outlay: Outlay, bank: str) -> None:
    ran = outlay("bank", "show", bank, "mugg")
    assert (ran.status, "did you mean 'mug'?" in ran.err) == (2, True)


def test_stats_count_cost_and_break_even(outlay: Outlay, bank: str) -> None:
    told = outlay("bank", "stats", bank, "--method-usd", "0.004", "--json").json
    assert (told["trajectories"], told["steps"], told["failed"], told["usage"]["usd"]) == (2, 4, 1, 0.03)
    assert (told["teachers"]["expert"]["trajectories"], told["embedder"]) == (2, "hash-384")
    assert told["kinds"] == {"goal": "flat", "plan": "flat", "observation": "flat"}
    assert told["bytes"] > 1000
    # 0.03 dollars, of which each task earns back 0.006
    assert (told["teacher_usd"], told["break_even"]) == (pytest.approx(0.01), 5)
    assert "are earned back after 5 tasks" in outlay("bank", "stats", bank, "--method-usd", "0.004").out


def test_what_is_no_cheaper_never_pays(outlay: Outlay, bank: str) -> None:
    assert outlay("bank", "stats", bank, "--method-usd", "0.01", "--json").json["break_even"] is None
    assert "never earns back" in outlay("bank", "stats", bank, "--method-usd", "0.02").out


def test_break_even_of_imported_solutions_needs_the_teachers_price(outlay: Outlay, tmp_path: Path) -> None:
    bank = str(tmp_path / "b")
    outlay("bank", "import", bank, written(tmp_path / "q.jsonl", QUESTIONS), "--embedder", "hash")
    ran = outlay("bank", "stats", bank, "--method-usd", "0.01")
    assert (ran.status, "--teacher-usd" in ran.err) == (2, True)
    told = outlay("bank", "stats", bank, "--method-usd", "0.01", "--teacher-usd", "0.02", "--json").json
    assert (told["collected_usd"], told["break_even"]) == (0.04, 4)


def test_what_was_imported_free_of_charge_is_no_run_that_the_dollars_are_for(
    outlay: Outlay, tmp_path: Path
) -> None:
    bank = str(tmp_path / "b")
    free = [{"question": f"What is {n} + 1?", "answer": str(n + 1)} for n in range(500)]
    collected = [trajectory(f"t{n}", success=n % 6 > 0) for n in range(60)]
    file = written(tmp_path / "rows.jsonl", [*free, *collected])
    assert outlay("bank", "import", bank, file, "--embedder", "hash").status == 0
    told = outlay("bank", "stats", bank, "--method-usd", "0.005", "--json").json
    assert (told["teacher_usd"], told["collected_usd"], told["break_even"]) == (pytest.approx(0.01), 0.6, 120)
    said = outlay("bank", "stats", bank, "--method-usd", "0.005").out
    assert "against the teacher's $0.01: the $0.60 of collecting are earned back after 120 tasks" in said
    each = {line.split()[0]: line.split()[-1] for line in said.splitlines() if "$" in line}
    assert (each["(unnamed)"], each["expert"], each["all"]) == ("$0", "$0.01", "$0.01")


def test_what_is_exported_makes_the_same_bank_again(outlay: Outlay, bank: str, tmp_path: Path) -> None:
    file = str(tmp_path / "out.jsonl")
    assert outlay("bank", "export", bank, file, "--json").json["runs"] == 3
    outlay("bank", "import", str(tmp_path / "again"), file, "--embedder", "hash")
    lines = outlay("bank", "export", str(tmp_path / "again")).out.splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()
    ]
    first, second = (outlay("bank", "stats", b, "--json").json for b in (bank, str(tmp_path / "again")))
    assert first["teachers"] == second["teachers"]


@pytest.mark.parametrize("arguments", [("list",), ("stats",), ("export",), ("show", "t")], ids=lambda a: a[0])
def test_a_bank_that_is_not_there_is_one_sentence(
    outlay: Outlay, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ran = outlay("bank", arguments[0], str(tmp_path / "none"), *arguments[1:])
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert "outlay bank collect or import" in ran.err


def test_another_embedder_is_refused(outlay: Outlay, bank: str, tmp_path: Path) -> None:
    ran = outlay("bank", "import", bank, str(tmp_path / "rows.jsonl"), "--embedder", "minilm")
    assert (ran.status, "was made with the embedder" in ran.err) == (2, True)


def test_a_damaged_bank_is_one_sentence(outlay: Outlay, bank: str, tmp_path: Path) -> None:
    (tmp_path / "bank" / "records.sqlite").write_bytes(b"no database" * 1000)
    ran = outlay("bank", "list", bank)
    assert (ran.status, len(ran.err.splitlines())) == (2, 1)
