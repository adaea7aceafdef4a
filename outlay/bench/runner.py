"""Runs what of a sweep is still missing, and writes a record for each answer."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from outlay.bench.directory import key_of
from outlay.bench.trial import Failure, Trial
from outlay.bench.worker import Task
from outlay.budget import Usage
from outlay.calls import InARow, side_by_side
from outlay.environments import Episode
from outlay.errors import ModelUnavailableError, ScorerError
from outlay.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from outlay.bench.directory import Appender, Directory
    from outlay.bench.engine import Engine
    from outlay.bench.scorers import Scorer
    from outlay.bench.sweep import Job, Sweep
    from outlay.bench.totals import Totals
    from outlay.bench.trial import Condition
    from outlay.bench.worker import Result

Ending = Literal["finished", "budget"]
"""Whether all records are there, or the total was spent before."""

MOST_LOST: Final = 3
"""Workers that may be lost over one record."""


class Done:
    """The records that are there already.

    A record without a score is no finished one: a failed run is repeated, a failed scorer is asked again
    about the answer that is there.
    """

    def __init__(self) -> None:
        self._finished: set[int] = set()
        self._unscored: dict[int, Trial] = {}

    @classmethod
    def of(cls, directory: Directory) -> Done:
        """Read what a directory has."""
        done = cls()
        for line in directory.lines():
            done._unscored.pop(line.key, None)
            if line.failed is None:
                done._finished.add(line.key)
            elif line.failed == "score":
                done._unscored[line.key] = Trial.model_validate_json(line.text)
        return done

    def __len__(self) -> int:
        return len(self._finished)

    def has(self, condition: Condition, job: Job) -> bool:
        """Whether the record is there."""
        return _key(condition, job) in self._finished

    def unscored(self, condition: Condition, job: Job) -> Trial | None:
        """Give the record that only lacks its score."""
        return self._unscored.get(_key(condition, job))


@dataclass
class Runner:
    """One run over a sweep.

    Args:
        sweep: What is to be measured.
        engine: Where it runs.
        scorer: What is right.
        totals: What all of it may spend.
        appender: Where records go.
        tell: Hears of each record, and of what was really paid for all of them so far.
        scoring: What a judging model's calls are made inside of.
    """

    sweep: Sweep
    engine: Engine
    scorer: Scorer
    totals: Totals
    appender: Appender
    tell: Callable[[Trial, Usage], None]
    scoring: Callable[[], AbstractContextManager[object]] = nullcontext
    done: Done = field(default_factory=Done)
    _ended: bool = False
    _ending: InARow = field(default_factory=lambda: InARow("runs"))

    def finished(self) -> int:
        """Count the records of the sweep that are there already."""
        if not self.done:
            return 0
        return sum(
            self.done.has(condition, job) for job in self.sweep.jobs() for condition in self.sweep.conditions
        )

    async def run(self, concurrency: int) -> Ending:
        """Make every record that is missing, `concurrency` items at a time.

        Raises:
            ConfigurationError: A model cannot be used as asked.
            ModelUnavailableError: Nothing but failures came back.
        """
        jobs = self.sweep.jobs()
        await side_by_side(self._work(jobs) for _ in range(concurrency))
        return "budget" if self._ended else "finished"

    async def _work(self, jobs: Iterator[Job]) -> None:
        for job in jobs:
            for condition in self.sweep.in_turn:
                if not self._ended and not self.done.has(condition, job):
                    await self._make(condition, job)

    async def _make(self, condition: Condition, job: Job) -> None:
        trial = self.done.unscored(condition, job)
        if trial is None:
            result = await self._result(condition, job)
            if result is None:
                self._ended = True
                return
            trial = result.trial
        self._finish(await self._scored(job, trial))

    async def _result(self, condition: Condition, job: Job) -> Result | None:
        """Run one task inside the totals; `None`: they do not pay for it."""
        short = lost = 0
        while True:
            allotment = await self.totals.allot(condition, short)
            if allotment is None:
                return None
            task = Task(condition=condition, item=job.item, seed=job.seed, allotment=allotment.budget)
            try:
                result = await self.engine.run(task)
            except BaseException:
                allotment.forfeit()
                raise
            if result is None:
                allotment.forfeit()
                lost += 1
                if lost == MOST_LOST:
                    raise ModelUnavailableError(
                        f"{MOST_LOST} workers were lost over item {job.item.id!r}: see why they end"
                    )
                continue
            allotment.settle(result.paid)
            self.totals.learn(condition, result.paid)
            if not result.reached:
                return result
            # It was cut short by what was put by for it, not by its own budget: no result of its strategy's.
            if allotment.everything:
                return None
            short += 1

    async def _scored(self, job: Job, trial: Trial) -> Trial:
        if trial.failure is not None and trial.failure.stage == "run":
            return trial
        episode = trial.episode and Episode(task=job.item.id, goal="", success=trial.episode.success)
        answer = Outcome(text=trial.text, value=trial.value, episode=episode)
        try:
            with self.scoring():
                score = await self.scorer.score(job.item, answer)
        except ScorerError as exc:
            failure = Failure(stage="score", kind=type(exc).__name__, message=str(exc))
            judge = trial.judge + (exc.usage or Usage())
            return trial.model_copy(update={"score": None, "failure": failure, "judge": judge})
        judge = trial.judge + score.judge
        return trial.model_copy(update={"score": score.value, "failure": None, "judge": judge})

    def _finish(self, trial: Trial) -> None:
        self.appender.append(trial)
        self.totals.keep()
        self.tell(trial, self.totals.paid)
        failed = trial.failure if trial.failure and trial.failure.stage == "run" else None
        self._ending.count(failed.message if failed else None)


def _key(condition: Condition, job: Job) -> int:
    return key_of(
        condition.strategy,
        condition.budget.model_dump(exclude_defaults=True),
        job.item.id,
        job.seed,
        condition.model,
    )
