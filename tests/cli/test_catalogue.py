from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any, Literal

import pytest

from outlay.agents.spec import STRATEGIES
from outlay.cli.catalogue import type_name

if TYPE_CHECKING:
    from collections.abc import Callable


HEAVY = ("litellm", "langgraph", "langchain_core", "torch", "faiss", "transformers", "xllamacpp", "httpx")


def test_every_strategy_is_listed_with_its_parameters(outlay: Callable[..., Any]) -> None:
    ran = outlay("strategies", "--json")
    listed = {entry["name"]: entry for entry in ran.json["strategies"]}
    assert list(listed) == list(STRATEGIES)
    assert listed["self-consistency"]["arxiv"] == "2203.11171"
    assert listed["self-consistency"]["parameters"][0] == {
        "name": "n",
        "type": "int",
        "default": "5",
        "about": "Most samples.",
    }


def test_the_list_is_readable_without_a_terminal(outlay: Callable[..., Any]) -> None:
    ran = outlay("strategies")
    assert (ran.status, ran.err) == (0, "")
    assert "threshold=0.95" in ran.out
    assert "waves=none" in ran.out


@pytest.mark.parametrize(
    ("annotation", "written"),
    [
        (int | None, "int | none"),
        (Literal["a", "b"], "a | b"),
        (tuple[float, ...], "list of float"),
        (str, "str"),
    ],
)
def test_types_are_written_for_people(annotation: object, written: str) -> None:
    assert type_name(annotation) == written


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_graph_is_drawn_as_mermaid_text(outlay: Callable[..., Any], name: str) -> None:
    ran = outlay("graph", name)
    assert (ran.status, ran.err) == (0, "")
    assert "graph TD;" in ran.out


def test_a_graph_is_drawn_in_characters(outlay: Callable[..., Any]) -> None:
    ran = outlay("graph", "self-consistency", "--ascii")
    assert ran.out.splitlines() == [
        "START",
        "`-> sample",
        "   |-(no)-> sample (above)",
        "   `-(yes)-> vote",
        "      `-> END",
    ]


def test_the_version_is_told(outlay: Callable[..., Any]) -> None:
    ran = outlay("--version")
    assert (ran.status, ran.out.startswith("outlay ")) == (0, True)


def test_without_arguments_there_is_help(outlay: Callable[..., Any]) -> None:
    assert "ask" in outlay().out


@pytest.mark.parametrize("arguments", [["--help"], ["ask", "--help"], ["--version"]], ids=" ".join)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from outlay.cli import main; main(sys.argv[2:]); "
        "print(sorted(set(sys.argv[1].split(',')) & set(sys.modules)), file=sys.stderr)"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, ",".join(HEAVY), *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr.strip() == "[]"
