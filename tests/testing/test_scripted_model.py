"""The scripted model: a real `Model` whose replies are written down."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from outlay.budget import Budget, Price, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelRefusedError
from outlay.ledger import Ledger
from outlay.model import Choice, Reply, ToolCall
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeVar

    from outlay.model import Completion, Request

    T = TypeVar("T")

LOOK = ToolCall(id="call-1", name="look", arguments="{}")


class Plan(BaseModel):
    steps: list[str]


def fenced(call: Coroutine[Any, Any, T], budget: Budget | None = None) -> tuple[T, Usage]:
    async def scenario() -> T:
        return await call

    with Ledger(budget) as ledger:
        result = asyncio.run(scenario())
    return result, ledger.usage


def test_lines_are_said_in_order_and_billed_by_the_word() -> None:
    model = ScriptedModel(["one two three", "four"], price=Price(input=1, output=10))
    first, usage = fenced(model.complete("how many are there"))
    second, _ = fenced(model.complete("and then"))
    assert (first.text, second.text) == ("one two three", "four")
    assert usage == Usage(calls=1, generations=1, prompt_tokens=4, output_tokens=3, usd=34e-6)
    assert model.prompts == ["how many are there", "and then"]
    assert model.requests[0].max_output_tokens == 1024


def test_a_line_is_cut_where_the_limit_is() -> None:
    model = ScriptedModel(["one two three four"])
    completion, usage = fenced(model.complete("count", max_output_tokens=2))
    assert (completion.text, completion.finish_reason) == ("one two", "length")
    assert usage.output_tokens == 2


def test_what_a_fence_affords_cuts_too() -> None:
    model = ScriptedModel(["one two three four"])
    completion, usage = fenced(model.complete("count"), Budget(output_tokens=3))
    assert completion.text == "one two three"
    assert usage.output_tokens == 3


def test_a_refused_call_takes_no_line() -> None:
    model = ScriptedModel(["never said"])
    with pytest.raises(BudgetExhaustedError):
        fenced(model.complete("count"), Budget(calls=0))
    assert model.requests == []


def test_an_exception_in_the_script_is_raised() -> None:
    model = ScriptedModel([ModelRefusedError("no"), "yes"])
    with pytest.raises(ModelRefusedError, match="no"):
        fenced(model.complete("may I"))
    assert fenced(model.complete("may I"))[0].text == "yes"


def test_a_script_that_runs_out_says_so() -> None:
    model = ScriptedModel(["only line"])
    fenced(model.complete("first"))
    with pytest.raises(ConfigurationError, match="has 1 lines"):
        fenced(model.complete("second"))


def test_a_function_is_asked_with_the_request() -> None:
    async def answer(request: Request) -> str:
        await asyncio.sleep(0)
        return f"at most {request.max_output_tokens}"

    model = ScriptedModel(answer)
    assert fenced(model.complete("limit", max_output_tokens=7))[0].text == "at most 7"


def test_objects_are_said_as_json() -> None:
    model = ScriptedModel([Plan(steps=["add", "divide"]), {"steps": ["guess"]}])
    first, _ = fenced(model.parse("plan", Plan))
    second, _ = fenced(model.parse("plan", Plan))
    assert first.value.steps == ["add", "divide"]
    assert second.value.steps == ["guess"]
    assert model.requests[0].response_schema is not None


def test_thinking_counts_against_the_limit() -> None:
    model = ScriptedModel([Choice(reasoning="a b c d e", text="answer")])
    completion, usage = fenced(model.complete("think", max_output_tokens=4))
    assert (completion.text, completion.reasoning) == ("", "a b c d")
    assert (usage.output_tokens, usage.reasoning_tokens) == (4, 4)


def test_tools_are_called_as_written() -> None:
    model = ScriptedModel([Choice(tool_calls=(LOOK,), finish_reason="tool_calls")])
    assert fenced(model.complete("look"))[0].tool_calls == (LOOK,)


def test_a_whole_reply_is_given_as_it_stands() -> None:
    told = Usage(calls=1, generations=1, prompt_tokens=10, output_tokens=77)
    model = ScriptedModel([Reply(choices=(Choice(text="short"),), usage=told)])
    assert fenced(model.complete("x"))[1].output_tokens == 77


def test_samples_of_one_request_take_a_line_each() -> None:
    model = ScriptedModel(["a", "b b", "c c c"], max_n=8)
    samples, usage = fenced(model.sample("letters please", 3))
    assert [sample.text for sample in samples] == ["a", "b b", "c c c"]
    assert usage == Usage(calls=1, generations=3, prompt_tokens=2, output_tokens=6)


def test_a_stream_says_the_same_word_by_word() -> None:
    model = ScriptedModel(["one two three"])

    async def scenario() -> tuple[list[str], Completion | None]:
        async with aclosing(model.stream("count")) as events:
            found = [event async for event in events]
        return [event.text for event in found if event.text], found[-1].completion

    (pieces, completion), usage = fenced(scenario())
    assert pieces == ["one", " two", " three"]
    assert completion is not None
    assert completion.text == "one two three"
    assert usage.output_tokens == 3


def test_another_tokenizer_may_be_given() -> None:
    model = ScriptedModel(["abcdef"], tokens=list)
    completion, usage = fenced(model.complete("xyz", max_output_tokens=4))
    assert completion.text == "abcd"
    assert (usage.prompt_tokens, usage.output_tokens) == (3, 4)
