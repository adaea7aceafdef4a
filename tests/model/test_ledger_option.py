"""A model and the fences that its calls are charged to: closed ones, and callbacks."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from outlay.budget import Budget
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelUnavailableError
from outlay.ledger import Ledger, current_ledger
from outlay.model import Model
from outlay.testing import CountingServer, Fault, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_closed_fence_is_refused_when_the_model_is_made() -> None:
    with Ledger(Budget(calls=5), name="mine") as closed:
        pass
    with pytest.raises(ConfigurationError, match="'mine' is closed"):
        Model("openai/test", ledger=closed)


def test_a_fence_that_closed_since_is_refused_at_the_call(
    server: CountingServer, served: Callable[..., Model]
) -> None:
    with Ledger(Budget(calls=5), name="mine") as fence:
        model = served(server, ledger=fence)
        asyncio.run(model.complete("hi"))
    with pytest.raises(ConfigurationError, match="'mine' is closed"):
        asyncio.run(model.complete("hi"))
    assert server.requests == 1
    with fence:
        asyncio.run(model.complete("hi"))
    assert fence.usage.calls == 2


def test_a_task_that_outlives_its_fence_is_told_so(
    server: CountingServer, served: Callable[..., Model]
) -> None:
    async def scenario() -> None:
        left = asyncio.Event()

        async def later() -> None:
            await left.wait()
            await served(server).complete("hi")

        with Ledger(Budget(calls=5)):
            task = asyncio.create_task(later())
            await asyncio.sleep(0)
        left.set()
        with pytest.raises(ConfigurationError, match="closed"):
            await task

    asyncio.run(scenario())
    assert server.requests == 0


def test_a_call_that_waits_in_a_fence_that_closes_ran_out_of_budget(served: Callable[..., Model]) -> None:
    async def scenario(model: Model) -> None:
        with Ledger(Budget(calls=9, output_tokens=10)):
            calls = [asyncio.create_task(model.complete("hi", max_output_tokens=10)) for _ in range(2)]
            await asyncio.to_thread(server.wait_for, 1)
            await asyncio.sleep(0.05)
        done = await asyncio.gather(*calls, return_exceptions=True)
        (refused,) = [found for found in done if isinstance(found, BaseException)]
        assert isinstance(refused, BudgetExhaustedError)
        assert refused.limit == "closed"

    with CountingServer(delay=0.5) as server:
        asyncio.run(scenario(served(server)))


def test_a_call_whose_fence_closed_meanwhile_is_not_tried_again(served: Callable[..., Model]) -> None:
    async def scenario(model: Model) -> Ledger:
        with Ledger(Budget(calls=9)) as ledger:
            call = asyncio.create_task(model.complete("hi"))
            await asyncio.to_thread(server.wait_for, 1)
        with pytest.raises(ModelUnavailableError):
            await call
        return ledger

    with CountingServer(delay=0.5, faults=[Fault.FAILED_AFTER] * 3) as server:
        ledger = asyncio.run(scenario(served(server)))
        assert ledger.usage.calls == server.requests == 1


def test_a_callback_may_ask_a_model_inside_the_same_fence(
    server: CountingServer, served: Callable[..., Model]
) -> None:
    model, done = served(server), threading.Event()

    def ask(ledger: Ledger) -> None:
        assert current_ledger() is ledger
        asyncio.run(model.complete("what is left?"))
        done.set()

    with Ledger(Budget(calls=4)) as ledger:
        ledger.on_share(0.25, ask)
        asyncio.run(model.complete("hi"))
        assert done.wait(60)
        asyncio.run(model.complete("hi"))
    assert ledger.usage.calls == server.requests == 3


def test_a_callback_may_be_a_coroutine_function(server: CountingServer, served: Callable[..., Model]) -> None:
    model, done = served(server), threading.Event()

    async def ask(ledger: Ledger) -> None:
        await model.complete(f"what is left of {ledger.name}?")
        done.set()

    with Ledger(Budget(calls=4)) as ledger:
        ledger.on_share(0.25, ask)
        asyncio.run(model.complete("hi"))
        assert done.wait(60)
    assert ledger.usage.calls == 2


def test_a_callback_that_raises_loses_no_reply(server: CountingServer, served: Callable[..., Model]) -> None:
    def fail(ledger: Ledger) -> None:
        raise LookupError(ledger.name)

    with Ledger(Budget(calls=1)) as ledger:
        ledger.on_share(0.5, fail)
        assert asyncio.run(served(server).complete("hi")).text
    assert (ledger.usage.calls, ledger.unconfirmed.calls) == (1, 0)


def test_a_callback_that_never_ends_holds_up_no_call() -> None:
    end = threading.Event()
    with Ledger(Budget(calls=2)) as ledger:
        ledger.on_share(0.5, lambda _: end.wait())
        model = ScriptedModel(["a", "b"])
        assert [asyncio.run(model.complete("hi")).text for _ in range(2)] == ["a", "b"]
    end.set()
