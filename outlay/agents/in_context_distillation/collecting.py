"""Filling a bank: the teacher at one task after another, every run kept with what it cost."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from outlay.budget import Record, Usage
from outlay.calls import InARow, side_by_side
from outlay.environments import OneStep
from outlay.errors import ConfigurationError, ModelError, ModelUnavailableError, ScorerError
from outlay.ledger import Ledger, current_ledger
from outlay.memory.demonstrations import Added, Step, Trajectory

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from outlay.agents.in_context_distillation.strategy import InContextDistillation
    from outlay.environments import Environment
    from outlay.memory.demonstrations import Bank
    from outlay.outcome import Answer

    Succeeded = Callable[[Environment, Answer], Awaitable[bool]]

Ending = Literal["finished", "budget", "deadline"]
"""Whether every task was tried, or the money or the time ended before."""


class Attempt(Record):
    """What came of one task."""

    task: str
    trajectory: Trajectory | None = None
    """As it was given to the bank; `None`: nobody knows whether it succeeded, and it can be tried again."""
    failure: str | None = None
    """Why nobody knows: the provider failed, or the scorer did."""
    usage: Usage = Usage()
    """What it cost; the bank counts it, whatever came of it."""


class Collection(Record):
    """What collecting came to."""

    ending: Ending
    there: int
    """Tasks that the bank had before, failed ones among them, inconclusive ones not."""
    added: Added
    """What became of the others."""
    failures: tuple[str, ...]
    """Why tasks were tried and not added; the bank has what they cost."""


async def reached(_: Environment, answer: Answer) -> bool:
    """Whether the environment says that its goal was reached; a question cannot."""
    return answer.episode is not None and answer.episode.success is True


async def collect(
    strategy: InContextDistillation,
    tasks: Sequence[Environment],
    bank: Bank,
    *,
    succeeded: Succeeded = reached,
    concurrency: int = 8,
    retry_failed: bool = False,
    begin: Callable[[int], None] = lambda _there: None,
    tell: Callable[[Attempt], None] = lambda _attempt: None,
) -> Collection:
    """Run a strategy on the tasks that a bank does not have, and add each run when it ends.

    It spends from the fence around the call. Of a run that the fence cuts short, that the provider or the
    scorer fails, or in which the student had to act for the teacher under `defer="always"`, the bank gets
    the cost, and its task can be tried again: nobody knows what it would have come to. With a replay store
    in the models, calls are not paid again; nor are they counted again for a task whose earlier tries the
    bank has counted.

    Args:
        strategy: Who acts; for the teacher alone one with `defer="always"`.
        tasks: What to do; each is closed when it is done.
        bank: Where runs go, failed ones too.
        succeeded: Says whether a run did what was asked; a `ScorerError` leaves it open.
        concurrency: How many tasks are worked on side by side.
        retry_failed: Whether tasks are done again that the bank has only failures of.
        begin: Hears how many of the tasks the bank has.
        tell: Hears of each run.

    Raises:
        ConfigurationError: The strategy has no teacher, two tasks have one name, or a model or an environment
            cannot be used.
        ModelUnavailableError: Nothing but failures came back.
        RetrievalError: The bank cannot be written.
    """
    if strategy.teacher is None:
        raise ConfigurationError("collecting needs a teacher: give the strategy one")
    if succeeded is reached and any(isinstance(environment, OneStep) for environment in tasks):
        raise ConfigurationError("a question does not know its answer: give succeeded=")
    if concurrency < 1:
        raise ConfigurationError(f"concurrency is {concurrency}: work on at least one task at a time")
    runs = await asyncio.to_thread(bank.runs)
    there = {run.task for run in runs if run.success or not (run.inconclusive or retry_failed)}
    waiting = _missing(tasks, there)
    begin(len(tasks) - len(waiting))
    tries = Counter(run.task for run in runs if run.inconclusive)
    collecting = Collecting(strategy, bank, succeeded, tell, tries)
    await collecting.run(waiting, concurrency)
    return Collection(
        ending=collecting.ending,
        there=len(tasks) - len(waiting),
        added=collecting.added,
        failures=tuple(collecting.failures),
    )


@dataclass
class Collecting:
    """One collection as it goes on."""

    strategy: InContextDistillation
    bank: Bank
    succeeded: Succeeded
    tell: Callable[[Attempt], None]
    tries: Counter[str]
    """How many inconclusive ones the bank had of each task."""
    ending: Ending = "finished"
    added: Added = field(default_factory=Added)
    failures: list[str] = field(default_factory=list)
    _ending: InARow = field(default_factory=lambda: InARow("tasks"))
    _filed: int = 0

    async def run(self, tasks: Sequence[Environment], concurrency: int) -> None:
        """Try every task."""
        waiting = iter(tasks)
        await side_by_side(self._work(waiting) for _ in range(min(concurrency, len(tasks))))
        if self.failures and not self._filed:
            raise ModelUnavailableError(f"every task failed, the first one with: {self.failures[0]}")

    async def _work(self, waiting: Iterator[Environment]) -> None:
        for environment in waiting:
            try:
                attempt = None if self.ending != "finished" else await self._attempt(environment)
            finally:
                await environment.close()
            if attempt is None:
                return
            if self.ending != "finished" and attempt.trajectory is None and attempt.failure is None:
                await self._bill(attempt)
                return
            await self._finish(attempt)

    async def _attempt(self, environment: Environment) -> Attempt | None:
        """Try a task; with neither run nor failure where the money or the time ended before the task did."""
        task, fence = environment.task, Ledger(name="collecting")
        try:
            with fence:
                answer = await self.strategy.arun(environment)
        except ModelError as exc:
            if _late():
                self.ending = "deadline"
                return Attempt(task=task, usage=self._cost(task, fence))
            return Attempt(task=task, failure=str(exc), usage=self._cost(task, fence))
        if ended := self._ended(answer):
            self.ending = ended
            return Attempt(task=task, usage=self._cost(task, fence))
        if failure := self._failure(answer):
            return Attempt(task=task, failure=failure, usage=self._cost(task, fence))
        try:
            success = await self.succeeded(environment, answer)
        except ScorerError as exc:
            return Attempt(task=task, failure=str(exc), usage=self._cost(task, fence))
        run = _trajectory(answer, self._teacher, self._cost(task, fence), success=success)
        return Attempt(task=task, trajectory=run, usage=run.usage)

    def _ended(self, answer: Answer) -> Ending | None:
        """Say whether the money or the time ended a run; a reply that reached its own cap is none of it."""
        if answer.stop_reason == "deadline" or _late():
            return "deadline"
        fence = current_ledger()
        if fence is None or not any(around.reached for around in fence.path):
            return None
        proposals = (entry.update.get("proposal") for entry in answer.trace)
        cut = any(proposal and proposal["cut"] for proposal in proposals)
        return "budget" if cut or answer.stop_reason == "budget" or self._stood_in(answer) else None

    def _failure(self, answer: Answer) -> str | None:
        """Say why a run that ended says nothing of who was to act."""
        assert answer.episode is not None  # noqa: S101 - this strategy's answers have one
        why = answer.degraded or "the teacher did not act"
        return answer.episode.failure or (why if self._stood_in(answer) else None)

    def _stood_in(self, answer: Answer) -> bool:
        """Whether the student acted where every step is the teacher's."""
        steps = answer.episode.steps if answer.episode else ()
        return self.strategy.config.defer == "always" and any(step.by == "student" for step in steps)

    def _cost(self, task: str, fence: Ledger) -> Usage:
        """Give what a try adds to what the bank has counted for the task."""
        return fence.usage.less(fence.replayed) if self.tries[task] else fence.usage

    @property
    def _teacher(self) -> str:
        return self.strategy.teacher.name if self.strategy.teacher else ""

    async def _finish(self, attempt: Attempt) -> None:
        if attempt.trajectory is None:
            self.failures.append(attempt.failure or "")
            await self._bill(attempt)
        else:
            self._filed += 1
            # Embedding takes the processor for some milliseconds: other runs go on meanwhile.
            added = await asyncio.to_thread(self.bank.add, [attempt.trajectory])
            self.added = _sum(self.added, added)
        self.tell(attempt)
        self._ending.count(attempt.failure)

    async def _bill(self, attempt: Attempt) -> None:
        """Have the bank count what an inconclusive run cost."""
        if attempt.usage == Usage():
            return
        run = Trajectory(
            task=attempt.task,
            success=False,
            usage=attempt.usage,
            teacher=self._teacher,
            inconclusive=self.tries[attempt.task] + 1,
        )
        await asyncio.to_thread(self.bank.add, [run])


def _missing(tasks: Sequence[Environment], there: set[str]) -> list[Environment]:
    names = [environment.task for environment in tasks]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"two tasks are called {twice[0]!r}: give each a name of its own")
    return [environment for environment in tasks if environment.task not in there]


def _late() -> bool:
    fence = current_ledger()
    left = fence.seconds_left() if fence else None
    return left is not None and left <= 0


def _trajectory(answer: Answer, teacher: str, usage: Usage, *, success: bool) -> Trajectory:
    episode = answer.episode
    assert episode is not None  # noqa: S101 - this strategy's answers have one
    steps = tuple(
        Step(observation=_text(step.observation), reasoning=_text(step.reasoning), action=_text(step.action))
        for step in episode.steps
    )
    return Trajectory(
        task=episode.task,
        goal=_text(episode.goal) or episode.task,
        plan=_text(episode.plan),
        steps=steps,
        success=success,
        usage=usage,
        teacher=teacher,
    )


def _text(said: str) -> str:
    """Give what UTF-8 can hold: a model may write half a character."""
    return said.encode("utf-8", "replace").decode()


def _sum(first: Added, second: Added) -> Added:
    return Added(**{name: count + getattr(second, name) for name, count in first})
