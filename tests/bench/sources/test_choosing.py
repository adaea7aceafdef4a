from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlay.bench.items import Item
from outlay.bench.sources import chosen
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ITEMS = tuple(
    Item(
        id=str(n),
        question="?",
        answers=("1",),
        labels={"category": n % 3, "conversation": "ab"[n // 6], "tags": ["even" if n % 2 == 0 else "odd"]},
    )
    for n in range(12)
)
UNLABELLED = Item(id="plain", question="?", answers=("1",))


def ids(items: Iterable[Item]) -> list[str]:
    return [item.id for item in items]


def test_all_are_given_where_nothing_is_asked() -> None:
    assert chosen(ITEMS) == ITEMS


@pytest.mark.parametrize(
    ("only", "there"),
    [
        ({"category": ("0",)}, ["0", "3", "6", "9"]),
        ({"category": ("0", "2"), "conversation": ("b",)}, ["6", "8", "9", "11"]),
        ({"tags": ("odd",), "conversation": ("a",)}, ["1", "3", "5"]),
    ],
    ids=["a number", "two labels", "a list"],
)
def test_those_with_the_labels_are_chosen_in_their_order(
    only: Mapping[str, tuple[str, ...]], there: list[str]
) -> None:
    assert ids(chosen((*ITEMS, UNLABELLED), only=only)) == there


def test_the_limit_is_of_those_with_the_labels() -> None:
    assert ids(chosen(ITEMS, only={"category": ("1",)}, limit=2)) == ["1", "4"]


def test_a_sample_is_drawn_without_replacement_and_kept_in_order() -> None:
    drawn = [int(id_) for id_ in ids(chosen(ITEMS, sample=7, seed=1))]
    assert drawn == sorted(set(drawn))
    assert len(drawn) == 7


def test_one_seed_draws_one_sample_and_another_another() -> None:
    assert chosen(ITEMS, sample=5, seed=3) == chosen(ITEMS, sample=5, seed=3)
    assert len({tuple(ids(chosen(ITEMS, sample=5, seed=seed))) for seed in range(5)}) > 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"only": {"categroy": ("1",)}}, "did you mean 'category'"),
        ({"only": {"conversation": ("c",)}}, "value of label conversation 'c'.*known: a, b"),
        ({"only": {"category": ("1",), "tags": ("none",)}}, "value of label tags"),
        ({"sample": 13}, "13 out of 12"),
        ({"sample": 0}, "draw 1 to 12"),
    ],
    ids=["label", "value", "second label", "too many", "none"],
)
def test_what_cannot_be_chosen_is_said(asked: dict[str, object], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        chosen(ITEMS, **asked)  # type: ignore[arg-type]


def test_labels_that_no_item_has_together_are_said() -> None:
    mixed = (ITEMS[0], ITEMS[7])
    with pytest.raises(ConfigurationError, match="no item has category=0 and conversation=b"):
        chosen(mixed, only={"category": ("0",), "conversation": ("b",)})
