"""What is kept, what is found, and what anything that keeps and finds must be able to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from numpy.typing import NDArray

Kind = Literal["flat", "hnsw", "ivf"]
"""How neighbours are looked for: among all; along a graph; in the nearest cells."""


class Entry(Record):
    """A record, and the texts by which it is found."""

    record: dict[str, Any]
    """Anything that JSON can say; given back as it is."""
    keys: dict[str, tuple[str, ...]]
    """Under each key any number of texts; a text's place in its tuple is its position."""


class Hit(Record):
    """A text that is near a query."""

    id: int
    """Of the record."""
    key: str
    """Under which the text stands in the record's entry."""
    position: int
    """Of the text under that key, from 0."""
    similarity: float
    """Cosine of text and query, -1 to 1."""


@runtime_checkable
class Embedder(Protocol):
    """Turns texts into vectors of length 1. Called from several threads at once."""

    @property
    def name(self) -> str:
        """Identity, kept in every index: another one where the vectors would be others."""
        ...

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give one row per text: `(len(texts), dimension)`, each of length 1."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """Records that are found by the texts under their keys. Called from several threads at once."""

    @property
    def embedder(self) -> Embedder:
        """What embeds texts and queries."""
        ...

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which entries may have texts."""
        ...

    def add(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Keep `entries`, all of them or none, and give their ids; on the disk when this returns."""
        ...

    def search(self, key: str, queries: Sequence[str], k: int) -> tuple[tuple[Hit, ...], ...]:
        """Give for each query the `k` texts under `key` that are nearest to it, best first.

        Fewer where there are fewer; one record may be hit by several of its texts.
        """
        ...

    def similarities(self, key: str, query: str, ids: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """Give the exact cosine of `query` with every text under `key` of each record in `ids`.

        In the order of positions; empty where a record has no text there. Unknown ids are left out.
        """
        ...

    def records(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Give the records of `ids`; unknown ids are left out."""
        ...

    def ids(self) -> tuple[int, ...]:
        """Give the ids of all records, oldest first."""
        ...

    def __len__(self) -> int:
        """Count the records."""
        ...
