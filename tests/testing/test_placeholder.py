from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from outlay.testing.placeholder import LIST_ITEMS, instance


class Step(BaseModel):
    text: Annotated[str, Field(min_length=20)]
    credit: Annotated[float, Field(gt=0, le=1)]
    after: list[int]


class Plan(BaseModel):
    level: Literal["easy", "hard"]
    steps: list[Step]
    extra: Annotated[list[str], Field(max_length=2)]
    sure: bool
    note: str | None
    nothing: None
    score: Annotated[int, Field(ge=10, le=100)]


def test_an_instance_fits_its_schema() -> None:
    plan = Plan.model_validate(instance(Plan.model_json_schema()))
    assert (len(plan.steps), len(plan.extra), plan.steps[0].after) == (LIST_ITEMS, 2, [])


def test_no_two_texts_are_equal() -> None:
    plan = Plan.model_validate(instance(Plan.model_json_schema()))
    assert len({step.text for step in plan.steps}) == LIST_ITEMS


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        pytest.param({"const": "x"}, "x", id="constant"),
        pytest.param({"type": "string", "maxLength": 3}, "par", id="short text"),
        pytest.param(
            {"type": "array", "minItems": 6, "items": {"type": "null"}}, [None] * 6, id="least items"
        ),
        pytest.param({"type": "integer", "exclusiveMinimum": 5}, 6, id="above a bound"),
        pytest.param({"type": "number", "maximum": 0.5}, 0.5, id="below a bound"),
    ],
)
def test_bounds_are_kept(schema: dict[str, object], value: object) -> None:
    assert instance(schema) == value
