"""Dividing a log in what is learnt from, and what is held out to choose by."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from outlay.routers.tiers.episode import Episode

FEWEST_QUESTIONS: Final = 4
"""Of a log: two to learn from and two to choose by."""


def divided(
    episodes: Sequence[Episode], share: float, seed: int, held_out: Collection[str] | None = None
) -> tuple[list[Episode], list[Episode]]:
    """Give the episodes to learn from, and those held out.

    Args:
        episodes: The log.
        share: Of the questions, to hold out.
        seed: Of drawing them.
        held_out: Ids of those to hold out; `None`: drawn.

    Raises:
        ConfigurationError: The log is too small, no question, or every question, would be held out, or one
            that is not there.
    """
    ids = sorted({e.id for e in episodes})
    if len(ids) < FEWEST_QUESTIONS:
        raise ConfigurationError(
            f"a log of {len(ids)} questions is too small to learn from: log {FEWEST_QUESTIONS} or more"
        )
    if held_out is None:
        count = min(max(2, round(share * len(ids))), len(ids) - 2)
        held_out = _drawn(episodes, ids, count, Random(seed))  # noqa: S311
    if unknown := set(held_out).difference(ids):
        raise ConfigurationError(f"question {min(unknown)!r} is to be held out, and is not in the log")
    known = [e for e in episodes if e.id not in held_out]
    kept = [e for e in episodes if e.id in held_out]
    if not known or not kept:
        raise ConfigurationError("some questions must be held out, and some not: check `held_out`")
    return known, kept


def _drawn(episodes: Sequence[Episode], ids: Sequence[str], count: int, dice: Random) -> list[str]:
    """Draw about `count` questions: whole groups, where there are several.

    Questions of one conversation are about the same chunks, so that one would give away the other.
    """
    clusters: dict[str, list[str]] = {}
    for name, cluster in sorted({e.id: e.cluster for e in episodes}.items()):
        clusters.setdefault(cluster, []).append(name)
    if len(clusters) in {1, len(ids)}:
        return dice.sample(ids, count)
    drawn: list[str] = []
    for names in dice.sample(list(clusters.values()), len(clusters))[:-1]:
        if abs(len(drawn) + len(names) - count) < abs(len(drawn) - count):
            drawn += names
    return drawn or min(clusters.values(), key=len)
