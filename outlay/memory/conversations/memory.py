"""A memory: what was said, kept as it was, and found again by its meaning.

    append -> turns (SQLite) -> retrieve: chunks of what is new -> their vectors (an index) -> the nearest

The turns are on the disk when `append` returns. Chunks and vectors are made of them by the first `retrieve`
after it, and again where they are missing or damaged; so a kill at any moment costs only time.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from outlay.budget import Record
from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.conversations.chunk_index import ChunkIndex
from outlay.memory.conversations.packing import CHUNK_TOKENS, Measure
from outlay.memory.conversations.records import whole
from outlay.memory.conversations.spoken import spoken
from outlay.memory.conversations.tokens import counter
from outlay.memory.conversations.turns import FILE, Facts, Turns
from outlay.private_files import make_directory
from outlay.retrieval import SentenceEmbedder
from outlay.retrieval.embedders import found_again

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike
    from types import TracebackType

    import numpy as np
    from langchain_core.messages import BaseMessage
    from numpy.typing import NDArray

    from outlay.memory.conversations.records import Chunk, Document, Utterance
    from outlay.retrieval import Embedder


class MemoryStats(Record):
    """What a memory holds."""

    utterances: int
    documents: int
    sessions: int
    chunks: int
    chunk_tokens: int
    """At most so many in a chunk."""
    embedder: str
    """Whose tokens and vectors."""


class Memory:
    """A history that can be appended to at any time: a `History` that lives in a directory.

    Made by `Memory.create`, `Memory.open` or `Memory.temporary`. Any number of threads and processes may
    have one open; who writes waits for whoever is writing. Its methods block: call them through
    `asyncio.to_thread`.
    """

    def __init__(self, turns: Turns, chunks: ChunkIndex, *, close: Callable[[], None] | None = None) -> None:
        self.directory = turns.directory
        self._turns = turns
        self._chunks = chunks
        self._close = close

    @classmethod
    def create(
        cls, path: str | PathLike[str], embedder: Embedder | None = None, *, chunk_tokens: int = CHUNK_TOKENS
    ) -> Self:
        """Make an empty memory in a new directory.

        Args:
            path: The directory.
            embedder: Makes the vectors; the packaged MiniLM unless given. A `SentenceEmbedder` counts the
                tokens with its model's tokenizer, for any other words are counted.
            chunk_tokens: At most so many in a chunk, the tokenizer's marks included; more than the
                embedder's window (MiniLM: 256) are not seen by it.

        Raises:
            RetrievalError: There is something already, or the directory cannot be written.
            ConfigurationError: `chunk_tokens` is below 16, or the embedder's model is not there.
        """
        return cls._made(Path(path), embedder or SentenceEmbedder(), chunk_tokens)

    @classmethod
    def temporary(cls, embedder: Embedder | None = None, *, chunk_tokens: int = CHUNK_TOKENS) -> Self:
        """Make an empty memory that is deleted when it is closed; the rest as `create`."""
        directory = TemporaryDirectory(prefix="outlay-memory-", ignore_cleanup_errors=True)
        try:
            made = Path(directory.name), embedder or SentenceEmbedder(), chunk_tokens
            return cls._made(*made, close=directory.cleanup)
        except BaseException:
            directory.cleanup()
            raise

    @classmethod
    def open(
        cls, path: str | PathLike[str], embedder: Embedder | None = None, *, rebuild: bool = False
    ) -> Self:
        """Open a memory.

        Args:
            path: Its directory.
            embedder: The one it was made with, or with `rebuild` any; unless given, the one it was made
                with is found again by its name, where that is not somebody's own.
            rebuild: Make all chunks and vectors anew. Damaged ones are made anew in any case.

        Raises:
            RetrievalError: There is none, what was said is damaged, or it was made with another embedder.
            ConfigurationError: The embedder's model is not there.
        """
        directory = Path(path)
        turns = Turns(directory)
        try:
            embedder = embedder or found_again(turns.facts.embedder) or SentenceEmbedder()
            measure = Measure(turns.facts.chunk_tokens, counter(embedder))
            chunks = ChunkIndex(embedder, turns, measure)
            if rebuild:
                chunks.discard()
                turns.embed_with(embedder.name)
            else:
                _check_embedder(directory, turns.facts.embedder, embedder.name)
        except BaseException:
            turns.close()
            raise
        return cls(turns, chunks)

    @classmethod
    def _made(
        cls, directory: Path, embedder: Embedder, chunk_tokens: int, close: Callable[[], None] | None = None
    ) -> Self:
        measure = Measure(chunk_tokens, counter(embedder))
        _prepare(directory)
        turns = Turns(directory, Facts(embedder.name, chunk_tokens))
        return cls(turns, ChunkIndex(embedder, turns, measure), close=close)

    @property
    def embedder(self) -> Embedder:
        """What embeds chunks and questions."""
        return self._chunks.embedder

    def append(self, *said: Utterance | Document | str | Mapping[str, Any] | BaseMessage) -> None:
        """Keep what was said, all of it or nothing; on the disk when this returns.

        Takes as long as the disk: nothing is embedded.

        Args:
            said: Each a text, which is an utterance of nobody; a chat message, as a dict or LangChain's; an
                `Utterance` or a `Document`. `outlay.memory.conversations.spoken` says how they are read.

        Raises:
            ConfigurationError: Something is none of these.
            RetrievalError: The disk or another process does not let it.
        """
        self._turns.append([spoken(one) for one in said])

    def retrieve(self, question: str, k: int = 5) -> tuple[tuple[Chunk, float], ...]:
        """Give up to `k` chunks with their cosine to `question`, best first; all where there are fewer.

        Finds all that was appended before, by whomever: what is new is embedded first.

        Raises:
            ConfigurationError: `k` is negative, or the extra `retrieval` is not installed.
            RetrievalError: The memory cannot be read or written.
        """
        if k < 0:
            raise ConfigurationError(f"k={k}: give the number of chunks to find, at least 0")
        if not k or not self._turns.last():
            return ()
        return self._chunks.search(whole(question), k)

    def vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Give the vectors of chunks, one row of length 1 per id: `(len(ids), dimension)`.

        Raises:
            RetrievalError: There is no such chunk.
        """
        return self._chunks.vectors(ids)

    def utterances(self, session: str | None = None) -> tuple[Utterance, ...]:
        """Give what was said, in a session or in all, in order and as it was said."""
        return self._turns.utterances(session)

    def documents(self) -> tuple[Document, ...]:
        """Give the documents, in order and as they were."""
        return self._turns.documents()

    def sessions(self) -> tuple[str, ...]:
        """Give the names of the sessions, in the order in which they began."""
        return self._turns.sessions()

    def stats(self) -> MemoryStats:
        """Say what the memory holds; what is new is embedded first."""
        counts = self._turns.counts()
        return MemoryStats(
            utterances=counts.get("utterance", 0),
            documents=counts.get("document", 0),
            sessions=len(self.sessions()),
            chunks=len(self),
            chunk_tokens=self._turns.facts.chunk_tokens,
            embedder=self._turns.facts.embedder,
        )

    def close(self) -> None:
        """Close the memory; a temporary one is deleted."""
        self._chunks.close()
        self._turns.close()
        if self._close is not None:
            self._close()

    def __len__(self) -> int:
        """Count the chunks that `retrieve` can find; turns are in `utterances()`."""
        return len(self._chunks) if self._turns.last() else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _prepare(directory: Path) -> None:
    """Make a directory that holds nothing, or a memory."""
    try:
        make_directory(directory)
        is_taken = any(directory.iterdir()) and not (directory / FILE).is_file()
    except OSError as exc:
        raise RetrievalError(f"{directory} cannot be made ({exc.strerror}): give another path") from exc
    if is_taken:
        raise RetrievalError(f"{directory} holds something else: give a path where nothing is")


def _check_embedder(directory: Path, made: str, given: str) -> None:
    if given != made:
        raise RetrievalError(
            f"the memory in {directory} was made with the embedder {made!r}, and is opened with {given!r}: "
            "give the first, or rebuild=True to embed it again"
        )
