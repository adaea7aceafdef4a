"""Filling a log for a person or a program: what is going on while it does, and how it ended."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from outlay.agents.budget_mem.collecting import already, collect
from outlay.bench.directory import Directory
from outlay.bench.memories import Memories
from outlay.bench.scoring import lasting_scorer, scoring
from outlay.bench.tiers.facts import LOG, keep_facts
from outlay.budget import Usage
from outlay.cli.bill import dollars
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import say
from outlay.cli.progress import LongCommand, Progress
from outlay.cli.spending import lasting
from outlay.cli.train_router.work import check_prices, facts_of, question_of, read_work
from outlay.memory.conversations import Memory
from outlay.model import Model

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from outlay.agents.budget_mem.collecting import Collection
    from outlay.agents.budget_mem.runs import Attempt, Question
    from outlay.bench.scorers import Scorer
    from outlay.cli.spending import Spending
    from outlay.cli.train_router.order import CollectOrder
    from outlay.cli.train_router.work import Work
    from outlay.memory.conversations import History
    from outlay.outcome import Answer


def run_collection(order: CollectOrder) -> int:
    """Log the episodes that are missing, and say what came out. Gives the exit status."""
    work = read_work(order)
    progress = EpisodeProgress(work.title, work.budget)
    command = LongCommand(progress, order.as_json, partial(_told, work, progress))
    return command.run(_collect(work, progress), partial(_say, work, progress))


def _say(work: Work, progress: EpisodeProgress, found: Collection) -> int:
    out = work.order.out
    if work.order.as_json:
        print_json({"ending": found.ending, **_told(work, progress)})
        return ANSWERED
    if found.ending != "finished":
        say("The limits do not pay for another run: raise them, and the same command goes on.")
    if found.failures:
        say(f"{len(found.failures)} runs failed ({found.failures[0]}): the same command does them again.")
    then = f". To learn: outlay train-router fit {out} --out FILE" if progress.there + progress.made else "."
    say(f"{progress.known()}; {progress.spending()}{then}")
    return ANSWERED


@dataclass
class EpisodeProgress(Progress):
    """How far a log is, and what each tier vector earns and costs in the runs of this command."""

    collected: Usage = field(default_factory=Usage)
    """What they were billed, answers included, replayed calls as if they had been paid."""
    _vectors: dict[str, tuple[int, float, float]] = field(default_factory=dict)

    def take(self, attempt: Attempt, paid: Usage) -> None:
        """Take in one run, and what was really paid for all so far."""
        self.paid = paid
        self.collected += attempt.usage
        if attempt.episode is None:
            self.failed += 1
        else:
            self.made += 1
            name = "".join(str(int(tier)) for tier in attempt.tiers)
            runs, earned, usd = self._vectors.get(name, (0, 0.0, 0.0))
            earned, usd = earned + attempt.episode.task, usd + attempt.episode.total_usd
            self._vectors[name] = (runs + 1, earned, usd)
        self.step()

    def known(self) -> str:
        failed = f", and {self.failed} runs failed" if self.failed else ""
        return f"{self.there + self.made} of {self.records} episodes are logged{failed}"

    def rows(self) -> Iterator[tuple[str, ...]]:
        for name, (runs, earned, usd) in sorted(self._vectors.items()):
            yield name, f"{runs} runs", f"score {earned / runs:.3f}", dollars(round(usd / runs, 9))


async def _collect(work: Work, progress: EpisodeProgress) -> Collection:
    order = work.order
    check_prices(work)
    with lasting(order.out, work.budget, name="collection") as spending:
        async with AsyncExitStack() as opened:
            strategy = await asyncio.to_thread(work.strategy, spending.journal)
            if isinstance(strategy.memory, Memory):
                opened.callback(strategy.memory.close)
            memories = Memories(order.embedder)
            opened.callback(memories.close)
            items = {item.id: item for item in work.items}

            @asynccontextmanager
            async def remembered(question: Question) -> AsyncIterator[History]:
                told = items[question.id].remembered
                async with memories.of(told, strategy.config.chunk_tokens) as memory:
                    yield memory

            keep_facts(order.out, await asyncio.to_thread(facts_of, work, strategy))
            questions = [question_of(item) for item in work.items]
            ways = await asyncio.to_thread(work.ways, strategy)
            there = already(strategy, questions, order.out / LOG, ways)
            progress.begin(len(questions) * len(ways), there, spending.paid)
            try:
                return await collect(
                    strategy,
                    questions,
                    order.out / LOG,
                    ways=ways,
                    score=Scoring(work, spending).score,
                    memory=remembered if strategy.memory is None else None,
                    concurrency=order.concurrency,
                    tell=lambda attempt: progress.take(attempt, spending.paid),
                )
            finally:
                progress.made = already(strategy, questions, order.out / LOG, ways) - there
                progress.paid = spending.paid


class Scoring:
    """Says what answers earn; a judge's calls are replayed, and its fence lasts as long as the log."""

    def __init__(self, work: Work, spending: Spending) -> None:
        self._items = {item.id: item for item in work.items}
        self._directory = Directory(work.order.out)
        self._replay = spending.journal
        self._scorer: Scorer = lasting_scorer(
            work.scorer,
            self._directory,
            lambda name: Model(name, timeout=work.order.timeout, replay=spending.journal),
        )

    async def score(self, question: Question, answer: Answer) -> float:
        """Score the answer to a question.

        Raises:
            ScorerError: It could not be scored.
        """
        with scoring(self._scorer, self._replay.run(), self._directory):
            return (await self._scorer.score(self._items[question.id], answer)).value


def _told(work: Work, progress: EpisodeProgress) -> dict[str, Any]:
    return {
        "out": str(work.order.out),
        "questions": len(work.items),
        "vectors": len(work.vectors),
        "trade_offs": list(work.trade_offs),
        "episodes": len(work.items) * (len(work.vectors) + len(work.trade_offs)),
        "there": progress.there,
        "made": progress.made,
        "failed": progress.failed,
        "paid": progress.paid.model_dump(mode="json"),
        "collected": progress.collected.model_dump(mode="json"),
    }
