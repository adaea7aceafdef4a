"""Records in, records out: what an index promises, of every kind."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay import ConfigurationError, RetrievalError
from outlay.retrieval import Embedder, Entry, Index, Kind, Searchable
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

KINDS = get_args(Kind)
EMBEDDER = HashEmbedder(64)


def entry(number: int, *texts: str) -> Entry:
    return Entry(record={"number": number}, keys={"text": texts or (f"thing number {number}",)})


def entries(count: int) -> list[Entry]:
    return [entry(number) for number in range(count)]


def positions_of(index: Index, query: str, k: int) -> list[tuple[int, int]]:
    [hits] = index.search("text", [query], k)
    return [(hit.id, hit.position) for hit in hits]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    with Index.create(tmp_path / "index", EMBEDDER) as made:
        yield made


def test_an_index_is_searchable_and_its_embedder_an_embedder(index: Index) -> None:
    assert isinstance(index, Searchable)
    assert isinstance(index.embedder, Embedder)


def test_a_record_is_found_by_its_text_and_comes_back_as_it_was(index: Index) -> None:
    record = {"nested": [1, None, {"deep": "ü"}], "flag": True}
    index.add(entries(20))
    [added] = index.add([Entry(record=record, keys={"text": ("a rare sentence about otters",)})])
    [[hit]] = index.search("text", ["a rare sentence about otters"], 1)
    assert (hit.id, hit.key, hit.position) == (added, "text", 0)
    assert hit.similarity == pytest.approx(1, abs=1e-6)
    assert index.records([hit.id]) == {added: record}


def test_positions_are_places_in_the_tuple(index: Index) -> None:
    [added] = index.add([entry(1, "red apple", "green pear", "blue plum")])
    assert positions_of(index, "green pear", 1) == [(added, 1)]


def test_hits_come_best_first_and_equals_oldest_first(index: Index) -> None:
    first, second, third = index.add([entry(1, "cat"), entry(2, "cat"), entry(3, "cat dog")])
    assert positions_of(index, "cat", 3) == [(first, 0), (second, 0), (third, 0)]


def test_each_query_has_its_own_answer_and_no_query_none(index: Index) -> None:
    first, second = index.add([entry(1, "cat"), entry(2, "dog")])
    found = index.search("text", ["dog", "cat"], 1)
    assert [[hit.id for hit in hits] for hits in found] == [[second], [first]]
    assert index.search("text", [], 3) == ()


def test_an_empty_index_finds_nothing(index: Index) -> None:
    assert index.search("text", ["anything", "else"], 5) == ((), ())
    assert (len(index), index.ids(), index.add([])) == (0, (), ())


def test_keys_are_searched_apart(tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, keys=("goal", "step")) as index:
        ids = index.add([
            Entry(record={}, keys={"goal": ("wash the cup",), "step": ("open tap", "close tap")}),
            Entry(record={}, keys={"goal": ("find a book",)}),
        ])
        index.save()
        assert [hit.id for hit in index.search("step", ["find a book"], 9)[0]] == [ids[0], ids[0]]
        assert {hit.id for hit in index.search("goal", ["open tap"], 9)[0]} == set(ids)


def test_similarities_are_of_every_text_in_order_of_position(index: Index) -> None:
    first, second = index.add([entry(1, "cat dog", "cat"), Entry(record={}, keys={})])
    expected = EMBEDDER.embed(["cat dog", "cat"]) @ EMBEDDER.embed(["cat"])[0]
    found = index.similarities("text", "cat", [first, second, 77])
    assert found == {first: pytest.approx(tuple(expected.tolist()), abs=1e-6), second: ()}


def test_more_than_there_is_gives_what_there_is(kind: Kind, tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, kind=kind) as index:
        ids = index.add(entries(150))
        index.save()
        assert index.kinds == {"text": kind}
        assert sorted(hit.id for hit in index.search("text", ["thing"], 1000)[0]) == list(ids)


def test_what_is_removed_is_not_found_again(kind: Kind, tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, kind=kind) as index:
        ids = index.add(entries(150))
        index.save()
        query = "thing number 7"
        assert positions_of(index, query, 1) == [(ids[7], 0)]
        assert index.remove([ids[7], 9_999]) == 1
        for k in (1, 149, 150):
            assert (ids[7], 0) not in positions_of(index, query, k)
        assert len(positions_of(index, query, 200)) == len(index) == 149
        index.save()
    with Index.open(tmp_path, EMBEDDER) as again:
        assert (ids[7], 0) not in positions_of(again, query, 1)
        assert len(positions_of(again, query, 200)) == 149


def test_all_may_be_removed(kind: Kind, tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, kind=kind) as index:
        ids = index.add(entries(50))
        index.save()
        assert index.remove(ids) == 50
        assert positions_of(index, "thing", 3) == []
        [again] = index.add(entries(1))
        assert again not in ids
        assert positions_of(index, "thing", 3) == [(again, 0)]


def test_what_came_after_the_snapshot_is_there_on_opening(kind: Kind, tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER, kind=kind) as index:
        index.add(entries(100))
        index.save()
        [late] = index.add([entry(0, "a late otter")])
    with Index.open(tmp_path, EMBEDDER) as index:
        assert index.kinds == {"text": kind}
        assert positions_of(index, "a late otter", 1) == [(late, 0)]


def test_an_add_is_all_or_nothing(index: Index) -> None:
    index.add(entries(3))
    bad = Entry(record={"x": object()}, keys={"text": ("bad",)})
    with pytest.raises(ConfigurationError, match="JSON"):
        index.add([entry(9, "a good one"), bad])
    with pytest.raises(ConfigurationError, match="no key 'colour'"):
        index.add([entry(9, "a good one"), Entry(record={}, keys={"colour": ("red",)})])
    assert len(index) == len(positions_of(index, "a good one", 99)) == 3


def test_another_open_index_sees_what_was_added_and_removed(tmp_path: Path) -> None:
    with Index.create(tmp_path, EMBEDDER) as writer:
        first, *_ = writer.add(entries(5))
        with Index.open(tmp_path, EMBEDDER) as reader:
            [late] = writer.add([entry(0, "a late otter")])
            assert positions_of(reader, "a late otter", 1) == [(late, 0)]
            writer.remove([first])
            assert first not in {number for number, _ in positions_of(reader, "thing", 99)}
            writer.save()
            assert positions_of(reader, "a late otter", 1) == [(late, 0)]


def reads(index: Index, done: threading.Event, number: int, text: str) -> int:
    """Search for `text` until `done`, and count how often only the record `number` was found."""
    right = 0
    while not done.is_set() or not right:
        [hits] = index.search("text", [text], 1)
        assert [hit.id for hit in hits] == [number]
        assert index.records([number])
        right += 1
    return right


def writes(index: Index, name: str) -> None:
    """Add five records, remove two of them and save, six times."""
    for turn in range(6):
        added = index.add([entry(turn, f"passing wren {name} {turn} {more}") for more in range(5)])
        index.remove(added[:2])
        index.save()


def test_threads_search_while_others_add_remove_and_save(tmp_path: Path) -> None:
    done = threading.Event()
    texts = [f"staying otter {number}" for number in range(4)]
    with Index.create(tmp_path, EMBEDDER) as index, ThreadPoolExecutor(6) as pool:
        stays = index.add([entry(0, text) for text in texts])
        readers = [
            pool.submit(reads, index, done, number, text) for number, text in zip(stays, texts, strict=True)
        ]
        writers = [pool.submit(writes, index, name) for name in ("one", "two")]
        try:
            for writer in writers:
                writer.result()
        finally:
            done.set()
        assert all(reader.result() for reader in readers)
        assert len(positions_of(index, "passing wren", 99)) == len(index) == 4 + 2 * 6 * 3
    assert len(list(tmp_path.glob("neighbours-*"))) == 1


@pytest.mark.parametrize(
    ("values", "message"),
    [({"keys": ()}, "at least one key"), ({"keys": ("a", "a")}, "only once"), ({"kind": "tree"}, "tree")],
)
def test_create_says_what_is_wrong(values: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Index.create(tmp_path, EMBEDDER, **values)


def test_search_says_what_is_wrong(index: Index) -> None:
    with pytest.raises(ConfigurationError, match="no key 'goal': its keys are text"):
        index.search("goal", ["x"], 1)
    with pytest.raises(ConfigurationError, match="at least 1"):
        index.search("text", ["x"], 0)
    with pytest.raises(ConfigurationError, match="64"):
        index.search_vectors("text", np.zeros((1, 3), dtype=np.float32), 1)


class Wrong(HashEmbedder):
    """Gives vectors that are not what it promises."""

    def embed(self, texts: Any) -> NDArray[np.float32]:
        return super().embed(texts) * 2 if "long" in texts else super().embed(texts)[:, :3]


@pytest.mark.parametrize(("text", "message"), [("long", "length 1"), ("short", "gave .1, 3.")])
def test_an_embedder_that_breaks_its_promise_is_told(text: str, message: str, tmp_path: Path) -> None:
    with Index.create(tmp_path, Wrong()) as index:
        with pytest.raises(RetrievalError, match=message):
            index.add([entry(0, text)])
        assert len(index) == 0


WORDS = ("red", "green", "blue", "cat", "dog", "otter", "cup", "book")
TEXT = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)


@settings(max_examples=25, deadline=None)
@given(
    texts=st.lists(TEXT, min_size=1, max_size=30),
    query=TEXT,
    k=st.integers(1, 40),
    kind=st.sampled_from(KINDS),
)
def test_small_indexes_of_every_kind_are_exact(
    texts: list[str], query: str, k: int, kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Index.create(tmp_path_factory.mktemp("index"), EMBEDDER, kind=kind) as index:
        ids = index.add([entry(0, text) for text in texts])
        index.save()
        [hits] = index.search("text", [query], k)
        cosines = sorted((EMBEDDER.embed(texts) @ EMBEDDER.embed([query])[0]).tolist(), reverse=True)
        assert [hit.similarity for hit in hits] == pytest.approx(cosines[:k], abs=1e-5)
        assert len({hit.id for hit in hits}) == min(k, len(texts))
        exact = index.similarities("text", query, ids)
        assert [hit.similarity for hit in hits] == pytest.approx([exact[hit.id][0] for hit in hits], abs=1e-5)
