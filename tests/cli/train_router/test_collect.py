"""`outlay train-router collect`: real servers, real kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from outlay.budget import Price
from outlay.routers.tiers import LearnedRouter, read_log
from outlay.routers.tiers.taken import by_router
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from cli.conftest import Ran

    from outlay.memory.modules import Tier
    from outlay.routers.tiers import Episode

    Outlay = Callable[..., Ran]
    Body = Mapping[str, Any]

PLANTED = (("Ann", "oak"), ("Bo", "elm"), ("Cy", "fir"))
CONVERSATIONS = [
    {
        "sample_id": f"conv-{number}",
        "conversation": {
            "speaker_a": "Ann",
            "speaker_b": "Bo",
            "session_1_date_time": "1 pm on 8 May, 2023",
            "session_1": [
                {
                    "speaker": who,
                    "dia_id": f"D1:{place}",
                    "text": f"I planted the {tree} number {number} behind the old house",
                }
                for place, (who, tree) in enumerate(PLANTED, 1)
            ],
        },
        "qa": [
            {
                "question": f"Who planted the {tree} number {number}?",
                "answer": who,
                "evidence": [f"D1:{place}"],
                "category": place,
            }
            for place, (who, tree) in enumerate(PLANTED, 1)
        ],
    }
    for number in (1, 2)
]
QUESTIONS, VECTORS = 6, 3
EPISODES = QUESTIONS * VECTORS


def said(body: Body) -> str:
    return str(body["messages"][-1]["content"])


def reply(body: Body, _: int) -> str:
    """Say what each module can read; the answer is right about oaks alone."""
    if "Rate how useful" in said(body):
        return "1: 9\n2: 5\n3: 0"
    if "List the" in said(body):
        return "Ann - planted - the oak (behind the house)"
    return "Ann"


@pytest.fixture
def data(tmp_path: Path) -> str:
    file = tmp_path / "talk.json"
    file.write_text(json.dumps(CONVERSATIONS))
    return str(file)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "logged"


def on(server: CountingServer, out: Path, data: str, *more: str) -> tuple[str, ...]:
    asked = ("--data", data, "--model", "openai/test", "--api-base", server.url, "--price", "3,15")
    how = ("--embedder", "hash", "--strategy", "budget-mem:k=3,top_k=2,chunk_tokens=16", "--vectors", "3")
    return ("train-router", "collect", str(out), *asked, *how, *more)


def started(arguments: tuple[str, ...]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "outlay", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OPENAI_API_KEY": "a-key"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
    )


def test_every_question_is_logged_at_every_vector_with_what_it_earned_and_cost(
    outlay: Outlay, data: str, out: Path
) -> None:
    with CountingServer(reply) as server:
        told = outlay(*on(server, out, data, "--json")).json
        usage, requests = server.usage, server.requests
    assert (told["ending"], told["questions"], told["vectors"]) == ("finished", QUESTIONS, VECTORS)
    assert (told["made"], told["there"], told["failed"]) == (EPISODES, 0, 0)
    assert told["paid"]["calls"] == requests
    assert told["paid"]["output_tokens"] == usage.output_tokens
    assert told["collected"]["calls"] >= requests
    episodes = read_log(out / "log.jsonl")
    assert len({(episode.id, episode.tiers) for episode in episodes}) == EPISODES
    assert {(episode.id, episode.kind, episode.group) for episode in episodes} == {
        (f"conv-{number}/q{place}", str(place), f"conv-{number}") for number in (1, 2) for place in (1, 2, 3)
    }
    assert {episode.task for episode in episodes if episode.kind == "1"} == {1.0}
    assert {episode.task for episode in episodes if episode.kind == "2"} == {0.0}
    assert {min(episode.usd) > 0 for episode in episodes if episode.tiers == (2,) * 5} == {True}
    assert {episode.total_usd for episode in episodes if episode.tiers == (0,) * 5} == {0}


def test_how_it_was_made_is_beside_the_log(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply) as server:
        outlay(*on(server, out, data, "--limit", "1", "--json"))
    facts = json.loads((out / "facts.json").read_text())
    digest = facts["questions"].pop("conv-1/q1")
    assert (len(digest), facts.pop("questions")) == (16, {})
    assert facts == {
        "embedder": "hash-384",
        "model": "openai/test",
        "price": Price(input=3, output=15).model_dump(mode="json"),
        "prices": {},
        "strategy": "budget-mem:k=3,chunk_tokens=16,top_k=2",
        "vectors": [[0] * 5, [1] * 5, [2] * 5],
        "source": "talk.json",
        "scorer": "locomo",
        "simulated": False,
    }


def test_the_same_command_goes_on_with_what_is_missing(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply) as server:
        first = outlay(*on(server, out, data, "--only", "category=1,2", "--sample", "2", "--json")).json
        asked = server.requests
        rest = outlay(*on(server, out, data, "--json")).json
        whole = server.requests
        again = outlay(*on(server, out, data))
        assert server.requests == whole == rest["paid"]["calls"]
    assert (first["made"], first["paid"]["calls"]) == (6, asked)
    assert (rest["there"], rest["made"]) == (6, EPISODES - 6)
    assert f"{EPISODES} of {EPISODES} episodes are logged" in again.out
    assert len(json.loads((out / "facts.json").read_text())["questions"]) == QUESTIONS


def test_a_log_grows_by_the_vectors_that_are_named(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply) as server:
        first = outlay(*on(server, out, data, "--json")).json
        more = outlay(*on(server, out, data, "--vectors", "20012,00000", "--json")).json
    assert (first["made"], more["there"], more["made"]) == (EPISODES, QUESTIONS, QUESTIONS)
    assert len({e.tiers for e in read_log(out / "log.jsonl")}) == VECTORS + 1
    assert json.loads((out / "facts.json").read_text())["vectors"][VECTORS:] == [[2, 0, 0, 1, 2]]


def test_a_log_grows_by_what_a_policy_takes_and_then_a_report_needs_no_prediction(
    outlay: Outlay, data: str, out: Path, tmp_path: Path
) -> None:
    policy, report = tmp_path / "policy.pt", tmp_path / "report"
    with CountingServer(reply) as server:
        outlay(*on(server, out, data, "--json"))
        log = (out / "log.jsonl").read_bytes()
        fitted = outlay(
            "train-router", "fit", str(out), "--out", str(policy), "--updates", "1", "--json"
        ).json
        grown = outlay(*on(server, out, data, "--vectors", "3", "--policy", str(policy), "--json")).json
    taken = {
        (e.id, e.tiers)
        for one in fitted["fitting"]["trade_offs"]
        for e, chosen in [*_taken(policy, out / "log.jsonl", one)]
        if e.tiers == chosen
    }
    assert (grown["ending"], grown["trade_offs"]) == ("finished", fitted["fitting"]["trade_offs"])
    assert {question for question, _ in taken} == {e.id for e in read_log(out / "log.jsonl")}
    test = tmp_path / "test"
    out.rename(test)
    out.mkdir()
    (out / "log.jsonl").write_bytes(log)
    (out / "facts.json").write_text((test / "facts.json").read_text())
    order = ("--policy", str(policy), "--test", str(test), "--out", str(report), "--json")
    said = outlay("train-router", "report", str(out), *order).json
    assert {row["run"] for row in said["rows"]} == {1.0}


def _taken(policy: Path, log: Path, trade_off: float) -> Iterator[tuple[Episode, tuple[Tier, ...]]]:
    found = by_router(LearnedRouter.load(policy), read_log(log), trade_off, name="learned")
    yield from zip(found.episodes, found.chosen, strict=True)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--price", "1,2"), "was made with price"),
        (("--embedder", "minilm"), "was made with embedder hash-384"),
        (("--strategy", "budget-mem:k=2"), "was made with strategy"),
        (("--scorer", "f1"), "was made with scorer locomo, not f1"),
        (("--model", "openai/other"), "was made with model openai/test"),
    ],
    ids=["price", "embedder", "strategy", "scorer", "model"],
)
def test_another_set_up_is_refused_in_one_log(
    outlay: Outlay, data: str, out: Path, more: tuple[str, ...], says: str
) -> None:
    with CountingServer(reply) as server:
        outlay(*on(server, out, data, "--limit", "1"))
        asked = server.requests
        ran = outlay(*on(server, out, data, *more))
        assert server.requests == asked
    assert (ran.status, says in ran.err, "another OUT" in ran.err) == (2, True, True)


def test_another_question_under_an_id_is_refused(
    outlay: Outlay, data: str, out: Path, tmp_path: Path
) -> None:
    with CountingServer(reply) as server:
        outlay(*on(server, out, data, "--limit", "1"))
        changed = json.dumps(CONVERSATIONS).replace("number 1?", "number 7?")
        (tmp_path / "talk.json").write_text(changed)
        ran = outlay(*on(server, out, data))
    assert (ran.status, "'conv-1/q1' is not the one" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--strategy", "direct"), "has no modules"),
        (("--strategy", "budget-mem:router=low"), "leave router= out"),
        (("--strategy", "budget-mem:high=openai/dear"), "give --price-of openai/dear=IN,OUT"),
        (("--price-of", "openai/dear"), "cannot read --price-of"),
        (("--price-of", "openai/dear=1"), "write --price-of openai/dear=IN,OUT"),
        (("--price", "0,0"), "a router would have nothing to save"),
        (("--only", "category=9"), "value of label category"),
        (("--only", "category"), "write LABEL=VALUE"),
        (("--data", "simulated:3", "--scorer", "exact"), "questions about no text"),
        (("--vectors", "2"), "a design has 3 to 29 tier vectors"),
        (("--vectors", "2001,00000"), "cannot read --vectors 2001,00000: give a number, or vectors"),
        (("--vectors", "20012,00013"), "cannot read --vectors"),
        (("--vectors", "20012,20012"), "one is given twice"),
        (("--trade-offs", "0.3"), "give one with --policy"),
        (("--policy", "none.pt"), "cannot be read"),
    ],
    ids=[
        "strategy",
        "router",
        "price",
        "price of",
        "half a price",
        "free",
        "value",
        "label",
        "no text",
        "too few",
        "short",
        "tier",
        "twice",
        "trade-offs",
        "policy",
    ],
)
def test_a_wrong_order_is_one_sentence_and_asks_nobody(
    outlay: Outlay, data: str, out: Path, more: tuple[str, ...], says: str
) -> None:
    with CountingServer(reply) as server:
        ran = outlay(*on(server, out, data, *more))
        assert server.requests == 0
    assert (ran.status, says in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_a_model_without_a_known_price_is_refused(outlay: Outlay, data: str, out: Path) -> None:
    ran = outlay("train-router", "collect", str(out), "--data", data, "--model", "openai/nobodys")
    assert (ran.status, "an unknown price is not 0: give --price IN,OUT" in ran.err) == (2, True)


def test_a_dearer_model_does_the_dear_tier_at_its_own_price(outlay: Outlay, data: str, out: Path) -> None:
    dear = ("--strategy", "budget-mem:k=3,chunk_tokens=16,high=simulated:ability=1")
    with CountingServer(reply) as server:
        order = on(server, out, data, *dear, "--price-of", "simulated:ability=1=100,200", "--limit", "1")
        outlay(*order, "--json")
        assert server.requests <= VECTORS
    high = next(e for e in read_log(out / "log.jsonl") if e.tiers == (2,) * 5)
    assert high.total_usd > high.total_tokens * 100e-6 * 0.99
    assert json.loads((out / "facts.json").read_text())["simulated"] is True


def test_a_total_that_runs_out_is_no_failure(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply) as server:
        short = "budget-mem:k=3,chunk_tokens=16,max_output_tokens=16,max_answer_tokens=8"
        order = on(server, out, data, "--concurrency", "1", "--strategy", short)
        first = outlay(*order, "--total-output-tokens", "90", "--json").json
        spent = server.usage.output_tokens
        again = outlay(*order, "--total-output-tokens", "90")
        assert server.usage.output_tokens == spent <= 90
        rest = outlay(*order, "--json").json
    assert (first["ending"], 0 < first["made"] < EPISODES) == ("budget", True)
    assert (again.status, "raise them, and the same command goes on" in again.out) == (0, True)
    assert rest["there"] + rest["made"] == EPISODES


def test_runs_that_failed_are_said_and_done_again(outlay: Outlay, data: str, out: Path) -> None:
    def refuse(body: Body) -> Fault | None:
        return Fault.BAD_REQUEST if "List the subjects" in said(body) and "oak" in said(body) else None

    with CountingServer(reply, faults=refuse) as server:
        ran = outlay(*on(server, out, data, "--only", "category=1", "--concurrency", "1"))
    assert ran.status == 0
    assert "2 runs failed" in ran.out
    with CountingServer(reply) as server:
        rest = outlay(*on(server, out, data, "--only", "category=1", "--json")).json
    assert (rest["there"], rest["made"], rest["failed"]) == (4, 2, 0)


def test_a_server_that_serves_nobody_is_a_failure(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply, faults=lambda _: Fault.UNAUTHORISED) as server:
        ran = outlay(*on(server, out, data, "--json"))
    assert (ran.status, ran.json["made"], ran.json["failed"] > 0) == (1, 0, True)


def test_a_kill_loses_what_was_in_flight_and_nothing_else(outlay: Outlay, data: str, out: Path) -> None:
    with CountingServer(reply, delay=0.1) as server:
        order = on(server, out, data, "--concurrency", "2", "--json")
        running = started(order)
        server.wait_for(9)
        running.kill()
        running.communicate()
        told = outlay(*order).json
        requests = server.requests
    assert (told["there"] > 0, told["there"] + told["made"]) == (True, EPISODES)
    assert len(read_log(out / "log.jsonl")) == EPISODES
    with CountingServer(reply) as untroubled:
        outlay(*on(untroubled, out.with_name("beside"), data, "--json"))
        # Three modules of each of two questions are asked side by side.
        assert requests <= untroubled.requests + 6


def test_ctrl_c_keeps_what_is_there_and_says_how_to_go_on(outlay: Outlay, data: str, out: Path) -> None:
    second = threading.Event()

    def stuck(body: Body) -> Fault | None:
        if "number 2?" not in said(body):
            return None
        second.set()
        return Fault.STALL

    with CountingServer(reply, faults=stuck) as server:
        order = on(server, out, data, "--concurrency", "1", "--json")
        running = started(order)
        assert second.wait(120)
        running.send_signal(signal.SIGINT)
        told, err = running.communicate(timeout=60)
    said_last = json.loads(told)
    assert (running.returncode, "Traceback" in err) == (130, False)
    assert said_last["error"]["type"] == "Interrupted"
    assert said_last["made"] == len(read_log(out / "log.jsonl")) == EPISODES // 2
    with CountingServer(reply) as server:
        rest = outlay(*on(server, out, data, "--json")).json
    assert (rest["there"], rest["made"]) == (EPISODES // 2, EPISODES // 2)
