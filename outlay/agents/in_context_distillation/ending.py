"""When an episode ends, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.answers import extract
from outlay.budget import Usage
from outlay.environments import Episode, OneStep
from outlay.memory.demonstrations import break_even
from outlay.outcome import NOTHING_SPENT, Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.in_context_distillation.state import State
    from outlay.environments import Environment, Taken
    from outlay.ledger import Ledger
    from outlay.memory.demonstrations import Bank, BankStats

REPEATS: Final = 3
"""So often the same step, or the same pair of steps, and an episode goes nowhere."""
CIRCLES: Final = f"ended early: the same steps {REPEATS} times over"
DEFERRING: Final = "defer"
"""The node whose calls are the teacher's."""


def in_circles(taken: Sequence[Taken]) -> bool:
    """Whether the last steps are one step, or a pair of steps, repeated with nothing new seen."""
    seen = [(step.observation, step.action) for step in taken]
    for period in (1, 2):
        last = seen[-period * REPEATS :]
        if len(last) == period * REPEATS and last == last[:period] * REPEATS:
            return True
    return False


def episode_of(environment: Environment, state: State, fence: Ledger | None, bank: Bank | None) -> Episode:
    """Sum an episode up; its bill is read off the fence of the run, node by node."""
    student, teacher = _bill(fence)
    collected = bank.stats() if bank else None
    tasks = _runs(collected) if collected else 0
    alone = collected.usage.usd / tasks if collected and tasks and collected.usage.usd else None
    spent = (student + teacher).usd
    return Episode(
        task=environment.task,
        goal=environment.goal,
        plan=state["plan"],
        steps=state["taken"],
        success=state["turn"].success,
        student=student,
        teacher=teacher,
        teacher_alone=alone,
        break_even=None if alone is None or spent is None else break_even(alone, spent, tasks),
    )


def outcome(environment: Environment, state: State, episode: Episode) -> Outcome:
    """Give what the episode came to: for a question its answer, else what was seen last."""
    taken = state["taken"]
    answering = isinstance(environment, OneStep)
    text = taken[-1].action if answering and taken else "" if answering else state["turn"].observation
    notes = list(state["notes"])
    if not taken:
        notes.append(NOTHING_SPENT)
    elif not state["turn"].done and state["stopped"] == "finished":
        notes.append(CIRCLES if in_circles(taken) else f"not done after {len(taken)} steps")
    return Outcome(
        text=text,
        value=extract(text) if answering else None,
        stop_reason=state["stopped"],
        degraded="; ".join(dict.fromkeys(notes)) or None,
        sequential=sum(state["path"], Usage()) if state["path"] else None,
        episode=episode,
    )


def _bill(fence: Ledger | None) -> tuple[Usage, Usage]:
    """Divide what a run spent into the student's part and the teacher's."""
    parts: dict[bool, Usage] = {False: Usage(), True: Usage()}
    for child in fence.report().children if fence else ():
        parts[child.name == DEFERRING] += child.usage
    return parts[False], parts[True]


def _runs(collected: BankStats) -> int:
    """Count what the teacher was paid for, whatever came of it."""
    return collected.trajectories + collected.failed + collected.empty + collected.repeated
