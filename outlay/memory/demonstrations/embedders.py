"""The embedder that a bank was made with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from outlay.errors import RetrievalError
from outlay.retrieval.embedders import found_again
from outlay.retrieval.store import Store

if TYPE_CHECKING:
    from outlay.retrieval import Embedder


def embedder_of(path: Path | str) -> Embedder:
    """Give what the bank in a directory was made with.

    Raises:
        RetrievalError: There is no bank, it is damaged, or its embedder is somebody's own.
    """
    store = Store(Path(path))
    store.file.close()
    facts = store.facts
    found = found_again(facts.embedder, facts.dimension)
    if found is None:
        raise RetrievalError(
            f"the bank in {path} was made with the embedder {facts.embedder!r}, which is no usual one: "
            "open it with Bank.open(path, embedder)"
        )
    return found
