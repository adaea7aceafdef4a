"""What an index of chunks holds: each of its entries read once.

A chunk that grows is entered anew before its old entry is removed. A kill between the two leaves both: the
later one counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from outlay.errors import RetrievalError
from outlay.memory.conversations.packing import Packed
from outlay.memory.conversations.records import Chunk
from outlay.retrieval import Entry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.retrieval import Hit, Searchable

KEY: Final = "text"


class Catalogue:
    """The chunks of an index, as far as it has been read."""

    def __init__(self, index: Searchable) -> None:
        self._index = index
        self._read = 0
        self.covered = 0
        """The last turn that is in a chunk."""
        self.entries: dict[int, int] = {}
        """The entry of each chunk."""
        self.open_chunks: dict[str, Chunk] = {}
        """The last chunk of each stretch."""

    def refresh(self) -> list[int]:
        """Read what was entered since the last time; gives the entries that later ones replace."""
        ids = self._index.ids()
        new = [id_ for id_ in ids if id_ > self._read]
        replaced = []
        for id_, record in self._index.records(new).items():
            packed = read(id_, record)
            if packed.chunk.id in self.entries:
                replaced.append(self.entries[packed.chunk.id])
            self._enter(id_, packed)
        self._read = max(self._read, *new) if new else self._read
        return sorted(set(replaced) & set(ids))

    def _enter(self, id_: int, packed: Packed) -> None:
        chunk = packed.chunk
        self.entries[chunk.id] = id_
        self.covered = max(self.covered, packed.last)
        last = self.open_chunks.get(packed.stretch)
        if last is None or last.id <= chunk.id:
            self.open_chunks[packed.stretch] = chunk


def entry(packed: Packed) -> Entry:
    """Give what is kept of a chunk in the index."""
    record = {"chunk": packed.chunk.model_dump(), "stretch": packed.stretch, "last": packed.last}
    return Entry(record=record, keys={KEY: (packed.chunk.text,)})


def read(id_: int, record: dict[str, Any]) -> Packed:
    """Give the chunk that `entry` made a record of.

    Raises:
        RetrievalError: It is none.
    """
    try:
        return Packed(Chunk(**record["chunk"]), str(record["stretch"]), int(record["last"]))
    except (KeyError, TypeError, ValueError, ValidationError) as exc:
        raise RetrievalError(
            f"record {id_} of the index is no chunk of a memory: open the memory with rebuild=True"
        ) from exc


def newest(hits: Iterable[Hit], records: dict[int, dict[str, Any]]) -> list[tuple[Chunk, float]]:
    """Give the chunks that were hit, each once, best first; of equals the one that began first."""
    found: dict[int, tuple[int, Chunk, float]] = {}
    for hit in hits:
        if hit.id in records:
            chunk = read(hit.id, records[hit.id]).chunk
            if chunk.id not in found or found[chunk.id][0] < hit.id:
                found[chunk.id] = (hit.id, chunk, hit.similarity)
    ranked = sorted(found.values(), key=lambda one: (-one[2], one[1].id))
    return [(chunk, similarity) for _, chunk, similarity in ranked]
