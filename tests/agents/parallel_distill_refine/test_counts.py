"""The method page's tables: how many calls, how deep, how many tokens on the path and in all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from outlay.agents import ParallelDistillRefine, SequentialRefinement
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from outlay.agents.parallel_distill_refine.shape import Operator
    from outlay.model import Request

WIDTHS = ((8, 1), (8, 4, 1), (16, 8, 1), (8, 4, 2, 1), (16, 8, 4, 1))
CALLS_AND_DEPTH = {
    "global-summary": ((10, 3), (15, 5), (27, 5), (18, 7), (32, 7)),
    "shared-top-k": ((10, 3), (15, 5), (27, 5), (18, 7), (32, 7)),
    "per-sample-top-k": ((10, 3), (18, 5), (34, 5), (22, 7), (42, 7)),
    "random-k": ((9, 2), (13, 3), (25, 3), (15, 4), (29, 4)),
}
TABLE = [
    (operator, widths, *figures)
    for operator, rows in CALLS_AND_DEPTH.items()
    for widths, figures in zip(WIDTHS, rows, strict=True)
]


def marks(text: str) -> list[str]:
    """Count `#` only, so that the words of a template weigh nothing."""
    return re.findall("[^#]*#", text)


QUESTION = "Q " + "#" * 200
DRAFT = "#" * 1000 + r" \boxed{7}#"[:-1]
SUMMARY = "#" * 300


def line(request: Request) -> Any:
    if request.response_schema is not None:
        return {"picks": [1]}
    asked = prompt(request)
    return SUMMARY if "Do not solve" in asked else DRAFT


def model(*, max_n: int = 1, price_by_marks: bool = False) -> ScriptedModel:
    tokens = marks if price_by_marks else str.split
    return ScriptedModel(line, tokens=tokens, max_n=max_n, default_max_output_tokens=2000)


@pytest.mark.parametrize(("operator", "widths", "calls", "depth"), TABLE)
def test_calls_and_depth(operator: Operator, widths: tuple[int, ...], calls: int, depth: int) -> None:
    answer = ParallelDistillRefine(model(), widths=widths, distill=operator, k=1, agreement=None).run("Q")
    assert (answer.usage.calls, answer.usage.generations) == (calls, calls)
    assert answer.sequential is not None
    assert (answer.sequential.calls, answer.value, answer.degraded) == (depth, "7", None)


@pytest.mark.parametrize(
    ("widths", "operator", "units", "depth"),
    [((16, 8, 4, 1), "global-summary", 32, 7), ((8, 4, 2, 1), "shared-top-k", 18, 7)],
)
@pytest.mark.parametrize("thinking", [8192, 16384, 24576])
def test_nominal_budgets_are_calls_and_depth_times_the_thinking_of_one(
    widths: tuple[int, ...], operator: Operator, units: int, depth: int, thinking: int
) -> None:
    answer = ParallelDistillRefine(model(), widths=widths, distill=operator, k=1, agreement=None).run("Q")
    assert answer.sequential is not None
    assert answer.usage.generations * thinking == units * thinking
    nominal = {8192: 57_344, 16384: 114_688, 24576: 172_032}
    assert answer.sequential.generations * thinking == depth * thinking == nominal[thinking]
    if thinking == 24576 and units == 18:
        assert answer.usage.generations * thinking == 442_368


def test_measured_budgets() -> None:
    strategy = ParallelDistillRefine(model(price_by_marks=True), widths=(4, 2, 1), agreement=None, kappa=5000)
    answer = strategy.run(QUESTION)
    assert (answer.usage.total_tokens, answer.usage.output_tokens) == (16_300, 7_600)
    assert answer.sequential is not None
    assert (answer.sequential.total_tokens, answer.sequential.output_tokens) == (11_200, 3_600)


def test_a_shared_prompt_is_paid_once_and_the_path_is_the_same() -> None:
    strategy = ParallelDistillRefine(
        model(price_by_marks=True, max_n=8), widths=(4, 2, 1), agreement=None, kappa=5000
    )
    answer = strategy.run(QUESTION)
    assert (answer.usage.calls, answer.usage.generations) == (5, 9)
    # Three prompts of 200 and one of 500 less than when each draft is asked for on its own.
    assert answer.usage.total_tokens == 16_300 - 3 * 200 - 500
    assert answer.sequential is not None
    assert answer.sequential.total_tokens == 11_200


@pytest.mark.parametrize(
    ("error_analysis", "calls", "total", "output"), [(False, 4, 7_800, 4_000), (True, 7, 13_200, 4_900)]
)
def test_sequential_refinement(*, error_analysis: bool, calls: int, total: int, output: int) -> None:
    strategy = SequentialRefinement(
        model(price_by_marks=True), rounds=3, error_analysis=error_analysis, kappa=5000
    )
    answer = strategy.run(QUESTION)
    assert answer.usage.calls == calls
    assert answer.sequential is not None
    for usage in (answer.usage, answer.sequential):
        assert (usage.total_tokens, usage.output_tokens) == (total, output)


def test_single_drafts_at_random_are_sequential_refinement() -> None:
    chained, refined = model(price_by_marks=True), model(price_by_marks=True)
    chain = ParallelDistillRefine(chained, widths=(1, 1, 1, 1), distill="random-k", k=1, kappa=5000)
    refinement = SequentialRefinement(refined, rounds=3, kappa=5000)
    first, second = chain.run(QUESTION), refinement.run(QUESTION)
    assert chained.prompts == refined.prompts
    assert (first.usage, first.sequential) == (second.usage, second.sequential)
    assert [r.max_output_tokens for r in chained.requests] == [r.max_output_tokens for r in refined.requests]
