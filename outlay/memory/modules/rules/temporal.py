"""What happened when: sentences with a time in them, as said or worked out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.memory.modules.rules.nearest import by_meaning, by_words
from outlay.memory.modules.rules.sentences import sentences
from outlay.memory.modules.rules.times import day_written, expressions, resolved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Chunk
    from outlay.memory.modules.rules.sentences import Sentence
    from outlay.retrieval import Embedder


def as_said(question: str, chunks: Sequence[Chunk], most: int) -> tuple[str, ...]:
    """Give up to `most` sentences with an expression of time, those first that share words with the question.

    Times stay as they were said: what "yesterday" means is left to who reads the line.
    """
    timed = [sentence for sentence in sentences(chunks) if expressions(sentence.text)]
    lines = [f"said {s.time}: {s}" if s.time else str(s) for s in timed]
    return tuple(lines[place] for place in by_words(question, [str(s) for s in timed], most))


def worked_out(question: str, chunks: Sequence[Chunk], most: int, embedder: Embedder) -> tuple[str, ...]:
    """Give the `most` sentences nearest in meaning to the question, each under the date it tells of.

    Of those with an expression of time; where there is none, of all that were said at a known time.
    """
    said = sentences(chunks)
    timed = [s for s in said if expressions(s.text)] or [s for s in said if s.time]
    nearest = by_meaning(question, [str(sentence) for sentence in timed], most, embedder)
    return tuple(_dated(timed[place]) for place in nearest)


def _dated(sentence: Sentence) -> str:
    meant = {
        expression: date
        for expression in expressions(sentence.text)
        if (date := resolved(expression, sentence.time))
    }
    day = day_written(sentence.time)
    if not meant:
        return f"said {day}: {sentence}" if day else str(sentence)
    told = ", ".join(f"{date} ({expression})" for expression, date in meant.items())
    return f"{told}: {sentence} [said {day}]" if day else f"{told}: {sentence}"
