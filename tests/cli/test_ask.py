from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import pytest

from outlay.redaction import printable
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_answer_comes_with_its_stop_reason_and_its_bill(
    outlay: Callable[..., Any], served: tuple[str, ...]
) -> None:
    ran = outlay("ask", "direct", "What is 6 times 7?", *served, "--output-tokens", "50")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("The answer is 42.\n\nstopped: finished (answer: 42)\n")
    assert "output tokens: 4 of 50 spent, 46 left" in ran.out


def test_the_answer_is_one_object_for_programs(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer
) -> None:
    ran = outlay("ask", "self-consistency:n=3", "q", *served, "--json", "--calls", "9")
    told = ran.json
    assert (ran.status, ran.err) == (0, "")
    assert {k: told[k] for k in ("answer", "value", "stop_reason", "degraded", "strategy", "model")} == {
        "answer": "The answer is 42.",
        "value": "42",
        "stop_reason": "finished",
        "degraded": None,
        "strategy": "self-consistency",
        "model": "openai/test",
    }
    assert (told["budget"]["calls"], told["config"]["n"]) == (9, 3)
    assert told["usage"]["output_tokens"] == server.usage.output_tokens
    assert [entry["node"] for entry in told["trace"]][-1] == "vote"
    assert told["report"]["usage"] == told["usage"]


def test_a_budget_that_ran_out_is_an_answer(outlay: Callable[..., Any], served: tuple[str, ...]) -> None:
    ran = outlay("ask", "direct", "q", *served, "--output-tokens", "2", "--json")
    assert (ran.status, ran.json["answer"], ran.json["stop_reason"]) == (0, "The answer", "budget")
    assert ran.json["degraded"]


@pytest.mark.parametrize("limit", ["--output-tokens", "--total-tokens", "--usd", "--calls"])
@pytest.mark.parametrize("strategy", ["direct", "self-consistency"])
def test_a_zero_budget_makes_no_call(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer, strategy: str, limit: str
) -> None:
    ran = outlay("ask", strategy, "q", *served, limit, "0", "--json")
    assert (ran.status, ran.json["answer"], ran.json["stop_reason"]) == (0, "", "budget")
    assert server.requests == 0


def test_no_time_is_a_deadline(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer
) -> None:
    ran = outlay("ask", "direct", "q", *served, "--seconds", "0", "--json")
    assert (ran.status, ran.json["stop_reason"], server.requests) == (0, "deadline", 0)


def test_a_dash_reads_the_question_from_standard_input(
    outlay: Callable[..., Any],
    served: tuple[str, ...],
    server: CountingServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("What is 6 times 7?\n"))
    assert outlay("ask", "direct", "-", *served).status == 0
    assert "What is 6 times 7?" in json.dumps(server.bodies)


def test_a_seed_reaches_the_provider(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer
) -> None:
    outlay("ask", "direct", "q", *served, "--seed", "7")
    assert server.bodies[0]["seed"] == 7


def test_a_journal_pays_for_nothing_twice(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer, tmp_path: Path
) -> None:
    journal = ("--journal", str(tmp_path / "journal"))
    first = outlay("ask", "direct", "q", *served, *journal, "--json")
    second = outlay("ask", "direct", "q", *served, *journal)
    assert (server.requests, second.out.splitlines()[0]) == (1, first.json["answer"])
    assert "of it replayed" in second.out


def test_a_bank_is_opened_with_the_embedder_it_was_made_with(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"question": "What is 2 times 3?", "answer": "6"}))
    outlay("bank", "import", str(tmp_path / "bank"), str(rows), "--embedder", "hash")
    spec = f"in-context-distillation:bank={tmp_path / 'bank'},k=1,n=1"
    ran = outlay("ask", spec, "What is 6 times 7?", *served, "--json")
    assert (ran.status, ran.json["value"]) == (0, "42")
    assert "What is 2 times 3?" in json.dumps(server.bodies)


def test_the_teacher_is_asked_at_its_own_server(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer
) -> None:
    with CountingServer(reply="It is 43.") as dear:
        teacher = ("--teacher", "openai/dear", "--teacher-api-base", dear.url, "--teacher-price", "3,15")
        spec = "in-context-distillation:k=0,n=1,defer=always"
        ran = outlay("ask", spec, "q", *served, *teacher, "--json")
        assert (ran.json["answer"], dear.requests, server.requests) == ("It is 43.", 1, 0)


@pytest.mark.parametrize("rehearsed", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_a_teacher_that_only_plays_is_refused_a_question(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer, rehearsed: tuple[str, ...]
) -> None:
    expert = ("--teacher", "alfworld-expert:seed=1", "--teacher-price", "3,15")
    ran = outlay("ask", "in-context-distillation", "q", *served, *expert, *rehearsed)
    assert (ran.status, ran.out, len(ran.err.splitlines()), server.requests) == (2, "", 1, 0)
    assert "plays games of ALFWorld and answers no question" in ran.err


def test_a_text_cannot_steer_the_terminal(outlay: Callable[..., Any]) -> None:

    assert printable("a\x1b[2Jb\x07\r\nc\td") == "a[2Jb\nc\td"
