"""The embedder of hashes: the same everywhere, and near where words are shared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outlay import ConfigurationError
from outlay.testing import HashEmbedder


@given(st.lists(st.text(), max_size=4), st.integers(1, 400))
def test_every_text_has_a_vector_of_length_one(texts: list[str], dimension: int) -> None:
    vectors = HashEmbedder(dimension).embed(texts)
    assert vectors.shape == (len(texts), dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)


def test_vectors_are_the_same_on_every_machine() -> None:
    [vector] = HashEmbedder(8).embed(["Put the mug away"])
    assert vector.tolist() == pytest.approx([0.4850713, 0.4850713, 0, 0, 0.7276069, 0, 0, 0], abs=1e-6)


def test_shared_words_are_near_and_case_does_not_matter() -> None:
    base, near, far, same = HashEmbedder().embed([
        "put a clean mug in the cabinet",
        "put a mug in the cabinet",
        "prime numbers below ten",
        "PUT A CLEAN mug in the cabinet",
    ])
    assert base @ near > 0.7
    assert abs(base @ far) < 0.2
    assert base @ same == pytest.approx(1, abs=1e-6)


def test_the_dimension_is_part_of_the_name() -> None:
    assert HashEmbedder(64).name != HashEmbedder(32).name
    with pytest.raises(ConfigurationError, match="at least 1"):
        HashEmbedder(0)
