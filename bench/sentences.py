"""Real sentences that every machine has: what the standard library says about itself."""

from __future__ import annotations

import ast
import io
import re
import sysconfig
import tokenize
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator


def sentences(count: int) -> list[str]:
    """Give the first `count` sentences that the standard library says about itself, in random order."""
    found: dict[str, None] = {}
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if not {"site-packages", "test", "tests", "idle_test", "lib2to3"} & set(path.parts):
            found |= dict.fromkeys(_sentences_of(path.read_text(encoding="utf-8", errors="replace")))
    order = np.random.default_rng(0).permutation(len(found))[:count]
    if len(order) < count:
        raise SystemExit(f"the standard library has only {len(order)} sentences: lower SENTENCES to that")
    every = list(found)
    return [every[number] for number in order]


def _sentences_of(source: str) -> Iterator[str]:
    for text in _texts_of(source):
        for sentence in re.split(r"(?<=[.!?:])\s+|\n\s*\n", text):
            words = " ".join(sentence.split())
            if 25 <= len(words) <= 250 and " " in words:  # noqa: PLR2004
                yield words


def _texts_of(source: str) -> Iterator[str]:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string.lstrip("# ")
