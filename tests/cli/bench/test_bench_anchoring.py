from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING, Any

import pytest
from sums import number_in

from outlay.bench.anchoring.cases import FILE, read_cases
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]
    Body = Mapping[str, Any]

SIMULATED = ("--model", "simulated:ability=0.5", "--data", "simulated:30")
SMALL = ("--drafts", "4", "--max-output-tokens", "30")
CALLS = 4
"""Requests about an item: its drafts at once, and three refinements."""


def boxed(value: int | str) -> str:
    return f"It is \\boxed{{{value}}}"


def seen(body: Body) -> list[str]:
    """The answers of the drafts in a prompt."""
    return re.findall(r"boxed{(-?\d+)}", body["messages"][0]["content"])


def drafted(body: Body, index: int) -> str:
    return boxed(number_in(body) + 1 if index % 2 == 0 else -index)


def copycat(body: Body, index: int) -> str:
    return boxed(seen(body)[0]) if seen(body) else drafted(body, index)


def unmoved(body: Body, index: int) -> str:
    return boxed(number_in(body) + number_in(body) % 2) if seen(body) else drafted(body, index)


@pytest.fixture
def data(tmp_path: Path) -> str:
    file = tmp_path / "sums.jsonl"
    file.write_text(
        "".join(f'{{"question": "What is {n} plus 1?", "answer": "{n + 1}"}}\n' for n in range(20))
    )
    return str(file)


def on(server: CountingServer, data: str) -> tuple[str, ...]:
    return ("bench", "anchoring", "--data", data, "--model", "openai/test", "--api-base", server.url, *SMALL)


def accuracies(told: Mapping[str, Any]) -> tuple[float, float]:
    return told["right"]["estimate"]["value"], told["wrong"]["estimate"]["value"]


@pytest.mark.parametrize(
    ("reply", "shares", "verdict", "break_even"),
    [(copycat, (100, 0), "vote", None), (unmoved, (50, 50), "vote", 50)],
    ids=["a copycat", "one that ignores its context"],
)
def test_a_model_is_told_by_what_it_makes_of_drafts(
    outlay: Outlay,
    data: str,
    reply: Callable[[Body, int], str],
    shares: tuple[float, float],
    verdict: str,
    break_even: float | None,
) -> None:
    with CountingServer(reply) as server:
        told = outlay(*on(server, data), "--json").json
        assert told["paid"]["output_tokens"] == server.usage.output_tokens
    assert (accuracies(told), told["verdict"]) == (shares, verdict)
    assert (told["break_even"] and told["break_even"]["value"]) == break_even
    assert (told["ending"], told["made"], told["there"], told["items"]) == ("finished", 20, 0, 20)


def test_a_person_gets_a_table_and_what_to_do(outlay: Outlay) -> None:
    ran = outlay("bench", "anchoring", *SIMULATED)
    assert ran.status == 0
    assert ran.out.startswith("SIMULATED MODEL · simulated:ability=0.5 · simulated:30 · 30 items")
    assert "refined from wrong drafts (C-)" in ran.out
    assert "refining pays where drafts are right less often than p* = " in ran.out
    assert "refined as they come (C)" in ran.out
    assert "Vote or refine, on the same 30 items" in ran.out
    assert "use self-consistency: 'self-consistency:n=8,max_output_tokens=512'" in " ".join(ran.out.split())
    assert "30 of 30 items are done" in ran.out
    assert "[/" not in ran.out  # markup that nobody reads


def test_the_table_fits_80_columns(outlay: Outlay) -> None:
    lines = outlay("bench", "anchoring", *SIMULATED).out.split("SIMULATED MODEL: ")[0].splitlines()
    assert 60 < max(map(len, lines)) <= 80


def test_a_second_run_goes_on_from_the_first(outlay: Outlay, data: str, tmp_path: Path) -> None:
    out = ("--out", str(tmp_path / "b"))
    with CountingServer(copycat) as server:
        first = outlay(*on(server, data), *out, "--limit", "7", "--json").json
        second = outlay(*on(server, data), *out, "--json").json
        assert server.requests == 20 * CALLS
    assert (first["made"], second["made"], second["there"], second["items"]) == (7, 13, 7, 20)
    assert len(read_cases(tmp_path / "b" / FILE)) == 20


def test_a_total_that_runs_out_is_no_failure(outlay: Outlay, data: str, tmp_path: Path) -> None:
    total = ("--total-output-tokens", "250", "--out", str(tmp_path / "b"))
    with CountingServer(copycat) as server:
        ran = outlay(*on(server, data), *total)
        assert 0 < server.usage.output_tokens <= 250
        told = outlay(*on(server, data), *total, "--json").json
        assert server.usage.output_tokens <= 250
    assert (ran.status, told["ending"], told["made"]) == (0, "budget", 0)
    assert "The total did not pay for" in ran.out


def test_without_out_nothing_is_left(outlay: Outlay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ran = outlay("bench", "anchoring", *SIMULATED, "--limit", "3", "--json")
    assert (ran.json["out"], ran.json["items"], list(tmp_path.iterdir())) == (None, 3, [])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--drafts", "0"), "--drafts"),
        (("--k", "0"), "--k"),
        (("--temperature", "-1"), "--temperature"),
        (("--data", "simulated:none"), "simulated:COUNT"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--scorer", "numerik"), "numeric"),
        (("--model", "simulated:brains=3"), "brains"),
        (("--total-usd", "-1"), "usd"),
        (("--price", "cheap"), "IN,OUT"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_order_is_one_sentence(outlay: Outlay, options: tuple[str, ...], says: str) -> None:
    ran = outlay("bench", "anchoring", *SIMULATED, *options)
    assert (ran.status, ran.out) == (2, "")
    assert says in ran.err
    assert len(ran.err.splitlines()) == 1


@pytest.mark.parametrize("out", [True, False], ids=["with --out", "without"])
def test_a_server_that_serves_nobody_is_a_failure(
    outlay: Outlay, data: str, tmp_path: Path, *, out: bool
) -> None:
    options = ("--out", str(tmp_path / "b")) if out else ()
    with CountingServer(faults=lambda _: Fault.UNAUTHORISED) as server:
        ran = outlay(*on(server, data), *options, "--json")
    assert (ran.status, ran.json["error"]["type"]) == (1, "ModelUnavailableError")
    assert ("goes on from there" in ran.json["error"]["message"]) == out


def test_single_failures_are_said(outlay: Outlay, data: str) -> None:
    with CountingServer(copycat, faults=lambda body: Fault.UNAUTHORISED if seen(body) else None) as server:
        ran = outlay(*on(server, data))
    assert ran.status == 0
    assert "60 of 160 generations failed" in ran.out


@pytest.mark.parametrize("out", [True, False], ids=["with --out", "without"])
def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(
    outlay: Outlay, data: str, tmp_path: Path, *, out: bool
) -> None:
    (tmp_path / "temporary").mkdir()
    options = ("--out", str(tmp_path / "b")) if out else ()
    with CountingServer(copycat, delay=600.0) as server:
        running = subprocess.Popen(
            [sys.executable, "-m", "outlay", *on(server, data), *options, "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"OPENAI_API_KEY": "a-key", "TMPDIR": str(tmp_path / "temporary")},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
        )  # fmt: skip
        server.wait_for(1)
        running.send_signal(signal.SIGINT)
        said, err = running.communicate(timeout=60)
    assert (running.returncode, "Traceback" in err) == (130, False)
    assert ("goes on from there" in json.loads(said)["error"]["message"]) == out
    assert list((tmp_path / "temporary").iterdir()) == []
    if out:
        with CountingServer(copycat) as server:
            ran = outlay(*on(server, data), *options, "--json")
        assert (ran.status, ran.json["made"]) == (0, 20)


def test_a_run_that_was_killed_goes_on_where_it_stopped(outlay: Outlay, data: str, tmp_path: Path) -> None:
    options = ("--concurrency", "2", "--json")
    with CountingServer(copycat) as server:
        whole = outlay(*on(server, data), *options).json
    with CountingServer(copycat, delay=0.05) as server:
        order = (*on(server, data), *options, "--out", str(tmp_path / "b"))
        running = subprocess.Popen(
            [sys.executable, "-m", "outlay", *order],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"OPENAI_API_KEY": "a-key"},
        )  # fmt: skip
        server.wait_for(25)
        running.kill()
        running.wait()
        broken = outlay(*order).json
        requests = server.requests
    assert broken["there"] > 0
    assert accuracies(broken) == accuracies(whole) == (100, 0)
    assert broken["billed"]["generations"] == whole["billed"]["generations"]
    # What was in flight at the kill is lost, and nothing else: two items at a time, a request each.
    assert 20 * CALLS <= requests <= 20 * CALLS + 2


def parity(body: Body, index: int) -> str:
    """Right drafts of even sums; refined, odd ones are right."""
    number = number_in(body)
    return boxed(number + 1 if number % 2 == bool(seen(body)) else -1 - index)


def test_a_program_gets_every_threshold_and_what_to_use(outlay: Outlay, data: str) -> None:
    with CountingServer(parity) as server:
        told = outlay(*on(server, data), "--json").json
    choice = told["choice"]
    assert (told["came"]["estimate"]["value"], told["came"]["items"], told["mixed"]) == (50, 20, None)
    assert choice["policies"] == [
        {"threshold": 0.0, "right": 50.0, "refined": 0.0},
        {"threshold": 0.25, "right": 50.0, "refined": 0.0},
        {"threshold": 1.0, "right": 100.0, "refined": 50.0},
        {"threshold": None, "right": 50.0, "refined": 100.0},
    ]
    assert choice["best"] == choice["policies"][2]
    assert [choice[name]["value"] for name in ("vote", "refine", "chosen", "held_out")] == [50, 50, 100, 100]
    assert [choice[f"{name}_over_vote"]["value"] for name in ("refine", "chosen", "held_out")] == [0, 50, 50]
    assert (choice["chosen_over_refine"]["value"], choice["held_out_over_refine"]["value"]) == (50, 50)
    assert told["strategy"].startswith(
        "parallel-distill-refine:widths=[4,1],distill=random-k,k=2,agreement=1,max_output_tokens="
    )


def test_a_person_is_told_that_a_threshold_was_chosen_on_the_same_items(outlay: Outlay, data: str) -> None:
    with CountingServer(parity) as server:
        said = outlay(*on(server, data)).out
    assert "vote from a share of 1" in said
    assert "It was chosen on these same items, so this is optimistic." in said
    assert "Chosen without a 10th of them at a time" in said


def test_a_simulated_model_that_tells_nothing_apart_should_vote(outlay: Outlay) -> None:
    undiscerning = ("--model", "simulated:ability=0.45,discernment=1,anchoring=2", "--data", "simulated:200")
    told = outlay("bench", "anchoring", *undiscerning, "--json").json
    assert told["strategy"] == "self-consistency:n=8,max_output_tokens=512"
    assert told["choice"]["refine_over_vote"]["high"] < 0
