"""Filling a log that a router can learn from: every question at one tier vector after another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from outlay.budget import Record, Usage
from outlay.calls import InARow, side_by_side
from outlay.errors import ConfigurationError, ModelError, ModelUnavailableError, ScorerError
from outlay.ledger import Ledger, current_ledger
from outlay.memory.modules import MODULES, Choice, Tier
from outlay.routers.tiers.episode import Episode, read_log, write_log

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from os import PathLike

    from outlay.agents.budget_mem.strategy import BudgetMem
    from outlay.agents.budget_mem.ways import Way
    from outlay.memory.conversations import History
    from outlay.memory.modules import Decision, Router
    from outlay.outcome import Answer

    Scored = Callable[["Question", Answer], Awaitable[float]]
    Remembered = Callable[["Question"], AbstractAsyncContextManager[History]]

Ending = Literal["finished", "budget"]
"""Whether every question was run at every vector, or the money ended before."""


class Question(Record):
    """What is asked."""

    id: str
    """No two have the same."""
    text: str
    kind: str = ""
    """Its type, where one is known."""
    group: str = ""
    """What it shares with others, such as its conversation, where that is known."""


class Attempt(Record):
    """What came of one question at one tier vector."""

    question: str
    """Its id."""
    tiers: tuple[Tier, ...]
    """Empty where a router was to choose them, and the run failed."""
    episode: Episode | None = None
    """As it was logged; `None`: it says nothing of these tiers, and can be tried again."""
    failure: str | None = None
    """Why not."""
    usage: Usage = Usage()
    """What it was billed, answering included; replayed calls as if they had been paid."""


class Collection(Record):
    """What collecting came to."""

    ending: Ending
    there: int
    """Episodes that were in the log before."""
    made: int
    failures: tuple[str, ...]
    """Why runs are no episodes."""


@dataclass(eq=False)
class Recording:
    """A router that keeps what it was asked in one run, and what it said."""

    router: Router
    decisions: list[Decision] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def choose(self, decision: Decision) -> Choice:
        choice = self.router.choose(decision)
        self.decisions.append(decision)
        self.choices.append(choice)
        return choice


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
    fence = current_ledger()
    if fence is not None and fence.remaining.limited:
        raise ConfigurationError(
            "runs plan by a limit around them, and such runs are no episodes: collect inside "
            "Ledger(budget, backstop=True)"
        )
    if not ways:
        raise ConfigurationError("collecting needs at least one tier vector, or a policy")
    if twice := sorted({q.id for q in questions if sum(other.id == q.id for other in questions) > 1}):
        raise ConfigurationError(f"two questions are called {twice[0]!r}: give each an id of its own")
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
            attempt = await self._attempt(question, way, on)
            if attempt is not None and attempt.failure and on.model.replay is not None:
                # Whatever was answered is replayed, and billed for what it is without what failed before.
                attempt = await self._attempt(question, way, on)
            if attempt is None:
                self.ending = "budget"
                return
            self._finish(attempt)

    async def _attempt(self, question: Question, way: Way, on: BudgetMem) -> Attempt | None:
        """Try a question in a way; `None`: the money ended before."""
        recording, fence = Recording(way.router), Ledger(name="episode")
        attempt = Attempt(question=question.id, tiers=way.vector)
        told = (
            on.config if way.trade_off is None else on.config.model_copy(update={"trade_off": way.trade_off})
        )
        try:
            with fence:
                answer = await replace(on, router=recording, config=told).arun(question.text)
        except ModelError as exc:
            return (
                None if _spent() else attempt.model_copy(update={"failure": str(exc), "usage": fence.usage})
            )
        attempt = attempt.model_copy(update={"usage": answer.usage})
        if _spent():
            return None
        if answer.usage.calls > answer.usage.generations:
            # A call failed, if only before it was tried again: a module was billed for less, or more, than
            # its tier costs.
            why = answer.degraded or "a call failed before it was answered"
            return attempt.model_copy(update={"failure": why})
        try:
            earned = await self.score(question, answer)
        except ScorerError as exc:
            return attempt.model_copy(update={"failure": str(exc)})
        episode = self._episode(question, recording, answer, earned)
        return attempt.model_copy(update={"episode": episode, "tiers": episode.tiers})

    def _episode(self, question: Question, recording: Recording, answer: Answer, earned: float) -> Episode:
        spent = {child.name: child.usage for child in answer.report.children}
        return Episode.of(
            question.id,
            recording.decisions,
            [Choice(choice.tier) for choice in recording.choices],  # stated, and not drawn
            task=earned,
            usage=[spent.get(module, Usage()) for module in MODULES],
            kind=question.kind,
            group=question.group,
            behaviour=1 / len(self.ways),
        )

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


def _spent() -> bool:
    """Whether a fence around refused a call, or cut one short."""
    fence = current_ledger()
    return fence is not None and any(around.reached for around in fence.path)
