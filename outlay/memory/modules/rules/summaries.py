"""Texts to answer from that no model wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.memory.modules.showing import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from outlay.memory.conversations import Chunk

ADVICE: Final = (
    "Dates in brackets are when something was said. Where two lines disagree, the later one holds. What is "
    "not here is not known."
)


def strung(chunks: Sequence[Chunk], lists: Mapping[str, Sequence[str]]) -> str:
    """Give the chunks and then every line, one after the other."""
    lines = [line for found in lists.values() for line in found]
    return "\n\n".join(part for part in (shown(chunks), "\n".join(lines)) if part)


def sectioned(chunks: Sequence[Chunk], lists: Mapping[str, Sequence[str]]) -> str:
    """Give the same under headings, chunks in the order of the history, lines once, and how to read them.

    Args:
        chunks: In any order.
        lists: Lines by heading.
    """
    ordered = sorted(chunks, key=lambda chunk: chunk.id)
    said = f"What was said\n{shown(ordered)}" if chunks else ""
    parts = [part for part in (said, under_headings(lists)) if part]
    return "\n\n".join([*parts, ADVICE]) if parts else ""


def under_headings(lists: Mapping[str, Sequence[str]]) -> str:
    """Give each line once, the lists under their headings; empty where all are."""
    seen: set[str] = set()
    parts: list[str] = []
    for heading, lines in lists.items():
        new = [line for line in dict.fromkeys(lines) if line not in seen]
        seen.update(new)
        if new:
            parts.append("\n".join([heading, *(f"- {line}" for line in new)]))
    return "\n\n".join(parts)
