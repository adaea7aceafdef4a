"""A bank in a directory, whose vectors are hashed words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlay.memory.demonstrations import Bank
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with Bank.create(tmp_path / "bank", HashEmbedder()) as bank:
        yield bank
