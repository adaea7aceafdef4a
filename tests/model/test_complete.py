from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelRefusedError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.model import Choice, Model, Reply, ToolCall
from outlay.testing import CountingServer, Fault, ScriptedModel

Served = Callable[..., Model]

STANDARD: dict[str, Any] = {
    "temperature": 0.5,
    "top_p": 0.9,
    "stop": ["END"],
    "seed": 7,
    "logprobs": True,
    "top_logprobs": 2,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "logit_bias": {"5": -1.0},
    "user": "someone",
    "metadata": {"run": "1"},
    "response_format": {"type": "json_object"},
    "parallel_tool_calls": False,
}
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "adds",
        "parameters": {"type": "object", "properties": {"a": {"type": "number"}}},
    },
}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "user", "content": "what is 1 + 2?"},
    {
        "role": "assistant",
        "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "3"},
]


def test_a_completion_is_billed_as_the_server_counts(model: Model, server: CountingServer) -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=100)) as ledger:
            completion = await model.complete("hi there", max_output_tokens=5)
        assert completion.text == "one two three four five"
        assert (completion.finish_reason, completion.requested) == ("length", "single")
        assert completion.usage == ledger.usage
        assert ledger.usage.model_copy(update={"usd": 0.0}) == server.usage
        assert ledger.usage.usd == pytest.approx(
            (ledger.usage.prompt_tokens + 2 * ledger.usage.output_tokens) / 1e6
        )

    asyncio.run(scenario())


def test_every_standard_parameter_reaches_the_provider(model: Model, server: CountingServer) -> None:
    asyncio.run(model.complete("hi", max_output_tokens=5, **STANDARD))
    (body,) = server.bodies
    assert {name: body.get(name) for name in STANDARD} == STANDARD
    assert body["max_tokens"] == 5


def test_a_field_that_the_chat_api_does_not_know_goes_by_extra_body(
    model: Model, server: CountingServer
) -> None:
    asyncio.run(model.complete("hi", extra_body={"min_p": 0.1}))
    assert server.bodies[0]["min_p"] == 0.1


def test_a_models_defaults_hold_for_calls_that_do_not_say(server: CountingServer, served: Served) -> None:
    async def scenario() -> None:
        model = served(server, temperature=0.3, seed=1)
        await model.complete("hi", seed=2)

    asyncio.run(scenario())
    (body,) = server.bodies
    assert (body["temperature"], body["seed"], body["max_tokens"]) == (0.3, 2, 1024)


def test_tools_go_in_and_tool_calls_come_out(served: Served) -> None:
    call = ToolCall(id="c2", name="add", arguments='{"a": 3}')

    async def scenario() -> None:
        with CountingServer(Choice(finish_reason="tool_calls", tool_calls=(call,))) as server:
            completion = await served(server).complete(CONVERSATION, tools=[TOOL], tool_choice="auto")
        assert completion.finish_reason == "tool_calls"
        assert [(c.name, c.arguments) for c in completion.tool_calls] == [("add", '{"a": 3}')]
        (body,) = server.bodies
        assert (body["tools"], body["tool_choice"]) == ([TOOL], "auto")
        assert body["messages"] == CONVERSATION

    asyncio.run(scenario())


def test_logprobs_come_out(model: Model) -> None:
    completion = asyncio.run(model.complete("hi", max_output_tokens=2, logprobs=True))
    assert completion.logprobs is not None
    assert "".join(token.token for token in completion.logprobs).split() == ["one", "two"]


def test_what_is_asked_is_clipped_to_what_the_fence_affords(model: Model, server: CountingServer) -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=3)):
            completion = await model.complete("hi", max_output_tokens=100)
        assert completion.text == "one two three"

    asyncio.run(scenario())
    assert server.bodies[0]["max_tokens"] == 3


def test_a_call_below_its_minimum_is_refused_before_it_is_made(model: Model, server: CountingServer) -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=3)), pytest.raises(BudgetExhaustedError):
            await model.complete("hi", max_output_tokens=100, min_output_tokens=4)

    asyncio.run(scenario())
    assert server.requests == 0


def test_thinking_is_kept_apart() -> None:
    async def scenario() -> None:
        model = ScriptedModel(["<think>hm, 6 times 7</think>42", "<think>hm, 6"])
        whole, cut = await model.complete("q"), await model.complete("q")
        assert (whole.text, whole.reasoning) == ("42", "hm, 6 times 7")
        assert (cut.text, cut.reasoning) == ("", "hm, 6")

    asyncio.run(scenario())


def test_a_retry_is_a_call_admitted_and_billed_again(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.RATE_LIMITED, Fault.FAILED_BEFORE]) as server:
            with Ledger() as ledger:
                completion = await served(server).complete("hi", max_output_tokens=5)
            assert completion.usage.calls == 1
            assert (ledger.usage.calls, server.requests) == (3, 3)
            assert ledger.unconfirmed.calls == 1
            assert (ledger.usage.output_tokens, server.usage.output_tokens) == (10, 5)

    asyncio.run(scenario())


def test_a_retry_that_the_fence_cannot_hold_is_refused_with_its_cause(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.RATE_LIMITED]) as server, Ledger(Budget(calls=1)):
            with pytest.raises(BudgetExhaustedError) as caught:
                await served(server).complete("hi", max_output_tokens=5)
            assert isinstance(caught.value.__cause__, ModelUnavailableError)
            assert server.requests == 1

    asyncio.run(scenario())


def test_a_refusal_is_not_tried_again(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.BAD_REQUEST] * 3) as server:
            with pytest.raises(ModelRefusedError):
                await served(server).complete("hi")
            assert server.requests == 1

    asyncio.run(scenario())


def test_the_last_failure_carries_the_bill_of_all_attempts(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.FAILED_BEFORE] * 3) as server, Ledger() as ledger:
            with pytest.raises(ModelUnavailableError) as caught:
                await served(server).complete("hi", max_output_tokens=5)
            assert caught.value.usage is not None
            assert caught.value.usage.calls == ledger.usage.calls == 3
            assert caught.value.usage.output_tokens == ledger.unconfirmed.output_tokens == 15

    asyncio.run(scenario())


@pytest.mark.parametrize("fault", [Fault.NO_USAGE, Fault.ZERO_USAGE])
def test_an_answer_without_usage_is_kept_and_its_reservation_stays_spent(
    fault: Fault, served: Served
) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[fault]) as server, Ledger() as ledger:
            completion = await served(server).complete("hi", max_output_tokens=20)
            assert completion.text.startswith("one two")
            assert ledger.usage == ledger.unconfirmed == completion.usage
            assert ledger.usage.output_tokens == 20
            assert ledger.usage.prompt_tokens >= server.usage.prompt_tokens

    asyncio.run(scenario())


def test_no_choices_is_an_error_billed_as_reported(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.NO_CHOICES]) as server, Ledger() as ledger:
            with pytest.raises(ModelUnavailableError, match="without any choice"):
                await served(server, retries=0).complete("hi", max_output_tokens=20)
            assert ledger.usage.total_tokens == server.usage.total_tokens
            assert ledger.unconfirmed == Usage()

    asyncio.run(scenario())


def test_the_truth_is_booked_when_more_was_used_than_reserved(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(faults=[Fault.OVER_REPORT]) as server, Ledger(Budget(output_tokens=5)) as ledger:
            await served(server).complete("hi", max_output_tokens=5)
            assert ledger.usage.output_tokens == server.usage.output_tokens == 15
            with pytest.raises(BudgetExhaustedError):
                await served(server).complete("hi", max_output_tokens=1)

    asyncio.run(scenario())


def test_a_deadline_bounds_a_call_in_flight(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(delay=1) as server, Ledger(Budget(seconds=0.3)) as ledger:
            with pytest.raises(BudgetExhaustedError) as caught:
                await served(server, retries=0).complete("hi", max_output_tokens=5)
            assert caught.value.limit == "seconds"
            assert isinstance(caught.value.__cause__, ModelUnavailableError)
            assert ledger.unconfirmed.calls == 1

    asyncio.run(scenario())


def test_a_cancelled_call_is_settled_when_its_caller_sees_it(served: Served) -> None:
    async def scenario() -> None:
        with CountingServer(delay=1) as server, Ledger(Budget(output_tokens=10)) as ledger:
            task = asyncio.create_task(served(server).complete("hi", max_output_tokens=10))
            assert await asyncio.to_thread(server.wait_for, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ledger.unconfirmed.output_tokens == ledger.usage.output_tokens == 10

    asyncio.run(scenario())


def test_a_call_cancelled_before_it_was_sent_costs_nothing() -> None:
    async def scenario() -> None:
        model = ScriptedModel(lambda _: asyncio.sleep(30, "late"))
        with Ledger(Budget(output_tokens=10)) as ledger:
            first = asyncio.create_task(model.complete("hi", max_output_tokens=10))
            waiting = asyncio.create_task(model.complete("hi", max_output_tokens=10))
            await asyncio.sleep(0.1)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            first.cancel()
            with pytest.raises(asyncio.CancelledError):
                await first
            assert ledger.usage.calls == 1
            assert len(model.requests) == 1

    asyncio.run(scenario())


def test_an_unpriced_model_is_refused_under_a_dollar_limit_with_the_cure(
    server: CountingServer, served: Served
) -> None:
    async def scenario() -> None:
        with Ledger(Budget(usd=1)), pytest.raises(ConfigurationError, match="price=Price"):
            await served(server, price=None).complete("hi")

    asyncio.run(scenario())
    assert server.requests == 0


def test_a_models_own_fence_is_charged_besides_the_one_around_the_call() -> None:
    async def scenario() -> None:
        own = Ledger(Budget(calls=1), name="own")
        model = ScriptedModel(["a", "b"], ledger=own)
        with Ledger(name="around") as around:
            await model.complete("hi")
            with pytest.raises(BudgetExhaustedError):
                await model.complete("hi")
        assert own.usage.calls == around.usage.calls == 1

    asyncio.run(scenario())


def test_a_call_outside_all_fences_is_counted_in_its_completion() -> None:
    completion = asyncio.run(ScriptedModel(["one two"], price=Price(input=1, output=1)).complete("a b c"))
    assert (completion.usage.calls, completion.usage.prompt_tokens, completion.usage.output_tokens) == (
        1,
        3,
        2,
    )


def test_output_is_capped_by_what_the_prompt_leaves_of_the_window() -> None:
    async def scenario() -> None:
        model = ScriptedModel(["a"], window=10)
        await model.complete("one two three four", max_output_tokens=100)
        assert model.requests[0].max_output_tokens == 6

    asyncio.run(scenario())


def test_a_providers_own_reply_of_no_choices_is_tried_again() -> None:
    async def scenario() -> None:
        model = ScriptedModel([Reply(choices=()), "answer"])
        assert (await model.complete("hi")).text == "answer"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "options",
    [{"default_max_output_tokens": 0}, {"retries": -1}, {"timeout": 0}, {"max_n": 0}],
)
def test_a_setting_out_of_range_is_an_error(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Model("openai/gpt-4.1-mini", **options)


def test_a_model_is_shown_by_its_name_without_its_key() -> None:
    model = Model("openai/gpt-4.1-mini", api_key="sekrit")
    assert repr(model) == "Model('openai/gpt-4.1-mini')"
    assert "sekrit" not in repr(vars(model))
