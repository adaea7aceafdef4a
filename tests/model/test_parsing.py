from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field

from outlay.budget import Budget, Usage
from outlay.errors import BudgetExhaustedError, OutputInvalidError
from outlay.ledger import Ledger
from outlay.model.parsing import json_text, strict_schema
from outlay.testing import ScriptedModel


class Step(BaseModel):
    text: str
    credit: int = 1


class Plan(BaseModel):
    steps: list[Step] = Field(max_length=3)
    default: str | None = None


GOOD = '{"steps": [{"text": "add", "credit": 2}], "default": null}'


def objects(schema: Any) -> list[dict[str, Any]]:
    found = [schema] if isinstance(schema, dict) and "properties" in schema else []
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return found + [item for part in inner for item in objects(part)]


def test_every_object_of_a_strict_schema_is_closed_and_complete() -> None:
    schema = strict_schema(Plan)
    assert [set(o["required"]) for o in objects(schema)] == [set(o["properties"]) for o in objects(schema)]
    assert {o["additionalProperties"] for o in objects(schema)} == {False}
    assert "default" in schema["properties"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(GOOD, id="bare"),
        pytest.param(f"```json\n{GOOD}\n```", id="fenced"),
        pytest.param(f"```\n{GOOD}```\n", id="fenced without a language"),
        pytest.param(f"Here you are:\n{GOOD}\nGood luck!", id="amid words"),
    ],
)
def test_json_is_found_in_a_reply(text: str) -> None:
    assert json_text(text) == GOOD


def test_a_reply_that_fits_is_an_object() -> None:
    async def scenario() -> None:
        parsed = await ScriptedModel([GOOD]).parse("plan", Plan)
        assert parsed.value == Plan(steps=[Step(text="add", credit=2)])
        assert parsed.usage == parsed.completions[0].usage

    asyncio.run(scenario())


def test_a_reply_that_does_not_fit_is_shown_to_the_model_once() -> None:
    async def scenario() -> None:
        model = ScriptedModel(["no idea", GOOD])
        parsed = await model.parse("plan", Plan)
        assert parsed.usage == sum((c.usage for c in parsed.completions), Usage())
        assert [m["role"] for m in model.requests[1].messages] == ["user", "assistant", "user"]
        assert model.requests[1].messages[1]["content"] == "no idea"

    asyncio.run(scenario())


def test_a_reply_that_never_fits_is_an_error_with_the_whole_bill() -> None:
    async def scenario() -> None:
        with Ledger() as ledger:
            with pytest.raises(OutputInvalidError) as caught:
                await ScriptedModel(["a", "b"]).parse("plan", Plan)
            assert caught.value.usage == ledger.usage
            assert ledger.usage.calls == 2

    asyncio.run(scenario())


def test_a_repair_that_the_fence_cannot_hold_is_an_invalid_output() -> None:
    async def scenario() -> None:
        with Ledger(Budget(calls=1)), pytest.raises(OutputInvalidError) as caught:
            await ScriptedModel(["a", GOOD]).parse("plan", Plan)
        assert isinstance(caught.value.__cause__, BudgetExhaustedError)

    asyncio.run(scenario())


def test_a_first_attempt_that_the_fence_cannot_hold_is_a_refusal() -> None:
    async def scenario() -> None:
        with Ledger(Budget(calls=0)), pytest.raises(BudgetExhaustedError):
            await ScriptedModel([GOOD]).parse("plan", Plan)

    asyncio.run(scenario())
