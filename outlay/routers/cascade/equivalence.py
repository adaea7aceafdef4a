"""When two actions are one: the form in which equal ones are spelled alike.

False differences cost a deferral, false equality costs accuracy: what is folded here never changes what an
action does.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from functools import lru_cache
from textwrap import dedent
from threading import Lock
from typing import Final, Literal

from outlay.answers import normalise

Equivalence = Literal["action", "answer", "python", "judge"]
"""Commands in words; final answers, already extracted; Python; or what a `Judge` says."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef

ARTICLES: Final = frozenset({"a", "an", "the"})

_AROUND: Final = " \"'`*"
_AFTER: Final = _AROUND + ".,;:!?"
_WORD: Final = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")
_CALL: Final = re.compile(r"[A-Za-z_][\w.]*\(.*\)", re.DOTALL)
_FENCED: Final = re.compile(r"\s*```\w*[^\S\n]*\n(.*?)\n?\s*```\s*", re.DOTALL)

# `catch_warnings` swaps the filters of the whole process, and strategies vote from several threads.
_one_at_a_time: Final = Lock()


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


@lru_cache(maxsize=4096)
def normalise_action(text: str) -> str:
    """Fold case, white space, articles, quotes around it and punctuation after it; idempotent.

    Case is folded in plain words that have no capital but their first letter: `-R`, `getUser` and
    `/Home/x` are not `-r`, `getuser` and `/home/x`. The last word stays even where it is spelled like an
    article: `choose a` is a choice.
    """
    while (folded := _fold(text)) != text:
        text = folded
    return text


@lru_cache(maxsize=1024)
def python_normal_form(code: str) -> str | None:
    """Give the syntax tree as a text, blind to formatting, quotes, comments and docstrings.

    Names stay as they are: another name may be read by a later step. A code fence around it is taken
    off. `None` where it does not parse or says nothing.
    """
    fenced = _FENCED.fullmatch(code)
    try:
        with _one_at_a_time, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, about escapes such as "\d"
            tree = ast.parse(dedent(fenced[1] if fenced else code).strip())
        _Bare().visit(tree)
        return ast.dump(tree, annotate_fields=False) if tree.body else None
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


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


def _fold(text: str) -> str:
    words = [_small(word) for word in " ".join(text.split()).lstrip(_AROUND).rstrip(_AFTER).split()]
    kept = [word for word in words[:-1] if word.casefold() not in ARTICLES] + words[-1:]
    return " ".join(kept).lstrip(_AROUND).rstrip(_AFTER)


def _small(word: str) -> str:
    bare = word.strip(_AFTER)
    plain = _WORD.fullmatch(bare) and bare[1:] == bare[1:].casefold()
    return word.casefold() if plain else word


def _call(text: str) -> str | None:
    """Give the form of a call of a tool, as JSON or as in Python, in which only its order is folded."""
    if _CALL.fullmatch(text):
        return python_normal_form(text)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else None
