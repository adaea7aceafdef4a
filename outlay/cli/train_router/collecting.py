"""Filling a log for a person or a program: what is going on while it does, and how it ended."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.budget_mem.collecting import Question, collect, logged
from outlay.agents.spec import canonical, models_in, parse_spec, strategy_from_spec
from outlay.bench.directory import Directory
from outlay.bench.manifest import shown_model
from outlay.bench.memories import Memories
from outlay.bench.scoring import check_items, lasting_scorer, scoring
from outlay.bench.simulation import is_simulated, known_questions
from outlay.bench.sources import default_scorer
from outlay.budget import FREE, Budget, Usage
from outlay.cli.bill import dollars
from outlay.cli.exits import ANSWERED, print_json, say_error, status_of
from outlay.cli.live import say
from outlay.cli.order import read_price, read_prices, refuse_policy
from outlay.cli.output import CleanOutput
from outlay.cli.progress import Progress, run_shown
from outlay.cli.questions import read_items, source_of
from outlay.cli.spending import lasting
from outlay.cli.train_router.facts import LOG, Facts, keep_facts
from outlay.errors import ConfigurationError, ModelError
from outlay.memory.conversations import Memory
from outlay.memory.demonstrations.embedders import embedder_named
from outlay.model import Model
from outlay.routers.tiers.design import tier_vectors
from outlay.testing import simulated_from_spec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from outlay.agents.budget_mem.collecting import Attempt, Collection
    from outlay.bench.items import Item
    from outlay.bench.scorers import Scorer
    from outlay.budget import Price
    from outlay.cli.spending import Spending
    from outlay.cli.train_router.order import CollectOrder
    from outlay.memory.conversations import History
    from outlay.memory.modules import Tier
    from outlay.outcome import Answer
    from outlay.replay import Replay

KINDS: Final = ("category", "type")
"""The labels that say of what kind a question is: LoCoMo's, HotpotQA's."""


@dataclass(frozen=True)
class Work:
    """What is to be logged, read."""

    order: CollectOrder
    items: tuple[Item, ...]
    scorer: str
    spec: str
    vectors: tuple[tuple[Tier, ...], ...]
    budget: Budget
    price: Price | None
    prices: Mapping[str, Price]

    @property
    def title(self) -> str:
        """What is running, in a few words."""
        return f"{source_of(self.order.questions)} on {shown_model(self.order.model)}"

    @property
    def simulated(self) -> bool:
        """Whether a model is a simulation."""
        return any(map(is_simulated, (self.order.model, *models_in(self.spec))))

    def strategy(self, replay: Replay | None) -> BudgetMem:
        """Make what answers.

        Raises:
            ConfigurationError: A model or a parameter is wrong.
        """
        model = self._model(self.order.model, self.price, replay, self.order.api_base)

        def named(name: str) -> Model:
            return self._model(name, self.prices.get(name), replay)

        made = strategy_from_spec(self.spec, model, model_named=named)
        assert isinstance(made, BudgetMem)  # noqa: S101 - `read_work` has seen to it
        return made

    def _model(
        self, name: str, price: Price | None, replay: Replay | None, api_base: str | None = None
    ) -> Model:
        if is_simulated(name):
            priced = {} if price is None else {"price": price}
            return simulated_from_spec(name, known_questions(self.items, alone=True), replay=replay, **priced)
        return Model(name, price=price, api_base=api_base, timeout=self.order.timeout, replay=replay)


def read_work(order: CollectOrder) -> Work:
    """Read everything that was asked for; nothing is called yet.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    refuse_policy(order.model)
    spec = canonical(order.strategy)
    name, written = parse_spec(spec)
    if name != BudgetMem.name:
        raise ConfigurationError(f"{name!r} has no modules: give --strategy {BudgetMem.name}:...")
    if "router" in written:
        raise ConfigurationError(
            "every question is run at every tier vector: leave router= out of --strategy"
        )
    items = read_items(order.questions)
    scorer = order.questions.scorer or default_scorer(items)
    check_items(items, scorer)
    if "memory" not in written and not all(item.remembered for item in items):
        raise ConfigurationError(
            "there are questions about no text, which leave nothing to remember: take others, or name a "
            "memory: --strategy budget-mem:memory=DIR"
        )
    return Work(
        order=order,
        items=items,
        scorer=scorer,
        spec=spec,
        vectors=tier_vectors(order.vectors, turn=order.turn),
        budget=Budget(**order.limits),
        price=read_price(order.price),
        prices=read_prices(order.prices),
    )


def run_collection(order: CollectOrder) -> int:
    """Log the episodes that are missing, and say what came out. Gives the exit status."""
    work = read_work(order)
    progress = EpisodeProgress(work.title, work.budget)
    output = CleanOutput(wanted=order.as_json)

    def say_how_far(kind: str, what: str) -> None:
        message = f"{what}: {progress.known()}; {progress.spending()}; the same command goes on from there"
        say_error(kind, message, as_json=order.as_json, **_told(work, progress))

    try:
        found = run_shown(_collect(work, progress), progress, output, say_how_far)
    except ModelError as exc:
        say_how_far(type(exc).__name__, str(exc))
        return status_of(exc)
    if order.as_json:
        print_json({"ending": found.ending, **_told(work, progress)})
        return ANSWERED
    if found.ending != "finished":
        say("The limits do not pay for another run: raise them, and the same command goes on.")
    if found.failures:
        say(f"{len(found.failures)} runs failed ({found.failures[0]}): the same command does them again.")
    say(
        f"{progress.known()}; {progress.spending()}. To learn: outlay train-router fit {order.out} --out FILE"
    )
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
    _check_prices(work)
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

            keep_facts(order.out, await asyncio.to_thread(_facts, work, strategy))
            progress.begin(len(work.items) * len(work.vectors), _there(work), spending.paid)
            try:
                return await collect(
                    strategy,
                    [_question(item) for item in work.items],
                    order.out / LOG,
                    vectors=work.vectors,
                    score=Scoring(work, spending).score,
                    memory=remembered if strategy.memory is None else None,
                    concurrency=order.concurrency,
                    tell=lambda attempt: progress.take(attempt, spending.paid),
                )
            finally:
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


def _there(work: Work) -> int:
    done = logged(work.order.out / LOG)
    return sum((item.id, vector) in done for item in work.items for vector in work.vectors)


def _question(item: Item) -> Question:
    kind = next((str(item.labels[label]) for label in KINDS if label in item.labels), "")
    return Question(id=item.id, text=item.question, kind=kind)


def _check_prices(work: Work) -> None:
    """Refuse models of unknown price, and modules that cost nothing: there is then nothing to weigh.

    Raises:
        ConfigurationError: There are such.
    """
    strategy = work.strategy(None)
    if isinstance(strategy.memory, Memory):
        strategy.memory.close()
    given = {work.order.model: work.price, **work.prices}
    ask = [strategy.high or strategy.model]
    if strategy.config.tiering != "implementation":
        ask += [strategy.low or strategy.model, strategy.mid or strategy.model]
    prices = {
        model.name: given.get(model.name) or model.provider.price(1) for model in [strategy.model, *ask]
    }
    for name, price in prices.items():
        if price is None:
            option = "--price " if name == work.order.model else f"--price-of {name}="
            raise ConfigurationError(
                f"the price of {name} is unknown, and an unknown price is not 0: give {option}IN,OUT, "
                "dollars per million tokens"
            )
    if all(prices[model.name] == FREE for model in ask):
        raise ConfigurationError(
            f"the modules cost nothing with {ask[0].name}, so that a router would have nothing to save: give "
            "a price, --price IN,OUT or --price-of MODEL=IN,OUT, dollars per million tokens"
        )


def _facts(work: Work, strategy: BudgetMem) -> Facts:
    own = strategy.memory
    return Facts(
        embedder=embedder_named(work.order.embedder).name if own is None else own.embedder.name,
        model=work.order.model,
        price=work.price,
        prices=dict(work.prices),
        strategy=work.spec,
        vectors=tuple(tuple(map(int, vector)) for vector in work.vectors),
        source=source_of(work.order.questions),
        scorer=work.scorer,
        simulated=work.simulated,
        questions={item.id: item.digest for item in work.items},
    )


def _told(work: Work, progress: EpisodeProgress) -> dict[str, Any]:
    return {
        "out": str(work.order.out),
        "questions": len(work.items),
        "vectors": len(work.vectors),
        "episodes": len(work.items) * len(work.vectors),
        "there": progress.there,
        "made": progress.made,
        "failed": progress.failed,
        "paid": progress.paid.model_dump(mode="json"),
        "collected": progress.collected.model_dump(mode="json"),
    }
