"""Chunks as a reader sees them: the date above what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.prompts import delimited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Chunk


def shown(chunks: Sequence[Chunk]) -> str:
    """Give the chunks one after the other, with a blank line between them."""
    return "\n\n".join(map(_dated, chunks))


def excerpts(chunks: Sequence[Chunk], *, numbered: bool = False) -> str:
    """Give the same for a prompt: each chunk between tags.

    Args:
        chunks: In the order in which they are to be read.
        numbered: Whether each has its place, from 1, in its opening tag.
    """
    return "\n\n".join(
        delimited("excerpt", _dated(chunk), place if numbered else None)
        for place, chunk in enumerate(chunks, 1)
    )


def _dated(chunk: Chunk) -> str:
    return f"{chunk.time}\n{chunk.text}" if chunk.time else chunk.text
