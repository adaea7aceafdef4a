"""Whether N samples agree, and when that is known before all of them are bought.

The self-consistency cascade of in-context distillation (arXiv 2512.02543): a step is the student's where
its samples agree, and the teacher's where they do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from outlay.budget import Record, Settings
from outlay.errors import ConfigurationError
from outlay.routers.cascade.equivalence import Equivalence, normal_form

if TYPE_CHECKING:
    from collections.abc import Sequence

Share = Annotated[float, Field(gt=0, le=1)]


class Cascade(Settings):
    """How many samples, and when they agree."""

    n: int = Field(default=3, gt=0, le=100)
    """N, the samples of a step; 1: the student is always trusted, where what it says is valid."""
    rule: Literal["unanimity", "majority"] | Share = "unanimity"
    """The samples that must be equal: all; more than half; or this share of N.

    A share is compared in whole percent, so that 0.67 is two of three. Of one half or less, samples
    that come later may overtake: what most of them say is taken, the first of equals."""
    equivalence: Equivalence = "action"
    """When two samples are equal."""

    @property
    def needed(self) -> int:
        """How many of the N samples must be equal."""
        if self.rule == "unanimity":
            return self.n
        if self.rule == "majority":
            return self.n // 2 + 1
        percent = round(100 * self.rule)
        return next(m for m in range(1, self.n + 1) if _percent(m, self.n) >= percent)


class Verdict(Record):
    """What the samples of a step come to."""

    agreed: bool
    """Whether enough of them are equal; if not, the step is the teacher's."""
    chosen: int | None
    """The first sample of the largest group, counted from 0; `None` where none is valid.

    Where they did not agree, the best there is should the teacher fail."""
    votes: tuple[int, ...]
    """Sizes of the groups of equal samples, the largest first."""
    share: float
    """The largest group's share of the samples drawn, invalid ones included."""


def verdict(values: Sequence[str | None], cascade: Cascade) -> Verdict | None:
    """Give what the samples come to; `None` while those still to come may change it.

    Once it is given, no further sample changes `agreed`, nor `chosen` where they agreed. Samples that
    will never come (they failed, or cannot be paid) are `None` like invalid ones.

    Args:
        values: Actions or answers in the order of drawing; `None`, or nothing in it, is invalid and equal
            to nothing, so that under unanimity a single one is disagreement.
        cascade: The rule.

    Raises:
        ConfigurationError: There are more values than the cascade draws.
    """
    firsts = _groups(values, cascade)
    counts = [len(group) for group in firsts]
    if not _decided(counts, _left(values, cascade), cascade.needed):
        return None
    ranked = sorted(firsts, key=lambda group: (-len(group), group[0]))
    largest = max(counts, default=0)
    return Verdict(
        agreed=largest >= cascade.needed,
        chosen=ranked[0][0] if ranked else None,
        votes=tuple(len(group) for group in ranked),
        share=largest / len(values),
    )


def next_wave(values: Sequence[str | None], cascade: Cascade) -> int:
    """Give the fewest further samples that could decide, if they are valid; 0 when it is decided.

    Of three that must be unanimous first two, then one: a first sample alone decides only where it is
    invalid, which is too rare to wait for.

    Raises:
        ConfigurationError: There are more values than the cascade draws.
    """
    counts = [len(group) for group in _groups(values, cascade)]
    left, needed = _left(values, cascade), cascade.needed
    if _decided(counts, left, needed):
        return 0
    return next(
        k
        for k in range(1, left + 1)
        if _decided(_to_leader(counts, k), left - k, needed) or _decided(counts + [1] * k, left - k, needed)
    )


def _left(values: Sequence[str | None], cascade: Cascade) -> int:
    if len(values) > cascade.n:
        raise ConfigurationError(f"{len(values)} values for a cascade of n={cascade.n}: give at most n")
    return cascade.n - len(values)


def _groups(values: Sequence[str | None], cascade: Cascade) -> list[list[int]]:
    """Give the places of equal values, in the order in which each group was first seen."""
    groups: dict[str, list[int]] = {}
    for place, value in enumerate(values):
        form = normal_form(value, cascade.equivalence)
        if form is not None:
            groups.setdefault(form, []).append(place)
    return list(groups.values())


def _decided(counts: Sequence[int], left: int, needed: int) -> bool:
    """Whether `left` further samples leave the outcome as it is; `counts` in the order first seen."""
    most = max(counts, default=0)
    if most < needed:
        return most + left < needed
    leader = counts.index(most)
    ahead, behind = counts[:leader], [*counts[leader + 1 :], 0]  # 0: what nobody said yet
    return all(count + left < most for count in ahead) and max(behind) + left <= most


def _to_leader(counts: Sequence[int], k: int) -> list[int]:
    most = max(counts, default=0)
    leader = counts.index(most) if counts else 0
    return [*counts[:leader], most + k, *counts[leader + 1 :]]


def _percent(m: int, n: int) -> int:
    """Give m of n in percent, rounded half up."""
    return (200 * m + n) // (2 * n)
