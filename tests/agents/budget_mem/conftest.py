from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from agents.budget_mem.worlds import EMBEDDER, told

from outlay.memory.conversations import Memory

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory.temporary(EMBEDDER, chunk_tokens=64) as memory:
        yield told(memory)


@pytest.fixture
def blank() -> Iterator[Memory]:
    with Memory.temporary(EMBEDDER, chunk_tokens=64) as memory:
        yield memory
