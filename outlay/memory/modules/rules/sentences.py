"""The sentences of chunks, each with who said it and when."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.memory.conversations import Chunk

_SPOKEN: Final = re.compile(r"([^\W\d_][^:\n]{0,39}):\s+(.*)")
_END: Final = re.compile(r"(?<=[.!?\u2026])[\"'\u2019\u201d)]*\s+")
_INK: Final = re.compile(r"\w")


class Sentence(NamedTuple):
    """Something said."""

    text: str
    speaker: str
    """Or the title of a document; empty where the chunk names neither."""
    time: str
    """Of its chunk, as it stands there."""

    def __str__(self) -> str:
        return f"{self.speaker}: {self.text}" if self.speaker else self.text


def sentences(chunks: Sequence[Chunk]) -> tuple[Sentence, ...]:
    """Give the different sentences of `chunks` in the order of the history."""
    ordered = sorted(chunks, key=lambda chunk: chunk.id)
    return tuple(dict.fromkeys(sentence for chunk in ordered for sentence in _of(chunk)))


def _of(chunk: Chunk) -> Iterator[Sentence]:
    speaker = ""
    for line in chunk.text.splitlines():
        if spoken := _SPOKEN.fullmatch(line.strip()):
            speaker, line = spoken[1], spoken[2]  # noqa: PLW2901 - what is left of it
        for text in _END.split(line.strip()):
            if _INK.search(text):
                yield Sentence(text, speaker, chunk.time)
