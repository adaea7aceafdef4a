from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from routers.tiers.worlds import designed

from outlay.routers.tiers import LearnedRouter, write_log
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

QUICK = ("--updates", "3", "--hidden", "8", "--trade-offs", "0.3,0")


def test_a_policy_is_learnt_and_said(outlay: Outlay, log: Path, tmp_path: Path) -> None:
    out = tmp_path / "policy.pt"
    ran = outlay("train-router", "fit", str(log), "--out", str(out), *QUICK)
    assert (ran.status, ran.err) == (0, "")
    said = " ".join(ran.out.split())  # wherever a path's length breaks its lines
    assert "SIMULATED MODEL" in said
    assert "8 questions, 96 runs" in said
    assert "of 3, the best of 2 trials on the 2 questions held out" in said
    assert "SUPPORT IS THIN at a trade-off of 0" in said  # three updates have taught it nothing
    router = LearnedRouter.load(out, embedder=HashEmbedder(8))
    assert router.card.trade_offs == (0.0, 0.3)
    learnt = json.loads((tmp_path / "policy.json").read_text())
    assert [step["update"] for step in learnt["progress"]] == [1, 2, 3]
    assert (learnt["log"], learnt["facts"]["model"]) == (str(log), "a-model")


def test_a_program_is_told_by_trade_off(outlay: Outlay, log: Path, tmp_path: Path) -> None:
    told = outlay(
        "train-router", "fit", str(log), "--out", str(tmp_path / "p.pt"), *QUICK, "--policies", "2",
        "--whole-total-tokens", "2000", "--held-out", "0.5", "--seed", "4", "--entropy", "0.03", "--json",
    ).json  # fmt: skip
    assert [one["trade_off"] for one in told["support"]] == [0.0, 0.3]
    assert [one["trade_off"] for one in told["tiers"]] == [0.0, 0.3]
    assert [round(sum(shares), 9) for shares in told["tiers"][0]["shares"].values()] == [1] * 5
    assert (len(told["held_out"]), told["fitting"]["seed"], told["fitting"]["policies"]) == (4, 4, 2)
    assert told["fitting"]["whole"]["total_tokens"] == 2000
    assert told["ppo"]["entropy_coefficient"] == 0.03
    assert (told["simulated"], len(told["chosen"]["task"]), told["support_is_thin"]) == (True, 2, [0, 0.3])


def test_the_same_seed_learns_the_same(outlay: Outlay, log: Path, tmp_path: Path) -> None:
    told = []
    for seed in ("0", "0", "1"):
        fitted = outlay(
            "train-router", "fit", str(log), "--out", str(tmp_path / "p.pt"), *QUICK, "--seed", seed
        )
        assert fitted.status == 0
        learnt = json.loads((tmp_path / "p.json").read_text())
        told.append((learnt["progress"], learnt["trials"], learnt["held_out"]))
    assert told[0] == told[1]
    assert told[0] != told[2]


@pytest.mark.parametrize(
    ("strategy", "tiering"),
    [("budget-mem", "implementation"), ("budget-mem:k=4,tiering=reasoning", "reasoning"), ("", None)],
)
def test_a_policy_is_for_the_tiering_of_its_log(
    outlay: Outlay, collection: Callable[..., Path], tmp_path: Path, strategy: str, tiering: str | None
) -> None:
    log = collection("log", range(4), strategy=strategy)
    fitted = outlay("train-router", "fit", str(log), "--out", str(tmp_path / "p.pt"), "--updates", "1")
    assert fitted.status == 0
    assert LearnedRouter.load(tmp_path / "p.pt").card.tiering == tiering


@pytest.mark.parametrize(
    ("facts", "options", "said"),
    [
        ({"embedder": ""}, (), "one that is not known, of 8 numbers: say which with --embedder"),
        ({"embedder": "somebody's"}, (), "which is no usual one"),
        ({"embedder": "hash-9"}, (), "was made with the embedder 'hash-9', and here is 'hash-8'"),
        ({}, ("--trade-offs", "0,much"), "--trade-offs takes numbers"),
        ({}, ("--trade-offs", "0,-1"), "trade_offs"),
        ({}, ("--held-out", "1.5"), "held_out"),
        ({}, ("--learning-rate", "0"), "learning_rate"),
        ({}, ("--entropy", "-1"), "entropy_coefficient"),
        ({}, ("--whole-usd", "0.1", "--whole-total-tokens", "9"), "in total_tokens or in usd"),
    ],
)
def test_what_cannot_be_learnt_is_one_sentence(
    outlay: Outlay,
    collection: Callable[..., Path],
    tmp_path: Path,
    facts: dict[str, object],
    options: tuple[str, ...],
    said: str,
) -> None:
    log = collection("log", range(8), **facts)
    ran = outlay("train-router", "fit", str(log), "--out", str(tmp_path / "p.pt"), *QUICK, *options)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert ran.err.count("\n") == 1
    assert not (tmp_path / "p.pt").exists()


def test_logs_and_places_that_are_none_are_one_sentence(outlay: Outlay, log: Path, tmp_path: Path) -> None:
    missing = outlay("train-router", "fit", str(tmp_path / "none"), "--out", str(tmp_path / "p.pt"))
    assert (missing.status, "cannot be read" in missing.err) == (2, True)
    folder = outlay("train-router", "fit", str(log), "--out", str(tmp_path))
    assert (folder.status, "name a file in a folder that exists" in folder.err) == (2, True)
    nowhere = outlay("train-router", "fit", str(log), "--out", str(tmp_path / "a" / "p.pt"))
    assert (nowhere.status, "name a file in a folder that exists" in nowhere.err) == (2, True)
    few = tmp_path / "few.jsonl"
    write_log(few, designed(range(3)))
    ran = outlay("train-router", "fit", str(few), "--out", str(tmp_path / "p.pt"), "--embedder", "hash")
    assert (ran.status, "3 questions is too small" in ran.err) == (2, True)


@pytest.mark.parametrize("library", ["torch", "numpy"])
def test_without_a_library_it_says_what_to_install(log: Path, tmp_path: Path, library: str) -> None:
    # A finder that has not the library; None in its place would break scipy, which looks there for torch.
    script = (
        "import sys\n"
        "class Lacking:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {library!r}: raise ModuleNotFoundError(f'No module named {{name}}', name=name)\n"
        "sys.meta_path.insert(0, Lacking())\n"
        "from outlay.cli.entry import main\n"
        "sys.exit(main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "train-router", "fit", str(log), "--out", str(tmp_path / "p.pt")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert f"needs {library}: pip install 'outlay[bench,routers]'" in done.stderr


@pytest.mark.timeout(300)
def test_an_interrupted_fit_leaves_nothing(tmp_path: Path) -> None:
    """The log is a pipe, so that learning begins when it is written."""
    pipe, out = tmp_path / "log.jsonl", tmp_path / "out"
    out.mkdir()
    os.mkfifo(pipe)
    running = subprocess.Popen(
        [
            sys.executable, "-m", "outlay", "train-router", "fit", str(pipe), "--out", str(out / "p.pt"),
            "--embedder", "hash", "--hidden", "8", "--updates", "10000000",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    write_log(pipe, designed(range(8)))
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=200)
    assert (running.returncode, "Traceback" in err) == (130, False)
    assert "interrupted" in err
    assert list(out.iterdir()) == []
