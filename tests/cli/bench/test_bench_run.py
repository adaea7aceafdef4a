from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sums import reply

from outlay.agents.spec import STRATEGIES, collaborators
from outlay.bench.directory import Directory
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

SIMULATED = ("--model", "simulated:ability=0.7,seed=2", "--data", "simulated:4")
QUICK = (*SIMULATED, "--strategy", "direct", "--baselines", "none", "--output-tokens", "200,40")


def test_a_bench_writes_its_records_and_says_so(outlay: Outlay, tmp_path: Path) -> None:
    ran = outlay("bench", "run", *QUICK, "--out", str(tmp_path / "b"))
    assert ran.status == 0
    assert "8 of 8 records are there" in ran.out
    assert "outlay bench report" in ran.out
    assert len(list(Directory(tmp_path / "b").trials())) == 8


def test_a_program_gets_one_object(outlay: Outlay, tmp_path: Path) -> None:
    told = outlay("bench", "run", *QUICK, "--out", str(tmp_path), "--json").json
    assert (told["ending"], told["records"], told["made"], told["there"]) == ("finished", 8, 8, 0)
    assert told["billed"]["calls"] == 8
    again = outlay("bench", "run", *QUICK, "--out", str(tmp_path), "--json").json
    assert (again["made"], again["there"], again["billed"]["calls"]) == (0, 8, 0)


def test_every_strategy_and_the_baselines_are_measured_unless_told(outlay: Outlay, tmp_path: Path) -> None:
    ran = outlay(
        "bench", "run", *SIMULATED, "--output-tokens", "99", "--out", str(tmp_path), "--dry-run", "--json"
    )
    # Neither a teacher nor something to remember is there.
    alone = [name for name, kind in STRATEGIES.items() if not {"teacher", "memory"} & {*collaborators(kind)}]
    assert ran.json["conditions"] == [
        f"{name} @ output_tokens=99" for name in ("self-consistency:n=3", *alone)
    ]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "most"),
    [
        (("--output-tokens", "200,40"), {"output_tokens": 4 * 240}),
        (("--output-tokens", "200", "--total-output-tokens", "300"), {"output_tokens": 300}),
        (("--usd", "0.5", "--total-usd", "9"), {"usd": 2.0}),
        (("--calls", "3", "--seeds", "2"), {"calls": 24}),
        ((), {}),
    ],
    ids=["budgets", "a total", "dollars", "seeds", "no limit"],
)
def test_a_rehearsal_says_what_it_can_cost_at_most(
    outlay: Outlay, tmp_path: Path, options: tuple[str, ...], most: dict[str, float]
) -> None:
    bare = (*SIMULATED, "--strategy", "direct", "--baselines", "none", "--out", str(tmp_path))
    assert outlay("bench", "run", *bare, *options, "--dry-run", "--json").json["most"] == most
    assert outlay("bench", "run", *bare, *options, "--dry-run").status == 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--strategy", "direkt"), "did you mean 'direct'"),
        (("--output-tokens", "12,many"), "cannot read --output-tokens"),
        (("--data", "simulated:none"), "simulated:COUNT"),
        (("--data", "simulated"), "simulated:COUNT"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--scorer", "numerik"), "numeric"),
        (("--engine", "threads"), "asyncio, ray"),
        (("--fields", "question"), "question=THEIRS"),
        (("--baselines", "three"), "cannot read --baselines"),
        (("--seeds", "0"), "--seeds"),
        (("--output-tokens", "-5"), "--output-tokens"),
        (("--model", "simulated:brains=3"), "brains"),
        (("--total-usd", "-1"), "usd"),
        (("--teacher", "simulated", "--teacher-price", "dear"), "cannot read the price 'dear'"),
        (("--strategy", "in-context-distillation:defer=always"), "give --teacher"),
        (("--teacher", "alfworld-expert:tokens=3"), "tokens"),
        (("--data", "games:nowhere"), "there is no folder, list or game"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_order_is_one_sentence(
    outlay: Outlay, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    ran = outlay("bench", "run", *SIMULATED, "--out", str(tmp_path), *options)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1


def test_another_bench_in_the_directory_is_refused(outlay: Outlay, tmp_path: Path) -> None:
    outlay("bench", "run", *QUICK, "--out", str(tmp_path))
    ran = outlay("bench", "run", *QUICK, "--out", str(tmp_path), "--model", "simulated:ability=0.1")
    assert ran.status == 2
    assert "made with model" in ran.err


def test_a_bench_without_a_record_can_be_put_right(outlay: Outlay, tmp_path: Path) -> None:
    wrong = outlay("bench", "run", *QUICK, "--out", str(tmp_path), "--total-output-tokens", "1")
    assert "0 of 8 records" in wrong.out
    ran = outlay("bench", "run", "--model", "simulated:ability=0.1", *QUICK[2:], "--out", str(tmp_path))
    assert (ran.status, "8 of 8 records" in ran.out) == (0, True)


def test_a_scorer_that_cannot_read_the_answers_is_refused_before_anything_is_paid(
    outlay: Outlay, tmp_path: Path
) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"question": "Where?", "answer": "Paris"}\n')
    order = ("bench", "run", "--data", str(data), "--model", "simulated", "--out", str(tmp_path / "b"))
    ran = outlay(*order, "--scorer", "numeric")
    assert (ran.status, ran.out, (tmp_path / "b").exists()) == (2, "", False)
    assert "'numeric' can read ('Paris'): use another scorer" in ran.err


def test_the_scorer_of_the_first_run_holds_for_the_next(outlay: Outlay, tmp_path: Path) -> None:
    data = tmp_path / "d.jsonl"
    data.write_text('{"question": "How many?", "answer": "4"}\n{"question": "Where?", "answer": "Paris"}\n')
    order = (
        "bench", "run", "--data", str(data), "--model", "simulated", "--out", str(tmp_path / "b"),
        "--strategy", "direct", "--baselines", "none",
    )  # fmt: skip
    assert outlay(*order, "--limit", "1", "--scorer", "exact").status == 0
    assert outlay(*order).status == 0


def test_a_price_holds_for_a_simulated_model(outlay: Outlay, tmp_path: Path) -> None:
    told = outlay("bench", "run", *QUICK, "--price", "1,10", "--out", str(tmp_path), "--json").json
    assert told["billed"]["usd"] > 0


def test_a_total_that_runs_out_is_no_failure(outlay: Outlay, tmp_path: Path) -> None:
    ran = outlay("bench", "run", *QUICK, "--out", str(tmp_path), "--total-output-tokens", "250")
    assert ran.status == 0
    assert "does not pay for another record" in ran.out


def test_a_server_that_serves_nobody_is_a_failure_that_can_be_gone_on_from(
    outlay: Outlay, tmp_path: Path
) -> None:
    data = tmp_path / "sums.jsonl"
    data.write_text(
        "".join(f'{{"question": "What is {n} plus 1?", "answer": "{n + 1}"}}\n' for n in range(12))
    )
    order = ("bench", "run", "--data", str(data), "--strategy", "direct", "--baselines", "none", "--out")
    model = ("--model", "openai/test", "--concurrency", "1", "--output-tokens", "60", "--json")
    with CountingServer(faults=lambda _: Fault.UNAUTHORISED) as server:
        ran = outlay(*order, str(tmp_path / "b"), *model, "--api-base", server.url)
    assert ran.status == 1
    assert ran.json["error"]["type"] == "ModelUnavailableError"
    with CountingServer(reply) as server:
        ran = outlay(*order, str(tmp_path / "b"), *model, "--api-base", server.url)
    assert (ran.status, ran.json["made"], ran.json["failed"]) == (0, 12, 0)


def test_ctrl_c_leaves_what_is_there_and_says_how_to_go_on(tmp_path: Path) -> None:
    data = tmp_path / "sums.jsonl"
    data.write_text('{"question": "What is 1 plus 1?", "answer": "2"}\n')
    with CountingServer(reply, delay=600.0) as server:
        running = subprocess.Popen(
            [
                sys.executable, "-m", "outlay", "bench", "run", "--data", str(data),
                "--out", str(tmp_path / "b"),
                "--model", "openai/test", "--api-base", server.url, "--output-tokens", "30", "--json",
            ],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"OPENAI_API_KEY": "a-key"},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
        )  # fmt: skip
        server.wait_for(1)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in err) == (130, False)
    assert "goes on from there" in json.loads(out)["error"]["message"]
    with Directory(tmp_path / "b").written():
        assert list(Directory(tmp_path / "b").trials()) == []


def test_several_models_are_measured_and_compared_in_one_report(outlay: Outlay, tmp_path: Path) -> None:
    models = ("--model", "simulated:ability=0.1", "--model", "simulated:ability=1")
    asked = ("bench", "run", *models, "--data", "simulated:30", "--out", str(tmp_path))
    limits = ("--strategy", "direct", "--baselines", "3", "--output-tokens", "400")
    assert outlay(*asked, *limits, "--json").json["made"] == 2 * 2 * 30
    assert outlay(*asked, *limits, "--json").json["there"] == 2 * 2 * 30
    told = outlay("bench", "report", str(tmp_path), "--json").json
    accuracy = {
        (row["condition"]["strategy"], row["condition"]["model"]): row["accuracy"]["value"]
        for row in told["figures"]
    }
    assert accuracy["direct", "simulated:ability=0.1"] < accuracy["direct", "simulated:ability=1"]
    assert len(told["pairs"]) == 6
    with (tmp_path / "summary.csv").open() as file:
        assert [row["model"] for row in csv.DictReader(file)].count("simulated:ability=1") == 2
    said = outlay("bench", "report", str(tmp_path)).out
    assert "direct by simulated:ability=1" in said
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "direct by simulated:ability=0.1" in page.replace("<wbr>", "")


def test_each_model_has_its_own_price(outlay: Outlay, tmp_path: Path) -> None:
    with CountingServer(reply) as server:
        outlay(
            "bench", "run", "--data", "simulated:2", "--out", str(tmp_path), "--strategy", "direct",
            "--baselines", "none", "--model", "openai/one", "--model", "openai/two", "--api-base", server.url,
            "--price", "1,1", "--price-of", "openai/two=1000,1000", "--usd", "1",
        )  # fmt: skip
    assert {body["model"] for body in server.bodies} == {"one", "two"}
    paid = {(trial.model, trial.item): trial.usage for trial in Directory(tmp_path).trials()}
    assert len(paid) == 4
    for (model, _), usage in paid.items():
        price = 1000 if model == "openai/two" else 1
        assert usage.usd == pytest.approx(usage.total_tokens * price / 1e6)


def test_a_model_given_twice_is_refused(outlay: Outlay, tmp_path: Path) -> None:
    ran = outlay("bench", "run", *QUICK, *SIMULATED[:2], "--out", str(tmp_path))
    assert (ran.status, "is given twice" in ran.err) == (2, True)


def test_a_strategy_that_gives_way_to_the_plain_call_is_marked(outlay: Outlay, tmp_path: Path) -> None:
    specs = ("--strategy", "plan-and-budget", "--strategy", "parallel-distill-refine", "--baselines", "3")
    asked = ("bench", "run", *SIMULATED, *specs, "--out", str(tmp_path))
    outlay(*asked, "--output-tokens", "60")
    fell = {trial.strategy: trial.fell_back for trial in Directory(tmp_path).trials()}
    assert fell == {
        "direct": False, "self-consistency:n=3": True,
        "plan-and-budget": True, "parallel-distill-refine": True,
    }  # fmt: skip
