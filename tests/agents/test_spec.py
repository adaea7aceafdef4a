from __future__ import annotations

import pytest

from outlay.agents import PlanAndBudget
from outlay.agents.spec import STRATEGIES, collaborators, parse_spec, strategy_from_spec
from outlay.errors import ConfigurationError
from outlay.testing import ScriptedModel

MODEL = ScriptedModel([])
PLANNER = ScriptedModel([])


def test_a_name_alone_gives_the_defaults() -> None:
    strategy = strategy_from_spec("direct", MODEL)
    assert strategy == STRATEGIES["direct"](MODEL)


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_strategy_can_be_named(name: str) -> None:
    assert strategy_from_spec(name, MODEL).name == name
    assert collaborators(STRATEGIES[name])[0] == "model"


@pytest.mark.parametrize(
    ("spec", "parameter", "value"),
    [
        pytest.param("self-consistency:n=3", "n", 3, id="integer"),
        pytest.param("self-consistency:n=3,threshold=0.9", "threshold", 0.9, id="second of two"),
        pytest.param("self-consistency:threshold=3/4", "threshold", 0.75, id="fraction"),
        pytest.param("self-consistency:waves=none", "waves", None, id="none"),
        pytest.param("self-consistency:waves=false", "waves", False, id="boolean"),
        pytest.param("self-consistency: n = 3 ", "n", 3, id="blanks"),
        pytest.param("self_consistency:max-output-tokens=9", "max_output_tokens", 9, id="hyphens"),
    ],
)
def test_a_value_is_read_by_its_parameters_type(spec: str, parameter: str, value: object) -> None:
    assert getattr(strategy_from_spec(spec, MODEL).config, parameter) == value


def test_commas_inside_a_list_do_not_separate() -> None:
    spec = 'self-consistency:n=[1,2],threshold={"a": 1, "b": 2},waves="x,y"'
    assert parse_spec(spec)[1] == {"n": "[1,2]", "threshold": '{"a": 1, "b": 2}', "waves": '"x,y"'}


def test_a_seed_overrides_the_written_one() -> None:
    assert strategy_from_spec("direct:seed=1", MODEL, seed=2).config.seed == 2


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param("", "unknown strategy ''", id="nothing"),
        pytest.param("drect", "did you mean 'direct'?", id="near a name"),
        pytest.param("zzz", "known: direct, self-consistency", id="near none"),
        pytest.param("direct:seeed=1", "did you mean 'seed'?", id="near a parameter"),
        pytest.param("direct:seed", "name=value", id="no value"),
        pytest.param("direct:seed=x", "seed", id="no integer"),
    ],
)
def test_what_is_wrong_is_named(spec: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("?", r"\?")):
        strategy_from_spec(spec, MODEL)


def test_a_further_model_is_a_parameter() -> None:
    strategy = strategy_from_spec("plan-and-budget:planner=big", MODEL, model_named=lambda _: PLANNER)
    assert strategy == PlanAndBudget(MODEL, PLANNER)


def test_a_teacher_without_use_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="has no teacher"):
        strategy_from_spec("direct", MODEL, teacher=MODEL)


def test_a_parameter_given_twice_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="given twice"):
        parse_spec("self-consistency:n=3,n=4")


def test_a_list_is_read_for_a_tuple() -> None:
    strategy = strategy_from_spec("plan-and-budget:level_budgets=[1,2,3,4,5]", ScriptedModel([]))
    assert strategy.config.level_budgets == (1, 2, 3, 4, 5)
