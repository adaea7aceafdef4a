from __future__ import annotations

import pytest

from outlay.bench.scorers import SCORERS, scorer_from_spec
from outlay.bench.scorers.judge import Judge
from outlay.budget import Budget
from outlay.errors import ConfigurationError
from outlay.testing import ScriptedModel


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer_can_be_named(name: str) -> None:
    spec = f"{name}:model=some/model" if name == "judge" else name
    assert scorer_from_spec(spec, model_named=lambda name: ScriptedModel([], name=name)).name == name


def test_a_judge_takes_a_model_and_its_fence() -> None:
    spec = "judge: model=gguf:/models/m.gguf, usd=0.5, output-tokens=20000, max-output-tokens=99"
    judge = scorer_from_spec(spec, model_named=lambda name: ScriptedModel([], name=name))
    assert isinstance(judge, Judge)
    assert judge.model.name == "gguf:/models/m.gguf"
    assert judge.ledger.budget == Budget(usd=0.5, output_tokens=20000)
    assert judge.max_output_tokens == 99


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param("", "unknown scorer '': known: numeric, exact", id="nothing"),
        pytest.param("numerc", "did you mean 'numeric'?", id="near a name"),
        pytest.param("numeric:tolerance=1", "parameter of numeric 'tolerance': known: none", id="has none"),
        pytest.param("judge", "model: Field required", id="a judge without a model"),
        pytest.param("judge:model=m,uds=1", "did you mean 'usd'?", id="near a parameter"),
        pytest.param("judge:model=m,usd=-1", "usd: Input should be greater than", id="a negative limit"),
        pytest.param("judge:model=m,usd=much", "usd: Input should be a valid number", id="no number"),
        pytest.param("judge:model=m,model=n", "given twice", id="twice"),
        pytest.param("math:seconds", "write name=value", id="no value"),
        pytest.param("math:seconds=0", "seconds: Input should be greater than 0", id="no time"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_spec_is_said(spec: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said.replace("?", r"\?")):
        scorer_from_spec(spec)
