"""What is left of a summary where not all of it fits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from outlay.agents.budget_mem.allotting import first_lines
from outlay.memory.modules import Modules
from outlay.memory.modules.showing import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlay.agents.budget_mem.allotting import Allotting
    from outlay.memory.conversations import Chunk
    from outlay.memory.modules import Extracted

CUT: Final = "what the answer is read from was cut to {what}"


class Shorter(NamedTuple):
    """A way to be shorter."""

    parts: Callable[[int], str]
    """Gives a text, longer for a greater n."""
    most: int
    what: str
    """Says what is left, with n in it."""


@dataclass(frozen=True)
class Trimming:
    """Fits the summary of a question into what the answer's prompt may have."""

    allotting: Allotting
    question: str
    tokens: int
    """Of the answer."""

    async def trim(
        self, summary: Extracted, chunks: Sequence[Chunk], lists: Sequence[Sequence[str]]
    ) -> tuple[str, tuple[str, ...]]:
        """Give what the answer is read from, and a note where that is not the whole summary.

        Of a summary that is made of chunks and lists the best of each stay, of one that a model wrote the
        first lines; where that is nothing, the best chunk or its first lines. Whatever fits whole stays.

        Args:
            summary: As it was written.
            chunks: The filter's, best first.
            lists: Of entity, temporal and topic, best first.
        """
        if not summary.text or await self._fits(summary.text):
            return summary.text, ()
        for way in _ways(summary, chunks, lists):
            kept = await self.allotting.most_of(self.question, way.parts, way.most, self.tokens)
            if kept:
                return way.parts(kept), (CUT.format(what=way.what.format(n=kept)),)
        return "", (CUT.format(what="nothing"),)

    async def _fits(self, text: str) -> bool:
        return await self.allotting.most_of(self.question, lambda n: text * n, 1, self.tokens) == 1


def _ways(summary: Extracted, chunks: Sequence[Chunk], lists: Sequence[Sequence[str]]) -> Iterator[Shorter]:
    tier = summary.used
    if tier is None or not summary.by_rule:
        yield Shorter(*first_lines(summary.text), "its first {n} lines")
    else:
        most = max(len(chunks), *map(len, lists))
        yield Shorter(
            lambda n: Modules.by_rule(chunks[:n], [found[:n] for found in lists], tier),
            most,
            "the best {n} of each part",
        )
    yield Shorter(*first_lines(shown(chunks[:1])), "the first {n} lines of the best chunk")
