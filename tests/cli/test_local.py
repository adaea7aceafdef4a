from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from outlay.agents.spec import STRATEGIES as ALL
from outlay.cli import main
from outlay.cli.demo import OUTPUT_TOKENS, QUESTIONS, STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.model


@pytest.mark.timeout(600)
def test_the_demo_runs_every_strategy_on_every_question_inside_its_budget(outlay: Callable[..., Any]) -> None:
    ran = outlay("demo", "--json")
    runs = ran.json["runs"]
    assert (ran.status, len(runs)) == (0, len(QUESTIONS) * len(STRATEGIES))
    assert all(run["usage"]["output_tokens"] <= OUTPUT_TOKENS for run in runs)
    assert any(run["right"] for run in runs)
    assert {run["strategy"] for run in runs} == set(ALL)
    assert not any("memory" in str(run["degraded"]) for run in runs)


def test_nothing_but_the_object_is_on_standard_output(capfd: pytest.CaptureFixture[str]) -> None:

    status = main(["ask", "direct", "What is the capital of Japan?", "--output-tokens", "20", "--json"])
    assert (status, json.loads(capfd.readouterr().out)["model"]) == (0, "local")


def test_a_prompt_longer_than_the_window_is_a_mistake(outlay: Callable[..., Any]) -> None:
    real = outlay("ask", "direct", "word " * 9000)
    rehearsed = outlay("ask", "direct", "word " * 9000, "--dry-run")
    for ran in (real, rehearsed):
        assert (ran.status, ran.err.count("\n")) == (2, 1)
        assert "raise OUTLAY_LOCAL_CONTEXT" in ran.err
    assert "no call was made" in rehearsed.err


def test_setup_says_what_is_there(outlay: Callable[..., Any]) -> None:
    ran = outlay("setup")
    assert ran.status == 0
    assert "Ready: outlay demo" in ran.out
