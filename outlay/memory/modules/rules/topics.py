"""What was talked about: noun phrases that come again, or that are near the question."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.grammar import things
from outlay.memory.modules.rules.nearest import by_meaning_and_variety, similarities
from outlay.memory.modules.rules.sentences import sentences
from outlay.memory.modules.rules.times import EXPRESSION, day_written
from outlay.memory.modules.rules.words import stems

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Chunk
    from outlay.memory.modules.rules.sentences import Sentence
    from outlay.retrieval import Embedder

MOST_CANDIDATES: Final = 80
"""Phrases looked at by meaning: what a few chunks hold."""
VAGUE: Final = frozenset({
    "thing", "things", "anything", "something", "everything", "nothing", "someone", "everyone", "lot", "way",
    "ways", "need", "kind", "sort", "bit", "thanks", "time", "times", "day", "days", "week", "weeks", "month",
    "months", "year", "years",
})  # fmt: skip
"""Nouns that are no subject."""

_SHIFT: Final = re.compile(
    r"(?:by the way|anyway|speaking of|on another note|that reminds me|oh,? and|also|guess what)\b",
    re.IGNORECASE,
)


def by_mention(question: str, chunks: Sequence[Chunk], most: int) -> tuple[str, ...]:
    """Give up to `most` subjects, those first that the question names, then those mentioned most.

    Each with how often and when, and whether the talk turned to it ("by the way", "speaking of").
    """
    mentions = _mentions(sentences(chunks))
    asked = set(stems(question))
    order = sorted(mentions, key=lambda name: (-len(asked & set(stems(name))), -len(mentions[name])))
    return tuple(_counted(name, mentions[name]) for name in order[:most])


def by_meaning(question: str, chunks: Sequence[Chunk], most: int, embedder: Embedder) -> tuple[str, ...]:
    """Give the `most` subjects near the question and unlike each other, each with the sentence nearest."""
    mentions = _mentions(sentences(chunks))
    names = sorted(mentions, key=lambda name: -len(mentions[name]))[:MOST_CANDIDATES]
    chosen = by_meaning_and_variety(question, names, most, embedder)
    return tuple(_told(question, names[place], mentions[names[place]], embedder) for place in chosen)


def _mentions(said: Sequence[Sentence]) -> dict[str, list[Sentence]]:
    """Give the sentences that name each thing, under the form in which it is named first; not who speaks."""
    speakers = {sentence.speaker.casefold() for sentence in said}
    found: defaultdict[tuple[str, ...], list[Sentence]] = defaultdict(list)
    forms: dict[tuple[str, ...], str] = {}
    for sentence in said:
        for thing in things(sentence.text):
            name = EXPRESSION.sub("", thing).strip()
            key = tuple(stems(name))
            if key and name.casefold() not in speakers and name.casefold().split()[-1] not in VAGUE:
                forms.setdefault(key, name)
                found[key].append(sentence)
    return {forms[key]: told for key, told in found.items()}


def _counted(name: str, told: Sequence[Sentence]) -> str:
    days = [day for day in dict.fromkeys(day_written(sentence.time) for sentence in told) if day]
    turned = any(_SHIFT.match(sentence.text) for sentence in told)
    facts = [f"{len(told)}x", *days, *(["the talk turned to it"] if turned else [])]
    return f"{name} ({', '.join(facts)})"


def _told(question: str, name: str, told: Sequence[Sentence], embedder: Embedder) -> str:
    texts = [str(sentence) for sentence in told]
    nearest = told[int(similarities(question, texts, embedder).argmax())]
    day = day_written(nearest.time)
    return f"{name}: {nearest.text}" + (f" ({day})" if day else "")
