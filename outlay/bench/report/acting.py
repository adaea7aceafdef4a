"""What a teacher costs and saves, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.report.phrases import condition_words, counted, dollars, listed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.bench.analysis.findings import Figures, Findings


def by_whom(findings: Findings) -> Iterator[str]:
    """Say how much of the teacher's cost each condition has, and when its bank has paid for itself."""
    acted = [row for row in findings.figures if row.acting]
    yield from _beside_the_teacher(acted)
    yield from _paid_back(acted)
    yield from _from_the_cache(acted)


def _beside_the_teacher(acted: Sequence[Figures]) -> Iterator[str]:
    for budget in dict.fromkeys(row.condition.budget for row in acted):
        rows = [row for row in acted if row.condition.budget == budget and row.dollars]
        alone = next((row for row in rows if _is_alone(row)), None)
        others = [row for row in rows if not _is_alone(row)]
        if alone is None or alone.dollars is None or not alone.dollars.value or not others:
            continue
        shares = [_share(row, alone.dollars.value) for row in others]
        yield (
            f"The teacher alone ({condition_words(alone.condition)}) costs {dollars(alone.dollars.value)} an "
            f"item; of that, {listed(shares, most=12)}."
        )


def _share(row: Figures, alone: float) -> str:
    spent = row.dollars.value if row.dollars else 0.0
    return f"{row.condition.name} costs {100 * spent / alone:.0f}%"


def _is_alone(row: Figures) -> bool:
    """Whether every step was the teacher's, and nobody else was asked."""
    acting = row.acting
    return acting is not None and acting.deferral.value == 100 and acting.student_usd == 0  # noqa: PLR2004


def _paid_back(acted: Sequence[Figures]) -> Iterator[str]:
    for row in acted:
        after = row.acting.break_even if row.acting else None
        if after == "never":
            yield (
                f"The bank of {condition_words(row.condition)} never pays for itself: an item costs no less "
                "than the teacher's."
            )
        elif after is not None:
            yield (
                f"The bank of {condition_words(row.condition)} has paid for itself after "
                f"{counted(int(after), 'item')}."
            )


def _from_the_cache(acted: Sequence[Figures]) -> Iterator[str]:
    cached = [
        f"{100 * row.spend.cached_tokens / row.spend.prompt_tokens:.0f}% with {row.condition.name}"
        for row in acted
        if row.spend and row.spend.cached_tokens
    ]
    if cached:
        yield f"Of the prompt tokens, the server had in its cache {listed(cached, most=12)}."
