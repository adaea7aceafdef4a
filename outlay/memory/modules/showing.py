"""Chunks as a reader sees them: the date above what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Chunk


def shown(chunks: Sequence[Chunk], *, numbered: bool = False) -> str:
    """Give the chunks one after the other, with a blank line between them.

    Args:
        chunks: In the order in which they are to be read.
        numbered: Whether each begins with its place, from 1, in brackets.
    """
    heads = ([f"[{place}]"] if numbered else [] for place in range(1, len(chunks) + 1))
    return "\n\n".join(_under(head, chunk) for head, chunk in zip(heads, chunks, strict=True))


def _under(head: list[str], chunk: Chunk) -> str:
    first = " ".join([*head, *([chunk.time] if chunk.time else [])])
    return f"{first}\n{chunk.text}" if first else chunk.text
