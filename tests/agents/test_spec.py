from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay.agents import PlanAndBudget
from outlay.agents.spec import STRATEGIES, canonical, collaborators, parse_spec, strategy_from_spec
from outlay.errors import ConfigurationError
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

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


@pytest.mark.parametrize(
    ("spec", "one_way"),
    [
        pytest.param("self_consistency", "self-consistency", id="a name"),
        pytest.param("self-consistency:n=5", "self-consistency", id="a default"),
        pytest.param(
            "self-consistency:threshold=0.950", "self-consistency", id="a default written otherwise"
        ),
        pytest.param("self-consistency:waves=None,seed=none", "self-consistency", id="no value"),
        pytest.param(
            "self-consistency: threshold=9/10 , n=03", "self-consistency:n=3,threshold=0.9", id="order"
        ),
        pytest.param("self-consistency:waves=no", "self-consistency:waves=false", id="boolean"),
        pytest.param("direct:temperature=1", "direct:temperature=1.0", id="an integer for a float"),
        pytest.param(
            "plan-and-budget:planner=big/one, beta=[1, 2], level=hard",
            "plan-and-budget:level=hard,beta=[1.0,2.0],planner=big/one",
            id="models last",
        ),
        pytest.param(
            "plan-and-budget:level_budgets=[1, 2, 3, 4, 5],p=2",
            "plan-and-budget:level_budgets=[1,2,3,4,5]",
            id="list",
        ),
    ],
)
def test_there_is_one_way_to_write_a_strategy(spec: str, one_way: str) -> None:
    assert canonical(spec) == one_way


def test_what_does_not_fit_has_no_canonical_form() -> None:
    with pytest.raises(ConfigurationError, match="n: "):
        canonical("self-consistency:n=0")


INTEGERS: Final = st.integers(1, 9).map(str)
SHARES: Final = st.floats(0.51, 1).map(repr) | st.sampled_from(["0.950", "19/20", "1", "0.9"])
SWITCHES: Final = st.sampled_from(["true", "False", "yes", "0"])
POSITIVE: Final = st.floats(0, allow_nan=False).map(repr)
WRITTEN: Final[dict[str, dict[str, SearchStrategy[str]]]] = {
    "direct": {"max_output_tokens": INTEGERS | st.just("none"), "temperature": POSITIVE, "seed": INTEGERS},
    "self-consistency": {
        "n": INTEGERS,
        "threshold": SHARES,
        "waves": SWITCHES | st.just("none"),
        "min-sample-tokens": INTEGERS,
    },
    "plan-and-budget": {
        "solve": st.sampled_from(["single", "sequential"]),
        "level": st.sampled_from(["none", "3", "hard", '"a, b"', "[x, y]", ""]),
        "level_budgets": st.just("[1, 2, 3, 4, 5]"),
        "beta": st.lists(st.floats(0.1, 9)).map(str),
        "p": POSITIVE,
        "gamma": SHARES,
        "assess": SWITCHES,
        "planner": st.sampled_from(["big", "gguf:/m=1.gguf"]),
    },
}


def spec_of(name: str) -> SearchStrategy[str]:
    """Give specs of a strategy, in any order and with blanks."""
    parameters = st.fixed_dictionaries({}, optional=WRITTEN[name]).map(lambda d: list(d.items()))
    ordered = parameters.flatmap(st.permutations)
    return ordered.map(lambda pairs: f"{name}: " + " , ".join(f"{key} = {value}" for key, value in pairs))


@given(st.sampled_from(sorted(WRITTEN)).flatmap(spec_of))
def test_the_canonical_form_means_the_same_and_is_its_own(spec: str) -> None:
    written = canonical(spec)
    first, again = (strategy_from_spec(s, MODEL, model_named=lambda _: PLANNER) for s in (spec, written))
    assert first == again
    assert parse_spec(written)[1].get("planner") == parse_spec(spec)[1].get("planner")
    assert canonical(written) == written
