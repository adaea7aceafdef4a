"""Embedders, found again by name."""

from __future__ import annotations

from outlay.retrieval import SentenceEmbedder
from outlay.retrieval.embedders import embedder_named, found_again, shared_embedder
from outlay.testing import HashEmbedder


def test_a_hash_is_made_again_at_its_dimension() -> None:
    own = HashEmbedder(32)
    found = found_again(own.name, own.dimension)
    assert found is not None
    assert (found.name, found.dimension) == (own.name, 32)
    assert (found.embed(["a b"]) == own.embed(["a b"])).all()


def test_a_model_is_made_once_whoever_asks() -> None:
    assert found_again("minilm@0123", 384) is shared_embedder() is embedder_named("minilm")
    assert isinstance(embedder_named("all-mpnet-base-v2"), SentenceEmbedder)


def test_somebody_s_own_is_not_found() -> None:
    assert found_again("toy", 8) is None
    assert found_again("@0123", 8) is None
