"""Texts as bags of word stems, and how much of a question is in them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.packages import bm25, stemmer, stop_words

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_POSSESSIVE: Final = re.compile(r"['\u2019]s?$")


def stems(text: str) -> list[str]:
    """Give the stems of the words of `text` in their order, without stop words."""
    plain = (word.replace("\u2019", "'") for word in _WORD.findall(text.casefold()))
    return [_stem(_POSSESSIVE.sub("", word)) for word in plain if word not in stop_words()]


def keyword_share(question: str, text: str) -> float:
    """Give the share of the question's different stems that `text` has, 0 to 1."""
    asked = set(stems(question))
    return len(asked & set(stems(text))) / len(asked) if asked else 0.0


def relevance(question: str, texts: Sequence[str]) -> list[float]:
    """Give the BM25 of each of `texts` among all of them; 0 where it shares no stem with the question.

    Robertson and Zaragoza 2009, in Lucene's form, which the library bm25s computes.
    """
    asked = stems(question)
    found = [stems(text) for text in texts]
    if not asked or not any(found):
        return [0.0] * len(texts)
    index = bm25().BM25()
    index.index(found, show_progress=False)
    return [float(score) for score in index.get_scores(asked)]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    return str(stemmer().stem(word))
