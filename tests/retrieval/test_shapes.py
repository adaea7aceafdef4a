from __future__ import annotations

import pytest

from outlay.retrieval import shapes


@pytest.mark.parametrize(
    ("size", "width"), [(0, 128), (128_000, 128), (300_000, 300), (1_000_000, 1_000), (1_999_999, 1_024)]
)
def test_a_larger_graph_is_searched_more_widely(size: int, width: int) -> None:
    assert shapes.width_for(size) == width
