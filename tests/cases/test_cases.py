"""Inputs that were read wrong once, each with its right value; `cases.jsonl` says where it was reported."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import create_model
from scripted_server import serving

from outlay import errors
from outlay.agents.in_context_distillation.prompts import read_action
from outlay.answers import extract, normalise, same
from outlay.bench.items import Item
from outlay.bench.scorers.spec import scorer_from_spec
from outlay.bench.sources import load
from outlay.budget import Price, Usage
from outlay.environments.tool_calls import read_call
from outlay.errors import OutlayError
from outlay.ledger import Ledger
from outlay.model import Completion, Model
from outlay.outcome import Outcome
from outlay.testing import CountingServer

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = [json.loads(line) for line in Path(__file__).with_name("cases.jsonl").read_text().splitlines()]
SCHEMA_TYPES = {"int": int, "str": str}


def _extract(given: dict[str, Any], right: str) -> None:
    value = extract(given["text"], given["kind"])
    assert value is not None
    assert normalise(value) == normalise(right)


def _score(given: dict[str, Any], right: float) -> None:
    item = Item(id="1", question="?", answers=(given["gold"],))
    answer = Outcome(text=given["text"], value=extract(given["text"], given["kind"]))
    assert asyncio.run(scorer_from_spec(given["scorer"]).score(item, answer)).value == right


def _equal(given: dict[str, Any], right: bool) -> None:  # noqa: FBT001 - a case's value
    item = Item(id="1", question="?", answers=(given["gold"],))
    answer = Outcome(text=given["given"], value=given["given"])
    assert same(given["gold"], given["given"]) is right
    assert asyncio.run(scorer_from_spec("math").score(item, answer)).value == float(right)


def _reply(given: dict[str, Any], right: dict[str, Any]) -> None:
    ask = {"max_output_tokens": 100, **given["ask"]}
    price = Price(**ask.pop("price", {"input": 1, "output": 2}))
    retries, stream = ask.pop("retries", 0), ask.pop("stream", False)
    with serving(given["reply"]) as server, Ledger() as ledger:
        model = Model(given["model"], api_base=server.url, api_key="x", price=price, retries=retries)
        outcome = asyncio.run(_ask(model, ask, stream=stream))
        requests = server.requests
    _check_reply(right, outcome, requests, ledger.usage)


async def _ask(model: Model, ask: dict[str, Any], *, stream: bool) -> Completion | OutlayError:
    try:
        if not stream:
            return await model.complete("What is six times seven?", **ask)
        events = [event async for event in model.stream("What is six times seven?", **ask)]
    except OutlayError as exc:
        return exc
    completion = events[-1].completion
    assert completion is not None
    assert "".join(event.text for event in events) == completion.text
    return completion


def _check_reply(
    right: dict[str, Any], outcome: Completion | OutlayError, requests: int, booked: Usage
) -> None:
    expected = dict(right)
    if kind := expected.pop("error", None):
        assert isinstance(outcome, getattr(errors, kind))
    else:
        assert isinstance(outcome, Completion), outcome
    checks: dict[str, Callable[[Any], bool]] = {
        "requests": lambda want: requests == want,
        "text_has": lambda want: isinstance(outcome, Completion) and all(w in outcome.text for w in want),
        "text_lacks": lambda want: (
            isinstance(outcome, Completion) and all(w not in outcome.text for w in want)
        ),
        "finish_reason_not": lambda want: isinstance(outcome, Completion) and outcome.finish_reason != want,
        "tool_calls": lambda want: (
            isinstance(outcome, Completion)
            and [[call.id, call.name, call.arguments] for call in outcome.tool_calls] == want
        ),
        "usage_at_least": lambda want: all(
            (getattr(booked, unit) or 0) >= least for unit, least in want.items()
        ),
    }
    for name, want in expected.items():
        check = checks.get(name, lambda want, name=name: getattr(outcome, name) == want)
        assert check(want), (name, outcome, booked)


def _parse(given: dict[str, Any], right: dict[str, Any]) -> None:
    fields: dict[str, Any] = {name: (SCHEMA_TYPES[kind], ...) for name, kind in given["schema"].items()}
    schema = create_model("Asked", **fields)
    with CountingServer(lambda _body, _index: given["text"]) as server:
        model = Model("openai/test", api_base=server.url, api_key="x", price=Price(input=1, output=2))
        parsed = asyncio.run(model.parse("?", schema))
        assert (parsed.value.model_dump(), server.requests) == (right["value"], right["requests"])


def _action(given: dict[str, Any], right: dict[str, Any]) -> None:
    call = read_call(given["action"])
    assert (call.tool, call.args, call.positional) == (right["tool"], right["args"], ())


def _alfworld(given: dict[str, Any], right: str) -> None:
    assert read_action(Completion(text=given["action"]), given["admissible"]).action == right


def _chat(given: dict[str, Any], right: dict[str, Any]) -> None:
    with serving(given["reply"]) as server:
        model = Model("openai/test", api_base=server.url, api_key="x", price=Price(input=1, output=2))
        message = model.as_chat_model().invoke("?")
    assert message.tool_calls == right["tool_calls"]
    assert [call["args"] for call in message.invalid_tool_calls] == right["invalid_tool_calls"]


def _history(given: dict[str, Any], right: dict[str, Any]) -> None:
    from langchain_core.messages import AIMessage, HumanMessage, ToolMessage  # noqa: PLC0415
    from langchain_core.messages.tool import invalid_tool_call  # noqa: PLC0415

    wrong = invalid_tool_call(**given["invalid_tool_call"], error="no JSON")
    history = [
        HumanMessage("?"),
        AIMessage("", invalid_tool_calls=[wrong]),
        ToolMessage("wrong", tool_call_id=wrong["id"]),
    ]
    with CountingServer() as server:
        model = Model("openai/test", api_base=server.url, api_key="x", price=Price(input=1, output=2))
        model.as_chat_model().invoke(history)
        (body,) = server.bodies
    sent = [call["id"] for message in body["messages"] for call in message.get("tool_calls") or ()]
    assert sent == right["tool_call_ids"]


def _load(given: dict[str, Any], right: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / given["file"]
    path.write_text(given["content"], "utf-8")
    items = load(str(path), fields=given["fields"])
    assert [list(item.answers) for item in items] == right["answers"]
    assert items[0].level == right["level"]


CHECKS: dict[str, Callable[[Any, Any], None]] = {
    "extract": _extract,
    "score": _score,
    "equal": _equal,
    "reply": _reply,
    "parse": _parse,
    "action": _action,
    "alfworld": _alfworld,
    "chat": _chat,
    "history": _history,
}


@pytest.mark.parametrize("case", [pytest.param(case, id=f"{case['check']}-{case['id']}") for case in CASES])
def test_case(case: dict[str, Any], tmp_path: Path) -> None:
    if case["check"] == "load":
        _load(case["input"], case["right"], tmp_path)
    else:
        CHECKS[case["check"]](case["input"], case["right"])
