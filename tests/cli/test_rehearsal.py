from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from outlay.model.litellm_provider import LiteLLMProvider
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("strategy", ["direct", "self-consistency"])
def test_a_dry_run_makes_no_call(
    outlay: Callable[..., Any], served: tuple[str, ...], server: CountingServer, strategy: str
) -> None:
    ran = outlay("ask", strategy, "q", *served, "--dry-run")
    assert (ran.status, ran.err, server.requests) == (0, "", 0)
    assert "no call was made" in ran.out
    assert "no two samples agree" in ran.out


def test_a_dry_run_says_what_would_be_reserved(outlay: Callable[..., Any], served: tuple[str, ...]) -> None:
    told = outlay("ask", "direct:max_output_tokens=100", "q", *served, "--dry-run", "--json").json
    (call,) = told["calls"]
    assert (call["node"], call["n"], call["max_output_tokens"]) == ("answer", 1, 100)
    assert call["usd"] == pytest.approx((call["prompt_tokens"] * 1 + 100 * 2) / 1e6)
    assert told["usage"]["usd"] == pytest.approx(call["usd"])


def test_samples_are_rehearsed_as_if_they_never_agreed(
    outlay: Callable[..., Any], served: tuple[str, ...]
) -> None:
    told = outlay("ask", "self-consistency:n=6,waves=true", "q", *served, "--dry-run", "--json").json
    assert told["usage"]["generations"] == 6


def test_a_dry_run_stays_inside_the_budget(outlay: Callable[..., Any], served: tuple[str, ...]) -> None:
    told = outlay(
        "ask", "self-consistency", "q", *served, "--dry-run", "--json", "--output-tokens", "300"
    ).json
    assert told["usage"]["output_tokens"] <= 300


def test_a_real_run_spends_no_more_than_was_rehearsed(
    outlay: Callable[..., Any], served: tuple[str, ...]
) -> None:
    ask = ("ask", "self-consistency:n=4", "q", *served, "--json", "--output-tokens", "400")
    rehearsed, real = outlay(*ask, "--dry-run").json, outlay(*ask).json["usage"]
    assert real["calls"] <= rehearsed["most_calls"]
    assert real["output_tokens"] <= rehearsed["usage"]["output_tokens"]


def test_a_dry_run_reads_standard_input_once(
    outlay: Callable[..., Any], served: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("What is 2 + 2?"))
    ran = outlay("ask", "direct", "-", *served, "--dry-run", "--json")
    assert (ran.status, len(ran.json["calls"])) == (0, 1)


@pytest.mark.parametrize("strategy", ["direct", "self-consistency:n=3"])
def test_a_dry_run_of_a_prompt_beyond_the_window_ends_as_the_run_would(
    outlay: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, strategy: str
) -> None:
    async def window(_: LiteLLMProvider) -> int:
        return 4096

    monkeypatch.setattr(LiteLLMProvider, "context_window", window)
    with CountingServer(faults=lambda _: Fault.TOO_LONG) as server:
        ask = ("ask", strategy, "word " * 9000, "--model", "openai/test", "--api-base", server.url)
        rehearsed = outlay(*ask, "--dry-run")
        assert server.requests == 0
        real = outlay(*ask)
    assert (rehearsed.status, real.status) == (2, 2)
    assert "the model's window holds 4,096" in rehearsed.err
    assert "choose a model with a longer window" in rehearsed.err
    assert "choose a model with a longer window" in real.err
