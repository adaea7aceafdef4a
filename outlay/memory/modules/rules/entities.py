"""Who is related to whom or what: relations read off the grammar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.grammar import relations
from outlay.memory.modules.rules.nearest import by_meaning, by_words
from outlay.memory.modules.rules.sentences import sentences
from outlay.memory.modules.rules.times import day_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Chunk
    from outlay.memory.modules.rules.sentences import Sentence
    from outlay.retrieval import Embedder

OF_ONE_SENTENCE: Final = 2
"""Relations given of a sentence that is itself given."""


def by_grammar(question: str, chunks: Sequence[Chunk], most: int) -> tuple[str, ...]:
    """Give up to `most` relations that share words with the question, each with its date as it was given."""
    found = [
        f"{relation} ({sentence.time})" if sentence.time else relation
        for sentence in sentences(chunks)
        for relation in relations(sentence)
    ]
    distinct = list(dict.fromkeys(found))
    return tuple(distinct[place] for place in by_words(question, distinct, most))


def by_sentence(question: str, chunks: Sequence[Chunk], most: int, embedder: Embedder) -> tuple[str, ...]:
    """Give the `most` sentences nearest in meaning to the question, each with the relations in it."""
    said = sentences(chunks)
    return tuple(
        _with_context(said[place])
        for place in by_meaning(question, [str(sentence) for sentence in said], most, embedder)
    )


def _with_context(sentence: Sentence) -> str:
    found = relations(sentence)[:OF_ONE_SENTENCE]
    context = ": ".join(part for part in (day_written(sentence.time), sentence.text) if part)
    return f"{'; '.join(found)} ({context})" if found else f"{sentence.speaker or 'text'} - says - {context}"
