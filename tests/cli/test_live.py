from __future__ import annotations

import time

import pytest
from rich.console import Console

from outlay.budget import Budget, Usage
from outlay.cli.live import LiveView, shown
from outlay.ledger import Claim, Ledger
from outlay.outcome import NodeEnded, NodeStarted, Token, TraceEntry

PLANNED = TraceEntry(
    node="plan", started=0.0, ended=1.5, usage=Usage(prompt_tokens=1234, output_tokens=56), update={}
)


def drawn(view: LiveView) -> str:
    console = Console(width=100)
    with console.capture() as capture:
        console.print(view)
    return capture.get()


@pytest.fixture
def view() -> LiveView:
    return LiveView("direct on local", Ledger(Budget(output_tokens=100)))


def test_a_node_is_shown_while_it_runs_and_with_its_tokens_after(view: LiveView) -> None:
    view.tell(NodeStarted(node="plan"))
    running = drawn(view)
    view.tell(NodeEnded(entry=PLANNED))
    assert "plan" in running
    assert "✓ plan  1,234 in, 56 out  1.5 s" in drawn(view)


def test_a_node_that_runs_twice_is_shown_twice(view: LiveView) -> None:
    for event in (NodeStarted(node="plan"), NodeEnded(entry=PLANNED), NodeStarted(node="plan")):
        view.tell(event)
    assert drawn(view).count("✓ plan") == 1
    assert drawn(view).count(" plan") == 2


def test_old_nodes_make_room_for_new_ones(view: LiveView) -> None:
    for _ in range(20):
        view.tell(NodeStarted(node="sample"))
    assert "... 8 nodes before" in drawn(view)


def test_what_is_reserved_is_not_shown_as_spent(view: LiveView) -> None:
    with view.ledger as ledger:
        ledger.reserve(Claim(max_output_tokens=40)).settle(Usage(calls=1, output_tokens=10))
        ledger.reserve(Claim(max_output_tokens=40))
        assert "10 of 100, 40 reserved" in drawn(view)


def test_waiting_for_room_is_shown(view: LiveView, monkeypatch: pytest.MonkeyPatch) -> None:
    with view.ledger as ledger:
        flying = ledger.reserve(Claim(max_output_tokens=90))
        waiter = ledger._offer(Claim(max_output_tokens=90))
        assert "calls waiting" not in drawn(view)
        started = time.monotonic()
        monkeypatch.setattr("time.monotonic", lambda: started + 4)
        assert "1 for room, 4.0 s in all" in drawn(view)
        flying.release()
        waiter.future.result(0).release()


def test_a_fence_is_drawn_before_it_is_entered() -> None:
    budget = Budget(output_tokens=1, total_tokens=2, usd=3, calls=4, seconds=5)
    drawing = drawn(LiveView("direct on local", Ledger(budget)))
    assert [line.split("─")[-1].strip() for line in drawing.splitlines()[2:]] == [
        "0 of 1",
        "0 of 2",
        "$0 of $3.00",
        "0 of 4",
        "0.0 of 5.0",
    ]


def test_the_answer_is_shown_as_it_is_written(view: LiveView) -> None:
    view.tell(Token(text="The answer\n"))
    view.tell(Token(text="is 4\x1b[2J2."))
    assert drawn(view).splitlines()[-2:] == ["The answer", "is 4[2J2."]


def test_nothing_is_drawn_where_no_terminal_is(view: LiveView, capsys: pytest.CaptureFixture[str]) -> None:
    with shown(view) as live:
        assert live is None
    assert capsys.readouterr() == ("", "")
