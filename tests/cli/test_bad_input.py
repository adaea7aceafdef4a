from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable


NOWHERE = ("--model", "openai/test", "--api-base", "http://127.0.0.1:9/v1")

MISTAKES = {
    "no question": (["ask", "direct"], "question"),
    "empty question": (["ask", "direct", ""], "question is empty"),
    "blank question": (["ask", "direct", " \n\t"], "question is empty"),
    "negative tokens": (["ask", "direct", "q", "--output-tokens", "-1"], "--output-tokens: "),
    "negative dollars": (["ask", "direct", "q", "--usd", "-0.1"], "usd"),
    "dollars not a number": (["ask", "direct", "q", "--usd", "nan"], "usd"),
    "endless seconds": (["ask", "direct", "q", "--seconds", "inf"], "seconds"),
    "half a call": (["ask", "direct", "q", "--calls", "0.5"], "--calls"),
    "unknown option": (["ask", "direct", "q", "--output-token", "3"], "--output-token"),
    "unknown command": (["aks", "direct", "q"], "aks"),
    "unknown strategy": (["ask", "drect", "q"], "did you mean 'direct'? known: direct, "),
    "unknown parameter": (["ask", "direct:temprature=1", "q"], "did you mean 'temperature'?"),
    "parameter of another type": (["ask", "direct:temperature=hot", "q"], "temperature"),
    "parameter out of range": (["ask", "self-consistency:n=0", "q"], "n: "),
    "parameter without value": (["ask", "direct:temperature", "q"], "name=value"),
    "teacher without use": (["ask", "direct", "q", "--teacher", "local"], "no teacher"),
    "no model": (["ask", "direct", "q", "--model", " "], "name"),
    "unknown model": (["ask", "direct", "q", "--model", "nonesuch-9b"], "nonesuch-9b"),
    "unknown provider": (["ask", "direct", "q", "--model", "nobody/gpt"], "nobody/gpt"),
    "simulated model": (["ask", "direct", "q", "--model", "simulated:ability=1"], "outlay bench run"),
    "missing key": (["ask", "direct", "q", "--model", "anthropic/claude-sonnet-4-5"], "ANTHROPIC_API_KEY"),
    "missing file": (["ask", "direct", "q", "--model", "gguf:/no/such.gguf"], "/no/such.gguf"),
    "not a GGUF file": (["ask", "direct", "q", "--model", f"gguf:{__file__}"], "GGUF"),
    "unreadable price": (["ask", "direct", "q", "--price", "cheap"], "IN,OUT"),
    "negative price": (["ask", "direct", "q", "--price", "1,-1"], "output"),
    "no price under a dollar limit": (["ask", "direct", "q", *NOWHERE, "--usd", "1"], "price"),
    "a journal in no folder": (["ask", "direct", "q", "--journal", "/no/such/folder/j"], "/no/such/folder/j"),
    "graph of an unknown strategy": (["graph", "dirct"], "did you mean 'direct'?"),
}


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_sentence_and_status_2(
    outlay: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    ran = outlay(*arguments)
    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(("arguments", "said"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_object_for_programs(
    outlay: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    ran = outlay(*arguments, *(["--json"] if arguments[0] == "ask" else []))
    assert ran.status == 2
    assert arguments[0] != "ask" or said in ran.json["error"]["message"]


def test_an_unreachable_server_fails_the_run(outlay: Callable[..., Any]) -> None:
    ran = outlay("ask", "direct", "q", *NOWHERE)
    assert ran.status == 1
    assert "http://127.0.0.1:9" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        pytest.param(Fault.TOO_LONG, 2, "ContextOverflowError", id="prompt longer than the window"),
        pytest.param(Fault.UNAUTHORISED, 2, "ModelRefusedError", id="wrong key"),
        pytest.param(Fault.FAILED_BEFORE, 1, "ModelUnavailableError", id="every call failed"),
        pytest.param(Fault.MALFORMED, 1, "ModelUnavailableError", id="malformed replies"),
    ],
)
def test_a_failing_provider_is_told_with_its_bill(
    outlay: Callable[..., Any], fault: Fault, status: int, kind: str
) -> None:
    with CountingServer(faults=lambda _: fault) as server:
        ran = outlay("ask", "direct", "q", "--model", "openai/test", "--api-base", server.url, "--json")
        requests = server.requests
    assert (ran.status, ran.json["error"]["type"]) == (status, kind)
    assert ran.json["usage"]["calls"] == requests


def test_an_unexpected_error_is_one_sentence() -> None:
    program = "from outlay.cli.exits import quiet_failures; quiet_failures(as_json=False); 1 / 0"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (1, "", 1)
    assert "ZeroDivisionError: division by zero" in ran.stderr
    assert "OUTLAY_TRACEBACK=1" in ran.stderr


def test_a_traceback_is_shown_to_who_asks_for_it() -> None:
    program = "from outlay.cli.exits import quiet_failures; quiet_failures(as_json=False); 1 / 0"
    environment = os.environ | {"OUTLAY_TRACEBACK": "1"}
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment
    )
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, True)


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m outlay strategies | head -1"
    ran = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert ran.stderr == ""
