"""Every function that reads a model's or a server's text, as a function of one text that must not raise."""

from __future__ import annotations

import asyncio
import atexit
import json
from contextlib import suppress
from random import Random
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ValidationError

from outlay.agents.budget_mem.allotting import first_lines
from outlay.agents.budget_mem.reading import answered
from outlay.agents.in_context_distillation.prompts import read_action, read_answer, read_code, unwrapped
from outlay.agents.in_context_distillation.reading import worded_action
from outlay.agents.parallel_distill_refine.workspace import read_distilled, read_picks
from outlay.agents.plan_and_budget.plan import clamp_level, read_assessment, read_plan
from outlay.answers import extract
from outlay.environments import ToolEnvironment, other_wording
from outlay.environments.tool_calls import UnreadableCallError, json_call, read_call
from outlay.errors import ModelError
from outlay.memory.modules.reading import answer_in, read_lines, read_scores, read_text
from outlay.model import Completion
from outlay.model.parsing import read_reply
from outlay.model.provider_errors import error_message, from_body, from_status, retry_after
from outlay.model.replies import StreamReader
from outlay.model.replies import read_reply as read_body
from outlay.model.thinking import ThinkingSplitter, split_thinking
from outlay.model.usage_report import read_usage
from outlay.prompts import delimited, inert
from outlay.reading import UnreadableError, integer, json_values, number, python_tree, salvaged_json
from outlay.redaction import StreamMask, mask, mask_known, printable
from outlay.routers.cascade import normal_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _Asked(BaseModel):
    a: int
    b: list[str] = []
    c: dict[str, _Asked] = {}


def _add(a: float, b: float = 1) -> float:
    """Add two numbers."""
    return a + b


def _json(text: str) -> None:
    values = list(json_values(text))
    assert all(0 <= found.start < found.end <= len(text) for found in values)


def _salvaged(text: str) -> None:
    for cut_strings in (True, False):
        with suppress(UnreadableError):
            salvaged_json(text, cut_strings=cut_strings)


def _reply(text: str) -> None:
    with suppress(ValidationError):
        assert isinstance(read_reply(text, _Asked), _Asked)


def _python(text: str) -> None:
    with suppress(UnreadableError):
        python_tree(text)


def _numbers(text: str) -> None:
    integer(text)
    number(text)
    assert 1 <= clamp_level(text) <= 5


def _call(text: str) -> None:
    with suppress(UnreadableCallError):
        assert isinstance(read_call(text).tool, str)
    call = json_call(text)
    assert call is None or call in text


_ENVIRONMENT: Final = ToolEnvironment("Add.", [_add], max_steps=None)
_RUNNER: Final = asyncio.Runner()
atexit.register(_RUNNER.close)


def _environment(text: str) -> None:
    async def step() -> None:
        await _ENVIRONMENT.reset()
        await _ENVIRONMENT.step(text)

    _RUNNER.run(step())


def _action(text: str) -> None:
    possible = ("move a to b", "go to desk 1", "look")
    for completion, admissible in zip(_completions(text), (possible, None), strict=True):
        sample = read_action(unwrapped(completion), admissible)
        assert admissible is None or sample.action in {None, *possible}
        worded_action(sample)
    other_wording(text)


def _answer(text: str) -> None:
    for completion in _completions(text):
        read_answer(completion, whole=True)
        read_code(completion)


def _memory(text: str) -> None:
    for completion in _completions(text):
        for reasoned in (True, False):
            answer_in(completion, reasoned=reasoned)
    read_text(text)


def _lines(text: str) -> None:
    lines = read_lines(text)
    assert lines is None or len(lines) <= 40


def _scores(text: str) -> None:
    scores = read_scores(text, 5)
    assert scores is None or (set(scores) <= {1, 2, 3, 4, 5} and all(0 <= s <= 10 for s in scores.values()))


def _plan(text: str) -> None:
    assert 1 <= len(read_plan(text).steps) <= 12
    read_assessment(text)


def _picks(text: str) -> None:
    picks, _ = read_picks(text, 4, 2, Random(1))  # noqa: S311 - no secret
    assert len(set(picks)) == 2
    read_distilled(Completion(text=text), "global-summary", range(4), 2, 100, Random(1))  # noqa: S311


def _short_answer(text: str) -> None:
    for completion in _completions(text):
        answered(completion, (), None)
    lines, count = first_lines(text)
    lines(count)


def _equivalence(text: str) -> None:
    for equivalence in ("action", "python", "judge"):
        form = normal_form(text, equivalence)
        assert equivalence != "action" or form is None or form


def _thinking(text: str) -> None:
    split_thinking(text)
    for size in SIZES:
        splitter = ThinkingSplitter()
        for piece in _pieces(text, size):
            splitter.feed(piece)
        splitter.end()


def _json_of(text: str) -> tuple[object, ...]:
    """Give JSON of a server in which the text stands: where it should, and where it should not."""
    with suppress(ValueError, RecursionError):
        parsed = json.loads(text)
        return text, parsed, [parsed], {"error": parsed, "usage": parsed, "choices": parsed}
    named = {"message": text, "code": text, "type": text, "prompt_tokens": text, "retry_after": text}
    return text, [text], named, {"error": named, "usage": named, "choices": [named]}, {text: {text: text}}


def _bodies(text: str) -> Iterator[dict[str, object]]:
    """Give replies that hold the text in each of their places."""
    call = {"id": text, "index": 0, "function": {"name": text, "arguments": text}}
    message = {"content": text, "reasoning_content": text, "refusal": text, "tool_calls": [call]}
    parts = [{"type": "thinking", "thinking": text}, {"type": "text", "text": text}, text]
    for said in (message, {"content": parts, "function_call": call["function"]}):
        tokens = {"content": [{"token": text, "logprob": -1, "top_logprobs": [{"token": text}]}]}
        choice = {"message": said, "delta": said, "finish_reason": text, "logprobs": tokens, "text": text}
        yield {"choices": [choice], "usage": {"prompt_tokens": text, "completion_tokens": 1}}


def _server_reply(text: str) -> None:
    for body in (*_json_of(text), *_bodies(text)):
        read_body(body).model_dump_json()


def _server_stream(text: str) -> None:
    for size in SIZES:
        reader = StreamReader()
        for piece in _pieces(text[: 12 * size], size):
            for event in _bodies(piece):
                reader.chunk(event)
        reader.last(ended=True).model_dump_json()
    whole = StreamReader()
    for body in (*_json_of(text), *_bodies(text)):
        whole.chunk(body)
    whole.last(ended=False)


def _server_usage(text: str) -> None:
    for body in _json_of(text):
        read_usage(body, service_tier=body)


def _server_error(text: str) -> None:
    headers = {"retry-after": text, "Retry-After": text, "x-should-retry": text}
    for body in _json_of(text):
        said, code = error_message(body)
        assert isinstance(said, str)
        assert isinstance(code, str)
        assert isinstance(from_body(body, model="m"), ModelError)
    for content in (text, json.dumps({"error": {"message": text, "code": text}})):
        for status in (400, 404, 429, 503):
            assert isinstance(from_status(status, content, headers, model="m"), ModelError)
        assert (retry_after(headers, content) or 0) >= 0


def _masked(text: str) -> None:
    mask(text)
    mask_known(text)
    for size in SIZES:
        stream = StreamMask()
        assert "".join([*map(stream.feed, _pieces(text, size)), stream.end()]) == mask_known(text)


def _printable(text: str) -> None:
    printable(text).encode()


def _inert(text: str) -> None:
    assert inert(text).replace("\\", "") == text.replace("\\", "")
    delimited("notes", text)


def _extracted(text: str) -> None:
    for kind in ("auto", "number", "choice", "text"):
        extract(text, kind)


SIZES: Final = (1, 2, 3, 4, 5, 6, 7)
"""Of the pieces in which a text comes."""


def _pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


def _completions(text: str) -> tuple[Completion, Completion]:
    return Completion(text=text), Completion(text=text, finish_reason="length")


READERS: Final[dict[str, Callable[[str], None]]] = {
    "json_values": _json,
    "salvaged_json": _salvaged,
    "python_tree": _python,
    "numbers": _numbers,
    "Model.parse": _reply,
    "read_call": _call,
    "ToolEnvironment": _environment,
    "read_action": _action,
    "read_answer, read_code": _answer,
    "answer_in, read_text": _memory,
    "read_lines": _lines,
    "read_scores": _scores,
    "read_plan": _plan,
    "read_picks": _picks,
    "short_answer": _short_answer,
    "normal_form": _equivalence,
    "split_thinking": _thinking,
    "replies.read_reply": _server_reply,
    "StreamReader": _server_stream,
    "read_usage": _server_usage,
    "provider_errors": _server_error,
    "mask": _masked,
    "printable": _printable,
    "inert": _inert,
    "extract": _extracted,
}
