"""Embedders, found again by name."""

from __future__ import annotations

from outlay.retrieval import SentenceEmbedder
from outlay.retrieval.embedders import embedder_called, embedder_named, shared_embedder
from outlay.testing import HashEmbedder


def test_a_hash_is_made_again_at_its_dimension() -> None:
    own = HashEmbedder(32)
    found = embedder_named(own.name, own.dimension)
    assert found is not None
    assert (found.name, found.dimension) == (own.name, 32)
    assert (found.embed(["a b"]) == own.embed(["a b"])).all()


def test_a_model_is_made_once_whoever_asks() -> None:
    assert embedder_named("minilm@0123", 384) is shared_embedder() is embedder_called("minilm")
    assert isinstance(embedder_called("all-mpnet-base-v2"), SentenceEmbedder)


def test_somebody_s_own_is_not_found() -> None:
    assert embedder_named("toy", 8) is None
    assert embedder_named("@0123", 8) is None
