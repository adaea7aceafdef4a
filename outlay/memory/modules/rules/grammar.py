"""Sentences cut into phrases, and what their grammar says: who does what, what belongs to whom.

The tagger and chunker is TextBlob's (after pattern.en, De Smedt and Daelemans 2012, JMLR 13): a lexicon,
rules for unknown words and a grammar of chunks, all in the package, a tenth of a millisecond a sentence. A
parser would find more; none has its weights in a package.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from outlay.memory.modules.rules.packages import parser

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.memory.modules.rules.sentences import Sentence

LONGEST: Final = 12
"""Words of an object: what follows is another thought."""

_CONTRACTIONS: Final = (
    (re.compile(r"\bcan't\b", re.IGNORECASE), "can not"),
    (re.compile(r"\bwon't\b", re.IGNORECASE), "will not"),
    (re.compile(r"n't\b", re.IGNORECASE), " not"),
    (re.compile(r"\b(I)'m\b", re.IGNORECASE), r"\1 am"),
    (re.compile(r"'re\b", re.IGNORECASE), " are"),
    (re.compile(r"'ve\b", re.IGNORECASE), " have"),
    (re.compile(r"'ll\b", re.IGNORECASE), " will"),
    (re.compile(r"'d\b", re.IGNORECASE), " would"),
    (re.compile(r"\b(it|he|she|that|there|here|what|who|how|where|let)'s\b", re.IGNORECASE), r"\1 is"),
)
_APOSTROPHE: Final = "\u02bc"
"""A letter to the tokenizer, which cuts a word at a real one."""
_SLASH: Final = "&slash;"
_SELF: Final = frozenset({"i", "we"})
_OWN: Final = frozenset({"my", "our"})
_SUBJECTS: Final = _SELF | {"he", "she", "they"}
_NO_ONE: Final = frozenset({
    "it", "that", "this", "these", "those", "which", "what", "who", "how", "there", "you", "me", "us", "him",
    "her", "them", "myself",
})  # fmt: skip
_FINITE: Final = frozenset({"VBD", "VBZ", "VBP", "MD"})
_ARTICLES: Final = frozenset({"a", "an", "the", "some", "any", "this", "that", "these", "those"})


class Phrase(NamedTuple):
    """Neighbouring words that belong together."""

    kind: str
    """`NP`, `VP`, `PP`, `ADJP`, `ADVP`, or empty: punctuation, a conjunction."""
    words: tuple[str, ...]
    tags: tuple[str, ...]
    """Of the Penn treebank, one for each word."""

    def __str__(self) -> str:
        return " ".join(self.words)


def phrases(text: str) -> list[Phrase]:
    """Cut a sentence into its phrases, in order; contractions are written out."""
    spelled = text.replace("\u2019", "'")
    for short, long in _CONTRACTIONS:
        spelled = short.sub(long, spelled)
    spelled = re.sub(r"(?<=\w)'(?=\w)", _APOSTROPHE, spelled)
    found: list[Phrase] = []
    for word, tag, chunk, _ in (token for part in parser().parse(spelled).split() for token in part):
        shown = word.replace(_APOSTROPHE, "'").replace(_SLASH, "/")
        place, _, kind = chunk.partition("-")
        if place == "I" and found and found[-1].kind == kind:
            last = found.pop()
            found.append(Phrase(kind, (*last.words, shown), (*last.tags, tag)))
        else:
            found.append(Phrase(kind, (shown,), (tag,)))
    return found


def things(text: str) -> Iterator[str]:
    """Give the things a sentence names: its noun phrases without articles, possessives and pronouns."""
    for phrase in phrases(text):
        if phrase.kind == "NP" and any(tag.startswith("NN") for tag in phrase.tags):
            kept = [
                word
                for word, tag in zip(phrase.words, phrase.tags, strict=True)
                if word.casefold() not in _ARTICLES and not tag.startswith(("PRP", "DT", "WDT", "POS"))
            ]
            if name := " ".join(kept).strip("'-\u2013\u2014& "):
                yield name


def relations(sentence: Sentence) -> list[str]:
    """Give what a sentence says of whom, as `A - relation - B`; "I" is who speaks."""
    found = phrases(sentence.text)
    said = [*_done(found, sentence.speaker), *_owned(found, sentence.speaker)]
    return list(dict.fromkeys(said))


def _done(found: Sequence[Phrase], speaker: str) -> Iterator[str]:
    """Give subject, verb and what follows it, for each verb that has both."""
    subject = ""
    for place, phrase in enumerate(found):
        if phrase.kind == "NP" and (_is_subject(phrase) or place == 0 or found[place - 1].kind != "PP"):
            subject = _named(phrase, speaker)
        elif phrase.kind == "VP" and subject and _begins(found, place):
            verb, rest = _verb(found, place)
            if rest:
                yield f"{subject} - {verb} - {rest}"
            subject = ""


def _is_subject(phrase: Phrase) -> bool:
    return phrase.words[0].casefold() in _SUBJECTS


def _begins(found: Sequence[Phrase], place: int) -> bool:
    return place > 0 and found[place - 1].kind in {"NP", "ADVP", "PP"}


def _verb(found: Sequence[Phrase], place: int) -> tuple[str, str]:
    """Give the verb at `place` with the preposition after it, and what follows until another clause."""
    verb, after = [*found[place].words], place + 1
    while after < len(found) and _goes_on(found[after], found[after - 1]):
        verb += found[after].words
        after += 1
    if after < len(found) and found[after].kind == "PP":
        verb += found[after].words
        after += 1
    rest: list[str] = []
    for phrase in found[after:]:
        if _ends_clause(phrase):
            break
        rest += phrase.words
    return " ".join(verb), " ".join(rest[:LONGEST])


def _goes_on(phrase: Phrase, before: Phrase) -> bool:
    """Whether the verb does: "am starting" "to" "realize"."""
    return phrase.tags == ("TO",) or (phrase.kind == "VP" and before.kind in {"VP", "PP", "ADVP"})


def _ends_clause(phrase: Phrase) -> bool:
    if phrase.kind == "NP":
        return _is_subject(phrase)
    if phrase.kind == "VP":
        return not _FINITE.isdisjoint(phrase.tags)
    return not phrase.kind and phrase.tags[0] not in {"DT", "FW"}


def _owned(found: Sequence[Phrase], speaker: str) -> Iterator[str]:
    """Give "my sister" and "Anna's dog" as what the one has."""
    for phrase in found:
        if phrase.kind != "NP":
            continue
        first, rest = phrase.words[0], " ".join(phrase.words[1:])
        if speaker and rest and first.casefold() in _OWN:
            yield f"{speaker} - has - {rest}"
        elif rest and first.endswith("'s") and first[0].isupper():
            yield f"{first[:-2]} - has - {rest}"


def _named(phrase: Phrase, speaker: str) -> str:
    """Give who or what a phrase stands for; empty where the sentence alone does not say."""
    words = list(phrase.words)
    first = words[0].casefold()
    if first in _SELF:
        return speaker
    if first in _NO_ONE and len(words) == 1:
        return ""
    if first in _OWN and speaker:
        words[0] = f"{speaker}'s"
    return " ".join(words)
