"""What is kept for a later call."""

import asyncio

import pytest

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import Claim, Ledger

PRICE = Price(input=1, output=1)


def claim(tokens: int, **more: object) -> Claim:
    return Claim(max_output_tokens=tokens, **more)


def used(tokens: int) -> Usage:
    return Usage(calls=1, generations=1, output_tokens=tokens)


def test_nothing_else_can_spend_it() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        fence.set_aside(claim(60), name="synthesis")
        assert fence.reserve(claim(100)).max_output_tokens == 40


def test_it_holds_every_limited_unit() -> None:
    with Ledger(Budget(usd=0.0003, calls=2)) as fence:
        fence.set_aside(claim(100, prompt_tokens=100, price=PRICE), name="synthesis")
        assert fence.remaining.usd == pytest.approx(0.0001)
        fence.reserve(claim(10, price=PRICE))
        with pytest.raises(BudgetExhaustedError, match="calls"):
            fence.reserve(claim(10, price=PRICE))


def test_it_holds_on_the_whole_path() -> None:
    with Ledger(Budget(output_tokens=100), name="outer") as outer:
        with outer.allot(name="inner") as inner:
            inner.set_aside(claim(60), name="synthesis")
            assert outer.remaining.output_tokens == 40
        assert outer.remaining.output_tokens == 100


def test_it_never_waits() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        flying = fence.reserve(claim(80))
        with pytest.raises(BudgetExhaustedError):
            fence.set_aside(claim(60), name="synthesis")
        flying.release()
        fence.set_aside(claim(60), name="synthesis")


def test_opened_it_is_a_floor_and_not_a_cap() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        hold = fence.set_aside(claim(60), name="synthesis")
        with hold.open():
            assert fence.reserve(claim(100)).max_output_tokens == 100
        assert hold.remaining.output_tokens == 0


def test_what_a_failed_call_did_not_use_covers_its_retry() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        hold = fence.set_aside(claim(60), name="synthesis")
        with hold.open():
            fence.reserve(claim(60)).settle(used(0))
        assert hold.remaining.output_tokens == 60
        assert fence.reserve(claim(100)).max_output_tokens == 40


def test_its_calls_pass_the_queue() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=100)) as fence:
            fence.set_aside(claim(30), name="synthesis")
            flying = fence.reserve(claim(70))
            waiting = asyncio.create_task(fence.areserve(claim(50)))
            await asyncio.sleep(0)
            with fence.open("synthesis"):
                assert (await asyncio.wait_for(fence.areserve(claim(30)), 5)).max_output_tokens == 30
            flying.release()
            assert (await waiting).max_output_tokens == 50

    asyncio.run(scenario())


def test_nested_ones_are_drawn_outer_first() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        outer, inner = (fence.set_aside(claim(30), name=name) for name in ("outer", "inner"))
        with outer.open(), inner.open():
            fence.reserve(claim(40))
        assert (outer.remaining.output_tokens, inner.remaining.output_tokens) == (0, 20)


def test_it_is_given_back_when_its_scope_ends() -> None:
    with Ledger(Budget(output_tokens=100)) as outer:
        with outer.allot(name="inner") as inner:
            outer_before = outer.remaining
            inner.set_aside(claim(60), name="synthesis")
        assert outer.remaining == outer_before


def test_it_is_found_by_name_from_a_narrower_fence() -> None:
    with Ledger(Budget(output_tokens=100)) as run:
        run.set_aside(claim(60), name="synthesis")
        run.reserve(claim(40))
        with run.allot(name="node") as node, node.open("synthesis"):
            assert node.reserve(claim(60)).max_output_tokens == 60


def test_giving_back_twice_leaves_its_successor_alone() -> None:
    with Ledger(Budget(output_tokens=100)) as outer:
        with outer.allot(name="inner") as inner:
            first = inner.set_aside(claim(60), name="synthesis")
            first.give_back()
            inner.set_aside(claim(60), name="synthesis")
            first.give_back()
        assert outer.remaining.output_tokens == 100


def test_opening_what_is_not_there_is_an_error_unless_allowed() -> None:
    with Ledger() as fence:
        with pytest.raises(ConfigurationError, match="nothing is set aside"):
            fence.open("synthesis")
        with fence.open("synthesis", missing_ok=True):
            pass


def test_two_of_one_name_are_an_error() -> None:
    with Ledger() as fence:
        fence.set_aside(claim(1), name="synthesis")
        with pytest.raises(ConfigurationError, match="another name"):
            fence.set_aside(claim(1), name="synthesis")


def test_an_over_report_is_not_paid_out_of_it() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        hold = fence.set_aside(claim(60), name="synthesis")
        fence.reserve(claim(10)).settle(used(70))
        with hold.open():
            assert fence.reserve(claim(60)).max_output_tokens == 30


def test_given_back_it_lets_waiters_in() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=100)) as fence:
            hold = fence.set_aside(claim(50), name="synthesis")
            first = fence.reserve(claim(50))
            waiting = asyncio.create_task(fence.areserve(claim(50)))
            await asyncio.sleep(0)
            hold.give_back()
            assert (await asyncio.wait_for(waiting, 5)).max_output_tokens == 50
            first.release()

    asyncio.run(scenario())


def test_a_fence_that_is_not_entered_sets_nothing_aside() -> None:
    with pytest.raises(ConfigurationError, match="not entered"):
        Ledger(Budget(output_tokens=100)).set_aside(claim(60), name="synthesis")


def test_shrunk_it_frees_what_the_call_does_not_need_and_keeps_the_rest() -> None:
    with Ledger(Budget(total_tokens=100, calls=3)) as fence:
        hold = fence.set_aside(claim(30, prompt_tokens=50), name="synthesis")
        hold.shrink(claim(20, prompt_tokens=40))
        assert fence.remaining == Budget(total_tokens=40, calls=2)
        assert hold.remaining == Budget(total_tokens=60, calls=1)
        hold.shrink(claim(90, prompt_tokens=90))
        assert fence.remaining.total_tokens == 40
        hold.give_back()
        assert fence.remaining == Budget(total_tokens=100, calls=3)


def test_shrunk_it_lets_in_who_waited_for_what_it_freed() -> None:
    async def scenario() -> int:
        with Ledger(Budget(output_tokens=100)) as fence:
            hold = fence.set_aside(claim(60), name="synthesis")
            flying = fence.reserve(claim(30))
            waiting = asyncio.create_task(fence.areserve(claim(40, min_output_tokens=40)))
            await asyncio.sleep(0)
            hold.shrink(claim(20))
            admitted = (await waiting).max_output_tokens
            flying.release()
            return admitted

    assert asyncio.run(scenario()) == 40
