"""Running one strategy on one item, wherever that happens."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager, nullcontext
from functools import cached_property
from hashlib import sha256
from os.path import expanduser
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.in_context_distillation import InContextDistillation
from outlay.agents.spec import collaborators, parse_spec, strategy_from_spec, strategy_named
from outlay.bench.items import Item
from outlay.bench.memories import Memories
from outlay.bench.playing import asked
from outlay.bench.simulation import is_simulated
from outlay.bench.sweep import SEEDS_APART
from outlay.bench.teachers import is_policy, policy_teacher
from outlay.bench.trial import Condition, Failure, Played, Trial, over, storable
from outlay.budget import Budget, Price, Record, Usage
from outlay.errors import ModelError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.memory.conversations import Memory
from outlay.model import Model
from outlay.replay import Replay
from outlay.retrieval.embedders import USUAL
from outlay.testing import SimulatedQuestion, simulated_from_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractContextManager

    from outlay.agents.in_context_distillation import PolicyTeacher
    from outlay.environments import Episode
    from outlay.outcome import Answer, TraceEntry
    from outlay.strategy import Strategy


class Setup(Record):
    """What a worker needs to build its models: values, so that it reaches other machines."""

    model: str
    teacher: str | None = None
    price: Price | None = None
    api_base: str | None = None
    teacher_price: Price | None = None
    teacher_api_base: str | None = None
    prices: dict[str, Price] = {}  # noqa: RUF012 - pydantic copies it
    """Of further models, by their names."""
    embedder: str = USUAL
    """Of the memories that are made for items."""
    games: Path | None = None
    """The folder that the ids of items are relative to, where they are games."""
    timeout: float = 600.0
    replay: Path | None = None
    """Where conditions share generations; `None`: they do not."""
    questions: tuple[SimulatedQuestion, ...] = ()
    """What a simulated model knows."""
    traces: bool = True
    """Whether records keep what each node did."""


class Task(Record):
    """One record to be made."""

    condition: Condition
    item: Item
    seed: int
    allotment: Budget = Budget()
    """What the bench has put by for it; its strategy does not see this."""


class Result(Record):
    """What came of a task."""

    trial: Trial
    """Not scored yet."""
    paid: Usage
    """What was really paid: replayed calls are billed, not paid."""
    reached: bool
    """Whether the allotment, and not the strategy's own budget, cut it short."""


class Worker:
    """Runs tasks one after another or side by side; builds each model and strategy once."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._strategies: dict[tuple[str, int, str | None], Strategy[Any]] = {}
        self._models: dict[str | None, Model] = {}
        self._memories = Memories(setup.embedder)
        self._costs: dict[int, float | None] = {}

    async def run(self, task: Task) -> Result:
        """Run a task; a provider's failure is in the record.

        Raises:
            ConfigurationError: A model or a memory cannot be used as asked.
            RetrievalError: A memory cannot be written or read.
        """
        async with self._on(task) as strategy:
            return await self._measured(task, strategy)

    async def _measured(self, task: Task, strategy: Strategy[Any]) -> Result:
        spec = task.condition.strategy
        started = time.monotonic()
        found: dict[str, Any] = {}
        with Ledger(task.allotment, name="allotment", backstop=True) as fence:
            try:
                async with asked(spec, task.item, self.setup.games) as question:
                    answer = await strategy.arun(question, task.condition.budget)
                found = self._found(answer, strategy, unknown=fence.unconfirmed.calls > 0)
            except ModelError as exc:
                found = {"failure": Failure(stage="run", kind=type(exc).__name__, message=storable(str(exc)))}
        usage, replayed = fence.usage, fence.replayed
        trial = Trial(
            strategy=spec,
            budget=task.condition.budget,
            item=task.item.id,
            model=task.condition.model,
            seed=task.seed,
            usage=usage,
            unconfirmed=fence.unconfirmed,
            replayed=replayed,
            seconds=round(time.monotonic() - started, 4),
            overshoot=over(usage, task.condition.budget),
            **found,
        )
        return Result(trial=trial, paid=usage.less(replayed), reached=fence.reached)

    def close(self) -> None:
        """Close the replay store, the banks and the memories."""
        for strategy in self._strategies.values():
            if isinstance(strategy, InContextDistillation) and strategy.bank is not None:
                strategy.bank.close()
            if isinstance(strategy, BudgetMem) and isinstance(strategy.memory, Memory):
                strategy.memory.close()
        self._memories.close()
        if self._replay is not None:
            self._replay.close()

    def replayed(self) -> AbstractContextManager[None]:
        """Number the samples of the calls made inside from the first one, in the replay store."""
        return nullcontext() if self._replay is None else self._replay.run()

    def model_named(self, name: str) -> Model:
        """Give another model by its name, sharing what this worker's models share."""
        return self._made(name, self.setup.prices.get(name), None)

    def strategy(self, spec: str, seed: int = 0, model: str | None = None) -> Strategy[Any]:
        """Give a strategy, made the first time it is asked for; without `model` of the setup's.

        Raises:
            ConfigurationError: It cannot be made as asked.
            RetrievalError: Its bank cannot be opened.
        """
        if (spec, seed, model) not in self._strategies:
            kind = strategy_named(parse_spec(spec)[0])
            teacher: Any = self.teacher if "teacher" in collaborators(kind) else None
            has_seed = "seed" in kind.Config.model_fields
            self._strategies[spec, seed, model] = strategy_from_spec(
                spec,
                self.answering(model),
                teacher=teacher,
                seed=seed * SEEDS_APART if has_seed else None,
                model_named=self.model_named,
            )
        return self._strategies[spec, seed, model]

    @asynccontextmanager
    async def _on(self, task: Task) -> AsyncIterator[Strategy[Any]]:
        """Give a task's strategy; where it answers out of a memory and has none, on that of the item."""
        strategy = self.strategy(task.condition.strategy, task.seed, task.condition.model)
        if not isinstance(strategy, BudgetMem) or strategy.memory is not None:
            yield strategy
            return
        async with self._memories.of(task.item.remembered, strategy.config.chunk_tokens) as memory:
            yield strategy.over(memory)

    def _found(self, answer: Answer, strategy: Strategy[Any], *, unknown: bool) -> dict[str, Any]:
        if unknown and not answer.text:
            # The calls that got no reply took the whole budget: that says nothing of the strategy.
            message = answer.degraded or "no call was answered"
            return {"failure": Failure(stage="run", kind=ModelUnavailableError.__name__, message=message)}
        if answer.episode and answer.episode.failure:
            why = storable(answer.episode.failure)
            return {"failure": Failure(stage="run", kind=ModelUnavailableError.__name__, message=why)}
        planning = (c.usage.output_tokens for c in answer.report.children if c.name in strategy.planning)
        return {
            "text": storable(answer.text),
            "value": storable(answer.value),
            "stop_reason": answer.stop_reason,
            "degraded": storable(answer.degraded),
            "fell_back": answer.fell_back,
            "sequential": answer.sequential,
            "episode": answer.episode and self._played(answer.episode, strategy),
            "planning_tokens": sum(planning),
            "trace": tuple(_storable_entry(entry) for entry in answer.trace) if self.setup.traces else (),
        }

    def _played(self, episode: Episode, strategy: Strategy[Any]) -> Played:
        return Played(
            success=episode.success,
            steps=len(episode.steps),
            deferred=sum(step.deferred for step in episode.steps),
            student=episode.student + episode.judge,
            teacher=episode.teacher,
            teacher_alone=episode.teacher_alone,
            collecting=self._collecting(strategy),
        )

    def _collecting(self, strategy: Strategy[Any]) -> float | None:
        if not isinstance(strategy, InContextDistillation) or strategy.bank is None:
            return None
        if id(strategy) not in self._costs:
            self._costs[id(strategy)] = strategy.bank.stats().usage.usd
        # A bank that was imported cost nobody anything here.
        return self._costs[id(strategy)] or None

    @cached_property
    def _replay(self) -> Replay | None:
        path = self.setup.replay
        if path and not path.parent.is_dir():  # another machine's: its workers share one of their own
            path = elsewhere(path)
            path.parent.mkdir(mode=0o700, exist_ok=True)
        return Replay(path) if path else None

    def answering(self, name: str | None = None) -> Model:
        """Give a model that answers, made the first time it is asked for; `None`: the setup's."""
        if name not in self._models:
            price = self.setup.price if name is None else self.setup.prices.get(name, self.setup.price)
            self._models[name] = self._made(name or self.setup.model, price, self.setup.api_base)
        return self._models[name]

    @cached_property
    def teacher(self) -> Model | PolicyTeacher | None:
        """The dearer model, or a policy at its price.

        Raises:
            ConfigurationError: It is a policy, and something is wrong with its parameters or its price.
        """
        name, price = self.setup.teacher, self.setup.teacher_price
        if name is None:
            return None
        if is_policy(name):
            return policy_teacher(name, price)
        return self._made(name, price, self.setup.teacher_api_base)

    def _made(self, name: str, price: Price | None, api_base: str | None) -> Model:
        setup = self.setup
        if is_simulated(name):
            priced = {} if price is None else {"price": price}
            return simulated_from_spec(name, setup.questions, replay=self._replay, **priced)
        return Model(name, price=price, api_base=api_base, replay=self._replay, timeout=setup.timeout)


def _storable_entry(entry: TraceEntry) -> TraceEntry:
    return entry.model_copy(update={"update": storable(entry.update)})


def elsewhere(replay: Path) -> Path:
    """Give where a machine without that folder keeps the store: per user, in its temporary folder."""
    digest = sha256(f"{expanduser('~')}\0{replay}".encode()).hexdigest()[:16]  # noqa: PTH111 - Path.home() may fail
    return Path(gettempdir()) / f"outlay-{digest}" / replay.name
