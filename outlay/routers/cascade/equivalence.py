"""When two actions are one: the form in which equal ones are spelled alike.

False differences cost a deferral, false equality costs accuracy: what is folded here never changes what an
action does.
"""

from __future__ import annotations

import ast
import json
import re
from collections import deque
from functools import lru_cache
from textwrap import dedent
from typing import Final, Literal

from outlay.answers import normalise
from outlay.reading import UnreadableError, json_values, python_tree, unreadable

Equivalence = Literal["action", "answer", "python", "judge"]
"""Commands in words; final answers, already extracted; Python; or what a `Judge` says."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

LONGEST_CACHED: Final = 4000
"""Characters; the form of a longer text is not kept in memory."""
ARTICLES: Final = frozenset({"a", "an", "the"})

_AROUND: Final = " \"'`*"
_AFTER: Final = _AROUND + ".,;:!?"
_WORD: Final = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_CALL: Final = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)
_FENCE: Final = re.compile(r"```\w*+[^\S\n]*+\n")


def normal_form(value: str | None, equivalence: Equivalence) -> str | None:
    """Give the form that equal values share; `None` where there is nothing to compare.

    Under `judge` the value itself, as a judge has unified it.
    """
    if value is None:
        return None
    if equivalence == "python":
        return python_normal_form(value)
    if equivalence == "answer":
        return normalise(value) or None
    if equivalence == "action":
        return _call(value.strip()) or normalise_action(value) or None
    return value.strip() or None


def normalise_action(text: str) -> str:
    """Fold case, white space, articles, quotes around it and punctuation after it; idempotent.

    Case is folded in plain words that have no capital but their first letter: `-R`, `getUser` and
    `/Home/x` are not `-r`, `getuser` and `/home/x`. The last word stays even where it is spelled like an
    article: `choose a` is a choice.
    """
    return _cached_action(text) if len(text) <= LONGEST_CACHED else _folded(text)


def python_normal_form(code: str) -> str | None:
    """Give the syntax tree as a text, blind to formatting, quotes, comments and docstrings.

    Names stay as they are: another name may be read by a later step. A code fence around it is taken
    off. `None` where it does not parse or says nothing.
    """
    return _cached_python(code) if len(code) <= LONGEST_CACHED else _python(code)


def _python(code: str) -> str | None:
    try:
        tree = python_tree(dedent(_unfenced(code)).strip())
        with unreadable():
            _Bare().visit(tree)
            return ast.dump(tree, annotate_fields=False) if tree.body else None
    except UnreadableError:
        return None


def _unfenced(code: str) -> str:
    text = code.strip()
    opening = _FENCE.match(text)
    inside = text[opening.end() :] if opening else ""
    return inside.removesuffix("```") if inside.endswith("```") else code


_cached_python: Final = lru_cache(maxsize=1024)(_python)


class _Bare(ast.NodeTransformer):
    """Takes docstrings off, and the `u` before a string."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        match node:
            case ast.Constant():
                node.kind = None
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                node.body = _undocumented(node) or [ast.Pass()]
            case ast.Module():
                node.body = _undocumented(node) or node.body
        return node


def _undocumented(node: Documented) -> list[ast.stmt]:
    return node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body


def _folded(text: str) -> str:
    words = deque(map(_small, text.split()))
    while words and not (last := words[-1].rstrip(_AFTER)):
        words.pop()
    if not words:
        return ""
    words[-1] = last
    while not (first := words[0].lstrip(_AROUND)) or (len(words) > 1 and _is_article(first)):
        words.popleft()
    words[0] = first
    last = words.pop()
    return " ".join([*(word for word in words if not _is_article(word)), last])


_cached_action: Final = lru_cache(maxsize=4096)(_folded)


def _is_article(word: str) -> bool:
    return word.casefold() in ARTICLES


def _small(word: str) -> str:
    bare = word.strip(_AFTER)
    plain = _WORD.fullmatch(bare) and bare[1:] == bare[1:].casefold()
    return word.casefold() if plain else word


def _call(text: str) -> str | None:
    """Give the form of a call of a tool, as JSON or as in Python, in which only its order is folded."""
    if _CALL.fullmatch(text):
        return python_normal_form(text)
    value = next(json_values(text), None)
    whole = value is not None and (value.start, value.end) == (0, len(text))
    return (
        json.dumps(value.value, sort_keys=True) if value and whole and isinstance(value.value, dict) else None
    )
