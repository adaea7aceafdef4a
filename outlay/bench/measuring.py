"""One bench from beginning to end: what is asked for, checked, measured, and kept in a directory."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from typing import TYPE_CHECKING

from outlay.agents.spec import models_in
from outlay.bench.checking import check_playing, check_prices, check_strategies
from outlay.bench.directory import FENCE, Directory
from outlay.bench.engine import InProcess
from outlay.bench.manifest import Manifest
from outlay.bench.playing import remembers
from outlay.bench.runner import Done, Runner
from outlay.bench.scoring import check_items, lasting_scorer, scoring
from outlay.bench.simulation import is_simulated, known_questions
from outlay.bench.totals import Totals
from outlay.bench.worker import Setup, Worker
from outlay.budget import Budget, Usage
from outlay.retrieval.embedders import USUAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from outlay.bench.engine import Engine, Kind
    from outlay.bench.runner import Ending
    from outlay.bench.sweep import Sweep
    from outlay.bench.trial import Trial
    from outlay.budget import Price
    from outlay.testing import SimulatedQuestion


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that was asked for."""

    sweep: Sweep
    source: str
    """What the items are called in reports."""
    scorer: str
    out: Path
    model: str
    """What answers where the sweep names no models."""
    teacher: str | None = None
    price: Price | None = None
    api_base: str | None = None
    teacher_price: Price | None = None
    teacher_api_base: str | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    """Of further models, by their names."""
    embedder: str = USUAL
    """Of the memories that are made for items."""
    games: Path | None = None
    """The folder that the items' ids are relative to, where they are games."""
    timeout: float = 600.0
    totals: Budget = field(default_factory=Budget)
    """What all runs on the directory may spend together."""
    concurrency: int = 8
    replay: bool = True
    traces: bool = True
    engine: Kind = "asyncio"
    workers: int = 2
    """Ray's, each with its own models."""
    ray_address: str | None = None
    """The cluster; `None`: one on this machine."""
    command: str = ""


def check(plan: Plan) -> None:
    """Refuse a plan that cannot be measured, before anything is paid or written.

    Raises:
        ConfigurationError: A strategy, the teacher, a price or an item does not fit the rest.
        RetrievalError: A bank cannot be opened.
    """
    check_items(plan.sweep.items, plan.scorer)
    worker = Worker(_setup(plan, Directory(plan.out)).model_copy(update={"replay": None}))
    try:
        check_strategies(plan.sweep.conditions, worker)
        check_playing(plan.sweep, worker.setup, plan.scorer)
        budgets = [*(condition.budget for condition in plan.sweep.conditions), plan.totals]
        check_prices(budgets, worker, _named(plan), plan.sweep.models)
    finally:
        worker.close()


async def measure(
    plan: Plan,
    begin: Callable[[int, int, Usage], None] = lambda _all, _there, _paid: None,
    tell: Callable[[Trial, Usage], None] = lambda _trial, _paid: None,
) -> Ending:
    """Make the records of a plan that are missing.

    Args:
        plan: What is asked for.
        begin: Hears how many records there are to be in all, how many are there already, and what was
            really paid for those.
        tell: Hears of each record, and of what was really paid for all so far, earlier runs included.

    Raises:
        ConfigurationError: The plan or the directory is wrong.
        ModelUnavailableError: Nothing but failures came back.
    """
    check(plan)
    directory = Directory(plan.out)
    with directory.written(), ExitStack() as open_things:
        directory.begin(_manifest(plan), plan.sweep.items)
        setup = _setup(plan, directory)
        judge = Worker(setup)
        before = directory.snapshot(FENCE)
        totals = Totals(
            plan.totals,
            before=before,
            keep=lambda snapshot: directory.keep(FENCE, snapshot),
            elsewhere=plan.engine != "asyncio",
        )
        open_things.enter_context(totals.ledger)
        open_things.callback(totals.keep, last=True)
        engine = _engine(plan, setup)
        open_things.callback(judge.close)
        open_things.callback(engine.close)
        scorer = lasting_scorer(plan.scorer, directory, judge.model_named)
        runner = Runner(
            sweep=plan.sweep,
            engine=engine,
            scorer=scorer,
            totals=totals,
            appender=open_things.enter_context(directory.appending()),
            tell=tell,
            scoring=lambda: scoring(scorer, judge.replayed(), directory),
            done=Done.of(directory),
        )
        begin(len(plan.sweep), runner.finished(), totals.paid)
        return await runner.run(plan.concurrency)


def _engine(plan: Plan, setup: Setup) -> Engine:
    if plan.engine == "asyncio":
        return InProcess(setup)
    from outlay.bench.ray_engine import Ray  # noqa: PLC0415 - an extra

    return Ray(setup, workers=plan.workers, address=plan.ray_address)


def _setup(plan: Plan, directory: Directory) -> Setup:
    return Setup(
        model=plan.model,
        teacher=plan.teacher,
        price=plan.price,
        api_base=plan.api_base,
        teacher_price=plan.teacher_price,
        teacher_api_base=plan.teacher_api_base,
        prices=dict(plan.prices),
        embedder=plan.embedder,
        games=plan.games,
        timeout=plan.timeout,
        replay=directory.replay.absolute() if plan.replay else None,
        questions=_known(plan) if _simulated(plan) else (),
        traces=plan.traces,
    )


def _manifest(plan: Plan) -> Manifest:
    return Manifest(
        outlay=_version(),
        model=plan.model,
        models=tuple(filter(None, plan.sweep.models)),
        teacher=plan.teacher,
        price=plan.price,
        teacher_price=plan.teacher_price,
        prices=dict(plan.prices),
        embedder=plan.embedder,
        simulated=_simulated(plan),
        source=plan.source,
        scorer=plan.scorer,
        replay=plan.replay,
        commands=(plan.command,) if plan.command else (),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _simulated(plan: Plan) -> bool:
    models = (model or plan.model for model in plan.sweep.models)
    return any(map(is_simulated, (*models, plan.teacher or "", *_named(plan))))


def _known(plan: Plan) -> tuple[SimulatedQuestion, ...]:
    alone = any(remembers(condition.strategy) for condition in plan.sweep.conditions)
    return known_questions(plan.sweep.items, alone=alone)


def _named(plan: Plan) -> Iterator[str]:
    """Name the models that strategies name."""
    for condition in plan.sweep.conditions:
        yield from models_in(condition.strategy)


def _version() -> str:
    try:
        return metadata.version("outlay")
    except metadata.PackageNotFoundError:
        return "from its sources"
