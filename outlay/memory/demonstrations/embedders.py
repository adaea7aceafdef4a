"""The embedder that a bank was made with, found again by the name that the bank keeps."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from outlay.errors import RetrievalError
from outlay.retrieval import SentenceEmbedder
from outlay.retrieval.store import Store
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from outlay.retrieval import Embedder

USUAL: Final = "minilm"
"""The packaged model."""
HASH: Final = "hash"
"""The embedder that needs no model: words hashed into a vector."""
_HASHES: Final = re.compile(r"hash-\d+")
_MAKING: Final = Lock()


def shared_embedder(model: str = USUAL) -> SentenceEmbedder:
    """Give the embedder of a sentence-transformers model; there is one in a process, whoever asks."""
    with _MAKING:
        return _made(model)


def embedder_named(name: str) -> Embedder:
    """Give an embedder by its name on the command line: `minilm`, `hash`, or one of sentence-transformers."""
    return HashEmbedder() if name == HASH else shared_embedder(name)


def embedder_of(path: Path | str) -> Embedder:
    """Give what the bank in a directory was made with.

    Raises:
        RetrievalError: There is no bank, it is damaged, or its embedder is somebody's own.
    """
    store = Store(Path(path))
    store.file.close()
    facts = store.facts
    if _HASHES.fullmatch(facts.embedder):
        return HashEmbedder(facts.dimension)
    model, digest = facts.embedder.rpartition("@")[::2]
    if not model or not digest:
        raise RetrievalError(
            f"the bank in {path} was made with the embedder {facts.embedder!r}, which is no usual one: "
            "open it with Bank.open(path, embedder)"
        )
    return shared_embedder(model)


@cache
def _made(model: str) -> SentenceEmbedder:
    return SentenceEmbedder(model)
