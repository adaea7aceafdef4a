from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from routers.tiers.worlds import designed

from outlay.routers.tiers import write_log

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FACTS = {"embedder": "hash-8", "model": "a-model", "scorer": "exact", "simulated": True, "vectors": []}


def collected(directory: Path, numbers: range, **facts: object) -> Path:
    """The directory of a collection of toy questions."""
    directory.mkdir()
    write_log(directory / "log.jsonl", designed(numbers))
    (directory / "facts.json").write_text(json.dumps(FACTS | facts))
    return directory


@pytest.fixture
def collection(tmp_path: Path) -> Callable[..., Path]:
    def made(name: str, numbers: range, **facts: object) -> Path:
        return collected(tmp_path / name, numbers, **facts)

    return made


@pytest.fixture
def log(collection: Callable[..., Path]) -> Path:
    return collection("log", range(8))
