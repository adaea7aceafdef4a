"""Who is admitted, clipped, kept waiting and refused: the rules, each with what broke without it."""

import asyncio
import contextvars
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import Claim, Ledger, Reservation

if TYPE_CHECKING:
    from collections.abc import Callable

DIME = Price(input=0, output=1_000)


def claim(tokens: int = 100, **more: object) -> Claim:
    return Claim(model="m", max_output_tokens=tokens, **more)


def used(tokens: int, **more: int) -> Usage:
    return Usage(calls=1, generations=1, output_tokens=tokens, **more)


def test_thirty_cents_admit_three_calls_of_ten() -> None:
    with Ledger(Budget(usd=0.3)) as fence:
        for _ in range(3):
            assert fence.reserve(claim(100, price=DIME)).max_output_tokens == 100
        with pytest.raises(BudgetExhaustedError):
            fence.set_aside(claim(1, price=DIME), name="more")
        assert fence.remaining.usd == 0


def test_of_fifty_calls_on_five_the_rest_is_refused_at_once() -> None:
    with Ledger(Budget(calls=5)) as fence:
        held = [fence.reserve(claim()) for _ in range(5)]
        for _ in range(45):
            with pytest.raises(BudgetExhaustedError, match="calls") as refused:
                fence.reserve(claim())
            assert (refused.value.fence, refused.value.limit) == ("run", "calls")
    assert len(held) == 5


def test_patience_comes_before_clipping() -> None:
    async def call(fence: Ledger) -> int:
        reservation = await fence.areserve(claim(400))
        await asyncio.sleep(0.005)
        reservation.settle(used(100))
        return reservation.max_output_tokens

    async def scenario() -> list[int]:
        with Ledger(Budget(output_tokens=1000)) as fence:
            return sorted(await asyncio.gather(*(call(fence) for _ in range(8))))

    assert asyncio.run(scenario()) == [300, *[400] * 7]


def test_clipping_comes_before_refusal() -> None:
    with Ledger(Budget(output_tokens=50)) as fence:
        reservation = fence.reserve(claim(400))
        assert reservation.max_output_tokens == 50
        reservation.release()
        with pytest.raises(BudgetExhaustedError) as refused:
            fence.reserve(claim(400, min_output_tokens=51))
    assert (refused.value.asked, refused.value.available) == (51, 50)


@pytest.mark.parametrize(
    ("budget", "admitted"),
    [
        pytest.param(Budget(output_tokens=100), 25, id="output"),
        pytest.param(Budget(total_tokens=110), 25, id="total"),
        pytest.param(Budget(usd=0.0001), 25, id="usd"),
    ],
)
def test_samples_of_one_request_share_what_is_left(budget: Budget, admitted: int) -> None:
    with Ledger(budget) as fence:
        asked = claim(400, n=4, prompt_tokens=10, price=Price(input=0, output=1))
        assert fence.reserve(asked).max_output_tokens == admitted


def test_the_tightest_fence_of_the_path_counts() -> None:
    wider = Budget(output_tokens=10_000)
    with Ledger(Budget(output_tokens=500), name="outer") as outer, outer.allot(wider, name="wide") as wide:
        assert wide.reserve(claim(9_000)).max_output_tokens == 500
        with pytest.raises(BudgetExhaustedError) as refused:
            wide.set_aside(claim(1), name="more")
    assert refused.value.fence == "outer"


def test_an_unknown_price_is_refused_under_a_dollar_limit_only() -> None:
    with Ledger(Budget(usd=1), name="paid") as paid:
        with pytest.raises(ConfigurationError, match=r"price=Price\(input=") as refused:
            paid.reserve(claim())
        assert "'paid'" in str(refused.value)
    with Ledger(Budget(output_tokens=100)) as fence:
        fence.reserve(claim()).settle(used(10))
    assert fence.usage.usd is None


def test_a_free_model_passes_a_fence_of_zero_dollars() -> None:
    with Ledger(Budget(usd=0)) as fence:
        fence.reserve(claim(price=Price(input=0, output=0))).settle(used(10))
    assert fence.usage.usd == 0


def test_a_waiter_is_granted_in_order_when_room_comes_back() -> None:
    async def scenario() -> list[str]:
        order: list[str] = []

        async def wait(name: str, tokens: int) -> None:
            reservation = await fence.areserve(claim(tokens))
            order.append(name)
            reservation.settle(used(1))

        with Ledger(Budget(output_tokens=1000)) as fence:
            first = fence.reserve(claim(900))
            tasks = []
            for name, tokens in (("large", 800), ("small", 100), ("smaller", 10)):
                tasks.append(asyncio.create_task(wait(name, tokens)))
                await asyncio.sleep(0)
            first.settle(used(50))
            await asyncio.gather(*tasks)
        return order

    assert asyncio.run(scenario())[0] == "large"


def test_a_small_call_does_not_overtake_a_large_one_that_waits() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=1000)) as fence:
            first = fence.reserve(claim(500))
            large = asyncio.create_task(fence.areserve(claim(800)))
            await asyncio.sleep(0)
            small = asyncio.create_task(fence.areserve(claim(300)))
            await asyncio.sleep(0.01)
            assert not small.done()
            first.release()
            assert (await large).max_output_tokens == 800
            (await large).settle(used(1))
            assert (await small).max_output_tokens == 300

    asyncio.run(scenario())


def test_a_call_that_fits_beside_the_waiters_passes_them() -> None:
    async def scenario() -> None:
        full_waits = asyncio.Event()

        async def beside(outer: Ledger) -> int:
            await full_waits.wait()
            with outer.allot(Budget(output_tokens=100), name="sibling") as sibling:
                return (await sibling.areserve(claim(100))).max_output_tokens

        with Ledger(Budget(output_tokens=10_000)) as outer:
            passing = asyncio.create_task(beside(outer))
            with outer.allot(Budget(output_tokens=100), name="full") as full:
                blocking = full.reserve(claim(100))
                waiting = asyncio.create_task(full.areserve(claim(50)))
                await asyncio.sleep(0)
                full_waits.set()
                assert await asyncio.wait_for(passing, 5) == 100
                assert not waiting.done()
                blocking.settle(used(50))
                assert (await asyncio.wait_for(waiting, 5)).max_output_tokens == 50

    asyncio.run(scenario())


def test_what_can_never_fit_any_more_is_refused_while_it_waits() -> None:
    async def scenario() -> BudgetExhaustedError:
        with Ledger(Budget(output_tokens=1000)) as fence:
            first = fence.reserve(claim(1000))
            waiting = asyncio.create_task(fence.areserve(claim(400, min_output_tokens=400)))
            await asyncio.sleep(0)
            first.settle(used(700))
            with pytest.raises(BudgetExhaustedError) as refused:
                await waiting
            return refused.value

    assert asyncio.run(scenario()).available == 300


def test_the_deadline_bounds_waiting_in_a_task_and_in_a_thread() -> None:
    async def in_a_task(fence: Ledger) -> None:
        with pytest.raises(BudgetExhaustedError, match="deadline"):
            await fence.areserve(claim())

    with Ledger(Budget(calls=2, output_tokens=100, seconds=0.05)) as fence:
        fence.reserve(claim())
        with pytest.raises(BudgetExhaustedError, match="deadline") as refused:
            fence.reserve(claim())
        asyncio.run(in_a_task(fence))
    assert refused.value.limit == "seconds"


def test_a_waiter_cancelled_as_it_is_granted_gives_the_grant_back() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=100)) as fence:
            first = fence.reserve(claim(100))
            cancelled = asyncio.create_task(fence.areserve(claim(100)))
            await asyncio.sleep(0)
            behind = asyncio.create_task(fence.areserve(claim(100)))
            await asyncio.sleep(0)
            first.release()
            cancelled.cancel()
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            assert (await asyncio.wait_for(behind, 5)).max_output_tokens == 100

    asyncio.run(scenario())


def test_a_cancelled_waiter_lets_the_queue_move_on() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=1000)) as fence:
            fence.reserve(claim(500))
            large = asyncio.create_task(fence.areserve(claim(800)))
            await asyncio.sleep(0)
            small = asyncio.create_task(fence.areserve(claim(300)))
            await asyncio.sleep(0)
            large.cancel()
            assert (await asyncio.wait_for(small, 5)).max_output_tokens == 300

    asyncio.run(scenario())


def test_a_thread_waits_for_a_task_and_is_woken_by_it() -> None:
    admitted: list[Reservation] = []
    with Ledger(Budget(output_tokens=100)) as fence:
        first = fence.reserve(claim(100))
        thread = threading.Thread(target=lambda: admitted.append(fence.reserve(claim(100))))
        thread.start()
        first.settle(used(40))
        thread.join(5)
        assert admitted[0].max_output_tokens == 60


def test_a_provider_that_used_more_is_booked_and_ends_the_fence() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        fence.reserve(claim(10)).settle(used(150))
        assert fence.usage.output_tokens == 150
        with pytest.raises(BudgetExhaustedError):
            fence.reserve(claim(1))


def test_a_fence_spent_to_its_limit_is_not_overspent() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        fence.reserve(claim(100)).settle(used(100))
        assert fence.remaining.output_tokens == 0


@pytest.mark.parametrize("end", ["settle", "release", "forfeit"])
def test_the_first_outcome_counts(end: str) -> None:
    outcomes: dict[str, Callable[[Reservation], object]] = {
        "settle": lambda r: r.settle(used(7)),
        "release": lambda r: r.release(),
        "forfeit": lambda r: r.forfeit(),
    }
    with Ledger(Budget(output_tokens=100)) as fence:
        reservation = fence.reserve(claim(50))
        outcomes[end](reservation)
        before = fence.usage
        for other in outcomes.values():
            other(reservation)
        assert fence.usage == before


def test_an_unknown_outcome_stays_spent_as_unconfirmed() -> None:
    with Ledger(Budget(output_tokens=100)) as fence:
        fence.reserve(claim(60, prompt_tokens=5, n=1)).forfeit()
        fence.reserve(claim(10)).settle(used(3))
    assert (fence.unconfirmed.output_tokens, fence.unconfirmed.prompt_tokens) == (60, 5)
    assert fence.usage.output_tokens == 63


def test_what_was_not_sent_is_given_back_whole() -> None:
    with Ledger(Budget(calls=1, output_tokens=100)) as fence:
        fence.reserve(claim(100)).release()
        assert fence.remaining == Budget(calls=1, output_tokens=100)
    assert fence.usage == Usage()


def test_a_thousand_waiters_are_all_served() -> None:
    async def scenario() -> int:
        async def call() -> int:
            reservation = await fence.areserve(claim(10))
            await asyncio.sleep(0)
            reservation.settle(used(1))
            return reservation.max_output_tokens

        with Ledger(Budget(output_tokens=2000)) as fence, ExitStack():
            return sum(await asyncio.gather(*(call() for _ in range(1000))))

    assert asyncio.run(scenario()) == 10_000


def test_a_waiter_behind_another_keeps_its_place_at_the_fences_around() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=1000)) as outer:
            outside = contextvars.copy_context()
            with outer.allot(Budget(output_tokens=700), name="full") as full:
                flying = full.reserve(claim(600))
                waiting = [asyncio.create_task(full.areserve(claim(300))) for _ in range(2)]
                await asyncio.sleep(0)
                later = asyncio.create_task(outer.areserve(claim(200)), context=outside)
                await asyncio.sleep(0.01)
                assert not later.done()
                flying.release()
                await asyncio.wait([*waiting, later], timeout=5)
                assert [task.result().max_output_tokens for task in (*waiting, later)] == [300, 300, 200]

    asyncio.run(scenario())


def test_a_hopeless_waiter_behind_a_patient_one_is_refused_at_once() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=1000)) as fence:
            flying, done = fence.reserve(claim(600)), fence.reserve(claim(400))
            patient = asyncio.create_task(fence.areserve(claim(500)))
            await asyncio.sleep(0)
            hopeless = asyncio.create_task(fence.areserve(claim(800, min_output_tokens=700)))
            await asyncio.sleep(0)
            done.settle(used(400))
            with pytest.raises(BudgetExhaustedError) as refused:
                await asyncio.wait_for(hopeless, 5)
            assert refused.value.available == 600
            assert not patient.done()
            flying.release()
            assert (await patient).max_output_tokens == 500

    asyncio.run(scenario())


def test_a_call_that_costs_nothing_passes_one_that_waits_for_dollars() -> None:
    async def scenario() -> None:
        with Ledger(Budget(usd=0.3)) as fence:
            flying = fence.reserve(claim(250, price=DIME))
            waiting = asyncio.create_task(fence.areserve(claim(200, price=DIME)))
            await asyncio.sleep(0)
            free = claim(500, price=Price(input=0, output=0))
            assert (await asyncio.wait_for(fence.areserve(free), 5)).max_output_tokens == 500
            flying.release()
            assert (await asyncio.wait_for(waiting, 5)).max_output_tokens == 200

    asyncio.run(scenario())


def test_calls_run_out_for_those_who_wait_for_tokens() -> None:
    async def scenario() -> list[object]:
        with Ledger(Budget(calls=5, output_tokens=100)) as fence:
            calls = [asyncio.create_task(fence.areserve(claim(20))) for _ in range(50)]
            await asyncio.sleep(0.01)
            return [task.exception() for task in calls if task.done()]

    refused = asyncio.run(scenario())
    assert [type(error) for error in refused].count(BudgetExhaustedError) == 45


def test_a_cancellation_that_meets_the_grant_is_not_swallowed_by_the_deadline() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=100, seconds=60)) as fence:
            flying = fence.reserve(claim(100))
            waiting = asyncio.create_task(fence.areserve(claim(100)))
            await asyncio.sleep(0.01)
            flying.release()
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            assert fence.remaining.output_tokens == 100

    asyncio.run(scenario())
