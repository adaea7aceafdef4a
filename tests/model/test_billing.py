from __future__ import annotations

import pytest

from outlay.budget import Price, Usage
from outlay.model.billing import reported, shares
from outlay.model.records import Choice, Reply

TOLD = Usage(calls=1, prompt_tokens=10, cached_tokens=4, output_tokens=9)
THREE = (Choice(text="one"), Choice(text="two words"), Choice(text="three more words"))


def test_the_larger_of_reported_and_counted_is_billed() -> None:
    few = reported(Reply(choices=THREE, usage=TOLD, output_tokens=(9, 9, 9)))
    many = reported(Reply(choices=THREE, usage=TOLD, output_tokens=(1, 1, 1)))
    assert few is not None
    assert many is not None
    assert (few.output_tokens, many.output_tokens) == (27, 9)


def test_a_report_of_one_choice_of_several_is_billed_for_all() -> None:
    choices = tuple(Choice(text="a sentence of some words, " * times) for times in (2, 1, 3))
    one = reported(Reply(choices=choices, usage=TOLD.model_copy(update={"output_tokens": 12})))
    everything = reported(Reply(choices=choices, usage=TOLD.model_copy(update={"output_tokens": 36})))
    assert one is not None
    assert everything is not None
    assert (one.output_tokens, everything.output_tokens) == (36, 36)


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(None, id="none"),
        pytest.param(Usage(calls=1), id="zeros"),
        pytest.param(Usage(calls=1, prompt_tokens=10), id="no tokens for a text"),
    ],
)
def test_a_text_without_usage_was_not_reported(usage: Usage | None) -> None:
    assert reported(Reply(choices=THREE, usage=usage)) is None


def test_an_empty_answer_may_take_no_tokens() -> None:
    assert reported(Reply(choices=(Choice(),), usage=Usage(prompt_tokens=3))) is not None


@pytest.mark.parametrize("counts", [None, (2, 3, 4)])
def test_shares_add_up_to_the_bill(counts: tuple[int, ...] | None) -> None:
    price = Price(input=1, output=2, cached_input=0.5)
    whole = Usage(calls=1, generations=3, prompt_tokens=10, cached_tokens=4, output_tokens=9, usd=26e-6)
    parts = shares(whole, Reply(choices=THREE, usage=TOLD, output_tokens=counts), price)
    added = sum(parts, Usage())
    assert added.model_copy(update={"usd": 0.0}) == whole.model_copy(update={"usd": 0.0})
    assert added.usd == pytest.approx(whole.usd)


def test_the_first_share_carries_the_call_and_the_prompt() -> None:
    first, *others = shares(TOLD, Reply(choices=THREE), None)
    assert (first.calls, first.prompt_tokens, first.cached_tokens) == (1, 10, 4)
    assert {(part.calls, part.prompt_tokens) for part in others} == {(0, 0)}


def test_an_unknown_price_stays_unknown_in_every_share() -> None:
    whole = TOLD.model_copy(update={"usd": None})
    assert {part.usd for part in shares(whole, Reply(choices=THREE), None)} == {None}
