"""`outlay bench run` where items have a memory: budget-mem on questions about a conversation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import torch

from outlay.bench.directory import Directory
from outlay.memory.modules import DESCRIPTIONS
from outlay.routers.tiers import Card, Features, LearnedRouter
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

TREES = ("oak", "elm", "fir", "yew")
TALK = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Bo",
        "session_1_date_time": "1 pm on 8 May, 2023",
        "session_1": [
            {"speaker": "Ann", "dia_id": f"D1:{n}", "text": f"I planted the {tree} behind the house"}
            for n, tree in enumerate(TREES)
        ],
    },
    "qa": [
        {"question": f"Who planted the {tree}?", "answer": "Ann", "evidence": [f"D1:{n}"], "category": n + 1}
        for n, tree in enumerate(TREES)
    ],
}
SMALL = "chunk_tokens=16,k=2"


@pytest.fixture
def order(tmp_path: Path) -> tuple[str, ...]:
    data = tmp_path / "talk.json"
    data.write_text(json.dumps([TALK]))
    where = ("--data", str(data), "--out", str(tmp_path / "out"), "--embedder", "hash")
    return ("bench", "run", *where, "--model", "simulated:price=1/2", "--baselines", "none")


def tiers(out: Path) -> dict[str, set[tuple[int, ...]]]:
    """Give the tiers that were picked, by strategy."""
    found: dict[str, set[tuple[int, ...]]] = {}
    for trial in Directory(out).trials():
        (picked,) = (entry.update["picked"] for entry in trial.trace if entry.node == "summary")
        found.setdefault(trial.strategy, set()).add(tuple(one["tier"] for one in picked))
    return found


def test_tiers_are_measured_side_by_side(outlay: Outlay, order: tuple[str, ...], tmp_path: Path) -> None:
    specs = [f"budget-mem:{SMALL},router={router}" for router in ("low", "20012")]
    told = outlay(*order, "--strategy", specs[0], "--strategy", specs[1], "--json").json
    assert (told["ending"], told["made"], told["failed"]) == ("finished", 8, 0)
    assert sorted(tiers(tmp_path / "out").values()) == [{(0,) * 5}, {(2, 0, 0, 1, 2)}]


def test_a_policy_picks_the_tiers(outlay: Outlay, order: tuple[str, ...], tmp_path: Path) -> None:
    embedder = HashEmbedder()
    card = Card(features=Features(dimension=embedder.dimension), embedder=embedder.name, hidden=8)
    made = LearnedRouter(card.new(torch.from_numpy(embedder.embed(list(DESCRIPTIONS.values())))), card)
    made.save(tmp_path / "policy.pt")
    spec = f"budget-mem:{SMALL},trade_off=0,router={tmp_path / 'policy.pt'}"
    told = outlay(*order, "--strategy", spec, "--json").json
    assert (told["made"], told["failed"]) == (4, 0)
    assert {len(vector) for vectors in tiers(tmp_path / "out").values() for vector in vectors} == {5}


def test_a_policy_for_another_embedder_is_refused(
    outlay: Outlay, order: tuple[str, ...], tmp_path: Path
) -> None:
    embedder = HashEmbedder()
    card = Card(features=Features(dimension=embedder.dimension), embedder="another", hidden=8)
    made = LearnedRouter(card.new(torch.from_numpy(embedder.embed(list(DESCRIPTIONS.values())))), card)
    made.save(tmp_path / "policy.pt")
    ran = outlay(*order, "--strategy", f"budget-mem:{SMALL},trade_off=0,router={tmp_path / 'policy.pt'}")
    assert (ran.status, "another" in ran.err, "Traceback" in ran.err) == (2, True, False)


def test_a_strategy_with_a_memory_is_measured_unless_told_where_there_is_something_to_remember(
    outlay: Outlay, order: tuple[str, ...]
) -> None:
    told = outlay(*order, "--dry-run", "--json").json
    assert "budget-mem @ no limit" in told["conditions"]
    told = outlay(*order, "--data", "simulated:3", "--dry-run", "--json").json
    assert "budget-mem @ no limit" not in told["conditions"]


def test_items_are_chosen_by_their_labels_and_drawn(
    outlay: Outlay, order: tuple[str, ...], tmp_path: Path
) -> None:
    chosen = (
        "--only",
        "category=2,3,4",
        "--only",
        "conversation=conv-1",
        "--sample",
        "2",
        "--strategy",
        "direct",
    )
    told = outlay(*order, *chosen, "--json").json
    drawn = [item.id for item in Directory(tmp_path / "out").items()]
    assert (told["records"], len(drawn), "conv-1/q1" in drawn) == (2, 2, False)
    again = outlay(*order, *chosen, "--json").json
    assert (again["there"], again["made"]) == (2, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--only", "categories=1"), "did you mean 'category'"),
        (("--only", "category=7"), "unknown value of label category '7'"),
        (("--only", "category"), "write LABEL=VALUE"),
        (("--only", "category=1", "--only", "category=2"), "given twice"),
        (("--sample", "9"), "draw 1 to 4"),
        (("--data", "games:nowhere", "--sample", "1"), "choose questions"),
        (("--strategy", "budget-mem:high=openai/dear", "--usd", "1"), "--price-of openai/dear=IN,OUT"),
        (("--price-of", "a=1,2", "--price-of", "a=1,2"), "given twice"),
        (("--strategy", "budget-mem:chunk_tokens=3"), "chunk_tokens"),
        (("--strategy", "budget-mem:router=nowhere.pt"), "nowhere.pt"),
    ],
    ids=["label", "value", "form", "twice", "too many", "games", "price", "two prices", "chunks", "policy"],
)
def test_a_wrong_order_is_one_sentence(
    outlay: Outlay, order: tuple[str, ...], options: tuple[str, ...], says: str
) -> None:
    ran = outlay(*order, *options)
    assert (ran.status, says in ran.err, len(ran.err.splitlines())) == (2, True, 1)


def test_another_embedder_or_price_in_one_directory_is_refused(
    outlay: Outlay, order: tuple[str, ...]
) -> None:
    spec = ("--strategy", "budget-mem:high=simulated:ability=1", "--price-of", "simulated:ability=1=1,2")
    outlay(*order, *spec, "--limit", "1")
    other = outlay(*order, *spec, "--embedder", "minilm")
    dearer = outlay(*order, *spec[:2], "--price-of", "simulated:ability=1=9,9")
    assert (other.status, "made with embedder hash, not minilm" in other.err) == (2, True)
    assert (dearer.status, "made with prices" in dearer.err) == (2, True)
