"""The short answer in what a model said, and what was waited for it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from outlay.answers import MARKED, find
from outlay.budget import Usage
from outlay.outcome import CUT_SHORT, Outcome
from outlay.reading import LONGEST_TEXT
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from outlay.model import Completion

_HEAD: Final = re.compile(r"^.*\banswer\b[*_]*+\s*+(?:is\b|was\b|:|=)[\s:*_]*+", re.IGNORECASE)
_MARKUP: Final = re.compile(r"\*\*|__|`|^[#>\s]+|^[-*\u2022]\s+")
_AROUND: Final = " \t\"'\u201c\u201d*_"


def short_answer(text: str) -> str | None:
    """Give the phrase that a text answers with: what it marks, else its first line with words."""
    text = text[:LONGEST_TEXT]
    marked = find(text, "text")
    if marked is not None and marked.how in MARKED:
        return marked.value
    for line in text.splitlines():
        phrase = _HEAD.sub("", _MARKUP.sub("", line)).strip(_AROUND).removesuffix(".").strip(_AROUND)
        if re.search(r"\w", phrase):
            return phrase
    return None


def answered(completion: Completion, notes: Sequence[str], sequential: Usage | None) -> Outcome:
    """Give the outcome of a run that answered; a phrase that was cut short is none."""
    whole_lines = completion.text.strip().partition("\n")[1]
    cut = completion.is_cut and not whole_lines
    told = [*notes, CUT_SHORT] if cut else notes
    return Outcome(
        text=completion.text,
        value=None if cut else short_answer(completion.text),
        stop_reason="budget" if cut else "finished",
        degraded="; ".join(dict.fromkeys(told)) or None,
        sequential=sequential,
    )


def waited_for(side_by_side: Collection[str]) -> Usage | None:
    """Give what the run's nodes were waited for: of those side by side the dearest.

    `None` inside another graph, where no fence is the run's own.
    """
    run = current_run.get()
    if run is None:
        return None
    usage = {child.name: child.usage for child in run.fence.report().children}
    beside = [usage.pop(name) for name in side_by_side if name in usage]
    dearest = [max(beside, key=lambda part: part.total_tokens)] if beside else []
    return sum((*usage.values(), *dearest), Usage())
