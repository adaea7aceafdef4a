"""Chunks out of what was said: greedily as many lines of one stretch as fit, in order.

Nothing is read but what came last in each stretch and what is new, so that a memory packs what is appended
as it would have packed everything at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from outlay.errors import ConfigurationError
from outlay.memory.conversations.records import Chunk, Utterance
from outlay.memory.conversations.splitting import split
from outlay.memory.conversations.spoken import spoken
from outlay.memory.conversations.tokens import counter
from outlay.retrieval import SentenceEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from langchain_core.messages import BaseMessage

    from outlay.memory.conversations.records import Document
    from outlay.retrieval import Embedder

CHUNK_TOKENS: Final = 256
"""As in the paper; MiniLM's window too."""
FEWEST_TOKENS: Final = 16
"""That a chunk must be allowed: fewer hold no sentence."""
CHARACTERS_PER_TOKEN: Final = 16
"""Three times what words need: a tokenizer that has one token for a word of any length is not believed."""
MOST_FOR_NAME: Final = 0.5
"""Share of a chunk that a speaker or title may take up in every part of what is cut."""


class Turn(NamedTuple):
    """Something appended."""

    number: int
    said: Utterance | Document


class Packed(NamedTuple):
    """A chunk that is new, or has grown."""

    chunk: Chunk
    stretch: str
    last: int
    """The number of the last turn in it."""


class Measure:
    """How much goes into a chunk.

    Raises:
        ConfigurationError: Too little.
    """

    def __init__(self, tokens: int, count: Callable[[str], int]) -> None:
        if tokens < FEWEST_TOKENS:
            raise ConfigurationError(f"chunk_tokens={tokens}: give at least {FEWEST_TOKENS}")
        self.tokens = tokens
        self.count = count

    def fits(self, text: str, share: float = 1.0) -> bool:
        """Whether a chunk, or a share of one, may hold `text`."""
        tokens = share * self.tokens
        return len(text) <= CHARACTERS_PER_TOKEN * tokens and self.count(text) <= tokens


def chunked(
    said: Iterable[Utterance | Document | str | Mapping[str, Any] | BaseMessage],
    embedder: Embedder | None = None,
    *,
    chunk_tokens: int = CHUNK_TOKENS,
) -> tuple[Chunk, ...]:
    """Give the chunks that a memory would make, without keeping or embedding anything.

    Args:
        said: In order, each as `spoken` takes it.
        embedder: Whose tokens are counted; the packaged MiniLM unless given.
        chunk_tokens: At most so many in a chunk.

    Raises:
        ConfigurationError: `chunk_tokens` is below 16, or the embedder's tokenizer is not there.
    """
    measure = Measure(chunk_tokens, counter(embedder or SentenceEmbedder()))
    turns = (Turn(number, spoken(one)) for number, one in enumerate(said, 1))
    return tuple(packed.chunk for packed in pack(turns, {}, 1, measure))


def pack(
    turns: Iterable[Turn], open_chunks: Mapping[str, Chunk], next_id: int, measure: Measure
) -> list[Packed]:
    """Give the chunks that `turns` add to or begin, in the order of their ids.

    Args:
        turns: In order.
        open_chunks: The last chunk of each stretch so far.
        next_id: Of the first chunk that begins.
        measure: Of a chunk.
    """
    growing, made = dict(open_chunks), {}
    for turn in turns:
        stretch = _stretch(turn.said)
        for text, is_cut in _lines(turn.said, measure):
            before = growing.get(stretch)
            chunk = _grown(before, text, turn.said, measure) if before else None
            if chunk is None:
                chunk = _begun(next_id, text, turn.said, measure)
                next_id += 1
            if is_cut:
                chunk = chunk.model_copy(update={"cut": True})
            growing[stretch] = chunk
            made[chunk.id] = Packed(chunk, stretch, turn.number)
    return [made[id_] for id_ in sorted(made)]


def _stretch(said: Utterance | Document) -> str:
    """Name what may share a chunk: the utterances of a session, the documents of a time."""
    return f"said {said.session}" if isinstance(said, Utterance) else f"written {said.time}"


def _lines(said: Utterance | Document, measure: Measure) -> Iterator[tuple[str, bool]]:
    """Give the lines that stand for something said, each short enough, and whether it took several."""
    if isinstance(said, Utterance):
        name, text = said.speaker, " ".join(said.text.split())
    else:
        name, text = said.title, said.text.strip()
    name = " ".join(name.split())
    whole = f"{name}: {text}" if name else text
    if not text:
        return
    if measure.fits(whole):
        yield whole, False
        return
    if not measure.fits(name, MOST_FOR_NAME):
        yield from ((part, True) for part in split(whole, measure.fits))
        return
    before = f"{name}: " if name else ""
    yield from ((before + part, True) for part in split(text, lambda part: measure.fits(before + part)))


def _begun(number: int, text: str, said: Utterance | Document, measure: Measure) -> Chunk:
    session = said.session if isinstance(said, Utterance) else ""
    tokens = measure.count(text)
    return Chunk(id=number, text=text, time=said.time, session=session, tokens=tokens, cut=False)


def _grown(chunk: Chunk, text: str, said: Utterance | Document, measure: Measure) -> Chunk | None:
    """Give `chunk` with another line, if it fits."""
    both = f"{chunk.text}\n{text}"
    if not measure.fits(both):
        return None
    more = {"text": both, "tokens": measure.count(both), "time": chunk.time or said.time}
    return chunk.model_copy(update=more)
