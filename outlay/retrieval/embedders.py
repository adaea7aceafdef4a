"""An embedder, found again by the name that is kept with what it made."""

from __future__ import annotations

import re
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Final

from outlay.retrieval.sentences import PACKAGED, SentenceEmbedder
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from outlay.retrieval.records import Embedder

USUAL: Final = PACKAGED
"""The packaged model."""
HASH: Final = "hash"
"""What users call the embedder that needs no model: words hashed into a vector."""
_HASHES: Final = re.compile(r"hash-(\d+)")
_MAKING: Final = Lock()


def shared_embedder(model: str = USUAL) -> SentenceEmbedder:
    """Give the embedder of a sentence-transformers model; there is one in a process, whoever asks."""
    with _MAKING:
        return _made(model)


def embedder_named(name: str) -> Embedder:
    """Give the embedder that a user calls `minilm`, `hash`, or by its sentence-transformers name."""
    return HashEmbedder() if name == HASH else shared_embedder(name)


def found_again(name: str, dimension: int | None = None) -> Embedder | None:
    """Give the embedder of a kept name; `None`: it is somebody's own.

    Args:
        name: As the embedder called itself. That its weights are the same ones is the caller's to check.
        dimension: Of its vectors; where that is not kept, what the name says.
    """
    if hashed := _HASHES.fullmatch(name):
        return HashEmbedder(dimension or int(hashed[1]))
    model, digest = name.rpartition("@")[::2]
    return shared_embedder(model) if model and digest else None


@cache
def _made(model: str) -> SentenceEmbedder:
    return SentenceEmbedder(model)
