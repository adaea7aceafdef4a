"""When an episode ends, and what is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from outlay.agents.in_context_distillation.reading import usable
from outlay.answers import extract
from outlay.budget import Usage
from outlay.environments import Episode, OneStep
from outlay.memory.demonstrations import break_even
from outlay.outcome import CUT_SHORT, NOTHING_SPENT, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.agents.in_context_distillation.state import State
    from outlay.environments import Environment, Taken
    from outlay.ledger import Ledger
    from outlay.memory.demonstrations import Bank

CIRCLES: Final = "ended early: the same steps over and over"
BEFORE_A_STEP: Final = "the budget ended before the first step"
WORDLESS: Final = "no action could be read from the student's samples"
TEACHING: Final = "defer"
JUDGING: Final = "agree"
"""The nodes whose calls are the teacher's, and the judge's."""


class Collected(NamedTuple):
    """What it cost to collect a bank."""

    usd: float | None = None
    """All of it, whoever the teacher was, failures included; `None` where unknown."""
    each: float | None = None
    """A task that this teacher was paid for; `None` where it was paid for none."""


def in_circles(taken: Sequence[Taken], repeats: int | None) -> bool:
    """Whether the last steps are one step, or a pair of steps, so often with nothing new seen."""
    if repeats is None:
        return False
    seen = [(step.observation, step.action) for step in taken]
    for period in (1, 2):
        last = seen[-period * repeats :]
        if len(last) == period * repeats and last == last[:period] * repeats:
            return True
    return False


def episode_of(
    environment: Environment,
    state: State,
    fence: Ledger | None,
    bank: Collected,
) -> Episode:
    """Sum an episode up; its bill is read off the fence of the run, node by node."""
    student, taught, judged = _bill(fence)
    alone = bank.each
    spent = (student + taught + judged).usd
    return Episode(
        task=environment.task,
        goal=environment.goal,
        plan=state["plan"],
        steps=state["taken"],
        success=state["turn"].success,
        failure=broken_off(state),
        student=student,
        teacher=taught,
        judge=judged,
        teacher_alone=alone,
        break_even=(
            None
            if alone is None or spent is None or bank.usd is None
            else break_even(alone, spent, c_demo=bank.usd)
        ),
    )


def outcome(environment: Environment, state: State, episode: Episode, repeats: int | None) -> Outcome:
    """Give what the episode came to: for a question its answer, else what was seen last."""
    taken, stopped = state["taken"], state["stopped"]
    answering = isinstance(environment, OneStep)
    cut = answering and state["cut"]
    text = taken[-1].action if answering and taken else "" if answering else state["turn"].observation
    return Outcome(
        text=text,
        value=extract(text, marked=cut) if answering else None,
        stop_reason="budget" if cut and stopped == "finished" else stopped,
        degraded="; ".join(dict.fromkeys([*state["notes"], *_left_open(state, repeats, cut=cut)])) or None,
        sequential=sum(state["path"], Usage()) if state["path"] else None,
        episode=episode,
    )


def _left_open(state: State, repeats: int | None, *, cut: bool) -> Iterator[str]:
    """Say what the end leaves open."""
    taken, over = state["taken"], state["turn"].done
    if cut:
        yield CUT_SHORT
    if usable(state["samples"]):
        yield WORDLESS
    elif failure := broken_off(state):
        yield f"ended by a failure: {failure}"
    elif not taken and state["stopped"] != "finished":
        yield BEFORE_A_STEP if state["path"] else NOTHING_SPENT
    elif not over and state["stopped"] == "finished":
        yield CIRCLES if in_circles(taken, repeats) else f"not done after {len(taken)} steps"


def _bill(fence: Ledger | None) -> tuple[Usage, Usage, Usage]:
    """Divide what a run spent into student, teacher and judge; unknown inside another graph."""
    if fence is None:
        return Usage(usd=None), Usage(usd=None), Usage(usd=None)
    student, taught, judged = Usage(), Usage(), Usage()
    for child in fence.report().children:
        if child.name == TEACHING:
            taught += child.usage
        elif child.name == JUDGING:
            judged += child.usage
        else:
            student += child.usage
    return student, taught, judged


def broken_off(state: State) -> str | None:
    """Why an episode ended that had no end of its own: nobody could be reached for the next step."""
    samples = state["samples"]
    return next((s.error for s in samples if s.error), None) if not usable(samples) else None


def collected(bank: Bank | None, teacher: str) -> Collected:
    """Say what collecting a bank cost, and what each task did that a teacher was paid for.

    Of the teacher of that name, where the bank has runs of it; what was imported without a cost is none.
    """
    if bank is None:
        return Collected()
    stats = bank.stats()
    groups = [stats.teachers[teacher]] if teacher in stats.teachers else list(stats.teachers.values())
    tasks, usd = sum(runs.paid for runs in groups), sum((runs.usage for runs in groups), Usage()).usd
    return Collected(usd=stats.usage.usd, each=usd / tasks if tasks and usd else None)
