"""What is said to a memory, what it is cut into, and what a memory must be able to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Final, Protocol, runtime_checkable

from pydantic import AfterValidator

from outlay.budget import Record, Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from outlay.retrieval import Embedder

_HALVES: Final = re.compile("[\ud800-\udfff]")


def whole(text: str) -> str:
    """Put a replacement character for each half of a character: neither tokenizers nor files take them."""
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", text)


Text = Annotated[str, AfterValidator(whole)]


class Utterance(Settings):
    """Something that somebody said."""

    text: Text
    """As it was said; a blank one is kept, and is in no chunk."""
    speaker: Text = ""
    """Who said it; stands before the text in a chunk."""
    time: Text = ""
    """When, as people would write it, e.g. `1:56 pm on 8 May, 2023`."""
    session: Text = ""
    """Which conversation it belongs to; chunks never hold more than one."""


class Document(Settings):
    """Something written, to be remembered beside what was said."""

    text: Text
    title: Text = ""
    """Stands before the text in a chunk, before each part of a long one."""
    time: Text = ""
    """When it was written; documents of different times share no chunk."""


class Chunk(Record):
    """A piece of the history: what is retrieved."""

    id: int
    """From 1, in the order in which chunks began; stays the same while the chunk grows."""
    text: str
    """Utterances as `speaker: text`, one a line; documents as `title: text`. Dates are not in it."""
    time: str
    """Of its first utterance that has one, or of its documents."""
    session: str
    """Empty for documents."""
    tokens: int
    """Of `text`, as the embedder's tokenizer counts, its marks for beginning and end included."""
    cut: bool
    """Whether a part of a longer utterance or document is in it; the other parts are in its neighbours."""


@runtime_checkable
class History(Protocol):
    """Chunks that are found by a question. Called from several threads at once."""

    @property
    def embedder(self) -> Embedder:
        """What embeds chunks and questions."""
        ...

    def retrieve(self, question: str, k: int) -> tuple[tuple[Chunk, float], ...]:
        """Give up to `k` chunks with their cosine to `question`, best first; all where there are fewer."""
        ...

    def vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Give the vectors of chunks, one row of length 1 per id: `(len(ids), dimension)`."""
        ...

    def __len__(self) -> int:
        """Count the chunks."""
        ...
