"""`outlay bank collect`: real servers, real games, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from environments.houses import PLACE, house, need_games
from sums import number_in

from outlay.calls import run_sync
from outlay.environments import make_game, walkthrough
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]
    Body = Mapping[str, Any]

SIMPLE = PLACE.format(state="", thing="Pen", place="Drawer")
TASKS = 9
WORDS = 9
"""Tokens of a reply."""


def reply(body: Body, _: int) -> str:
    """Right for two of three sums."""
    number = number_in(body)
    return "counting up " * 4 + f"\\boxed{{{number + 1 if number % 3 else number}}}"


@pytest.fixture
def data(tmp_path: Path) -> str:
    file = tmp_path / "sums.jsonl"
    lines = (
        f'{{"id": "sum-{n}", "question": "What is {n} plus 1?", "answer": "{n + 1}"}}\n' for n in range(TASKS)
    )
    file.write_text("".join(lines))
    return str(file)


@pytest.fixture
def bank(tmp_path: Path) -> str:
    return str(tmp_path / "bank")


def on(server: CountingServer, bank: str, *more: str) -> tuple[str, ...]:
    asked = ("--model", "openai/test", "--api-base", server.url, "--price", "3,15", "--embedder", "hash")
    return ("bank", "collect", bank, *asked, *more)


def test_right_runs_are_demonstrations_and_every_run_has_its_cost(
    outlay: Outlay, data: str, bank: str
) -> None:
    with CountingServer(reply) as server:
        told = outlay(*on(server, bank, "--data", data, "--json")).json
        usage = server.usage
    assert (told["ending"], told["made"], told["kept"], told["failed"]) == ("finished", TASKS, 6, 3)
    assert told["paid"] == told["collected"]
    assert told["paid"]["output_tokens"] == usage.output_tokens == TASKS * WORDS
    stats = outlay("bank", "stats", bank, "--json").json
    assert (stats["trajectories"], stats["failed"], stats["usage"]) == (6, 3, told["paid"])
    run = outlay("bank", "show", bank, "sum-1", "--json").json["runs"][0]
    assert (run["goal"], run["success"]) == ("What is 1 plus 1?", True)
    assert run["steps"][0]["action"].endswith("\\boxed{2}")


def test_a_task_that_the_bank_has_is_not_done_again_failed_ones_included(
    outlay: Outlay, data: str, bank: str
) -> None:
    with CountingServer(reply) as server:
        first = outlay(*on(server, bank, "--data", data, "--limit", "4", "--json")).json
        second = outlay(*on(server, bank, "--data", data, "--json")).json
        third = outlay(*on(server, bank, "--data", data))
        assert server.requests == TASKS
    assert (first["made"], second["there"], second["made"]) == (4, 4, 5)
    assert second["paid"]["calls"] == TASKS
    assert f"{TASKS} of {TASKS} tasks are done" in third.out


def test_a_limit_is_the_whole_collections_over_all_commands(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(reply) as server:
        order = on(server, bank, "--data", data, "--concurrency", "2")
        first = outlay(*order, "--calls", "4", "--json")
        again = outlay(*order, "--calls", "4")
        assert server.requests == 4
        rest = outlay(*order, "--json").json
        assert server.requests == TASKS
    assert (first.status, first.json["ending"], first.json["made"]) == (0, "budget", 4)
    assert (again.status, "raise them, and the same command goes on" in again.out) == (0, True)
    assert (rest["there"], rest["made"], rest["paid"]["calls"]) == (4, 5, TASKS)


def test_a_reply_that_the_limit_cut_short_is_no_failure_of_the_teacher(
    outlay: Outlay, data: str, bank: str
) -> None:
    def long(body: Body, index: int) -> str:
        return "well " * 150 + reply(body, index)

    with CountingServer(long) as server:
        order = on(server, bank, "--data", data, "--concurrency", "1", "--json")
        told = outlay(*order, "--output-tokens", "300").json
        whole = outlay(*order).json
    assert (told["ending"], told["made"]) == ("budget", 1)
    assert (whole["made"], whole["there"]) == (TASKS - 1, 1)
    stats = outlay("bank", "stats", bank, "--json").json
    # The run that was cut short is counted for what it cost, and was no failure.
    assert (stats["failed"] - stats["inconclusive"], stats["inconclusive"]) == (3, 1)


def test_dollars_and_a_dry_run(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(reply) as server:
        told = outlay(*on(server, bank, "--data", data, "--dry-run", "--json")).json
        capped = outlay(*on(server, bank, "--data", data, "--dry-run", "--usd", "0.01")).out
        assert server.requests == 0
        ran = outlay(*on(server, bank, "--data", data, "--usd", "0.05", "--concurrency", "1", "--json")).json
        assert 0 < ran["paid"]["usd"] <= 0.05
    assert (told["tasks"], told["most"]["calls"], told["most"]["output_tokens"]) == (
        TASKS,
        TASKS,
        1024 * TASKS,
    )
    assert told["most"]["usd"] > 1024 * TASKS * 15e-6
    assert "at most $0.01 usd" in capped


def test_single_failures_are_tried_again_by_the_same_command(outlay: Outlay, data: str, bank: str) -> None:
    def third(body: Body) -> Fault | None:
        return Fault.UNAUTHORISED if number_in(body) == 2 else None

    with CountingServer(reply, faults=third) as server:
        ran = outlay(*on(server, bank, "--data", data, "--concurrency", "1"))
    assert (ran.status, "1 tasks have no outcome" in ran.out) == (0, True)
    with CountingServer(reply) as server:
        told = outlay(*on(server, bank, "--data", data, "--json")).json
        assert server.requests == 1
    assert (told["there"], told["made"], told["without_outcome"]) == (TASKS - 1, 1, 0)


def test_a_server_that_serves_nobody_is_a_failure(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(faults=lambda _: Fault.UNAUTHORISED) as server:
        ran = outlay(*on(server, bank, "--data", data, "--json"))
    assert (ran.status, ran.json["error"]["type"]) == (1, "ModelUnavailableError")
    assert "goes on from there" in ran.json["error"]["message"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--data FILE, or --games FOLDER"),
        (("--data", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--data", "simulated:3", "--games", "."), "not both"),
        (("--games", "/no/such/folder"), "no folder, list or game"),
        (("--data", "simulated:3", "--scorer", "numerik"), "numeric"),
        (("--data", "simulated:3", "--usd", "-1"), "usd"),
        (("--data", "simulated:3", "--price", "cheap"), "IN,OUT"),
        (("--data", "simulated:3", "--concurrency", "0"), "--concurrency"),
    ],
    ids=["nothing", "no file", "both", "no games", "scorer", "dollars", "price", "concurrency"],
)
def test_a_wrong_order_is_one_sentence(
    outlay: Outlay, bank: str, options: tuple[str, ...], says: str
) -> None:
    ran = outlay("bank", "collect", bank, "--model", "simulated:", *options)
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert says in ran.err


def test_a_price_that_nobody_knows_is_said_before_a_call(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(reply) as server:
        ran = outlay(
            "bank", "collect", bank, "--data", data, "--embedder", "hash", "--usd", "1",
            "--model", "openai/test", "--api-base", server.url,
        )  # fmt: skip
        assert server.requests == 0
    assert (ran.status, "price" in ran.err) == (2, True)


def started(arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "outlay", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENAI_API_KEY": "a-key"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
    )


def test_a_kill_pays_for_nothing_twice_and_hides_nothing(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(reply, delay=0.2) as server:
        order = on(server, bank, "--data", data, "--concurrency", "2", "--json", "--output-tokens", "20000")
        running = started(order)
        server.wait_for(5)
        running.kill()
        running.communicate()
        told = outlay(*order).json
        requests, generated = server.requests, server.usage.output_tokens
    assert (told["there"] > 0, told["there"] + told["made"]) == (True, TASKS)
    # What was in flight at the kill is lost, and nothing else: two tasks at a time, a request each.
    assert TASKS <= requests <= TASKS + 2
    assert told["paid"]["output_tokens"] >= generated


def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(outlay: Outlay, data: str, bank: str) -> None:
    def stuck(body: Body) -> Fault | None:
        return Fault.STALL if number_in(body) == 4 else None

    with CountingServer(reply, faults=stuck) as server:
        running = started(on(server, bank, "--data", data, "--concurrency", "1", "--json"))
        server.wait_for(5)
        running.send_signal(signal.SIGINT)
        said, err = running.communicate(timeout=60)
    told = json.loads(said)
    assert (running.returncode, "Traceback" in err, told["error"]["type"]) == (130, False, "Interrupted")
    assert told["made"] == 4
    with CountingServer(reply) as server:
        rest = outlay(*on(server, bank, "--data", data, "--json")).json
        assert server.requests == TASKS - 4
    assert (rest["there"], rest["made"]) == (4, TASKS - 4)


def test_games_are_tasks_and_say_themselves_who_won(outlay: Outlay, bank: str, tmp_path: Path) -> None:
    need_games()
    game = run_sync(make_game(tmp_path / "games" / "one", rooms=1, objects=1, quest_length=1, seed=3))
    (tmp_path / "games" / "two.z8").write_bytes(game.read_bytes())
    way = walkthrough(game)

    def played(body: Body, _: int) -> str:
        taken = [message for message in body["messages"] if message["role"] == "assistant"]
        return way[len(taken)] if len(taken) < len(way) else "look"

    with CountingServer(played) as server:
        told = outlay(
            *on(server, bank, "--games", str(tmp_path / "games"), "--max-steps", "4", "--json")
        ).json
    assert (told["tasks"], told["made"], told["kept"]) == (2, 2, 2)
    run = outlay("bank", "show", bank, "one", "--json").json["runs"][0]
    assert [step["action"] for step in run["steps"]] == list(way)
    assert run["goal"]
    assert run["usage"]["calls"] == len(way)


def test_the_hand_written_expert_fills_a_bank_and_is_billed(
    outlay: Outlay, bank: str, tmp_path: Path
) -> None:
    house(
        tmp_path / "games" / "one", PLACE.format(state="", thing="Mug", place="Fridge"), "put a mug in fridge"
    )
    order = ("bank", "collect", bank, "--games", str(tmp_path / "games"), "--embedder", "hash")
    refused = outlay(*order, "--model", "alfworld-expert")
    assert (refused.status, "IN,OUT" in refused.err) == (2, True)
    told = outlay(*order, "--model", "alfworld-expert", "--price", "3,15", "--json").json
    assert (told["made"], told["kept"]) == (1, 1)
    run = outlay("bank", "list", bank, "--json").json
    assert told["paid"]["usd"] == pytest.approx((1200 * 3 + 80 * 15) / 1e6 * told["paid"]["calls"])
    assert "alfworld-expert" in str(run)


def test_the_expert_plays_no_other_games(outlay: Outlay, bank: str, tmp_path: Path) -> None:
    (tmp_path / "two.z8").write_bytes(b"")
    ran = outlay(
        "bank", "collect", bank, "--games", str(tmp_path), "--model", "alfworld-expert", "--price", "3,15"
    )
    assert (ran.status, "nothing but games of ALFWorld" in ran.err) == (2, True)


@pytest.mark.model
@pytest.mark.timeout(300)
def test_the_embedded_model_fills_a_bank_that_minilm_embeds(
    outlay: Outlay, bank: str, tmp_path: Path
) -> None:
    file = tmp_path / "capitals.jsonl"
    file.write_text('{"question": "What is the capital of France?", "answer": "Paris"}\n')
    told = outlay(
        "bank", "collect", bank, "--data", str(file), "--max-output-tokens", "40", "--json"
    ).json  # fmt: skip
    assert (told["made"], told["paid"]["calls"]) == (1, 1)
    stats = outlay("bank", "stats", bank, "--json").json
    assert stats["embedder"].startswith("minilm@")
    assert stats["trajectories"] + stats["failed"] == 1


def test_failures_are_done_again_where_it_is_asked_for(outlay: Outlay, data: str, bank: str) -> None:
    with CountingServer(reply) as server:
        first = outlay(*on(server, bank, "--data", data, "--max-output-tokens", "5"))
        assert "--retry-failed" in first.out
        asked = server.requests
        told = outlay(*on(server, bank, "--data", data, "--retry-failed", "--json")).json
        assert server.requests - asked == told["made"] == TASKS
    assert (told["kept"], told["there"]) == (TASKS - TASKS // 3, 0)
