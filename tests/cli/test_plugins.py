"""Strategies, models and scorers of other distributions, and strategies by their import path."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from outlay.agents.spec import canonical, parse_spec, strategy_from_spec
from outlay.bench.scorers import scorer_from_spec
from outlay.errors import ConfigurationError
from outlay.model import Model
from outlay.testing import CountingServer, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STRATEGY = """
    from dataclasses import dataclass
    from typing import ClassVar
    from outlay.agents import Direct, SelfConsistency
    from outlay.budget import Settings
    from outlay.model import Model
    from outlay.strategy import Strategy

    class Fan(SelfConsistency):
        name = "fan"

    class Half(Strategy):
        "Has no graph."

    class NoModel(Strategy):
        name, summary, Config = "no-model", "nothing", Settings
        def build(self): ...

    number = 3
"""
MODEL = """
    from outlay.testing import ScriptedModel

    def make(name, *, api_base, api_key, timeout):
        return ScriptedModel([f"{name} at {api_base}"], name=name).provider

    def nothing(name, **options):
        return None
"""
SCORER = """
    from outlay.bench import Score

    class Length:
        name = "length"
        def __init__(self, most: int = 5):
            self.most = most
        def check(self, item): ...
        async def score(self, item, answer):
            return Score(value=float(len(answer.text) <= self.most))
"""
ENTRIES = """
    [outlay.strategies]
    my_fan = {prefix}strategy:Fan
    direct = {prefix}strategy:Fan
    absent = {prefix}nowhere:Fan
    raises = {prefix}raises:Fan
    [outlay.models]
    acme = {prefix}model:make
    hollow = {prefix}model:nothing
    [outlay.scorers]
    length = {prefix}scorer:Length
    number = {prefix}strategy:number
"""
PREFIX = "plugin_of_a_test_"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory on `sys.path`."""
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith(PREFIX)]:
        monkeypatch.delitem(sys.modules, name)
    importlib.invalidate_caches()
    return tmp_path


@pytest.fixture
def distribution(site: Path) -> Path:
    """A distribution that is installed in a directory on `sys.path`."""
    info = site / "acme_outlay-1.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-outlay\nVersion: 1.5\n")
    (info / "entry_points.txt").write_text(dedent(ENTRIES.format(prefix=PREFIX)))
    put(site, strategy=STRATEGY, model=MODEL, scorer=SCORER, raises="raise SystemExit(3)")
    return site


def put(site: Path, **modules: str) -> None:
    for name, code in modules.items():
        (site / f"{PREFIX}{name}.py").write_text(dedent(code))
    importlib.invalidate_caches()


@pytest.mark.parametrize("parameters", ["", ":", ":n=3,threshold=0.9", ": n = 3 "])
def test_a_strategy_has_an_import_path_and_parameters(site: Path, parameters: str) -> None:
    put(site, strategy=STRATEGY)
    strategy = strategy_from_spec(f"{PREFIX}strategy:Fan{parameters}", ScriptedModel([]))
    assert type(strategy).__name__ == "Fan"
    assert strategy.config.n == (3 if "n" in parameters else 5)


def test_an_import_path_has_one_way_to_be_written(site: Path) -> None:
    put(site, strategy=STRATEGY)
    written = canonical(f" {PREFIX}strategy:Fan: threshold = 9/10,n=5")
    assert written == canonical(written) == f"{PREFIX}strategy:Fan:threshold=0.9"


def test_a_known_name_comes_before_a_module_of_that_name(site: Path) -> None:
    (site / "direct.py").write_text("raise RuntimeError")
    with pytest.raises(ConfigurationError, match="name=value"):
        parse_spec("direct:seed")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        pytest.param("nowhere:Fan", "there is no module 'plugin_of_a_test_nowhere'", id="no module"),
        pytest.param("nowhere.inner:Fan", "there is no module 'plugin_of_a_test_nowhere'", id="no package"),
        pytest.param("strategy:Fun", r"strategy.py\) has no 'Fun'", id="no attribute"),
        pytest.param("strategy:number", "no subclass of outlay.strategy.Strategy", id="no class"),
        pytest.param("strategy:Model", "no subclass of outlay.strategy.Strategy", id="another class"),
        pytest.param("strategy:Half", r"has no name, summary, Config, build\(\)", id="half a strategy"),
        pytest.param("strategy:NoModel", "needs `model: Model` as its first field", id="no model"),
        pytest.param("zero:Fan", r"cannot be loaded \(ZeroDivisionError: division by zero\)", id="raises"),
        pytest.param("leaves:Fan", r"cannot be loaded \(SystemExit: 3\)", id="exits"),
        pytest.param(
            "needs:Fan", r"\(ModuleNotFoundError: No module named 'not_there'\)", id="needs another"
        ),
        pytest.param("syntax:Fan", "SyntaxError", id="no Python"),
        pytest.param("strategy:Fan:seeed=3", "did you mean 'seed'", id="parameter"),
    ],
)
def test_a_wrong_import_path_is_one_sentence(site: Path, path: str, said: str) -> None:
    put(site, strategy=STRATEGY, zero="1 / 0", leaves="raise SystemExit(3)", needs="import not_there")
    put(site, syntax="class")
    with pytest.raises(ConfigurationError, match=said):
        strategy_from_spec(PREFIX + path, ScriptedModel([]))


def test_an_installed_strategy_is_asked_for_by_name(distribution: Path) -> None:
    strategy = strategy_from_spec("my-fan:n=3", ScriptedModel([]))
    assert (type(strategy).__name__, strategy.config.n) == ("Fan", 3)
    assert canonical("my_fan:n=5") == "my-fan"


def test_our_own_names_cannot_be_taken(distribution: Path) -> None:
    assert type(strategy_from_spec("direct", ScriptedModel([]))).__module__.startswith("outlay.")


def test_a_damaged_list_of_entry_points_harms_nobody(distribution: Path) -> None:
    info = distribution / "broken-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[outlay.strategies]\nno equals sign\n")
    sys.path.insert(0, str(distribution / "elsewhere"))  # what is found is kept by the path
    try:
        assert parse_spec("my-fan")[0] == "my-fan"
    finally:
        sys.path.pop(0)


def test_a_model_comes_from_the_entry_point_of_its_prefix(distribution: Path) -> None:
    model = Model("acme/large", api_base="http://there")
    assert strategy_from_spec("direct", model).run("?").text == "acme/large at http://there"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        pytest.param(
            lambda: Model("hollow/x"), "'hollow' of the distribution acme-outlay 1.5 gave", id="none"
        ),
        pytest.param(lambda: Model("acme/x", tokenizer="bytes"), "leave tokenizer= out", id="tokenizer"),
        pytest.param(
            lambda: scorer_from_spec("length:least=1"), "parameter of length 'least'", id="parameter"
        ),
        pytest.param(
            lambda: scorer_from_spec("number"), "'number' of the distribution acme", id="no factory"
        ),
        pytest.param(
            lambda: parse_spec("absent"), "'absent' of the distribution acme-outlay 1.5", id="absent"
        ),
        pytest.param(
            lambda: parse_spec("raises"), "'raises' of the distribution acme-outlay 1.5", id="raises"
        ),
    ],
)
def test_a_broken_entry_point_is_named_with_its_distribution(
    distribution: Path, make: Callable[[], Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()


def test_a_scorer_comes_from_an_entry_point(distribution: Path) -> None:
    scorer: Any = scorer_from_spec("length:most=9")
    assert (scorer.name, scorer.most) == ("length", 9)


def in_directory(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OPENAI_API_KEY": "a-key"}
    environment["PYTHONPATH"] = os.pathsep.join([str(cwd / "site"), *filter(os.path.isdir, sys.path)])
    program = "import sys; from outlay.cli import main; sys.path.remove(''); sys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_finds_a_strategy_in_the_current_directory(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(dedent(STRATEGY))
    with CountingServer(reply="The answer is 42.") as server:
        model = ("--model", "openai/test", "--api-base", server.url, "--json")
        asked = in_directory("ask", "mine:Fan:n=3", "6 times 7?", *model, cwd=tmp_path)
        (tmp_path / "data.jsonl").write_text('{"question": "6 times 7?", "answer": "42"}\n')
        bench = ("bench", "run", "--data", "data.jsonl", "--baselines", "none", "--out", "study")
        ran = in_directory(*bench, "--strategy", "mine:Fan:n=3", *model, cwd=tmp_path)
    told = json.loads(asked.stdout)
    assert (asked.returncode, told["strategy"], told["config"]["n"], told["value"]) == (0, "fan", 3, "42")
    assert (ran.returncode, ran.stderr) == (0, "")
    absent = in_directory("ask", "nowhere:Fan", "?", cwd=tmp_path)
    assert (absent.returncode, absent.stderr.count("\n")) == (2, 1)


def test_strategies_lists_those_of_distributions_and_names_the_broken(
    outlay: Callable[..., Any], distribution: Path
) -> None:
    ran = outlay("strategies", "--json")
    listed = {one["name"]: one["distribution"] for one in ran.json["strategies"]}
    assert (listed["direct"], listed["my-fan"]) == ("outlay", "acme-outlay 1.5")
    assert {one["name"]: one["distribution"] for one in ran.json["broken"]} == {
        "absent": "acme-outlay 1.5",
        "raises": "acme-outlay 1.5",
    }
    shown = outlay("strategies")
    assert shown.status == 0
    assert "my-fan  from acme-outlay 1.5" in shown.out
    assert "entry point 'raises' of the distribution acme-outlay 1.5 cannot be loaded" in shown.err
