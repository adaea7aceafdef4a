"""The embedder on sentence-transformers, with the packaged MiniLM: real weights, no network."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest

from outlay import ConfigurationError, RetrievalError
from outlay.retrieval import Embedder, Entry, Index, SentenceEmbedder
from outlay.retrieval.sentences import packaged_weights

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.model

TEXTS = ["A man is eating food.", "Someone has a meal.", "The stock market fell sharply today."]


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    return SentenceEmbedder(batch_size=4)


def test_the_packaged_model_embeds_meaning(embedder: SentenceEmbedder) -> None:
    vectors = embedder.embed(TEXTS)
    assert isinstance(embedder, Embedder)
    assert vectors.shape == (3, embedder.dimension) == (3, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_no_text_gives_no_vector(embedder: SentenceEmbedder) -> None:
    assert embedder.embed([]).shape == (0, 384)


def test_order_and_repetition_are_kept(embedder: SentenceEmbedder) -> None:
    once = embedder.embed(TEXTS)
    again = embedder.embed([TEXTS[2], TEXTS[0], TEXTS[2], "", TEXTS[1]])
    assert np.array_equal(again[[1, 4, 0]], once)
    assert np.array_equal(again[0], again[2])


def test_batches_make_no_difference() -> None:
    texts = [f"{text} {number}" for number in range(3) for text in TEXTS]
    one, many = SentenceEmbedder(batch_size=1), SentenceEmbedder(batch_size=64)
    assert np.allclose(one.embed(texts), many.embed(texts), atol=1e-5)


def test_threads_may_share_one() -> None:
    embedder = SentenceEmbedder()
    texts = [f"sentence number {number}" for number in range(24)]
    expected = embedder.embed(texts)
    fresh = SentenceEmbedder()
    with ThreadPoolExecutor(6) as pool:
        got = np.vstack(list(pool.map(lambda text: fresh.embed([text]), texts)))
    assert np.allclose(got, expected, atol=1e-5)


WITHOUT_TORCH = """
import sys
from pathlib import Path
from outlay.retrieval import SentenceEmbedder
print(SentenceEmbedder(cache=Path(sys.argv[1])).embed(sys.argv[2:])[:, 0].tolist())
assert not {"torch", "sentence_transformers", "faiss"} & sys.modules.keys()
"""


def test_what_the_cache_knows_needs_no_model(embedder: SentenceEmbedder, tmp_path: Path) -> None:
    cache = tmp_path / "cache.sqlite"
    first = SentenceEmbedder(cache=cache)
    expected = first.embed(TEXTS)[:, 0].tolist()
    first.close()
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, cache, *TEXTS], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(expected)


def test_a_damaged_cache_is_told(tmp_path: Path) -> None:
    (tmp_path / "cache").write_bytes(b"no database, but long enough" * 99)
    with pytest.raises(RetrievalError, match="delete it"):
        SentenceEmbedder(cache=tmp_path / "cache")


def test_a_path_is_a_model_too_and_the_name_follows_the_weights(
    embedder: SentenceEmbedder, tmp_path: Path
) -> None:
    for path in packaged_weights().rglob("*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(packaged_weights())
            copy.parent.mkdir(exist_ok=True)
            copy.symlink_to(path)
    named = SentenceEmbedder(str(tmp_path))
    assert named.dimension == 384
    assert np.allclose(named.embed(TEXTS), embedder.embed(TEXTS), atol=1e-6)
    digest = named.name.rpartition("@")[2]
    assert digest == embedder.name.rpartition("@")[2]
    (tmp_path / "vocab.txt").unlink()
    assert SentenceEmbedder(str(tmp_path)).name.rpartition("@")[2] != digest


def test_it_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        SentenceEmbedder(batch_size=0)
    with pytest.raises(ConfigurationError, match="cannot load"):
        SentenceEmbedder(str(tmp_path / "nothing")).embed(["x"])


LOUD = """
import sys
from outlay.retrieval import Entry, Index, SentenceEmbedder
with Index.create(sys.argv[1], SentenceEmbedder(), kind="ivf") as index:
    index.add(Entry(record={"n": n}, keys={"text": (f"text number {n}",)}) for n in range(100))
    index.save()
    assert index.search("text", ["text number 7"], 1)[0]
"""


def test_nothing_is_printed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "default", "-c", LOUD, tmp_path], capture_output=True, text=True, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_torch_and_faiss_search_together(embedder: SentenceEmbedder, tmp_path: Path) -> None:
    with Index.create(tmp_path, embedder, kind="hnsw") as index:
        ids = index.add(Entry(record={}, keys={"text": (f"{text} {n}",)}) for n in range(8) for text in TEXTS)
        index.save()
        queries = [f"{text} {n}" for n in range(8) for text in TEXTS]
        with ThreadPoolExecutor(6) as pool:
            found = list(pool.map(lambda query: index.search("text", [query], 1)[0][0].id, queries))
        assert found == list(ids)
