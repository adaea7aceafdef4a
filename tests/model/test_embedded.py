"""The real embedded model, through LiteLLM."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from outlay.budget import FREE, Budget
from outlay.errors import ConfigurationError, ContextOverflowError
from outlay.ledger import Ledger
from outlay.model import Model
from outlay.model.prompt_bound import prompt_bound
from outlay.model.records import Request

pytestmark = [pytest.mark.model, pytest.mark.timeout(300)]

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "f", "parameters": {"type": "object", "properties": {}}},
}


class Plan(BaseModel):
    steps: list[Annotated[str, Field(max_length=40)]] = Field(min_length=1, max_length=2)


def test_prompts_are_counted_exactly_before_the_call() -> None:
    async def scenario() -> None:
        model = Model("local")
        claim = await model.worst_case("What is the capital of France?", max_output_tokens=4)
        completion = await model.complete("What is the capital of France?", max_output_tokens=4)
        assert claim.prompt_tokens == completion.usage.prompt_tokens
        assert (claim.max_output_tokens, claim.price) == (4, FREE)
        assert (completion.usage.output_tokens, completion.usage.usd) == (4, 0.0)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": ""}],
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "héllo ∑ 🙂 数" * 20}],
        [{"role": role, "content": "\n\t" * 30} for role in ("user", "assistant") * 4],
        [{"role": "user", "name": "ﷺ", "content": "<|im_start|>" * 20}],
    ],
    ids=["default system prompt", "unicode", "white space", "special tokens"],
)
def test_byte_bound_covers_the_real_template(messages: list[dict[str, str]]) -> None:
    claim = asyncio.run(Model("local").worst_case(messages, max_output_tokens=1))
    asked = Request(model="local", messages=tuple(messages), max_output_tokens=1)
    assert 0 < claim.prompt_tokens <= prompt_bound(asked)


@pytest.mark.parametrize("indent", [None, 4])
def test_byte_bound_covers_a_schema_as_the_real_tokenizer_sees_it(indent: int | None) -> None:
    schema = Plan.model_json_schema()
    written = asyncio.run(Model("local").count_tokens(json.dumps([schema] * 3, indent=indent)))
    params = {"response_format": {"schemas": [schema] * 3}}
    asked = Request(model="local", messages=(), max_output_tokens=1, params=params)
    assert written <= prompt_bound(asked) - prompt_bound(asked.model_copy(update={"params": {}})) - 512


def test_three_samples_share_a_prompt_and_each_is_counted() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=18)) as ledger:
            completions = await Model("local").sample("Say hi.", 3, max_output_tokens=6, temperature=1.0)
        assert [c.requested for c in completions] == ["shared"] * 3
        assert (ledger.usage.calls, ledger.usage.generations) == (1, 3)
        assert {c.usage.output_tokens for c in completions if c.finish_reason == "length"} <= {6}
        assert sum(c.usage.output_tokens for c in completions) == ledger.usage.output_tokens

    asyncio.run(scenario())


def test_a_plan_is_decoded_under_its_schema() -> None:
    parsed = asyncio.run(
        Model("local", temperature=0, seed=1).parse("Plan tea.", Plan, max_output_tokens=120)
    )
    assert 1 <= len(parsed.value.steps) <= 2


def test_a_stream_reports_its_usage() -> None:
    async def scenario() -> None:
        with Ledger() as ledger:
            *pieces, last = [event async for event in Model("local").stream("Count.", max_output_tokens=4)]
        assert last.completion is not None
        assert "".join(piece.text for piece in pieces) == last.completion.text
        assert ledger.usage == last.completion.usage
        assert ledger.unconfirmed.calls == 0

    asyncio.run(scenario())


def test_a_prompt_beyond_the_window_is_an_overflow() -> None:
    with pytest.raises(ContextOverflowError, match="shorten"):
        asyncio.run(Model("local").complete("hi " * 9000))


def test_tools_that_the_template_leaves_out_are_an_error() -> None:
    with pytest.raises(ConfigurationError, match="leaves `tools` out"):
        asyncio.run(Model("local").complete("hi", tools=[TOOL]))


def test_tokens_join_to_the_text() -> None:
    async def scenario() -> None:
        model, text = Model("local"), "héllo ∑ 🙂!"
        pieces = await model.provider.split_tokens(text)
        assert pieces is not None
        assert "".join(pieces) == text
        assert await model.count_tokens(text) == len(pieces)

    asyncio.run(scenario())


def test_a_cancelled_call_frees_its_slot_and_stays_spent() -> None:
    async def scenario() -> None:
        model = Model("local")
        await model.complete("hi", max_output_tokens=1)
        with Ledger(Budget(output_tokens=1200)) as ledger:
            task = asyncio.create_task(model.complete("Tell me a story.", max_output_tokens=1000))
            await asyncio.sleep(0.5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert ledger.unconfirmed.output_tokens == 1000
            assert (await model.complete("hi", max_output_tokens=1)).usage.output_tokens == 1

    asyncio.run(scenario())


def test_a_missing_file_is_one_clear_sentence() -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.gguf"):
        Model("gguf:/nowhere.gguf")
