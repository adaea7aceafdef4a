"""What an episode came to, for people: who acted, what each cost, and when the bank has paid for itself."""

from __future__ import annotations

from math import isinf
from typing import TYPE_CHECKING

from outlay.cli.bill import dollars

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.environments import Episode


def account(episode: Episode) -> Iterator[str]:
    """Give the account of an episode, line by line."""
    steps, deferred = len(episode.steps), sum(step.deferred for step in episode.steps)
    reached = {True: ", goal reached", False: ", goal not reached", None: ""}[episode.success]
    done = sum(step.by == "teacher" for step in episode.steps)
    who = f", of which it did {done}" if done < deferred else ""
    handed = f"handed to the teacher: {deferred} ({100 * episode.deferral_rate:.0f}%){who}"
    yield f"steps: {steps}{reached}; {handed}"
    judge = f"; judge: {dollars(episode.judge.usd)}" if episode.judge.calls else ""
    yield f"student: {dollars(episode.student.usd)}; teacher: {dollars(episode.teacher.usd)}{judge}"
    if episode.saved is not None:
        less = f"{dollars(abs(episode.saved))} {'less' if episode.saved >= 0 else 'more'}"
        alone = dollars(episode.teacher_alone)
        yield f"{less} than the teacher alone, whose tasks in the bank cost {alone} each"
    if episode.break_even is not None:
        yield (
            "at this cost the bank never pays for itself"
            if isinf(episode.break_even)
            else f"the bank has paid for itself after {episode.break_even:,.0f} such runs"
        )
