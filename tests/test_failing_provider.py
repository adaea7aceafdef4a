"""Whatever a provider does wrong: a typed error or a billed retry, and books that never say too little."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
import storm
from storm import ASKED, LONG

from outlay.budget import Budget
from outlay.errors import ContextOverflowError, ModelError, ModelRefusedError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.model import Completion
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from outlay.model import Model

    Way = Callable[[Model], Awaitable[object]]


async def complete(model: Model) -> object:
    return await model.complete(storm.question(0), max_output_tokens=ASKED)


async def sample(model: Model) -> object:
    return await model.sample(storm.question(0), 3, max_output_tokens=ASKED)


async def stream(model: Model) -> object:
    async with aclosing(model.stream(storm.question(0), max_output_tokens=ASKED)) as events:
        return [event async for event in events][-1].completion


async def outcome(call: Awaitable[object]) -> object:
    try:
        return await call
    except ModelError as exc:
        return exc


def run(way: Way, model: Model, budget: Budget | None = None) -> tuple[object, Ledger]:
    with Ledger(budget) as ledger:
        return asyncio.run(outcome(way(model))), ledger


way = pytest.mark.parametrize("way", [complete, sample, stream])
QUIET_FAULTS = [fault for fault in Fault if fault is not Fault.FIRST_CHOICE_USAGE]


@way
@pytest.mark.parametrize("fault", QUIET_FAULTS, ids=str)
def test_the_books_never_say_less_than_was_served(way: Way, fault: Fault) -> None:
    with CountingServer(LONG, faults=[fault]) as server:
        patience = 1.0 if fault is Fault.STALL else 60.0
        found, ledger = run(way, storm.model_of(server, retries=0, timeout=patience))
        assert server.wait_idle()
        assert isinstance(found, Completion | tuple | ModelError)
        assert storm.Storm(server, 0, [ledger]).short_of_served == []


@way
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        pytest.param(Fault.RATE_LIMITED, ModelUnavailableError, id="429"),
        pytest.param(Fault.BAD_REQUEST, ModelRefusedError, id="400"),
        pytest.param(Fault.UNAUTHORISED, ModelRefusedError, id="401"),
        pytest.param(Fault.TOO_LONG, ContextOverflowError, id="too-long"),
        pytest.param(Fault.FAILED_BEFORE, ModelUnavailableError, id="500-before"),
        pytest.param(Fault.FAILED_AFTER, ModelUnavailableError, id="500-after"),
        pytest.param(Fault.UNAVAILABLE, ModelUnavailableError, id="503-before"),
        pytest.param(Fault.UNAVAILABLE_AFTER, ModelUnavailableError, id="503-after"),
        pytest.param(Fault.MALFORMED, ModelUnavailableError, id="malformed"),
        pytest.param(Fault.NO_CHOICES, ModelUnavailableError, id="no-choices"),
        pytest.param(Fault.CUT, ModelUnavailableError, id="cut"),
        pytest.param(Fault.ENDED_EARLY, ModelUnavailableError, id="ended-early"),
        pytest.param(Fault.STALL, ModelUnavailableError, id="silence"),
    ],
)
def test_a_failure_is_typed(way: Way, fault: Fault, error: type[ModelError]) -> None:
    with CountingServer(LONG, faults=lambda _body: fault) as server:
        patience = 1.0 if fault is Fault.STALL else 60.0
        found, ledger = run(way, storm.model_of(server, retries=0, timeout=patience))
        assert type(found) is error
        assert found.model == "openai/test"
        assert ledger.usage.calls == server.requests


@pytest.mark.parametrize("fault", [Fault.NO_USAGE, Fault.ZERO_USAGE], ids=str)
@way
def test_a_reply_without_usage_is_an_answer_at_the_worst_case(way: Way, fault: Fault) -> None:
    with CountingServer("short", faults=[fault]) as server:
        found, ledger = run(way, storm.model_of(server, retries=0))
        assert not isinstance(found, ModelError)
        assert ledger.unconfirmed == ledger.usage
        assert ledger.usage.output_tokens >= ASKED > server.usage.output_tokens


@pytest.mark.parametrize(
    ("fault", "unconfirmed"),
    [
        pytest.param(Fault.RATE_LIMITED, 0, id="429"),
        pytest.param(Fault.FAILED_AFTER, 1, id="500-after"),
        pytest.param(Fault.UNAVAILABLE, 1, id="503-before"),
        pytest.param(Fault.MALFORMED, 1, id="malformed"),
        pytest.param(Fault.CUT, 1, id="cut"),
    ],
)
def test_a_retry_is_a_call_and_is_billed(fault: Fault, unconfirmed: int) -> None:
    with CountingServer("an answer", faults=[fault]) as server:
        found, ledger = run(complete, storm.model_of(server, retries=1))
        assert isinstance(found, Completion)
        assert found.text == "an answer"
        assert server.requests == 2
        assert ledger.usage.calls == 2
        assert ledger.unconfirmed.calls == unconfirmed
        assert ledger.unconfirmed.output_tokens == unconfirmed * ASKED


def test_nothing_but_the_model_retries() -> None:
    with CountingServer(faults=lambda _body: Fault.FAILED_AFTER) as server:
        run(complete, storm.model_of(server, retries=0))
        assert server.requests == 1


def test_a_retry_that_no_fence_can_hold_is_not_made() -> None:
    with CountingServer(faults=lambda _body: Fault.RATE_LIMITED) as server, Ledger(Budget(calls=1)) as ledger:
        with pytest.raises(Exception, match="calls") as caught:
            asyncio.run(complete(storm.model_of(server, retries=5)))
        assert isinstance(caught.value.__cause__, ModelUnavailableError)
        assert server.requests == ledger.usage.calls == 1


def test_a_limited_call_waits_as_long_as_it_was_told() -> None:
    with CountingServer("an answer", faults=[Fault.RATE_LIMITED], retry_after=3600) as server:
        found, _ = run(complete, storm.model_of(server, retries=1))
        assert isinstance(found, ModelUnavailableError)
        assert found.retry_after == 3600


def test_a_server_that_is_gone_costs_nothing() -> None:
    with CountingServer() as server:
        model = storm.model_of(server, retries=0)
    found, ledger = run(complete, model)
    assert isinstance(found, ModelUnavailableError)
    assert ledger.usage.calls == 0
