"""Scorers of short texts by the words they share.

`f1` and `exact-match` are SQuAD's (Rajpurkar et al. 2016, arXiv 1606.05250), as its evaluation script of
version 1.1 computes them. `rouge-l` is ROUGE's F-measure of the longest common subsequence (Lin 2004), as the
library rouge-score computes it, without stemming.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from operator import eq
from typing import TYPE_CHECKING, Final

from outlay.bench.scorers.score import Comparison, marked_or_whole
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b")

_NO_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)


def words(text: str, left_out: re.Pattern[str] = ARTICLES) -> list[str]:
    """Give the words of a text in lower case, without ASCII punctuation and what is left out.

    Punctuation goes first and leaves no gap: `well-known` is one word, and the `a` of `U.S.A.` none.
    """
    return left_out.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split()


def overlap(gold: Sequence[str], given: Sequence[str]) -> float:
    """Give the F1 of two bags of words: the harmonic mean of precision and recall; 0 if one is empty."""
    shared = (Counter(gold) & Counter(given)).total()
    return 2 * shared / (len(gold) + len(given)) if shared else 0.0


F1: Final = Comparison("f1", marked_or_whole, words, overlap)
EXACT_MATCH: Final = Comparison("exact-match", marked_or_whole, words, eq)


def rouge_l() -> Comparison[str]:
    """Make the scorer `rouge-l`.

    Raises:
        ConfigurationError: rouge-score is not installed.
    """
    try:
        from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigurationError("rouge-l needs rouge-score: run `pip install 'outlay[bench]'`") from exc
    scorer = RougeScorer(["rougeL"], use_stemmer=False)

    def longest_in_common(gold: str, given: str) -> float:
        return float(scorer.score(gold, given)["rougeL"].fmeasure)

    return Comparison("rouge-l", marked_or_whole, str, longest_in_common, slow=True)
