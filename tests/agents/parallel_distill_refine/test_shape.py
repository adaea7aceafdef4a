"""What a budget pays for: pure arithmetic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import Budget, Price
from outlay.agents.parallel_distill_refine.shape import (
    Operator,
    Shape,
    Sizes,
    Terms,
    fit,
    narrowed,
    worst_case,
)

SIZES = Sizes(question=100, refining=150, distilling=160, kappa=500)
OPERATORS: tuple[Operator, ...] = (
    "global-summary",
    "shared-top-k",
    "per-sample-top-k",
    "random-k",
    "error-analysis",
)


def terms(operator: Operator = "random-k", k: int = 2, price: Price | None = None) -> Terms:
    return Terms(operator=operator, k=k, sizes=SIZES, price=price)


def test_a_worst_case_by_hand() -> None:
    cost = worst_case(Shape(widths=(4, 1), tokens=300), terms("global-summary"))
    # Four drafts; a summary that reads them (12 tokens of tags each) and fills its cap; the answer.
    assert (cost.calls, cost.output_tokens) == (6, 4 * 300 + 300 + 300)
    assert cost.prompt_tokens == 4 * 100 + (160 + 4 * 312) + (150 + 340)


def test_an_answer_that_was_set_aside_costs_nothing_more() -> None:
    shape = Shape(widths=(4, 1), tokens=300)
    whole, rest = worst_case(shape, terms()), worst_case(shape, terms(), held=300)
    assert (whole.calls - rest.calls, whole.output_tokens - rest.output_tokens) == (1, 300)
    assert whole.prompt_tokens - rest.prompt_tokens == 150 + 500
    longer = Shape(widths=(4, 1), tokens=400)
    assert worst_case(longer, terms(), held=300).output_tokens == 4 * 400 + 100


def test_drafts_that_are_there_are_distilled_at_their_size() -> None:
    cost = worst_case(Shape(widths=(1,), tokens=300), terms("global-summary"), drafts=(70, 80), held=300)
    assert (cost.calls, cost.prompt_tokens, cost.output_tokens) == (1, 160 + 150 + 24, 300)


@pytest.mark.parametrize(("drafts", "calls"), [(2, 1), (3, 2)])
def test_where_all_drafts_enter_none_is_chosen(drafts: int, calls: int) -> None:
    cost = worst_case(Shape(widths=(1,), tokens=50), terms("shared-top-k"), drafts=(40,) * drafts)
    assert cost.calls == calls


def test_where_prompts_are_bounded_a_token_of_a_draft_counts_for_more() -> None:
    bounded = Terms(operator="global-summary", k=2, sizes=SIZES.model_copy(update={"weight": 5}))
    cost = worst_case(Shape(widths=(2, 1), tokens=100), bounded)
    assert cost.prompt_tokens == 2 * 100 + (160 + 5 * 2 * 112) + (150 + 5 * 140)


def test_a_request_of_many_samples_carries_its_prompt_once() -> None:
    together = Terms(operator="random-k", k=2, sizes=SIZES.model_copy(update={"per_request": 4}))
    cost = worst_case(Shape(widths=(6, 2, 1), tokens=10), together)
    # Two requests for six drafts; each child that draws its own workspace needs one of its own.
    assert (cost.calls, cost.prompt_tokens) == (2 + 2 + 1, 2 * 100 + 3 * (150 + 2 * 50))


@pytest.mark.parametrize(
    ("widths", "drafts", "narrower"),
    [
        ((8, 4, 1), 12, (8, 4, 1)),
        ((8, 4, 1), 7, (5, 2, 1)),
        ((8, 4, 1), 6, (4, 2, 1)),
        ((8, 4, 1), 4, (4, 1)),
        ((8, 4, 1), 2, (2, 1)),
        ((8, 4, 1), 1, (1,)),
        ((8, 4, 1), 0, (1,)),
        ((1, 1, 1, 1), 2, (1, 1, 1)),
        ((1, 1, 1, 1), 0, (1,)),
    ],
)
def test_fewer_drafts_are_shared_out_as_the_widths_have_it(
    widths: tuple[int, ...], drafts: int, narrower: tuple[int, ...]
) -> None:
    assert narrowed(widths, drafts) == narrower


def test_without_a_limit_it_is_as_wide_as_asked() -> None:
    assert fit((8, 4, 1), terms(), Budget(), most=1000, least=300) == Shape(widths=(8, 4, 1), tokens=1000)


def test_drafts_are_fewer_rather_than_too_short() -> None:
    found = fit((8, 4, 1), terms(), Budget(output_tokens=2000), most=1000, least=384)
    assert found == Shape(widths=(4, 1), tokens=400)
    found = fit((8, 4, 1), terms(), Budget(output_tokens=4000), most=1000, least=384)
    assert found == Shape(widths=(6, 3, 1), tokens=400)


def test_one_call_takes_what_there_is() -> None:
    assert fit((8, 1), terms(), Budget(output_tokens=100), most=1000, least=384) == Shape(
        widths=(1,), tokens=100
    )
    assert fit((8, 1), terms(), Budget(total_tokens=99), most=1000, least=384) is None
    assert fit((8, 1), terms(), Budget(calls=0), most=1000, least=384) is None


def test_a_summary_that_could_say_nothing_is_not_asked_for() -> None:
    left = Budget(output_tokens=63)
    assert fit((1,), terms("global-summary"), left, most=500, least=300, drafts=(200,) * 4, held=500) is None
    left = Budget(output_tokens=64)
    found = fit((1,), terms("global-summary"), left, most=500, least=300, drafts=(200,) * 4, held=500)
    assert found == Shape(widths=(1,), tokens=64)


@given(
    widths=st.lists(st.integers(1, 16), max_size=3),
    operator=st.sampled_from(OPERATORS),
    k=st.integers(1, 4),
    output_tokens=st.none() | st.integers(0, 20_000),
    total_tokens=st.none() | st.integers(0, 40_000),
    calls=st.none() | st.integers(0, 40),
    usd=st.none() | st.floats(0, 0.1),
)
def test_what_fits_never_costs_more_and_one_token_more_would(
    widths: list[int],
    operator: Operator,
    k: int,
    output_tokens: int | None,
    total_tokens: int | None,
    calls: int | None,
    usd: float | None,
) -> None:
    left = Budget(output_tokens=output_tokens, total_tokens=total_tokens, calls=calls, usd=usd)
    price = Price(input=1, output=4)
    asked = (*widths, 1)
    found = fit(asked, terms(operator, k, price), left, most=800, least=256)
    if found is None:
        smallest = Shape(widths=(1,), tokens=1)
        assert not worst_case(smallest, terms(operator, k, price)).fits(left, price)
        return
    assert worst_case(found, terms(operator, k, price)).fits(left, price)
    longer = found.model_copy(update={"tokens": found.tokens + 1})
    assert found.tokens == 800 or not worst_case(longer, terms(operator, k, price)).fits(left, price)
    assert found.tokens >= 256 or found.widths == (1,)


@given(st.lists(st.integers(1, 16), max_size=4))
def test_no_round_is_wider_than_asked_and_no_draft_is_added(widths: list[int]) -> None:
    for count in range(sum(widths) + 1):
        *rounds, answer = narrowed((*widths, 1), count)
        assert (answer, sum(rounds) <= count) == (1, True)
        assert all(share <= width for share, width in zip(rounds, widths, strict=False))
    assert narrowed((*widths, 1), sum(widths)) == (*widths, 1)
