"""A reservation settles without its caller's code, loop and executor (the three scenarios)."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from outlay.budget import Budget
from outlay.calls import run_sync
from outlay.ledger import Ledger
from outlay.testing import CountingServer, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.model import Model

ROOM_FOR_ONE = Budget(output_tokens=40)


def test_the_consumer_of_an_open_stream_may_ask_inside_the_same_fence() -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: "a b c d")
        with Ledger(ROOM_FOR_ONE) as ledger:
            async for event in model.stream("hi", max_output_tokens=30):
                if event.text.startswith("a"):
                    await model.complete("hi", max_output_tokens=30, min_output_tokens=30)
            assert ledger.usage.output_tokens == 8

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_waiting_nodes_that_fill_the_default_executor_do_not_stop_the_call_they_wait_for(
    served: Callable[..., Model],
) -> None:
    async def scenario() -> None:
        with CountingServer(host="localhost") as server, Ledger(Budget(output_tokens=100)) as ledger:
            model = served(server)

            def node() -> str:
                call = model.complete("hi", max_output_tokens=20, min_output_tokens=20)
                return run_sync(call).text

            nodes = [asyncio.to_thread(node) for _ in range(10)]
            texts = await asyncio.gather(*nodes)
            assert len(texts) == ledger.usage.calls == 10

    asyncio.run(asyncio.wait_for(scenario(), 100))


def test_a_synchronous_call_on_a_running_loop_may_wait_for_that_loops_own_call() -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: "a b", delay=0.1)
        with Ledger(ROOM_FOR_ONE) as ledger:
            own = asyncio.create_task(model.complete("hi", max_output_tokens=30, min_output_tokens=30))
            await asyncio.sleep(0.02)
            run_sync(model.complete("hi", max_output_tokens=30, min_output_tokens=30))
            await own
            assert ledger.usage.output_tokens == 4

    asyncio.run(asyncio.wait_for(scenario(), 60))


def test_calls_from_several_threads_and_loops_share_one_fence() -> None:
    model = ScriptedModel(lambda _: "a b")
    with Ledger(Budget(calls=8, output_tokens=100)) as ledger:
        ask = ledger.bind(lambda: run_sync(model.complete("hi", max_output_tokens=20)))
        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert (ledger.usage.calls, ledger.usage.output_tokens) == (8, 16)
