"""A memory whose vectors are hashed words and whose chunks are small."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlay.memory.conversations import Memory
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory.create(tmp_path / "memory", HashEmbedder(), chunk_tokens=16) as memory:
        yield memory
