from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import BaseModel, Field, ValidationError

from outlay.budget import Budget, Usage
from outlay.errors import BudgetExhaustedError, OutputInvalidError
from outlay.ledger import Ledger
from outlay.model.parsing import read_reply, strict_schema
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
        pytest.param(f"[{GOOD}]", id="in a list"),
        pytest.param(GOOD.replace("[", "[ # one" + "\n"), id="a comment of Python"),
        pytest.param(f"{GOOD}\n\nReferences: [1]", id="brackets behind it"),
        pytest.param(f"{GOOD} I used {{braces}}.", id="braces behind it"),
        pytest.param(f"As {{x}} and [1] say: {GOOD}", id="braces before it"),
        pytest.param(f'As in {{"x": {{"y": 1}} {GOOD}', id="an object without an end before it"),
        pytest.param(f'{{"thought": "first"}}\n{GOOD}', id="an object of another form before it"),
        pytest.param(f'{GOOD}\n{{"steps": []}}', id="another one behind it"),
        pytest.param(f"```bash\nls {{x}}\n```\n{GOOD}", id="a fence of another language before it"),
        pytest.param(f'```python\nplan = {{"steps": []}}\n```\n{GOOD}', id="an object in such a fence"),
        pytest.param(f"```python\n{GOOD}\n```", id="only in such a fence"),
        pytest.param(f"~~~\n{GOOD}\n~~~", id="another fence"),
        pytest.param("{'steps': [{'text': 'add', 'credit': 2}], 'default': None}", id="Python"),
        pytest.param('{"steps": [{"text": "add", "credit": 2,},], "default": null,}', id="trailing commas"),
        pytest.param('{"steps": [{"text": "add" "credit": 2}]\n"default": null}', id="missing commas"),
        pytest.param('{steps: [{text: "add", credit: 2}], default: null}', id="keys without quotes"),
        pytest.param('{"steps": [{"text": "add", "credit": 2}] // one\n/* all */}', id="comments"),
        pytest.param(f"\ufeff{GOOD}\x00", id="a byte order mark and a NUL"),
        pytest.param(f"\ud800 {GOOD} \ud800", id="half a surrogate around it"),
    ],
)
def test_json_is_found_in_a_reply(text: str) -> None:
    assert read_reply(text, Plan) == Plan(steps=[Step(text="add", credit=2)])


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("one\ntwo\tthree", "one\ntwo\tthree"),
        (r"\(x\) is \d", r"\(x\) is \d"),
        (r"\ud83d\ude00\u00e4\n", "\U0001f600\u00e4\n"),
        ("\n```bash\nls\n```\n", "\n```bash\nls\n```\n"),
        ("a \ud800 b", "a ? b"),
        (r"a \ud800 b", "a ? b"),
        ("{'x': [1]} // no /* comment", "{'x': [1]} // no /* comment"),
    ],
    ids=[
        "raw line ends",
        "unknown escapes",
        "escapes",
        "a fence",
        "half a surrogate",
        "escaped half",
        "braces",
    ],
)
def test_a_string_is_read_as_it_is_meant(written: str, text: str) -> None:
    assert read_reply(f'{{"steps": [{{"text": "{written}"}}]}}', Plan).steps[0].text == text


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("no idea", "Invalid JSON"),
        ('{"steps": [{"text": "add", "cred', "Invalid JSON"),
        ("{'steps': [{'text': 'it's one'}]}", "Invalid JSON"),
        ('{"steps": [{"text": "say "add""}]}', "Invalid JSON"),
        (f"[{GOOD}, {GOOD}]", "should be an object"),
        ('Well: {"steps": [{"text": 1}]} or {"text": 2}', "valid string"),
        ("[" * 1000, "Invalid JSON"),
        ('{"steps": [{"text": "a", "credit": ' + "9" * 5000 + "}]}", "Invalid JSON"),
        ("{" + '"steps": ' * 3000, "Invalid JSON"),
    ],
    ids=[
        "prose",
        "cut",
        "quotes inside",
        "double quotes inside",
        "two in a list",
        "wrong type",
        "deep",
        "long number",
        "keys",
    ],
)
def test_what_has_two_readings_or_none_is_not_guessed(text: str, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        read_reply(text, Plan)


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
