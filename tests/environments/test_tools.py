"""LangChain tools as an environment: whatever an actor writes, it is told what came of it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.tools import StructuredTool, ToolException, tool

from outlay import Budget, BudgetExhaustedError, ConfigurationError, Ledger
from outlay.environments import ToolEnvironment, Turn, replay
from outlay.environments.tool_calls import UnreadableCallError, read_call
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from outlay.environments import Episode


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


@tool
async def population(city: str, year: int = 2020) -> dict[str, Any]:
    """Look up how many people live in a city."""
    if city == "Atlantis":
        raise ToolException("no such city")
    return {"city": city, "people": 8_000_000, "year": year}


def invert(number: float) -> float:
    """Give one divided by a number."""
    return 1 / number


def broken() -> str:
    """Fail for a reason of its own."""
    raise OSError("the disk is full")


async def asking() -> str:
    """Ask a model that there is no money for."""
    with Ledger(Budget(calls=0)):
        return (await ScriptedModel(["hello"]).complete([{"role": "user", "content": "hi"}])).text


async def _turns(*actions: str, **options: Any) -> list[Turn]:
    environment = ToolEnvironment("Find out.", [multiply, population, invert], **options)
    await environment.reset()
    return [await environment.step(action) for action in actions]


def seen(*actions: str, **options: Any) -> str:
    return asyncio.run(_turns(*actions, **options))[-1].observation


@pytest.mark.parametrize(
    "action",
    [
        '{"tool": "multiply", "args": {"a": 6, "b": 7}}',
        '```json\n{"tool": "multiply", "args": {"a": 6, "b": 7}}\n```',
        'I shall call {"name": "multiply", "arguments": "{\\"a\\": 6, \\"b\\": 7}"} now',
        "multiply(a=6, b=7)",
        "multiply(6, 7)",
        "multiply(6, b=7)  # (easy)",
        "Action: `multiply(a=6, b=7)`",
        r'multiply(a=6, b="7")  # \d',
        '{"name": "multiply", "parameters": {"a": 6, "b": 7}}',
        '{"type": "function", "function": {"name": "multiply", "arguments": "{\\"a\\": 6, \\"b\\": 7}"}}',
        '{"tool_calls": [{"id": "1", "function": {"name": "multiply", "arguments": {"a": 6, "b": 7}}}]}',
        '<tool_call>\n{"name": "multiply", "arguments": {"a": 6, "b": 7}}\n</tool_call>',
        "{'tool': 'multiply', 'args': {'a': 6, 'b': 7,},}",
        'In {braces} and [1]: {"tool": "multiply", "args": {"a": 6, "b": 7}}',
        'I take multiply (it is exact): {"tool": "multiply", "args": {"a": 6, "b": 7}}',
        'As f(x), or step (1), says: {"tool": "multiply", "args": {"a": 6, "b": 7}}',
        "First (of two) I call multiply(a=6, b=7), it's exact (see [1]).",
        "multiply(a=6, b=7)\nmultiply(a=1, b=1)",
        '[{"name": "multiply", "arguments": {"a": 6, "b": 7}}, {"name": "invert", "arguments": {"a": 1}}]',
        '{"name": "multiply", "arguments": {"a": 6, "b": 7}} {"name": "invert", "arguments": {"number": 1}}',
        "`multiply (a=6, b=7)`",
        '{"thought": "easy", "tool": "multiply", "args": {"a": 6, "b": 7}}',
    ],
    ids=[
        *("json", "fenced", "openai's names", "python", "positional", "comment", "prefix", "quoted number"),
        *("parameters", "openai's form", "a list in an object", "tags", "single quotes", "braces before it"),
        *("a parenthesis before it", "calls in prose before it", "parentheses around a call"),
        *("two in python", "a list", "two in json", "a space", "a thought"),
    ],
)
def test_a_call_may_be_written_in_several_ways(action: str) -> None:
    assert seen(action) == "42"


def test_results_that_are_no_text_are_shown_as_json() -> None:
    shown = json.loads(seen('{"tool": "population", "args": {"city": "London"}}'))
    assert shown == {"city": "London", "people": 8_000_000, "year": 2020}


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("divide(a=1)", "multiply, population, invert, finish"),
        ('{"tool": "multiply", "args": {"a": 6}}', "b: Field required"),
        ('{"tool": "multiply", "args": {"a": 6, "b": "seven"}}', "b: Input should be a valid integer"),
        ("multiply(a=6, b=7, c=8)", "no parameter c"),
        ("multiply(1, 2, 3)", "takes 2 arguments"),
        ("multiply(6, a=7)", "got a twice"),
        ('population("Atlantis")', "no such city"),
        ("invert(number=0)", "division by zero"),
        ("multiply(a=six, b=7)", "texts in quotes"),
        ('{"tool": "multiply", "args": ', "not valid JSON"),
        ('{"args": {}}', '"tool"'),
        ('{"tool": "multiply", "args": [6, 7]}', '"args", an object'),
        ('{"tool": "multiply", "args": "6, 7"}', '"args", an object'),
        ('{"tool": "multiply", "a": 6, "b": 7}', 'put a, b into "args"'),
        ('{"tool": "population", "name": "London"}', 'put name into "args"'),
        ('population(**{"city": "London"})', '"args", an object'),
        ("", "no call"),
        ("go north", "no call"),
        ("multiply(", "not of the form"),
    ],
)
def test_what_is_wrong_with_a_call_is_an_observation(action: str, told: str) -> None:
    turns = asyncio.run(_turns(action, "multiply(6, 7)"))
    assert told in turns[0].observation
    assert not turns[0].done
    assert turns[1].observation == "42"


@pytest.mark.parametrize(
    ("action", "args", "positional"),
    [
        ('{"tool": "f", "args": null}', {}, ()),
        ('{"tool": "f", "arguments": ""}', {}, ()),
        ('{"tool": "f", "arguments": "null"}', {}, ()),
        ('{"tool": "f"}', {}, ()),
        ("f()", {}, ()),
        ('{"function": {"name": "f"}, "type": "function"}', {}, ()),
        ("f(a=true, b=null, c=None)", {"a": True, "b": None, "c": None}, ()),
        ('f(\'(\', "it\'s )", [1, {\'a\': 2}], b="""x\n)""")', {"b": "x\n)"}, ("(", "it's )", [1, {"a": 2}])),
        ("f(text=\"{'tool': 'g', 'args': {}}\")", {"text": "{'tool': 'g', 'args': {}}"}, ()),
        ('f(call={"tool": "g", "args": {}})', {"call": {"tool": "g", "args": {}}}, ()),
        ('{"tool": "f", "args": {"tool": {"name": "g"}}}', {"tool": {"name": "g"}}, ()),
        ('{"tool": "f", "args": {"text": "one\ntwo"}}', {"text": "one\ntwo"}, ()),
    ],
)
def test_the_arguments_of_a_call_are_read_as_they_are_meant(
    action: str, args: dict[str, Any], positional: tuple[Any, ...]
) -> None:
    call = read_call(action)
    assert (call.tool, call.args, call.positional) == ("f", args, positional)


def test_the_name_of_a_tool_may_have_dots_and_dashes() -> None:
    assert read_call("weather.get-now(city='London')").tool == "weather.get-now"


@settings(deadline=None, max_examples=50)
@given(st.text() | st.from_regex(r"\{.*[\[{(\"]+.*\}|\w+\(.*\)"))
def test_reading_never_fails_in_any_other_way(action: str) -> None:
    with suppress(UnreadableCallError):
        assert isinstance(read_call(action).tool, str)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.from_regex(r"[a-z]\w*", fullmatch=True), st.none() | st.text() | st.integers()))
def test_a_call_written_down_is_the_call_that_is_read(args: dict[str, Any]) -> None:
    assert read_call(json.dumps({"tool": "f", "args": args})).args == args


def test_calls_nested_without_end_are_unreadable() -> None:
    with pytest.raises(UnreadableCallError):
        read_call('{"tool": ' + "[" * 100_000)
    with pytest.raises(UnreadableCallError):
        read_call("f(" * 5_000 + ")" * 5)


def _finished(action: str, **options: Any) -> tuple[ToolEnvironment, Episode]:
    environment = ToolEnvironment("Find out.", [multiply], **options)
    return environment, asyncio.run(replay(environment, [action]))


@pytest.mark.parametrize(
    "action", ['{"tool": "finish", "args": {"answer": "42"}}', 'finish(answer="42")', "finish(42)"]
)
def test_finish_ends_the_episode_and_the_callable_judges_the_answer(action: str) -> None:
    environment, episode = _finished(action, success=lambda answer: answer == "42")
    assert environment.answer == "42"
    assert episode.success is True


def test_an_async_callable_may_judge() -> None:
    async def judge(answer: str) -> bool:
        return answer == "42"

    assert _finished("finish(41)", success=judge)[1].success is False


def test_without_a_judge_nobody_knows() -> None:
    assert _finished("finish(42)")[1].success is None
    assert _finished("multiply(1, 1)", max_steps=1)[1].success is None


def test_an_episode_that_reaches_its_cap_without_an_answer_is_lost() -> None:
    environment, episode = _finished("multiply(1, 1)", max_steps=1, success=lambda _: True)
    assert environment.answer is None
    assert episode.success is False


def test_the_instructions_name_every_tool_its_parameters_and_how_to_end() -> None:
    told = ToolEnvironment("Find out.", [multiply, population]).instructions
    assert "- multiply: Multiply two numbers." in told
    assert '"year"' in told
    assert "required: city" in told
    assert "- finish:" in told


def test_a_tool_that_fails_for_its_own_reasons_says_so_and_the_actor_goes_on() -> None:
    environment = ToolEnvironment("Find out.", [broken, multiply])
    episode = asyncio.run(replay(environment, ["broken()", "multiply(2, 3)", "finish(6)"]))
    assert [step.observation for step in episode.steps][1:] == ["broken failed: the disk is full", "6"]


def test_a_fence_inside_a_tool_is_no_failure_of_the_tool() -> None:
    with pytest.raises(BudgetExhaustedError):
        asyncio.run(replay(ToolEnvironment("Find out.", [asking]), ["asking()"]))


@pytest.mark.parametrize("names", [["multiply", "multiply"], ["finish"]], ids=["twice", "finish"])
def test_tools_need_names_of_their_own(names: list[str]) -> None:
    tools = [StructuredTool.from_function(invert, name=name) for name in names]
    with pytest.raises(ConfigurationError, match="name of its own"):
        ToolEnvironment("Find out.", tools)


def test_what_can_be_made_no_tool_of_is_refused() -> None:
    def silent(a: int) -> int:
        return a

    with pytest.raises(ConfigurationError, match="no tool"):
        ToolEnvironment("Find out.", [silent])


def test_importing_environments_imports_neither_langchain_nor_textworld() -> None:
    code = "import sys, outlay.environments; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"langchain_core", "textworld", "alfworld", "fast_downward", "langgraph"}
