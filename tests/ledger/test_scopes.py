"""Which fence a call is inside of, when fences open and close, and what outlives them."""

import asyncio
import contextvars
import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from outlay import current_ledger, require_fence
from outlay.budget import Budget, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import Claim, Ledger, Reservation, Snapshot
from outlay.ledger.turn import Turn

CLAIM = Claim(model="m", prompt_tokens=5, max_output_tokens=10)
TEN = Usage(calls=1, generations=1, prompt_tokens=5, output_tokens=10)


def test_the_parent_is_the_ambient_fence() -> None:
    with Ledger(name="outer") as outer, Ledger(name="inner") as inner:
        assert inner.parent is outer
        inner.reserve(CLAIM).settle(TEN)
    assert outer.usage.output_tokens == 10


def test_allotting_on_an_outer_handle_from_inside_is_an_error() -> None:
    escaping = pytest.raises(ConfigurationError, match="would escape it")
    with Ledger(name="outer") as outer, outer.allot(name="inner"), escaping:
        outer.allot(name="escape")


def test_one_ledger_under_two_parents_at_once_is_an_error() -> None:
    shared = Ledger(name="shared")

    def enter_elsewhere() -> None:
        with Ledger(name="other"), shared:
            pass

    refused = pytest.raises(ConfigurationError, match="open inside another fence")
    with Ledger(name="first"), shared, ThreadPoolExecutor(1) as thread, refused:
        thread.submit(enter_elsewhere).result()


def test_a_ledger_may_be_entered_again_and_keeps_its_sums() -> None:
    ledger = Ledger(Budget(output_tokens=15))
    with ledger:
        ledger.reserve(CLAIM).settle(TEN)
    with Ledger(name="day") as day, ledger:
        assert ledger.reserve(CLAIM).max_output_tokens == 5
    assert ledger.usage.output_tokens == 10
    assert day.usage.output_tokens == 0


def test_a_closed_fence_refuses_calls_and_its_waiters() -> None:
    async def scenario() -> None:
        with Ledger(name="outer") as outer:
            with outer.allot(Budget(output_tokens=10), name="inner") as inner:
                flying = inner.reserve(CLAIM)
                waiting = asyncio.create_task(inner.areserve(CLAIM))
                await asyncio.sleep(0)
            with pytest.raises(BudgetExhaustedError, match="closed"):
                await waiting
            with pytest.raises(ConfigurationError, match="closed"):
                inner.reserve(CLAIM)
            with pytest.raises(ConfigurationError, match="closed"):
                inner.set_aside(CLAIM, name="later")
            flying.settle(TEN)
            assert (inner.usage.output_tokens, outer.usage.output_tokens) == (10, 10)
            assert outer.report().children[0].usage.output_tokens == 10

    asyncio.run(scenario())


def test_leaving_restores_the_nearest_open_ancestor() -> None:
    outer, inner = Ledger(name="outer"), Ledger(name="inner")
    outer.__enter__()
    inner.__enter__()
    outer.__exit__()
    assert current_ledger() is inner
    inner.__exit__()
    assert current_ledger() is None


def test_an_abandoned_generator_does_not_remove_an_unrelated_fence() -> None:
    async def stream() -> AsyncGenerator[int, None]:
        with Ledger(name="stream"):
            yield 1
            yield 2

    async def scenario() -> None:
        abandoned = stream()
        await anext(abandoned)
        with Ledger(name="unrelated") as unrelated:
            await abandoned.aclose()
            assert current_ledger() is unrelated

    asyncio.run(scenario())


def test_the_clock_starts_with_the_first_entry_and_only_then() -> None:
    ledger = Ledger(Budget(seconds=100))
    with ledger:
        first = ledger.deadline
    with ledger:
        assert ledger.deadline == first


def test_a_call_after_the_deadline_is_refused() -> None:
    with Ledger(Budget(seconds=0)) as fence, pytest.raises(BudgetExhaustedError) as refused:
        fence.reserve(CLAIM)
    assert refused.value.limit == "seconds"


def test_a_ledger_called_by_name_is_charged_beside_the_ambient_fence() -> None:
    app = Ledger(Budget(output_tokens=100), name="app")
    with Ledger(Budget(output_tokens=8), name="request") as request:
        assert app.reserve(CLAIM).max_output_tokens == 8
        request_usage = request.remaining.output_tokens
    assert (request_usage, app.remaining.output_tokens) == (0, 92)


def test_a_narrower_ambient_fence_counts_for_an_outer_handle() -> None:
    with Ledger(Budget(output_tokens=100)) as outer, outer.allot(Budget(output_tokens=3), name="inner"):
        assert outer.reserve(CLAIM).max_output_tokens == 3


def test_bind_carries_a_fence_into_a_thread() -> None:
    with Ledger() as fence, ThreadPoolExecutor(1) as thread:
        assert thread.submit(current_ledger).result() is None
        assert thread.submit(fence.bind(current_ledger)).result() is fence


def test_bind_carries_a_fence_into_a_coroutine_of_another_loop() -> None:
    async def ambient() -> Ledger | None:
        await asyncio.sleep(0)
        return current_ledger()

    with Ledger() as fence, ThreadPoolExecutor(1) as thread:
        assert thread.submit(lambda: asyncio.run(fence.bind(ambient)())).result() is fence


def test_a_fence_reaches_tasks_and_to_thread() -> None:
    async def scenario() -> None:
        with Ledger() as fence:
            assert await asyncio.to_thread(require_fence) is fence

    asyncio.run(scenario())


def test_no_fence_is_an_error_for_those_who_require_one() -> None:
    with pytest.raises(ConfigurationError, match="with Ledger"):
        require_fence()


def test_callbacks_run_once_and_in_order_apart_from_the_calls() -> None:
    seen: SimpleQueue[tuple[float, int, str]] = SimpleQueue()

    def note(share: float) -> Callable[[Ledger], None]:
        return lambda ledger: seen.put((share, ledger.usage.output_tokens, threading.current_thread().name))

    with Ledger(Budget(output_tokens=30)) as fence:
        fence.on_share(0.5, note(0.5))
        for _ in range(2):
            fence.reserve(CLAIM).settle(TEN)
        assert seen.get(timeout=60) == (0.5, 20, "outlay-callbacks")
        fence.on_share(1.0, note(1.0))
        fence.reserve(CLAIM).settle(TEN)
        assert seen.get(timeout=60) == (1.0, 30, "outlay-callbacks")
    assert seen.empty()


def test_a_callback_that_raises_is_logged_by_name(caplog: pytest.LogCaptureFixture) -> None:
    done = threading.Event()

    def fail(ledger: Ledger) -> None:
        raise ZeroDivisionError(ledger.name)

    with Ledger(Budget(calls=1), name="mine") as fence:
        fence.on_share(0.5, fail)
        fence.on_share(0.6, lambda _: done.set())
        fence.reserve(CLAIM).settle(TEN)
        assert done.wait(60)
    assert "fail" in caplog.text
    assert "'mine'" in caplog.text
    assert fence.usage.output_tokens == 10


def _snapshot() -> dict[str, Any]:
    with Ledger(Budget(output_tokens=100), name="app") as ledger:
        ledger.reserve(CLAIM).settle(TEN)
        return ledger.snapshot().model_dump(mode="json")


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "spent below 0": lambda taken: taken.update(spent=[1, -1000, 15, 0]),
    "booked below 0": lambda taken: taken["tally"]["booked"].update(prompt=-1000),
    "a model's below 0": lambda taken: taken["tally"]["by_model"]["m"].update(output=-1),
    "unconfirmed below 0": lambda taken: taken["tally"]["unconfirmed"].update(picodollars=-1),
    "no integer": lambda taken: taken["tally"]["booked"].update(calls=1.5),
    "a truth value": lambda taken: taken["tally"]["booked"].update(calls=True),
    "too large": lambda taken: taken["tally"]["booked"].update(output=10**400),
    "a count is missing": lambda taken: taken["tally"]["booked"].pop("output"),
    "a sum is missing": lambda taken: taken["tally"].pop("booked"),
    "no sums": lambda taken: taken["tally"].update(by_model=[3]),
    "time below 0": lambda taken: taken.update(seconds=-1),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_snapshot_is_refused(damage: str) -> None:
    taken = _snapshot()
    DAMAGES[damage](taken)
    with pytest.raises(ConfigurationError):
        Snapshot.model_validate_json(json.dumps(taken))
    with pytest.raises(ConfigurationError):
        Snapshot(**taken)


def test_a_snapshot_from_before_cache_writes_were_counted_is_restored() -> None:
    taken = _snapshot()
    for sums in (taken["tally"]["booked"], taken["tally"]["by_model"]["m"]):
        del sums["written"]
    assert Ledger.restore(Snapshot(**taken)).usage.output_tokens == 10


def test_a_snapshot_survives_json_and_goes_on() -> None:
    with Ledger(Budget(output_tokens=100, seconds=50), name="app") as ledger:
        with ledger.allot(name="node") as node:
            node.reserve(CLAIM).settle(TEN)
        flying = ledger.reserve(CLAIM)
        taken = ledger.snapshot().model_dump_json()
        flying.release()
    restored = Ledger.restore(Snapshot.model_validate_json(taken))
    with restored:
        assert restored.usage.output_tokens == 20
        assert restored.unconfirmed.output_tokens == 10
        assert restored.remaining.output_tokens == 80
        assert restored.report().children[0].name == "node"
        assert (restored.seconds_left() or 0) < 50


def test_children_of_one_name_are_one_row() -> None:
    with Ledger() as run:
        for _ in range(3):
            with run.allot(name="draft") as draft:
                draft.reserve(CLAIM).settle(TEN)
        with run.allot(name="open") as still:
            still.reserve(CLAIM).settle(TEN)
            report = run.report()
    assert [(c.name, c.usage.calls) for c in report.children] == [("draft", 3), ("open", 1)]
    assert report.by_model["m"].calls == 4
    assert "draft" in str(report)


def test_closed_fences_are_not_kept() -> None:
    with Ledger() as run:
        for _ in range(100):
            with run.allot(name="call"):
                pass
        assert run.children == []


def test_a_finalizer_inside_the_critical_section_settles_after_it() -> None:
    class Stream:
        def __init__(self, reservation: Reservation) -> None:
            self.reservation = reservation
            self.cycle = self

        def __del__(self) -> None:
            self.reservation.forfeit()

    with Ledger(Budget(output_tokens=10)) as fence:
        gc.disable()
        Stream(fence.reserve(CLAIM))
        with Turn():
            gc.collect()
        gc.enable()
        assert fence.unconfirmed.output_tokens == 10


def test_a_fence_abandoned_inside_the_critical_section_closes_after_it() -> None:
    def stream() -> Iterator[None]:
        with Ledger(name="stream"):
            yield

    with Ledger() as fence:
        gc.disable()
        ring: list[object] = [stream()]
        next(ring[0])  # type: ignore[call-overload]
        ring.append(ring)
        abandoned = current_ledger()
        del ring
        with Turn():
            gc.collect()
        gc.enable()
        assert current_ledger() is fence
    assert abandoned is not None
    assert (abandoned.name, abandoned.closed) == ("stream", True)


def test_a_hold_given_back_inside_the_critical_section_is_free_after_it() -> None:
    with Ledger(Budget(output_tokens=10)) as fence:
        hold = fence.set_aside(CLAIM, name="synthesis")
        with Turn():
            hold.give_back()
        assert fence.remaining.output_tokens == 10


def test_a_callback_that_raises_keeps_no_waiter_waiting() -> None:
    def fail(_: Ledger) -> None:
        raise LookupError

    async def scenario() -> None:
        with Ledger(Budget(output_tokens=20)) as fence:
            fence.on_share(0.1, fail)
            flying = fence.reserve(CLAIM.model_copy(update={"max_output_tokens": 20}))
            waiting = asyncio.create_task(fence.areserve(CLAIM))
            await asyncio.sleep(0)
            flying.settle(TEN)
            assert (await asyncio.wait_for(waiting, 5)).max_output_tokens == 10

    asyncio.run(scenario())


def test_the_ambient_deadline_bounds_waiting_on_a_ledger_called_by_name() -> None:
    app = Ledger(Budget(output_tokens=10), name="app")
    app.reserve(CLAIM)
    late = pytest.raises(BudgetExhaustedError, match="deadline of fence 'request'")
    with Ledger(Budget(seconds=0.05), name="request"), late:
        app.reserve(CLAIM)


def test_a_fence_opened_again_with_a_call_in_flight_is_reported_once() -> None:
    with Ledger() as run:
        again = run.allot(name="again")
        with again:
            flying = again.reserve(CLAIM)
        with again:
            again.reserve(CLAIM).settle(TEN)
            flying.settle(TEN)
        assert [(c.name, c.usage.calls) for c in run.report().children] == [("again", 2)]


def test_random_load_from_four_loops_never_passes_a_fence() -> None:
    outer = Ledger(Budget(output_tokens=5_000, calls=400), name="outer")

    async def call(size: int) -> None:
        try:
            reservation = await outer.areserve(Claim(max_output_tokens=size))
        except BudgetExhaustedError:
            return
        try:
            await asyncio.sleep(0.0001 * (size % 5))
        except asyncio.CancelledError:
            reservation.forfeit()
            raise
        reservation.settle(
            Usage(calls=1, generations=1, output_tokens=min(size // 3, reservation.max_output_tokens))
        )

    async def loop(seed: int) -> None:
        tasks = [asyncio.create_task(call(20 + (seed * 31 + i * 17) % 90)) for i in range(120)]
        await asyncio.sleep(0.001)
        for task in tasks[::7]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    with outer:
        threads = [threading.Thread(target=lambda s=s: asyncio.run(loop(s))) for s in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert outer.usage.output_tokens <= 5_000
    assert outer.usage.calls <= 400
    assert (outer.reserved, outer.held, outer.in_flight, list(outer.queue)) == ([0] * 4, [0] * 4, 0, [])


def test_a_fence_does_not_move_while_one_inside_it_is_open() -> None:
    moved = Ledger(name="moved")
    with moved:
        inside = moved.allot(name="inside")
        contextvars.copy_context().run(inside.__enter__)
    stuck = pytest.raises(ConfigurationError, match="still in use elsewhere")
    with Ledger(Budget(output_tokens=1), name="narrow"), stuck, moved:
        pass
    inside.__exit__()


def test_what_was_booked_before_a_fence_moved_is_no_row_of_the_new_parent() -> None:
    app = Ledger(name="app")
    app.reserve(CLAIM).settle(TEN)
    with Ledger(name="day") as day, app:
        app.reserve(CLAIM).settle(TEN)
    assert app.usage.calls == 2
    assert day.report().children[0].usage.calls == 1


def test_a_thread_that_leaves_a_fence_is_outside_of_it_though_others_are_inside() -> None:
    shared = Ledger(name="shared")

    def visit() -> Ledger | None:
        with shared:
            pass
        return current_ledger()

    with shared, ThreadPoolExecutor(1) as thread:
        assert thread.submit(visit).result() is None
        assert current_ledger() is shared


def test_a_thread_that_leaves_an_allotment_is_not_inside_its_parent() -> None:
    def visit(allotted: Ledger) -> Ledger | None:
        with allotted:
            pass
        return current_ledger()

    with Ledger() as fence, ThreadPoolExecutor(1) as thread:
        assert thread.submit(visit, fence.allot(name="node")).result() is None


def test_a_fence_entered_twice_is_ambient_until_it_is_left_twice() -> None:
    with Ledger() as fence:
        with fence:
            pass
        assert current_ledger() is fence
        assert not fence.closed
    assert current_ledger() is None


def test_a_call_in_flight_wakes_those_who_wait_for_it_after_its_fence_moved() -> None:
    app = Ledger(Budget(output_tokens=10), name="app")
    flying = app.reserve(CLAIM)

    async def scenario() -> None:
        with Ledger(name="day"), app:
            waiting = asyncio.create_task(app.areserve(CLAIM))
            await asyncio.sleep(0)
            flying.release()
            assert (await asyncio.wait_for(waiting, 5)).max_output_tokens == 10

    asyncio.run(scenario())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_of_a_fork_does_not_inherit_a_held_lock() -> None:
    code = """
import os, threading, warnings
from outlay import Budget, Ledger
from outlay.ledger.turn import Turn
warnings.simplefilter("ignore")
holding, done = threading.Event(), threading.Event()
def hold():
    with Turn():
        holding.set()
        done.wait(20)
threading.Thread(target=hold).start()
holding.wait()
child = os.fork()
if child == 0:
    with Ledger(Budget(calls=1)) as fence:
        os._exit(0 if fence.remaining.calls == 1 else 1)
status = os.waitpid(child, 0)[1]
done.set()
raise SystemExit(os.waitstatus_to_exitcode(status))
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0
