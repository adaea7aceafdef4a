from __future__ import annotations

import pytest

from outlay.bench.trial import Trial, over, written
from outlay.budget import Budget, Usage


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        (Budget(), {}),
        (Budget(output_tokens=10, calls=2, usd=0.5), {}),
        (Budget(output_tokens=7), {"output_tokens": 3}),
        (Budget(total_tokens=100, usd=0.25), {"total_tokens": 10, "usd": 0.25}),
        (Budget(seconds=0), {}),
    ],
    ids=["no limit", "within", "tokens", "two units", "time is no overshoot"],
)
def test_overshoot_is_what_lies_above_the_budget(budget: Budget, expected: dict[str, float]) -> None:
    usage = Usage(calls=2, prompt_tokens=100, output_tokens=10, usd=0.5)
    assert over(usage, budget) == expected


def test_an_unknown_price_is_no_overshoot() -> None:
    assert over(Usage(usd=None), Budget(usd=0)) == {}


@pytest.mark.parametrize(
    ("budget", "text"),
    [
        (Budget(), "no limit"),
        (Budget(output_tokens=256), "output_tokens=256"),
        (Budget(usd=0.0005, calls=3), "usd=0.0005 calls=3"),
    ],
    ids=["none", "tokens", "two"],
)
def test_a_budget_is_written_as_on_the_command_line(budget: Budget, text: str) -> None:
    assert written(budget) == text


@pytest.mark.parametrize("sequential", [None, Usage(calls=2, prompt_tokens=9, output_tokens=4, usd=None)])
def test_a_record_survives_json(sequential: Usage | None) -> None:
    trial = Trial(
        strategy="direct",
        budget=Budget(output_tokens=5),
        item="a",
        seed=0,
        score=0.5,
        sequential=sequential,
    )
    assert Trial.model_validate_json(trial.model_dump_json(exclude_defaults=True)) == trial


def test_a_record_from_before_sequential_usage_was_kept_is_read() -> None:
    line = '{"strategy":"direct","budget":{},"item":"a","seed":0,"usage":{"calls":1,"output_tokens":7}}'
    assert Trial.model_validate_json(line).sequential is None
