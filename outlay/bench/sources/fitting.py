"""Which scorer fits a source, by what its right answers look like."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from outlay.answers.normal import is_number, normalise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.bench.items import Item

_LETTER: Final = re.compile(r"\(?[A-J]\)?\.?")
_TEX: Final = re.compile(r"\\[a-zA-Z]|\\[{(\[]|[_^]\{|\w\^")
_SYMBOLS: Final = re.compile(r"[a-z]|(?!.*[^\W\d]{2}).*\d.*", re.IGNORECASE)
"""A variable, or something with a number and without words."""


def default_scorer(items: Sequence[Item]) -> str:
    """Name the scorer that fits the right answers of these items.

    `locomo` and `f1` go by the labels of LoCoMo and HotpotQA, `choice` by letters from A to J, `numeric` by
    numbers, `math` by some TeX or nothing but numbers and symbols; everything else is `exact`.
    """
    answers = [answer.strip() for item in items for answer in item.answers]
    fits = {
        "locomo": all(item.labels.keys() >= {"category", "evidence", "conversation"} for item in items),
        "f1": all("supporting_facts" in item.labels for item in items),
        "choice": all(map(_LETTER.fullmatch, answers)),
        "numeric": all(map(_is_plain_number, answers)),
        "math": any(map(_TEX.search, answers)) or all(map(_SYMBOLS.fullmatch, answers)),
    }
    return next((name for name, fit in fits.items() if items and fit), "exact")


def _is_plain_number(answer: str) -> bool:
    return is_number(normalise(answer)) and not _TEX.search(answer)
