"""What a page carries of the records fits its limit, and says what was cut."""

from __future__ import annotations

import base64
import gzip
import json
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest

from outlay.bench.items import Item
from outlay.bench.report.grid import grid_of
from outlay.bench.report.traces import PARTS_LIMIT, TEXT_LIMIT, Packed, cut, measured, pack_traces, record_of
from outlay.bench.trial import Trial
from outlay.budget import Budget, Usage
from outlay.outcome import TraceEntry

BUDGET = Budget(output_tokens=64)
ITEMS = tuple(Item(id=str(i), question=f"question {i}", answers=("1",)) for i in range(60))


def _trial(item: str, strategy: str = "direct", score: float = 1.0, text: str = "") -> Trial:
    return Trial(strategy=strategy, budget=BUDGET, item=item, seed=0, score=score, text=text)


# Digests, because what compresses well would all fit.
TRIALS = tuple(
    _trial(item.id, text="".join(sha256(f"{item.id} {i}".encode()).hexdigest() for i in range(60)))
    for item in ITEMS
)


def _packed(limit: int, preference: tuple[int, ...] = tuple(range(60))) -> Packed:
    sizes: Counter[str] = Counter()
    passed_on = list(measured(TRIALS, sizes))
    return pack_traces(ITEMS, preference, sizes, passed_on, limit)


def _unpacked(chunk: str) -> dict[str, Any]:
    unpacked: dict[str, Any] = json.loads(gzip.decompress(base64.b64decode(chunk)))
    return unpacked


@pytest.mark.parametrize("limit", [0, 1_000, 150_000, 10_000_000])
def test_chunks_stay_inside_the_limit(limit: int) -> None:
    assert sum(map(len, _packed(limit).chunks)) <= limit


def test_every_item_is_there_where_all_fit() -> None:
    packed = _packed(10_000_000)
    assert sorted(packed.chunk_of) == list(range(60))


def test_chunk_named_for_an_item_holds_it_whole() -> None:
    packed = _packed(150_000)
    held = {i: _unpacked(packed.chunks[chunk])[str(i)] for i, chunk in packed.chunk_of.items()}
    assert held.keys() < set(range(60))
    assert [held[i]["records"][0]["text"] for i in sorted(held)] == [TRIALS[i].text for i in sorted(held)]


def test_preferred_items_are_kept_before_others() -> None:
    preference = tuple(reversed(range(60)))
    kept = _packed(150_000, preference).chunk_of
    assert set(kept) == set(preference[: len(kept)])


@pytest.mark.parametrize(
    ("value", "limit", "left"),
    [
        ("abcdef", 6, "abcdef"),
        ("abcdef", 4, "abcd … (+2 characters)"),
        ({"a": ["abcdef"]}, 4, {"a": ["abcd … (+2 characters)"]}),
        ([1] * (PARTS_LIMIT + 2), 4, [*[1] * PARTS_LIMIT, "… (+2 entries)"]),
        (None, 4, None),
        (1.5, 4, 1.5),
    ],
    ids=["short", "long", "nested", "many", "nothing", "number"],
)
def test_cut_says_what_is_missing(value: object, limit: int, left: object) -> None:
    assert cut(value, limit) == left


def test_many_keys_are_cut_too() -> None:
    many = {str(i): i for i in range(PARTS_LIMIT + 3)}
    assert cut(many) == {str(i): i for i in range(PARTS_LIMIT)} | {"…": "(+3 entries)"}


def test_record_cuts_its_text_and_its_trace() -> None:
    entry = TraceEntry(node="solve", started=0, ended=1, usage=Usage(calls=1), update={"text": "y" * 9_000})
    trial = _trial("0", text="x" * (TEXT_LIMIT + 5)).model_copy(
        update={"trace": (entry,) * (PARTS_LIMIT + 1)}
    )
    record = record_of(trial)
    assert record["text"].endswith("(+5 characters)")
    assert record["trace"][0]["update"]["text"].endswith("(+7,500 characters)")
    assert record["trace"][0]["usage"] == {"calls": 1}
    assert (len(record["trace"]), record["untraced"]) == (PARTS_LIMIT, 1)


def test_items_that_divide_the_conditions_most_come_first() -> None:
    strategies = ("a", "b", "c", "d")
    scores = {"0": (1, 1, 1, 1), "1": (1, 0, 0, 0), "2": (1, 1, 0, 0), "3": (0, 0, 0, 0)}
    trials = [
        _trial(item, s, v) for item, row in scores.items() for s, v in zip(strategies, row, strict=True)
    ]
    conditions = [trial.condition for trial in trials[:4]]
    assert grid_of(conditions, ITEMS[:4], trials).by_disagreement(4) == (2, 1, 0, 3)


def test_seeds_of_an_item_are_averaged() -> None:
    trials = [_trial("0", score=1.0), _trial("0", score=0.0), _trial("9", score=1.0)]
    grid = grid_of([trials[0].condition], ITEMS[:2], trials)
    assert grid.cells.tolist() == [[125, 255]]
