"""What the README shows is what happens: its blocks run, and what it names is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from typer.main import get_group

from outlay import local
from outlay.agents.spec import STRATEGIES
from outlay.cli.app import ask
from outlay.cli.bench.app import run as run_bench
from outlay.cli.memory import show as show_memory
from outlay.cli.train_router.app import app as train_router

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
MOST_LINES = 150
PATIENCE = 280


class Block(NamedTuple):
    """A fenced block."""

    language: str
    code: str


BLOCKS = [Block(*found) for found in re.findall(r"^```(\S*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)]
PROSE = re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE)


def blocks(language: str) -> list[str]:
    return [block.code for block in BLOCKS if block.language == language]


SHELL = [line for code in blocks("bash") for line in code.splitlines() if line]
INLINE = re.findall(r"`((?:outlay|make|pip|python) [^`]+)`", PROSE)
RUN = [line for line in SHELL if line.startswith("outlay ")]
TARGETS = re.findall(r"\bmake ([a-z-]+)", "\n".join(SHELL + INLINE))
NOT_RUN = {
    "make demo": "tests/cli/test_local.py runs what it runs",
    "make test": "it is what runs this test",
    "make lint": "a part of make test",
    "make types": "a part of make test",
    "make tests": "a part of make test",
    "make perf": "it measures time, which tests do not",
    "pip install '.[local]'": "it needs the network; the extra is looked up",
    "outlay setup": "tests/cli/test_local.py runs it",
    "make scale": "it measures time, which tests do not",
    "make bench-smoke": "a part of make test",
    "outlay bench anchoring": "tests/cli/bench/test_bench_anchoring.py runs it",
    "pip install '.[datasets]'": "it needs the network; the extra is looked up",
    "outlay bank collect": "tests/cli/test_bank_collect.py runs it",
    "outlay bank calibrate": "tests/cli/test_bank_calibrate.py runs it",
    "outlay train-router collect": "a longer line runs it",
    "outlay train-router report": "a longer line runs it",
    "pip install '.[retrieval]'": "it needs the network; the extra is looked up",
    "pip install '.[memory]'": "it needs the network; the extra is looked up",
    "outlay memory import DIR FILE": "tests/cli/test_memory.py runs it",
    "outlay bench run --strategy": "a longer line runs it",
    "outlay graph": "tests/cli/test_catalogue.py runs it",
    "outlay strategies": "tests/cli/test_catalogue.py runs it",
    'outlay ask my_module:SecondLook:PARAMETER=VALUE,... "6 times 7?"': "tests/cli/test_plugins.py does",
    "pip install '.[ray]'": "it needs the network; the extra is looked up",
}
"""Commands that are named, and why this test does not run them."""

PRINTED = {
    "offline": r".+ \w+ \d+\nfence .*\nhomework (.*\n)+ +direct +1 (.*\n)+ +self-consistency +\d(.*\n)+",
    "fence": r"a word is a token here \['finished', 'finished'(, 'budget'){7}\]\n",
    "models": r"",
    "graph": r".+ \d+\n",
    "strategy": r"42\n",
}
"""What each Python block prints, in their order."""

PRINTED_BY_COMMANDS = (
    r"(?s)stopped: .* solve .*output tokens: \d+ of 300 spent",
    r"(?s)no call was made.*of \$0.01 at most",
    r"(?s)^\{.*\"calls\": 1,.*\}\n$",
    r"(?s)direct.*self-consistency.*plan-and-budget.*START\n`-> plan\n",
    r"(?s)320 of 320 records.*SIMULATED MODEL.*report.html",
    r"(?s)24 of 24 episodes.*SIMULATED MODEL.*8 questions, 24 runs.*written: tiers/report.html",
)
"""What each `outlay` command prints, in their order."""


def for_model(sign: str, *parameters: str, name: str) -> ParameterSet:
    """Make a case of a test, marked if it needs the embedded model."""
    marks = [pytest.mark.model, pytest.mark.timeout(PATIENCE + 20)]
    return pytest.param(*parameters, marks=marks if sign in parameters[0] else (), id=name)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A stranger's machine: no key, a model in the home folder, the command on the path."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "any.gguf").write_bytes(b"GGUF".ljust(24, b"\0"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "question.txt").write_text("What is the capital of Japan?", encoding="utf-8")
    command = tmp_path / "outlay"
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m outlay "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    kept = {key: value for key, value in os.environ.items() if not key.endswith("_API_KEY")}
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    return kept | {"HOME": str(tmp_path), "PATH": path, "PYTHONPATH": str(ROOT)}


def ran(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=environment["HOME"],
        env=environment,
    )


def layout() -> list[str]:
    """Give the paths that the tree names."""
    paths, folder = [], ""
    for line in blocks("text")[0].splitlines():
        names = line[:40].split()
        paths += [f"{folder}{name}" if line.startswith(" ") else name for name in names]
        folder = names[0] if names[0] == line else folder
    return paths


def said_of_strategies() -> dict[str, str]:
    """Give what the table says the budget buys, by strategy."""
    rows = [[cell.strip(" `") for cell in row.split("|")[1:-1]] for row in re.findall(r"(?m)^\| `.*", TEXT)]
    return {name: buys for name, _, buys, _ in rows}


def test_it_is_read_in_one_sitting() -> None:
    assert len(TEXT.splitlines()) <= MOST_LINES


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.language for block in BLOCKS} == {"bash", "python", "text"}
    assert TEXT.count("```") == 2 * len(BLOCKS)
    assert len(blocks("text")) == 1


@pytest.mark.parametrize(
    ("code", "printed"),
    [
        for_model('("local"', code, PRINTED[name], name=name)
        for code, name in zip(blocks("python"), PRINTED, strict=True)
    ],
)
def test_a_python_block_runs_and_prints_what_it_should(
    code: str, printed: str, environment: dict[str, str]
) -> None:
    done = ran([sys.executable, "-c", code], environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(printed, done.stdout)


@pytest.mark.parametrize(
    ("line", "printed"),
    [
        for_model("outlay ask", line, printed, name=line[:40])
        for line, printed in zip(RUN, PRINTED_BY_COMMANDS, strict=True)
    ],
)
def test_a_command_runs_and_prints_what_it_should(
    line: str, printed: str, environment: dict[str, str]
) -> None:
    done = ran(["bash", "-c", line], environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(printed, done.stdout)


def test_what_is_not_run_is_known() -> None:
    named = {line.partition("#")[0].strip() for line in SHELL if line not in RUN} | set(INLINE)
    assert named == set(NOT_RUN)


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_extra_is_there() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"\[(\w+)\]'", PROSE)) <= set(project["optional-dependencies"])


def test_every_option_named_is_run_or_looked_up() -> None:
    options = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
    commands = (run_bench, ask, show_memory)
    parameters = [name for command in commands for name in signature(command).parameters]
    looked_up = {f"--{name.replace('_', '-')}" for name in parameters}
    switched_off = {f"--no-{name[2:]}" for name in looked_up}
    assert set(options.findall(PROSE)) <= {*options.findall("\n".join(RUN)), *looked_up, *switched_off}


def test_every_path_named_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in link]
    scripts = re.findall(r"python (\S+\.py)", TEXT)
    missing = [path for path in [*layout(), *links, *scripts] if not (ROOT / path).exists()]
    assert (missing, len(layout()) > 10) == ([], True)


def test_the_table_says_of_every_strategy_what_it_says_of_itself() -> None:
    assert said_of_strategies() == {name: kind.summary for name, kind in STRATEGIES.items()}


def test_every_command_that_learns_a_router_is_named() -> None:
    assert "`outlay train-router " in PROSE
    named = set(re.findall(r"`(?:outlay train-router )?(\w+)`", PROSE))
    assert set(get_group(train_router).commands) <= named


def test_the_variables_have_the_defaults_named() -> None:
    said = dict(re.findall(r"`(OUTLAY_\w+)` \((\d+)\)", TEXT))
    assert said == {"OUTLAY_LOCAL_SLOTS": str(local.SLOTS), "OUTLAY_LOCAL_CONTEXT": str(local.CONTEXT)}
