"""Every rule that N samples allow, and what each of them does with a labelled item."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from outlay.routers.cascade.agreement import Cascade, next_wave, verdict
from outlay.routers.cascade.equivalence import normal_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.routers.cascade.equivalence import Equivalence
    from outlay.routers.cascade.figures import Observation, Who


class Rule(NamedTuple):
    """A way to answer."""

    who: Who
    cascade: Cascade | None = None


class Outcome(NamedTuple):
    """What a rule makes of an item."""

    right: float
    deferred: float
    usd: float


def rules(n: int, equivalence: Equivalence) -> list[Rule]:
    """Give the student alone, m equal of the first k for k up to `n` and m up to k, the teacher alone."""
    cascades = [
        Cascade(n=k, rule=_rule(m, k), equivalence=equivalence)
        for k in range(1, n + 1)
        for m in range(1, k + 1)
    ]
    return [
        Rule("student alone"),
        *(Rule("cascade", cascade) for cascade in cascades),
        Rule("teacher alone"),
    ]


def outcomes(item: Observation, tried: Sequence[Rule], *, in_waves: bool) -> list[Outcome]:
    """Give what each rule makes of an item.

    Args:
        item: With its samples in the order of drawing.
        tried: The rules.
        in_waves: Whether samples that no verdict needs are not bought.
    """
    forms: dict[Equivalence, list[str | None]] = {}
    found = []
    for rule in tried:
        if rule.cascade is None:
            found.append(_alone(item, rule))
            continue
        kind = rule.cascade.equivalence
        if kind not in forms:
            forms[kind] = [normal_form(value, kind) for value in item.values]
        found.append(_outcome(item, forms[kind], rule.cascade, in_waves=in_waves))
    return found


def _alone(item: Observation, rule: Rule) -> Outcome:
    if rule.who == "student alone":
        return Outcome(item.right[0], 0, item.usd[0])
    return Outcome(item.teacher_right, 1, item.teacher_usd)


def _outcome(item: Observation, forms: Sequence[str | None], cascade: Cascade, *, in_waves: bool) -> Outcome:
    verbatim = cascade.model_copy(update={"equivalence": "judge"})
    drawn = 0 if in_waves else cascade.n
    while wave := next_wave(forms[:drawn], verbatim):
        drawn += wave
    found = verdict(forms[:drawn], verbatim)
    samples = sum(item.usd[:drawn]) + (item.judge_usd if cascade.n > 1 else 0)
    if found is not None and found.agreed and found.chosen is not None:
        return Outcome(item.right[found.chosen], 0, samples)
    return Outcome(item.teacher_right, 1, samples + item.teacher_usd)


def _rule(m: int, k: int) -> str | float:
    if m == k:
        return "unanimity"
    return "majority" if m == k // 2 + 1 else round(m / k, 2)
