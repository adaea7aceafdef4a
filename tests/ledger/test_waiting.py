"""Calls that wait for room are told of: once in the log, and in seconds in the report."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from outlay.budget import FREE, Budget, Price, Usage
from outlay.errors import BudgetExhaustedError
from outlay.ledger import Claim, Ledger

CLAIM = Claim(model="m", prompt_tokens=5, max_output_tokens=10, price=Price(input=0, output=10**6))
ONE = Usage(calls=1, generations=1, output_tokens=1)


async def side_by_side(fence: Ledger, calls: int, claim: Claim = CLAIM) -> None:
    async def call() -> None:
        reservation = await fence.areserve(claim)
        await asyncio.sleep(0.01)
        reservation.settle(ONE)

    await asyncio.gather(*(call() for _ in range(calls)))


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ({"usd": 15}, "usd=15: each reserves its worst case, here 10 for 10 output tokens"),
        (
            {"output_tokens": 15},
            "output_tokens=15: each reserves its worst case, here 10 for 10 output tokens",
        ),
        ({"total_tokens": 20}, "total_tokens=20: each reserves its worst case, here 15 for 10 output tokens"),
    ],
)
def test_calls_that_wait_for_one_another_are_logged_once(
    limit: Any, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Ledger(Budget(**limit), name="mine") as run:
        asyncio.run(side_by_side(run, 4))
        with run.allot(name="node") as node:
            asyncio.run(side_by_side(node, 3))
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("outlay", logging.WARNING)
    assert said in record.message
    assert "fence 'mine'" in record.message
    assert "max_output_tokens=" in record.message


def test_every_run_is_told_of_its_own_waits(caplog: pytest.LogCaptureFixture) -> None:
    for name in ("first", "second"):
        with Ledger(Budget(output_tokens=15), name=name) as run:
            asyncio.run(side_by_side(run, 2))
    assert [record.message.split("'")[1] for record in caplog.records] == ["first", "second"]


def test_the_fence_that_has_no_room_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with Ledger(Budget(calls=99)) as run, run.allot(Budget(output_tokens=15), name="narrow") as narrow:
        asyncio.run(side_by_side(narrow, 2))
    assert "fence 'narrow'" in caplog.text


def test_calls_that_fit_side_by_side_wait_for_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with Ledger(Budget(output_tokens=40, usd=1, calls=4)) as run:
        asyncio.run(side_by_side(run, 4, CLAIM.model_copy(update={"price": FREE})))
        assert run.report().waited == 0.0
    assert "waited" not in str(run.report())
    assert not caplog.records


def test_waits_are_summed_at_every_fence_around(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Ledger(Budget(output_tokens=15)) as run:
        for name in ("plan", "plan", "solve"):
            with run.allot(name=name) as node:
                flying = node.reserve(CLAIM)
                waiter = node._offer(CLAIM)
                now[0] += 2.5
                assert (node.report().waited, node.queued, run.queued) == (2.5, 1, 1)
                flying.release()
                waiter.future.result(0).release()
                now[0] += 7
                assert (node.report().waited, node.queued) == (2.5, 0)
    report = run.report()
    assert report.waited == 7.5
    assert {child.name: child.waited for child in report.children} == {"plan": 5.0, "solve": 2.5}
    assert [line.split()[-2:] for line in str(report).splitlines()[:4]] == [
        ["dollars", "waited"], ["7.5", "s"], ["5.0", "s"], ["2.5", "s"],
    ]  # fmt: skip


def test_a_call_that_was_refused_after_waiting_has_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    with Ledger(Budget(output_tokens=15)) as run:
        flying = run.reserve(CLAIM)
        waiter = run._offer(CLAIM.model_copy(update={"min_output_tokens": 10}))
        now[0] += 3
        flying.settle(Usage(calls=1, output_tokens=10))
        with pytest.raises(BudgetExhaustedError):
            waiter.future.result(0)
    assert run.report().waited == 3.0
