"""Fifty calls at once against a cap worth five: the promise that a budget is a fence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import storm
from storm import ASKED, CALLS, LONG, SHORT, WAYS, WORTH, Fences, Sums, Weather

from outlay.budget import Budget
from outlay.errors import BudgetExhaustedError
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from storm import Storm

UNITS = ["output_tokens", "total_tokens", "usd", "calls"]
PLACES: dict[str, Callable[[Budget, Budget], Fences]] = {
    "flat": lambda cap, _share: Fences((cap,)),
    "cap-at-outer": lambda cap, _share: Fences((cap,), group=Budget()),
    "cap-at-inner": lambda cap, _share: Fences((Budget(), cap)),
    "caps-at-both": lambda cap, share: Fences((cap,), group=share),
}

unit = pytest.mark.parametrize("unit", UNITS)
place = pytest.mark.parametrize("place", PLACES)
way = pytest.mark.parametrize("way", WAYS)


def assert_books_hold(result: Storm) -> None:
    assert result.foreign == []
    assert result.overshoot == []
    assert result.thrown_away == []
    assert result.short_of_served == []
    assert result.confirmed == result.read
    assert storm.sums(result.fences[0].unconfirmed) == result.unread


@unit
@place
@way
def test_fifty_calls_do_not_overshoot_a_cap_worth_five(unit: str, place: str, way: str) -> None:
    with CountingServer(LONG, delay=0.002) as server:
        model = storm.model_of(server)
        cap, share = (storm.cap_worth(calls, unit, model) for calls in (WORTH, 2))
        result = WAYS[way](server, PLACES[place](cap, share), model)
        assert_books_hold(result)
        assert len(result.completed) == server.requests >= WORTH
        assert len(result.completed) < CALLS


@pytest.mark.parametrize("unit", ["output_tokens", "calls"])
@way
def test_a_cap_worth_five_is_used_up_and_not_one_call_more(unit: str, way: str) -> None:
    with CountingServer(LONG, delay=0.002) as server:
        model = storm.model_of(server)
        result = WAYS[way](server, Fences((storm.cap_worth(WORTH, unit, model),)), model)
        assert len(result.completed) == WORTH
        assert server.usage.output_tokens == WORTH * ASKED
        refused = [o for o in result.outcomes.values() if isinstance(o, BudgetExhaustedError)]
        assert {(error.fence, error.limit) for error in refused} == {("fence 0", unit)}
        assert len(refused) == CALLS - WORTH


@unit
@place
@way
@pytest.mark.parametrize("reply", [LONG, SHORT], ids=["long", "short"])
def test_nothing_overshoots_under_failures_retries_and_cancellations(
    unit: str, place: str, way: str, reply: str
) -> None:
    faults = storm.every_tenth(turn=UNITS.index(unit))
    with CountingServer(reply, faults=Weather(faults), delay=0.002) as server:
        model = storm.model_of(server)
        cap, share = (storm.cap_worth(calls, unit, model) for calls in (WORTH, 3))
        result = WAYS[way](server, PLACES[place](cap, share), model, storm.stalled(faults))
        assert_books_hold(result)


@unit
@place
@way
def test_nothing_overshoots_under_odd_usage_reports(unit: str, place: str, way: str) -> None:
    faults = storm.odd_usage(turn=UNITS.index(unit))
    with CountingServer(LONG, faults=Weather(faults), delay=0.002) as server:
        model = storm.model_of(server)
        cap, share = (storm.cap_worth(calls, unit, model) for calls in (WORTH, 3))
        assert_books_hold(WAYS[way](server, PLACES[place](cap, share), model))


@unit
@way
def test_calls_that_time_out_stay_spent_and_let_no_others_in(unit: str, way: str) -> None:
    faults = Weather(dict.fromkeys(range(CALLS), (Fault.STALL, Fault.STALL)))
    with CountingServer(faults=faults) as server:
        model = storm.model_of(server, timeout=0.3)
        result = WAYS[way](server, Fences((storm.cap_worth(WORTH, unit, model),)), model)
        assert result.foreign == []
        assert result.overshoot == []
        assert server.requests <= WORTH
        assert result.booked == result.worst_cases(WORTH, WORTH * ASKED)
        assert result.confirmed == Sums()


@way
def test_a_cap_that_holds_all_fifty_lets_all_fifty_through(way: str) -> None:
    with CountingServer(LONG) as server:
        model = storm.model_of(server)
        result = WAYS[way](server, Fences((storm.cap_worth(CALLS, "usd", model), Budget())), model)
        assert_books_hold(result)
        assert len(result.completed) == CALLS


def test_an_over_report_is_booked_and_stops_everything_after_it() -> None:
    with CountingServer(LONG, faults=lambda _body: Fault.OVER_REPORT) as server:
        model = storm.model_of(server)
        result = WAYS["asyncio"](server, Fences((Budget(output_tokens=ASKED),)), model)
        assert server.requests == 1
        assert result.fences[0].usage.output_tokens == server.usage.output_tokens > ASKED
        assert result.thrown_away == []
