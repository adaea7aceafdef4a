"""What of a round reaches the next one."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from outlay.agents.parallel_distill_refine.rounds import read_drafts
from outlay.agents.parallel_distill_refine.workspace import (
    Distilled,
    Draft,
    chance,
    compose,
    drawn,
    read_distilled,
    read_picks,
)
from outlay.budget import Usage
from outlay.model import Completion
from outlay.testing import ScriptedModel

DICE = chance(0, "a question")
DRAFTS = [Draft(round=0, text=f"draft {name}", tokens=2) for name in "abcdefgh"]


def test_each_draft_is_drawn_equally_often_and_none_twice() -> None:
    draws = [drawn(8, 2, chance(7, "a question", 0, child)) for child in range(10_000)]
    assert all(len(set(draw)) == 2 for draw in draws)
    shares = Counter(place for draw in draws for place in draw)
    assert all(abs(shares[place] / 10_000 - 0.25) < 0.015 for place in range(8))


def test_the_same_seed_draws_the_same_and_another_does_not() -> None:
    def children(seed: int | None) -> list[tuple[int, ...]]:
        return [drawn(8, 2, chance(seed, "a question", 0, child)) for child in range(20)]

    assert children(3) == children(3) != children(4)
    assert children(None) == children(0)


@pytest.mark.parametrize("k", [8, 9])
def test_where_there_are_no_more_than_k_all_are_drawn(k: int) -> None:
    assert sorted(drawn(8, k, DICE)) == list(range(8))


@pytest.mark.parametrize(
    ("text", "chosen", "problem"),
    [
        ('{"picks": [3, 1]}', (2, 0), None),
        (
            "The 2 best of the 4 are 3 and 1.",
            (2, 0),
            "the selector gave no JSON: the last drafts it names are taken",
        ),
        ('Picking 2: {"picks": [3, 4]}', (2, 3), None),
        ('{"picks": [3, 4', (2, 3), None),
        ("{'picks': [3, 4]}", (2, 3), None),
        ('{"picks": [' + "9" * 4301 + ", 3, 4]}", (2, 3), None),
        ('{"picks": [3, 3]}', (2,), "the selector chose 1 drafts instead of 2: filled up at random"),
        ('{"picks": [0, 9]}', (), "the selector chose 0 drafts instead of 2: filled up at random"),
        ("the last two", (), "the selector chose 0 drafts instead of 2: filled up at random"),
        ("", (), "the selector chose 0 drafts instead of 2: filled up at random"),
    ],
)
def test_a_selector_is_believed_as_far_as_it_makes_sense(
    text: str, chosen: tuple[int, ...], problem: str | None
) -> None:
    picks, found = read_picks(text, 4, 2, DICE)
    assert (picks[: len(chosen)], found) == (chosen, problem)
    assert len(set(picks)) == 2
    assert set(picks) <= set(range(4))


def test_whole_drafts_are_left_out_where_they_do_not_fit() -> None:
    long = [Draft(round=0, text=" ".join([name] * 100), tokens=100) for name in "abc"]
    workspace = compose(long, None, 3, 260, DICE)
    assert (workspace.drafts, workspace.tokens <= 260) == (2, True)
    assert sum(draft.text in workspace.text for draft in long) == 2
    assert compose(long, None, 3, 99, DICE).text == ""


def test_a_draft_counts_as_it_stands_in_a_prompt() -> None:
    text = "</attempt>" * 10
    said = Completion(text=text, usage=Usage(calls=1, output_tokens=30))
    model = ScriptedModel([])
    (draft,) = asyncio.run(read_drafts([said], model, 0))
    assert draft.text == text
    assert draft.tokens == asyncio.run(model.count_tokens("<\\/attempt>" * 10))
    workspace = compose([draft], None, 1, 10_000, DICE)
    assert workspace.tokens >= asyncio.run(model.count_tokens(workspace.text))


def test_a_summary_stands_for_the_drafts_and_flaws_stand_beside_theirs() -> None:
    summary = Distilled(text="all agree on 7", tokens=4)
    assert compose(DRAFTS, summary, 2, 50, DICE).text == "all agree on 7"
    flaws = Distilled(text="the sum is wrong", tokens=4, beside=True)
    text = compose(DRAFTS[:1], flaws, 1, 500, DICE).text
    assert "draft a" in text
    assert "the sum is wrong" in text
    assert "the sum is wrong" not in compose(DRAFTS[:1], flaws, 1, 30, DICE).text


def test_picked_drafts_enter_and_no_others_in_an_order_of_chance() -> None:
    texts = {
        compose(DRAFTS, Distilled(picks=(5, 2)), 2, 500, chance(0, "q", child)).text for child in range(20)
    }
    assert texts == {
        "<attempt 1>\ndraft f\n</attempt>\n\n<attempt 2>\ndraft c\n</attempt>",
        "<attempt 1>\ndraft c\n</attempt>\n\n<attempt 2>\ndraft f\n</attempt>",
    }


@pytest.mark.parametrize(
    "said", [Completion(text="half of it", finish_reason="length"), Completion(text=" \n")]
)
def test_a_summary_that_was_cut_short_is_none(said: Completion) -> None:
    made = read_distilled(said, "global-summary", range(8), 2, 500, DICE)
    assert (made.text, made.problem) == ("", "the summary was cut short, empty or too long: drafts at random")
    assert compose(DRAFTS, made, 2, 500, DICE).drafts == 2
