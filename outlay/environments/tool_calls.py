"""How an action names a tool and its arguments."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import TYPE_CHECKING, Any, Final

from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAMED: Final = re.compile(r"[A-Za-z_][\w.-]*\s*\(")
_TOOL_KEYS: Final = ("tool", "name")
_ARGUMENT_KEYS: Final = ("args", "arguments")
_TOO_DEEP: Final = (RecursionError, MemoryError)


class UnreadableCallError(ValueError):
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


def read_call(action: str) -> ToolCall:
    """Read `{"tool": name, "args": {...}}`, with any text around it, or `name(arg=value)`.

    Raises:
        UnreadableCallError: It is neither.
    """
    text = action.strip().strip("`").strip()
    named, brace = _NAMED.search(text), text.find("{")
    if named and (brace < 0 or named.start() < brace):
        return _from_python(text[named.start() :])
    if brace < 0:
        raise UnreadableCallError("no call of a tool in it")
    return _from_json(text[brace:])


def json_call(text: str) -> str | None:
    """Give the first JSON object in a text that names a tool, as it is written there."""
    decoder = json.JSONDecoder()
    for brace in re.finditer(r"\{", text):
        try:
            value, end = decoder.raw_decode(text, brace.start())
        except (json.JSONDecodeError, *_TOO_DEEP):
            continue
        if isinstance(value, dict) and any(isinstance(value.get(key), str) for key in _TOOL_KEYS):
            return text[brace.start() : end]
    return None


def _from_json(text: str) -> ToolCall:
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
        args: Any = next((value[key] for key in _ARGUMENT_KEYS if key in value), {})
        # Some models write the arguments as a string of JSON.
        args = json.loads(args) if isinstance(args, str) else args
    except json.JSONDecodeError as exc:
        raise UnreadableCallError(f"not valid JSON ({exc})") from exc
    except _TOO_DEEP as exc:
        raise UnreadableCallError("nested too deeply") from exc
    tool = next((value[key] for key in _TOOL_KEYS if key in value), None)
    if not isinstance(tool, str) or not isinstance(args, dict):
        raise UnreadableCallError('the JSON needs "tool", a name, and "args", an object')
    return ToolCall(tool=tool, args=args)


def _from_python(text: str) -> ToolCall:
    call = _parsed(text)
    try:
        return ToolCall(
            tool=ast.unparse(call.func),
            args={keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg},
            positional=tuple(ast.literal_eval(argument) for argument in call.args),
        )
    except (ValueError, TypeError, *_TOO_DEEP) as exc:
        raise UnreadableCallError(
            'an argument is no plain value: write texts in quotes, e.g. f(a="b")'
        ) from exc


def _parsed(text: str) -> ast.Call:
    """Parse the longest call that `text` begins with, whatever is written behind it."""
    ends = [match.end() for match in re.finditer(r"\)", text)]
    for end in reversed(ends):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a doubtful escape, e.g. "\\d"
                node = ast.parse(text[:end], mode="eval").body
        except (SyntaxError, ValueError, *_TOO_DEEP):
            continue
        if isinstance(node, ast.Call):
            return node
    raise UnreadableCallError('not of the form name(arg="value")')
