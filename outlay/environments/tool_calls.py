"""How an action names a tool and its arguments."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outlay.budget import Record
from outlay.reading import (
    DEEPEST,
    LONGEST_TEXT,
    WORK_PER_CHARACTER,
    UnreadableError,
    json_values,
    python_literal,
    python_tree,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_NAMED: Final = re.compile(r"(?<![\w.-])([A-Za-z_]\w*+(?:[.-]\w++)*+)(\s*+)\(")
_BRACKETS: Final = re.compile(
    r"""'{3}.*?'{3}|"{3}.*?"{3}|'(?:[^'\\\n]++|\\.)*+'?|"(?:[^"\\\n]++|\\.)*+"?|[()\[\]{}]""", re.DOTALL
)
"""Brackets, and strings, in which brackets do not count."""

_TOOL_KEYS: Final = ("tool", "name", "function")
_ARGUMENT_KEYS: Final = ("args", "arguments", "parameters", "params", "input")
_WRAPPERS: Final = ("function", "function_call", "tool", "tool_call", "tool_calls")
"""Keys under which a call may stand as an object of its own."""
_REMARKS: Final = frozenset({"type", "id", "call_id", "index", "thought", "reasoning", "reason", "comment"})
"""Keys beside a tool's name that are no arguments."""
_NO_ARGUMENTS: Final = frozenset({"", "null", "None"})
_JSON_WORDS: Final = {"true": True, "false": False, "null": None}
_WORK_PER_CALL: Final = 50
"""What parsing a call costs beside its length, in characters."""


class UnreadableCallError(UnreadableError):
    """The action is no call; the message tells an actor what is wrong."""


class ToolCall(Record):
    """A tool, and what it is called with."""

    tool: str
    args: dict[str, Any]
    """By the parameters' names."""
    positional: tuple[Any, ...] = ()
    """What was given without a name, in order."""

    def named(self, parameters: Sequence[str]) -> dict[str, Any]:
        """Give all arguments by name, those without one in the order of `parameters`.

        Raises:
            UnreadableCallError: There are more of them than parameters, or one is given twice.
        """
        if len(self.positional) > len(parameters):
            raise UnreadableCallError(f"{self.tool} takes {len(parameters)} arguments")
        placed = dict(zip(parameters, self.positional, strict=False))
        if twice := placed.keys() & self.args.keys():
            raise UnreadableCallError(f"{self.tool} got {', '.join(sorted(twice))} twice")
        return placed | self.args


class _Written(NamedTuple):
    """A call, and where it stands in the text."""

    start: int
    end: int
    call: ToolCall


def read_call(action: str) -> ToolCall:
    """Read the first call in a text, as JSON or as `name(arg=value)`, with any text around it.

    In JSON the tool's name stands under `"tool"`, `"name"` or `"function"`; its arguments, an object or a
    string of JSON, under `"args"`, `"arguments"`, `"parameters"`, `"params"` or `"input"`. `null`, or no such
    key, is no arguments. OpenAI's `{"type": "function", "function": {...}}` and lists of calls are read, too.

    An object that has both a name and arguments goes before `name(...)`, which in prose may be no call.

    Raises:
        UnreadableCallError: There is no call in it; the message says what to write.
    """
    text = action[:LONGEST_TEXT]
    python = next(_python_calls(text), None)
    calls: list[tuple[bool, int, ToolCall]] = [(True, python.start, python.call)] if python else []
    fault: UnreadableCallError | None = None
    for found in json_values(text):
        value = _unwrapped(found.value)
        if value is None or (python and python.start < found.start < python.end):
            continue
        try:
            calls.append((not _given(value), found.start, _from_json(value)))
        except UnreadableCallError as exc:
            fault = fault or exc
    if calls:
        return min(calls, key=lambda call: call[:2])[2]
    raise fault or _unreadable(text)


def json_call(text: str) -> str | None:
    """Return the first JSON object in a text that names a tool, as it is written there."""
    for found in json_values(text):
        if isinstance(found.value, list):
            if call := json_call(text[found.start + 1 : found.end - 1]):
                return call
        elif (value := _unwrapped(found.value)) and _name(value) is not None:
            return text[found.start : found.end]
    return None


def _unwrapped(value: Any) -> dict[str, Any] | None:
    """Return the innermost object that should name a tool and its arguments; of a list, the first's."""
    while isinstance(value, dict | list):
        if isinstance(value, list):
            value = value[0] if value else None
        elif _name(value) is not None and _given(value):
            return value
        else:
            wrapped = (value[key] for key in _WRAPPERS if isinstance(value.get(key), dict | list))
            inner = next(wrapped, None)
            if inner is None:
                return value
            value = inner
    return None


def _name(value: dict[str, Any]) -> str | None:
    """Return the key under which the tool's name stands."""
    return next((key for key in _TOOL_KEYS if isinstance(value.get(key), str)), None)


def _given(value: dict[str, Any]) -> bool:
    return any(key in value for key in _ARGUMENT_KEYS)


def _from_json(value: dict[str, Any]) -> ToolCall:
    key = _name(value)
    args = next((value[key] for key in _ARGUMENT_KEYS if key in value), None)
    if isinstance(args, str):
        # Some models write the arguments as a string of JSON.
        args = None if args.strip() in _NO_ARGUMENTS else next((f.value for f in json_values(args)), args)
    args = {} if args is None else args
    if key is None or not isinstance(args, dict):
        raise UnreadableCallError('the JSON needs "tool", a name, and "args", an object')
    if not _given(value) and (others := value.keys() - _REMARKS - {key}):
        raise UnreadableCallError(f'put {", ".join(sorted(others))} into "args", an object')
    return ToolCall(tool=value[key], args=args)


def _python_calls(text: str) -> Iterator[_Written]:
    """Yield the calls with plain values in a text.

    Between the name and the parenthesis a space is allowed only where the call is the whole text: in prose,
    a parenthesis follows any word.
    """
    work, place, whole = WORK_PER_CHARACTER * len(text) + _WORK_PER_CALL, 0, text.strip("` \n")
    while work >= 0 and (named := _NAMED.search(text, place)):
        end = _end(text, named.end() - 1)
        place = end or named.end()
        work -= (end or len(text)) - named.start() + _WORK_PER_CALL
        if end and (not named[2] or text[named.start() : end] == whole):
            call = _from_python(named[1], text[named.end() - 1 : end])
            if call is not None:
                yield _Written(named.start(), end, call)


def _end(text: str, start: int) -> int | None:
    """Return where the parenthesis at `start` is closed."""
    depth = 0
    for found in _BRACKETS.finditer(text, start):
        depth += (found[0] in {"(", "[", "{"}) - (found[0] in {")", "]", "}"})
        if not depth:
            return found.end()
        if depth > DEEPEST:
            return None
    return None


def _from_python(tool: str, arguments: str) -> ToolCall | None:
    try:
        match python_tree(f"f{arguments}").body:
            case [ast.Expr(ast.Call(args=positional, keywords=keywords))] if all(k.arg for k in keywords):
                return ToolCall(
                    tool=tool,
                    args={str(keyword.arg): _plain(keyword.value) for keyword in keywords},
                    positional=tuple(map(_plain, positional)),
                )
    except UnreadableError:
        return None
    return None


def _plain(node: ast.expr) -> Any:
    if isinstance(node, ast.Name) and node.id in _JSON_WORDS:
        return _JSON_WORDS[node.id]
    return python_literal(node)


def _unreadable(text: str) -> UnreadableCallError:
    named, brace = _NAMED.search(text), text.find("{")
    if not named and brace < 0:
        return UnreadableCallError("no call of a tool in it")
    if brace >= 0 and (not named or brace < named.start()):
        return UnreadableCallError("not valid JSON")
    if named and _end(text, named.end() - 1):
        return UnreadableCallError('an argument is no plain value: write texts in quotes, e.g. f(a="b")')
    return UnreadableCallError('not of the form name(arg="value")')
