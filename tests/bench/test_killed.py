"""kill -9 at a random moment, over and over, against a server that keeps its own count."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from sums import number_in, reply, sums

from outlay.bench.directory import Directory
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.trial import Trial

KILLS = int(os.environ.get("OUTLAY_KILLS", "1"))
ITEMS = 8
CONDITIONS = 3 * 2
MOST_CALLS = 8
"""Of one record."""
CHANCE = random.Random(os.environ.get("OUTLAY_KILL_SEED"))  # noqa: S311


def command(server: CountingServer, data: Path, out: Path, *options: str) -> list[str]:
    return [
        sys.executable, "-m", "outlay", "bench", "run", "--data", str(data), "--out", str(out), "--model",
        "openai/test", "--api-base", server.url, "--output-tokens", "12,60", "--strategy", "direct",
        "--strategy", "self-consistency:n=3", "--strategy", "plan-and-budget", "--baselines", "none",
        "--concurrency", "3", *options,
    ]  # fmt: skip


def ended(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, env=os.environ | {"OPENAI_API_KEY": "a-key"})


def killed(command: list[str], server: CountingServer, moment: int) -> None:
    """Kill a run when the server has read `moment` more requests."""
    running = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OPENAI_API_KEY": "a-key"},
    )
    server.wait_for(server.requests + moment)
    running.kill()
    running.wait()


def lasting(trial: Trial) -> str:
    return trial.model_dump_json(exclude={"seconds", "replayed", "trace"})


def finished_items(directory: Directory) -> set[str]:
    items = [trial.item for trial in directory.trials()]
    return {item for item in items if items.count(item) == CONDITIONS}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("options", [(), ("--no-replay",)], ids=["replay", "no replay"])
def test_a_bench_that_was_killed_goes_on_where_it_stopped(tmp_path: Path, options: tuple[str, ...]) -> None:
    data = tmp_path / "sums.jsonl"
    items = [{"id": i.id, "question": i.question, "answer": i.answers[0]} for i in sums(ITEMS)]
    data.write_text("".join(f"{json.dumps(item)}\n" for item in items))
    whole, broken = Directory(tmp_path / "whole"), Directory(tmp_path / "broken")
    with CountingServer(reply, delay=0.03) as server:
        ended(command(server, data, whole.path, *options))
        undisturbed = server.requests
    paid_again = []
    with CountingServer(reply, delay=0.03) as server:
        for _ in range(KILLS):
            before, finished = server.requests, finished_items(broken)
            moment = CHANCE.randint(undisturbed // (2 * KILLS), undisturbed // KILLS)
            killed(command(server, data, broken.path, *options), server, moment)
            paid_again += [e for e in server.exchanges[before:] if f"sum-{number_in(e.body)}" in finished]
        before, finished = server.requests, finished_items(broken)
        ended(command(server, data, broken.path, *options))
        paid_again += [e for e in server.exchanges[before:] if f"sum-{number_in(e.body)}" in finished]
        requests = server.requests
    keys = [line.key for line in broken.lines()]
    assert len(keys) == len(set(keys)) == CONDITIONS * ITEMS
    assert {lasting(t) for t in broken.trials()} == {lasting(t) for t in whole.trials()}
    assert (paid_again, len(finished) > 0) == ([], True)
    # What was in flight at a kill is lost, nothing else: three items at a time, of a few calls each.
    assert requests <= undisturbed + KILLS * 3 * MOST_CALLS
