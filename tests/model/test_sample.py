from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelRefusedError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.model import Choice, Completion, Model, Reply
from outlay.testing import CountingServer, Fault, ScriptedModel

Served = Callable[..., Model]


def test_samples_of_one_request_pay_for_one_prompt(model: Model, server: CountingServer) -> None:
    async def scenario() -> None:
        with Ledger() as ledger:
            completions = await model.sample("hi there", 3, max_output_tokens=5)
        assert [c.requested for c in completions] == ["shared"] * 3
        assert server.bodies[0]["n"] == 3
        assert (ledger.usage.calls, ledger.usage.generations) == (1, 3)
        assert ledger.usage.model_copy(update={"usd": 0.0}) == server.usage
        added = sum((c.usage for c in completions), Usage())
        assert added.model_copy(update={"usd": 0.0}) == server.usage

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("max_n", "asked", "requested"),
    [
        pytest.param(1, [1, 1, 1, 1, 1], "single", id="no n: single calls"),
        pytest.param(5, [5], "shared", id="one request"),
    ],
)
def test_requests_are_as_few_as_the_provider_can_make_of_it(
    max_n: int, asked: list[int], requested: str
) -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: "a", max_n=max_n)
        completions = await model.sample("hi", 5)
        assert [request.n for request in model.requests] == asked
        assert {c.requested for c in completions} == {requested}

    asyncio.run(scenario())


def test_more_samples_than_a_request_takes_come_in_chunks() -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: "a", max_n=2)
        completions = await model.sample("hi", 5)
        assert sorted(request.n for request in model.requests) == [1, 2, 2]
        assert [c.usage.calls for c in completions] == [1, 0, 1, 0, 1]

    asyncio.run(scenario())


def test_the_callers_max_n_overrules_the_providers(server: CountingServer, served: Served) -> None:
    asyncio.run(served(server, max_n=1).sample("hi", 2, max_output_tokens=5))
    assert [body.get("n") for body in server.bodies] == [None, None]


def test_one_permanently_failed_sample_costs_that_sample() -> None:
    async def scenario() -> None:
        model = ScriptedModel(["a", ModelRefusedError("no"), "b"])
        assert [c.text for c in await model.sample("hi", 3)] == ["a", "b"]

    asyncio.run(scenario())


def test_failures_are_given_in_their_places_on_request() -> None:
    async def scenario() -> None:
        model = ScriptedModel(["a", ModelRefusedError("no"), "b"])
        kinds = [type(item) for item in await model.sample("hi", 3, return_failures=True)]
        assert kinds == [Completion, ModelRefusedError, Completion]

    asyncio.run(scenario())


def test_all_samples_failed_is_the_first_failure() -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: ModelUnavailableError("down"), retries=0)
        with pytest.raises(ModelUnavailableError, match="down"):
            await model.sample("hi", 3)

    asyncio.run(scenario())


def test_samples_that_the_fence_cannot_hold_are_left_out() -> None:
    async def scenario() -> None:
        with Ledger(Budget(calls=2)):
            assert len(await ScriptedModel(lambda _: "a").sample("hi", 3)) == 2
            with pytest.raises(BudgetExhaustedError):
                await ScriptedModel(lambda _: "a").sample("hi", 3)

    asyncio.run(scenario())


def test_a_server_that_refuses_n_is_asked_one_by_one() -> None:
    def refuses(request: object) -> str | Exception:
        return ModelRefusedError("n is not supported") if getattr(request, "n") > 1 else "a"  # noqa: B009

    async def scenario() -> None:
        model = ScriptedModel(refuses, max_n=8)
        with Ledger() as ledger:
            completions = await model.sample("hi", 3)
        assert [c.requested for c in completions] == ["single"] * 3
        assert ledger.usage.calls == 4

    asyncio.run(scenario())


def test_a_server_that_ignores_n_is_asked_for_the_rest() -> None:
    one = Reply(choices=(Choice(text="a"),), usage=Usage(prompt_tokens=1, output_tokens=1))

    async def scenario() -> None:
        model = ScriptedModel(lambda _: one, max_n=8)
        assert [c.text for c in await model.sample("hi", 3)] == ["a", "a", "a"]
        assert [request.n for request in model.requests] == [3, 2, 1]

    asyncio.run(scenario())


def test_a_request_of_n_is_reserved_n_times_over(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer() as server, Ledger(Budget(output_tokens=10)):
            completions = await served(server, price=Price(input=0, output=0)).sample("hi", 4)
        assert server.bodies[0]["max_tokens"] == 2
        assert len(completions) == 4

    asyncio.run(scenario())


def test_no_usage_for_n_stays_spent_and_is_shared_out(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.NO_USAGE]) as server, Ledger() as ledger:
            completions = await served(server).sample("hi", 3, max_output_tokens=9)
        assert sum(c.usage.output_tokens for c in completions) == ledger.unconfirmed.output_tokens == 27

    asyncio.run(scenario())


def test_no_samples_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        asyncio.run(ScriptedModel([]).sample("hi", 0))
