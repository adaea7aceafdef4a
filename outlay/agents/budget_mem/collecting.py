"""Filling a log that a router can learn from: every question at one tier vector after another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from outlay.agents.budget_mem.runs import Attempt, Question, attempted, refuse_limits, refuse_twins
from outlay.budget import Record
from outlay.calls import InARow, side_by_side
from outlay.errors import ConfigurationError, ModelUnavailableError
from outlay.routers.tiers.episode import Episode, read_log, write_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from os import PathLike

    from outlay.agents.budget_mem.runs import Scored
    from outlay.agents.budget_mem.strategy import BudgetMem
    from outlay.agents.budget_mem.ways import Way
    from outlay.memory.conversations import History

    Remembered = Callable[[Question], AbstractAsyncContextManager[History]]

Ending = Literal["finished", "budget"]
"""Whether every question was run at every vector, or the money ended before."""


class Collection(Record):
    """What collecting came to."""

    ending: Ending
    there: int
    """Episodes that were in the log before."""
    made: int
    failures: tuple[str, ...]
    """Why runs are no episodes."""


async def collect(
    strategy: BudgetMem,
    questions: Sequence[Question],
    log: str | PathLike[str],
    *,
    ways: Sequence[Way],
    score: Scored,
    memory: Remembered | None = None,
    concurrency: int = 4,
    tell: Callable[[Attempt], None] = lambda _attempt: None,
) -> Collection:
    """Run every question in every way, and log an episode of each run that is not logged yet.

    It spends from the fence around the call, which has to be a backstop: by any other limit a run plans, and
    what it earns with fewer chunks or a shorter answer says nothing of its tiers. A run that this fence cuts
    short, or in which the provider or the scorer fails, is no episode, and can be tried again. With a replay
    store in the models, it is tried again at once, and what one module makes of one input at one tier is
    paid for once, and billed in every episode that it is part of.

    Args:
        strategy: What answers; its router is not asked.
        questions: What is asked.
        log: Of JSON lines, made if it is not there; a line that a kill cut off is dropped.
        ways: `at_vectors`, `by_policy`, or both; what two of them come to is logged once.
        score: Says what an answer earns, 0 to 1; a `ScorerError` leaves it open.
        memory: Gives the memory of a question; absent: the strategy's own.
        concurrency: How many questions are worked on side by side.
        tell: Hears of each run.

    Raises:
        ConfigurationError: A limit around is no backstop, two questions or vectors are the same, a model or
            a memory cannot be used, the log cannot be read, a price is unknown, or a score is no number from
            0 to 1.
        ModelUnavailableError: Nothing but failures came back.
    """
    if memory is None and strategy.memory is None:
        raise ConfigurationError("collecting needs a memory: give the strategy one, or memory=")
    refuse_limits()
    if not ways:
        raise ConfigurationError("collecting needs at least one tier vector, or a policy")
    refuse_twins(questions)
    there = already(strategy, questions, log, ways)
    collecting = Collecting(strategy, Path(log), ways, score, memory, tell, logged(log))
    await collecting.run(questions, concurrency)
    return Collection(
        ending=collecting.ending, there=there, made=collecting.made, failures=tuple(collecting.failures)
    )


def already(
    strategy: BudgetMem, questions: Sequence[Question], log: str | PathLike[str], ways: Sequence[Way]
) -> int:
    """Count the runs that a log has already.

    Raises:
        ConfigurationError: It cannot be read.
    """
    done, trade_off = logged(log), strategy.config.trade_off
    return sum(way.is_in(done.get(question.id, ()), trade_off) for question in questions for way in ways)


@dataclass
class Collecting:
    """One collection as it goes on."""

    strategy: BudgetMem
    log: Path
    ways: Sequence[Way]
    score: Scored
    memory: Remembered | None
    tell: Callable[[Attempt], None]
    done: dict[str, list[Episode]]
    ending: Ending = "finished"
    made: int = 0
    failures: list[str] = field(default_factory=list)
    _ending: InARow = field(default_factory=lambda: InARow("runs"))

    async def run(self, questions: Sequence[Question], concurrency: int) -> None:
        """Run every question in every way that is missing."""
        waiting = iter(questions)
        await side_by_side(self._work(waiting) for _ in range(min(concurrency, len(questions))))
        if self.failures and not self.made:
            raise ModelUnavailableError(f"every run failed, the first one with: {self.failures[0]}")

    async def _work(self, waiting: Iterator[Question]) -> None:
        for question in waiting:
            missing = [way for way in self.ways if not self._has(question, way)]
            if not missing or self.ending != "finished":
                continue
            if self.memory is None:
                await self._all(question, missing, self.strategy)
                continue
            async with self.memory(question) as memory:
                await self._all(question, missing, self.strategy.over(memory))

    def _has(self, question: Question, way: Way) -> bool:
        return way.is_in(self.done.get(question.id, ()), self.strategy.config.trade_off)

    async def _all(self, question: Question, missing: Sequence[Way], on: BudgetMem) -> None:
        # One after another: what two vectors share is asked for once, and is there for the second.
        for way in missing:
            if self.ending != "finished":
                return
            if self._has(question, way):
                continue  # another of the missing ways took these tiers
            attempt = await self._attempted(question, way, on)
            if attempt is not None and attempt.failure and on.model.replay is not None:
                # Whatever was answered is replayed, and billed for what it is without what failed before.
                attempt = await self._attempted(question, way, on)
            if attempt is None:
                self.ending = "budget"
                return
            self._finish(attempt)

    async def _attempted(self, question: Question, way: Way, on: BudgetMem) -> Attempt | None:
        if way.trade_off is not None:
            on = replace(on, config=on.config.model_copy(update={"trade_off": way.trade_off}))
        return await attempted(on, question, way.router, self.score, stated=1 / len(self.ways))

    def _finish(self, attempt: Attempt) -> None:
        if attempt.episode is None:
            self.failures.append(attempt.failure or "")
        else:
            write_log(self.log, [attempt.episode])
            self.done.setdefault(attempt.question, []).append(attempt.episode)
            self.made += 1
        self.tell(attempt)
        self._ending.count(attempt.failure)


def logged(log: str | PathLike[str]) -> dict[str, list[Episode]]:
    """Give the episodes of each question in a log, and drop a last line that was cut off.

    Raises:
        ConfigurationError: It cannot be read.
    """
    if not Path(log).exists():
        return {}
    with Path(log).open("rb+") as file:
        whole = file.read().rfind(b"\n") + 1
        file.truncate(whole)
    done: dict[str, list[Episode]] = {}
    for episode in read_log(log):
        done.setdefault(episode.id, []).append(episode)
    return done
