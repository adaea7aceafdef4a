"""What the layout promises, beside the import contracts in pyproject.toml."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[1] / "outlay"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = (
    "litellm",
    "torch",
    "faiss",
    "transformers",
    "langgraph",
    "langchain_core",
    "xllamacpp",
    "textworld",
    "alfworld",
    "numpy",
    "nltk",
    "textblob",
    "dateparser",
    "bm25s",
)
HOMES = {
    "litellm": ("model/litellm_provider.py",),
    "xllamacpp": ("local.py",),
    "langchain_core": ("langchain/",),
    "langgraph": ("agents/", "strategy.py"),
    "torch": ("routers/",),
    "faiss": ("retrieval/",),
    "sentence_transformers": ("retrieval/",),
    "textworld": ("environments/text_games.py",),
    "alfworld": ("environments/text_games.py",),
    "fast_downward": ("environments/text_games.py",),
}


def _swallows(node: ast.AST) -> bool:
    """Whether `node` catches everything and does not raise it again."""
    match node:
        case ast.ExceptHandler(type=None | ast.Name(id="Exception" | "BaseException")):
            return not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        case _:
            return False


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module
            case ast.Call(
                func=ast.Name(id="import_module") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(module)), *_],
            ):
                yield module


class _WithoutTypeChecking(ast.NodeTransformer):
    def visit_If(self, node: ast.If) -> ast.AST | None:
        is_for_types = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if is_for_types else self.generic_visit(node)


def _parsed(path: Path) -> ast.AST:
    return _WithoutTypeChecking().visit(ast.parse(path.read_text()))  # type: ignore[no-any-return]


SYNTAX = {path.relative_to(PACKAGE).as_posix(): _parsed(path) for path in MODULES}


def test_modules_say_what_they_are() -> None:
    assert [path.name for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_nothing_swallows_every_exception() -> None:
    assert [name for name, tree in SYNTAX.items() if any(map(_swallows, ast.walk(tree)))] == []


def test_heavy_packages_are_imported_only_in_their_homes() -> None:
    strays = [
        (name, imported)
        for name, tree in SYNTAX.items()
        for imported in _imported(tree)
        if not name.startswith(HOMES.get(imported.partition(".")[0], ("",)))
    ]
    assert strays == []


@pytest.mark.parametrize(
    "name",
    [
        "outlay",
        "outlay.agents",
        "outlay.environments",
        "outlay.ledger",
        "outlay.memory.conversations",
        "outlay.memory.demonstrations",
        "outlay.memory.modules",
        "outlay.model",
        "outlay.replay",
        "outlay.retrieval",
        "outlay.routers.cascade",
        "outlay.routers.tiers",
        "outlay.testing",
    ],
)
def test_public_names_exist_and_once(name: str) -> None:
    package = import_module(name)
    assert len(set(package.__all__)) == len(package.__all__)  # their order is the linter's affair
    assert [public for public in package.__all__ if not hasattr(package, public)] == []


def test_the_package_offers_what_it_lists_and_nothing_else() -> None:
    outlay = import_module("outlay")
    assert set(dir(outlay)) >= set(outlay.__all__)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = outlay.no_such_name


@pytest.mark.parametrize(
    "code",
    [
        "import outlay; outlay.Budget, outlay.ConfigurationError, outlay.Ledger",
        "import runpy; runpy.run_module('outlay', run_name='__main__')",
    ],
    ids=["import outlay", "outlay --help"],
)
def test_nothing_heavy_is_imported_before_it_is_needed(code: str) -> None:
    script = (
        "import sys\n"
        f"sys.argv[1:] = ['--help']\n"
        f"try:\n    {code}\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"print('heavy:', *sorted(sys.modules.keys() & {set(HEAVY)!r}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "heavy:"
