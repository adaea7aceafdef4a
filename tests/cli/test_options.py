"""Messages on the command line name its options, not the parameters of the library."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import outlay as package
from outlay.cli.exits import with_options
from outlay.errors import BudgetExhaustedError
from outlay.ledger.claim import Claim, unbounded, unpriced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARAMETER = re.compile(
    r"(?<![\w:,-])(price|api_base|api_key|timeout|retries|replay|teacher|attachment_tokens|tokenizer)="
    r"|max_output_tokens=(?!\w)|Price\((?!\d)|Model\(\.\.\., |in the Budget"
    r"|\baccuracy=|`(api_base|held_out|whole)`"
)
"""A parameter of the library that has an option, or that the command line has another way for."""

ROOT = Path(package.__file__).parent
NOT_SAID = {"copies.py": "Model(..., ledger=)"}
"""What only programs can meet."""


def _messages(path: Path) -> Iterator[str]:
    """Give the texts in a module that name a parameter, with 1 in each placeholder."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    statements = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    parts = {id(part) for node in joined for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else "1" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
            said = "" if id(node) in statements else node.value
        else:
            continue
        if PARAMETER.search(said) and NOT_SAID.get(path.name, "\0") not in said:
            yield said


MESSAGES = [
    pytest.param(said, id=f"{path.stem}: {said[:50]}")
    for path in sorted(ROOT.rglob("*.py"))
    if "cli" not in path.relative_to(ROOT).parts
    for said in _messages(path)
]


def test_the_messages_are_found() -> None:
    assert len(MESSAGES) > 20


@pytest.mark.parametrize("said", MESSAGES)
def test_a_message_with_a_parameter_is_rewritten(said: str) -> None:
    assert not PARAMETER.search(with_options(said)), with_options(said)


@pytest.mark.parametrize("unit", ["output_tokens", "total_tokens", "usd", "calls", "seconds"])
def test_a_refusal_names_the_option_of_the_limit(unit: str) -> None:
    assert f"raise --{unit.replace('_', '-')}" in with_options(str(BudgetExhaustedError("run", unit, 2, 1)))


def test_what_no_option_gives_is_told_another_way() -> None:
    searches = Claim(max_output_tokens=1, unpriced="web_search")
    for error in (unpriced(searches, "run"), unbounded(0, "run")):
        assert "limit --output-tokens or --calls instead" in with_options(str(error))


def test_a_strategys_parameters_stay_as_they_are_written() -> None:
    said = "give --strategy budget-mem:teacher=a,timeout=3,max_output_tokens=N and n=1"
    assert with_options(said) == said


SAID = {
    "no server": (["--model", "hosted_vllm/x"], "needs --api-base, the server's URL"),
    "no URL": (["--model", "openai/x", "--api-base", "gpu:80"], "--api-base 'gpu:80' is no URL"),
    "no price": (
        ["--model", "hosted_vllm/x", "--api-base", "http://127.0.0.1:9", "--usd", "1"],
        "give --price IN,OUT",
    ),
    "no provider": (["--model", "nosuch"], "with --api-base URL"),
    "negative limit": (["--output-tokens", "-1"], "outlay: --output-tokens: "),
    "negative price": (["--price", "1,-1"], "outlay: --price IN,OUT: output: "),
    "no time": (["--timeout", "0"], "--timeout above 0"),
    "no server to ask": (["--api-base", "http://127.0.0.1:9"], "leave --api-base out"),
    "no teacher": (["--teacher", "local"], "leave --teacher out"),
}


@pytest.mark.parametrize(("options", "said"), SAID.values(), ids=SAID.keys())
def test_a_mistake_names_the_option(outlay: Callable[..., Any], options: list[str], said: str) -> None:
    ran = outlay("ask", "direct", "q", *options)
    assert (ran.status, ran.out) == (2, "")
    assert said in ran.err
    assert not PARAMETER.search(ran.err)


def test_a_missing_key_names_the_variable_alone(
    outlay: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    ran = outlay("ask", "direct", "q", "--model", "openai/gpt-4.1-mini")
    assert (ran.status, ran.err) == (
        2,
        "outlay: no key for 'openai/gpt-4.1-mini': set OPENAI_API_KEY in the environment\n",
    )


def test_retries_and_timeout_reach_the_model(outlay: Callable[..., Any]) -> None:
    from outlay.testing import CountingServer, Fault  # noqa: PLC0415

    with CountingServer(faults=lambda _: Fault.FAILED_BEFORE) as server:
        ran = outlay("ask", "direct", "q", "--model", "openai/x", "--api-base", server.url, "--retries", "0")
        assert (ran.status, server.requests) == (1, 1)
    with CountingServer(delay=30) as server:
        ran = outlay(
            *("ask", "direct", "q", "--model", "openai/x", "--api-base", server.url),
            *("--retries", "0", "--timeout", "0.5"),
        )
    assert ran.status == 1
    assert "raise --timeout (now 0.5) or --seconds" in ran.err


def test_a_budget_that_pays_for_nothing_names_the_limit_to_raise(
    outlay: Callable[..., Any], served: tuple[str, ...]
) -> None:
    ran = outlay("ask", "direct", "q", *served, "--total-tokens", "5")
    assert ran.status == 0
    assert "degraded: the budget did not pay for a call: fence 'run' has 5 total_tokens left" in ran.out
    assert "raise --total-tokens, or ask for less" in ran.out
