from __future__ import annotations

import pytest
from rich.console import Console

from outlay.budget import Budget, Price, Usage
from outlay.cli.bill import amount, bill, dollars, limits, waiting
from outlay.ledger import Claim, Ledger

CLAIM = Claim(max_output_tokens=10, prompt_tokens=5, price=Price(input=1, output=2))
SPENT = Usage(calls=1, generations=1, prompt_tokens=5, output_tokens=7)


def rows(ledger: Ledger, sequential: Usage | None = None) -> list[list[str]]:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(bill(ledger.report(), sequential=sequential))
    return [line.split() for line in capture.get().splitlines() if line.strip(" ─")]


def test_the_bill_has_a_row_for_each_node_and_their_total() -> None:
    with Ledger(name="run") as ledger, ledger.allot(name="direct") as strategy:
        with strategy.allot(name="plan") as node:
            node.reserve(CLAIM).settle(SPENT)
        with strategy.allot(name="solve") as node:
            node.reserve(CLAIM).settle(SPENT)
    assert rows(ledger)[2:] == [
        ["plan", "1", "1", "5", "0", "7", "$0.000019"],
        ["solve", "1", "1", "5", "0", "7", "$0.000019"],
        ["total", "2", "2", "10", "0", "14", "$0.000038"],
    ]


def test_what_is_unconfirmed_or_replayed_is_told_apart() -> None:
    with Ledger(name="run") as ledger:
        ledger.reserve(CLAIM).settle(SPENT, replayed=True)
        lost = ledger.reserve(CLAIM)
        lost.forfeit()
    assert [row[2] for row in rows(ledger)[-2:]] == ["unconfirmed", "replayed"]


def test_what_was_waited_for_is_told_where_calls_ran_side_by_side() -> None:
    with Ledger(name="run") as ledger:
        for _ in range(2):
            ledger.reserve(CLAIM).settle(SPENT)
    assert rows(ledger, SPENT)[-1] == ["of", "it", "in", "sequence", "1", "1", "5", "0", "7"]
    assert rows(ledger, SPENT + SPENT)[-1][0] == "total"


def waited_for(seconds: float) -> Ledger:
    with Ledger(Budget(output_tokens=20, usd=1), name="run") as ledger, ledger.allot(name="solve") as node:
        node.reserve(CLAIM).settle(SPENT)
    for tally in (ledger.tally, ledger.tally.children["solve"]):
        tally.waited = seconds
    return ledger


def test_the_bill_tells_the_seconds_waited_for_room() -> None:
    ledger = waited_for(12.34)
    assert [row[-1] for row in rows(ledger)[1:]] == ["waited", "12.3", "12.3"]
    (line,) = waiting(ledger)
    assert "waited: 12.3 s" in line
    assert "--output-tokens or --usd" in line


def test_the_bill_keeps_quiet_where_nobody_waited() -> None:
    assert rows(waited_for(0.0))[1][-1] == "dollars"
    assert waiting(waited_for(0.0)) == []


def test_limits_say_what_is_spent_and_what_is_left() -> None:
    with Ledger(Budget(output_tokens=10, calls=2)) as ledger:
        ledger.reserve(CLAIM).settle(SPENT)
        lines = limits(ledger)
    assert lines == ["output tokens: 7 of 10 spent, 3 left", "calls: 1 of 2 spent, 1 left"]


@pytest.mark.parametrize(
    ("usd", "written"),
    [
        pytest.param(None, "unknown", id="unknown is not nothing"),
        pytest.param(0.0, "$0", id="nothing"),
        pytest.param(1.5, "$1.50", id="cents"),
        pytest.param(0.0000004, "$0.0000004", id="less than a cent"),
    ],
)
def test_dollars_are_written_to_the_last_digit_that_counts(usd: float | None, written: str) -> None:
    assert dollars(usd) == written


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [("output_tokens", 1234, "1,234"), ("seconds", 1.26, "1.3"), ("usd", 0.1, "$0.10"), ("calls", 3, "3")],
)
def test_amounts_are_written_in_their_unit(unit: str, value: float, written: str) -> None:
    assert amount(unit, value) == written
