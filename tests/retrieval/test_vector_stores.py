"""A LangChain vector store in the place of an index: one in memory, and PostgreSQL with pgvector."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore

from outlay import ConfigurationError, Usage
from outlay.langchain import OutlayEmbeddings
from outlay.memory.demonstrations import Added, Bank, Query, Step, Trajectory
from outlay.retrieval import Entry, Index, Searchable, VectorStoreIndex
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

EMBEDDER = HashEmbedder(64)
KEYS = ("goal", "step")
Stores = dict[str, VectorStore]


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start PostgreSQL; give its address."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
    pgserver = pytest.importorskip("pgserver", reason="pgserver is not installed: run `make`")
    pytest.importorskip("langchain_postgres", reason="langchain-postgres is not installed: run `make`")
    with pgserver.get_server(tmp_path_factory.mktemp("postgres"), cleanup_mode="delete") as server:
        server.psql("CREATE EXTENSION vector")
        yield server.get_uri()


def in_memory(_request: pytest.FixtureRequest) -> Stores:
    return {key: InMemoryVectorStore(OutlayEmbeddings(EMBEDDER)) for key in KEYS}


def in_postgres(request: pytest.FixtureRequest) -> Stores:
    from langchain_postgres import PGEngine, PGVectorStore  # noqa: PLC0415 - may not be installed

    uri = request.getfixturevalue("postgres")
    engine = PGEngine.from_connection_string(uri.replace("postgresql://", "postgresql+psycopg://"))
    request.addfinalizer(lambda: engine._run_as_sync(engine.close()))
    for key in KEYS:
        engine.init_vectorstore_table(key, EMBEDDER.dimension, overwrite_existing=True)
    return {key: PGVectorStore.create_sync(engine, OutlayEmbeddings(EMBEDDER), key) for key in KEYS}


@pytest.fixture(params=[in_memory, in_postgres])
def stores(request: pytest.FixtureRequest) -> Stores:
    make: Callable[[pytest.FixtureRequest], Stores] = request.param
    return make(request)


@pytest.fixture
def index(stores: Stores) -> VectorStoreIndex:
    return VectorStoreIndex(stores, EMBEDDER)


GOALS = ["put a mug in the cabinet", "find two books", "heat an apple", "clean the green plate"]


def entries() -> list[Entry]:
    return [
        Entry(
            record={"goal": goal, "n": [n]}, keys={"goal": (goal,), "step": (f"look {n}", f"take it {goal}")}
        )
        for n, goal in enumerate(GOALS)
    ] + [Entry(record={"steps": "only"}, keys={"step": ("go north", "go south", "go home")})]


def test_it_finds_what_an_index_finds(index: VectorStoreIndex, tmp_path: Path) -> None:
    assert isinstance(index, Searchable)
    with Index.create(tmp_path, EMBEDDER, keys=KEYS) as own:
        ids = own.add(entries())
        assert index.add(entries()) == ids == index.ids()
        for key, query in [("goal", "heat an apple"), ("step", "take it green plate"), ("step", "go home")]:
            [ours], [theirs] = own.search(key, [query], 3), index.search(key, [query], 3)
            assert theirs[0].model_dump() == pytest.approx(ours[0].model_dump(), abs=1e-5)
            assert [hit.similarity for hit in theirs] == pytest.approx(
                [hit.similarity for hit in ours], abs=1e-5
            )
            exact = own.similarities(key, query, [*ids, 99])
            found = index.similarities(key, query, [*ids, 99])
            assert found == {number: pytest.approx(cosines, abs=1e-5) for number, cosines in exact.items()}
        assert index.records([*ids, 99]) == own.records([*ids, 99])
        assert len(index) == len(own) == 5


def test_an_empty_one_finds_nothing(index: VectorStoreIndex) -> None:
    assert (len(index), index.ids(), index.search("goal", ["x", "y"], 3)) == (0, (), ((), ()))


def test_more_than_there_is_gives_what_there_is(index: VectorStoreIndex) -> None:
    index.add(entries())
    assert len(index.search("step", ["take"], 99)[0]) == 4 * 2 + 3


def test_whoever_opens_the_stores_finds_what_another_added(index: VectorStoreIndex, stores: Stores) -> None:
    ids = index.add(entries())
    other = VectorStoreIndex(stores, EMBEDDER)
    assert other.ids() == ids
    [late] = other.add([Entry(record={"late": True}, keys={"goal": ("a late otter",)})])
    assert [hit.id for hit in index.search("goal", ["a late otter"], 1)[0]] == [late]
    assert index.ids() == (*ids, late)


def test_a_record_without_texts_is_kept_and_never_found(index: VectorStoreIndex, stores: Stores) -> None:
    words = "a record without texts"
    bare = [Entry(record={"bare": n}, keys={"goal": ()} if n % 2 else {}) for n in range(9)]
    ids = index.add([*bare, Entry(record={"goal": words}, keys={"goal": (words, "heat an apple")})])
    [hits] = index.search("goal", [words], 2)
    assert [(hit.id, hit.position) for hit in hits] == [(ids[-1], 0), (ids[-1], 1)]
    assert len(index.search("goal", [words], 99)[0]) == 2
    assert index.search("step", [words], 3) == ((),)
    assert index.similarities("goal", words, ids[:2]) == {ids[0]: (), ids[1]: ()}
    other = VectorStoreIndex(stores, EMBEDDER)
    assert other.ids() == ids
    assert list(other.records(ids).values()) == [entry.record for entry in bare] + [{"goal": words}]


def test_a_bank_files_what_failed_beside_what_it_shows() -> None:
    stores = {key: InMemoryVectorStore(OutlayEmbeddings(EMBEDDER)) for key in ("goal", "plan", "observation")}
    paid = Usage(calls=1, usd=0.25)

    def run(goal: str, *actions: str, success: bool = True, usage: Usage = paid) -> Trajectory:
        steps = tuple(Step(observation=f"before {action}", action=action) for action in actions)
        return Trajectory(task=goal, goal=goal, steps=steps, success=success, usage=usage)

    bank = Bank(VectorStoreIndex(stores, EMBEDDER))
    failures = [run(f"{goal} blindly", "look", success=False) for goal in GOALS]
    assert bank.add(failures) == Added(failed=4)
    assert bank.retrieve(Query(goal="heat an apple")) == ()
    successes = [run(goal, f"look for {goal}", "take it") for goal in GOALS]
    again = successes[0].model_copy(update={"usage": Usage(calls=7, usd=0.5)})
    assert bank.add([*successes, run("wait"), again]) == Added(kept=4, empty=1, duplicates=1)
    opened = Bank(VectorStoreIndex(stores, EMBEDDER))
    found = opened.retrieve(Query(goal="heat an apple", observation="before take it"), k=9)
    assert (found[0].task, found[0].matched) == ("heat an apple", 1)
    assert sorted(one.task for one in found) == sorted(GOALS)
    stats = opened.stats()
    assert (stats.trajectories, stats.failed, stats.empty, stats.repeated) == (4, 4, 1, 1)
    assert stats.usage == Usage(calls=9 + 7, usd=9 * 0.25 + 0.5)
    assert opened.runs()[:4] == tuple(failures)


class Failing(InMemoryVectorStore):
    """Refuses texts about otters."""

    def add_texts(self, texts: Any, *args: Any, **values: Any) -> list[str]:
        if any("otter" in text for text in texts):
            raise OSError("no otters")
        return super().add_texts(texts, *args, **values)


def test_an_add_that_fails_leaves_nothing() -> None:
    embeddings = OutlayEmbeddings(EMBEDDER)
    index = VectorStoreIndex({"goal": InMemoryVectorStore(embeddings), "step": Failing(embeddings)}, EMBEDDER)
    index.add(entries())
    with pytest.raises(OSError, match="no otters"):
        index.add([*entries(), Entry(record={}, keys={"goal": ("go",), "step": ("an otter",)})])
    assert len(index) == 5
    assert len(index.search("goal", ["go"], 99)[0]) == 4
    [added] = index.add(entries()[:1])
    assert added == 6


def test_texts_without_their_head_do_not_count(index: VectorStoreIndex, stores: Stores) -> None:
    ids = index.add(entries())
    kept = stores["step"].similarity_search("take it", 99)
    [head] = stores["goal"].similarity_search("heat an apple", 1)
    stores["goal"].delete([str(head.id)])
    found = index.search("step", ["take it"], 99)[0]
    assert (len(kept), len(found)) == (11, 9)
    assert index.ids() == tuple(number for number in ids if number != ids[2])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry(record={}, keys={"colour": ("x",)}), "no key 'colour': its keys are goal, step"),
        (Entry(record={"x": object()}, keys={"goal": ("x",)}), "JSON"),
    ],
)
def test_it_says_what_is_wrong_with_an_entry(entry: Entry, message: str) -> None:
    index = VectorStoreIndex({key: InMemoryVectorStore(OutlayEmbeddings(EMBEDDER)) for key in KEYS}, EMBEDDER)
    with pytest.raises(ConfigurationError, match=message):
        index.add([entry])
    assert len(index) == 0


class Blind(InMemoryVectorStore):
    """Cannot look up by id."""

    def get_by_ids(self, ids: Any) -> list[Any]:
        raise NotImplementedError


def test_it_says_which_stores_it_cannot_use() -> None:
    with pytest.raises(ConfigurationError, match="at least one key"):
        VectorStoreIndex({}, EMBEDDER)
    with pytest.raises(ConfigurationError, match="Blind has no get_by_ids"):
        VectorStoreIndex({"goal": Blind(OutlayEmbeddings(EMBEDDER))}, EMBEDDER)
