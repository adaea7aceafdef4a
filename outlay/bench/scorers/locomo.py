"""Scorer of LoCoMo's questions, by their category (Maharana et al. 2024, arXiv 2402.17753).

As `task_eval/evaluation.py` of its repository computes it: F1 over stemmed words in all categories but the
fifth.

1. multi-hop: right answer and given one are lists, split at commas; the mean over the right parts of each
   one's best F1.
2. temporal, 4. single-hop: F1.
3. open-domain: F1 with the part of the right answer before its first semicolon; what follows explains it.
5. adversarial: the question has no answer, and 1 goes to those who say so, in one of two fixed phrases.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from statistics import fmean
from typing import TYPE_CHECKING, ClassVar, Final

from outlay.bench.scorers.score import Comparison, Score, marked_or_whole
from outlay.bench.scorers.words import overlap, words
from outlay.errors import ConfigurationError, ScorerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from outlay.bench.items import Item
    from outlay.outcome import Outcome

    Stem = Callable[[str], str]

LEFT_OUT: Final = re.compile(r"\b(?:a|an|the|and)\b")
UNANSWERABLE: Final = ("no information available", "not mentioned")


@dataclass(frozen=True)
class Locomo:
    """Scores items whose `labels` have a `category` of 1 to 5.

    Raises:
        ConfigurationError: NLTK is not installed.
    """

    name: ClassVar[str] = "locomo"
    _by_category: Mapping[str, Comparison[str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_category", _comparisons(_porter()))

    def check(self, item: Item) -> None:
        self._of(item).check(item)

    async def score(self, item: Item, answer: Outcome) -> Score:
        return await self._of(item).score(item, answer)

    def _of(self, item: Item) -> Comparison[str]:
        category = str(item.labels.get("category"))
        if category not in self._by_category:
            raise ScorerError(
                f"item {item.id!r} has the category {category}, and scorer 'locomo' needs 1 to 5 "
                "in its labels: use another scorer"
            )
        return self._by_category[category]


def _comparisons(stem: Stem) -> dict[str, Comparison[str]]:
    def f1(gold: str, given: str) -> float:
        gold_words, given_words = words(gold, LEFT_OUT), words(given, LEFT_OUT)
        return overlap([stem(word) for word in gold_words], [stem(word) for word in given_words])

    def lists(gold: str, given: str) -> float:
        return fmean(max(f1(right, part) for part in given.split(",")) for right in gold.split(","))

    def unexplained(gold: str, given: str) -> float:
        return f1(gold.partition(";")[0], given)

    alike = {"1": lists, "2": f1, "3": unexplained, "4": f1, "5": _declined}
    return {
        category: Comparison(Locomo.name, marked_or_whole, str, compare)
        for category, compare in alike.items()
    }


def _declined(_: str, given: str) -> float:
    return float(any(phrase in given.lower() for phrase in UNANSWERABLE))


@cache
def _porter() -> Stem:
    try:
        from nltk.stem import PorterStemmer  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigurationError("locomo needs NLTK: run `pip install 'outlay[bench]'`") from exc
    stem: Stem = PorterStemmer().stem
    return stem
