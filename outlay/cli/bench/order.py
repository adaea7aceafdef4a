"""What was asked of `outlay bench`: values, read into plans."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from outlay.cli.order import read_price, read_prices
from outlay.cli.questions import QuestionsOrder, read_items, source_of
from outlay.errors import ConfigurationError
from outlay.redaction import mask

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from outlay.bench.anchoring import AnchoringPlan
    from outlay.bench.items import Item
    from outlay.bench.measuring import Plan
    from outlay.bench.sources.games import Games
    from outlay.bench.sweep import Sweep

BASELINES: Final = "3,5"
"""Samples of the majority votes that are measured unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class Asked(QuestionsOrder):
    """What every measurement is told: the questions, the server, the total, and how it runs."""

    api_base: str | None = None
    price: str | None = None
    timeout: float = 600.0
    totals: Mapping[str, float | None] = field(default_factory=dict)
    concurrency: int = 8
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class AnchoringOrder(Asked):
    """An injection as it was asked for on the command line."""

    model: str = "local"
    out: Path | None = None
    """`None`: what is generated is kept only as long as the run lasts."""
    injection: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `Injection`."""


@dataclass(frozen=True, kw_only=True)
class BenchOrder(Asked):
    """A bench as it was asked for on the command line."""

    out: Path
    models: tuple[str, ...] = ("local",)
    teacher: str | None = None
    teacher_api_base: str | None = None
    teacher_price: str | None = None
    prices: tuple[str, ...] = ()
    """Of further models, `MODEL=IN,OUT` each."""
    embedder: str = "minilm"
    strategies: tuple[str, ...] = ()
    baselines: str | None = None
    """`None`: `BASELINES` for questions, none for games."""
    limits: Mapping[str, str | None] = field(default_factory=dict)
    """Lists of budgets by unit, as written."""
    seeds: int = 1
    replay: bool = True
    traces: bool = True
    engine: str = "asyncio"
    workers: int = 2
    ray_address: str | None = None


def read(order: BenchOrder) -> Plan:
    """Read everything that was asked for; nothing is called yet.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    from outlay.bench.engine import Kind  # noqa: PLC0415
    from outlay.bench.measuring import Plan  # noqa: PLC0415
    from outlay.budget import Budget  # noqa: PLC0415

    engines: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    if order.engine not in engines:
        raise ConfigurationError(f"unknown engine {order.engine!r}: known: {', '.join(engines)}")
    games = _games(order)
    items = games.items if games else read_items(order)
    return Plan(
        sweep=_sweep(order, items, playing=games is not None),
        source=games.name if games else source_of(order),
        scorer=order.scorer or _scorer_there(order.out) or _scorer(items, playing=games is not None),
        out=order.out,
        model=order.models[0],
        teacher=order.teacher,
        price=read_price(order.price),
        api_base=order.api_base,
        teacher_price=read_price(order.teacher_price),
        teacher_api_base=order.teacher_api_base,
        prices=read_prices(order.prices),
        embedder=order.embedder,
        games=games.root if games else None,
        timeout=order.timeout,
        totals=Budget(**order.totals),
        concurrency=order.concurrency,
        replay=order.replay,
        traces=order.traces,
        engine=engines[order.engine],
        workers=order.workers,
        ray_address=order.ray_address,
        command=mask(shlex.join(["outlay", *sys.argv[1:]])),
    )


def read_injection(order: AnchoringOrder, out: Path) -> AnchoringPlan:
    """Read everything that was asked for; nothing is called yet.

    Args:
        order: What was asked for.
        out: Where generations and cases are kept.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    from outlay.bench.anchoring import AnchoringPlan, Injection  # noqa: PLC0415
    from outlay.bench.sources import default_scorer  # noqa: PLC0415
    from outlay.budget import Budget  # noqa: PLC0415

    items = read_items(order)
    return AnchoringPlan(
        items=items,
        source=source_of(order),
        scorer=order.scorer or default_scorer(items),
        out=out,
        model=order.model,
        injection=Injection(**order.injection),
        price=read_price(order.price),
        api_base=order.api_base,
        timeout=order.timeout,
        totals=Budget(**order.totals),
        concurrency=order.concurrency,
    )


def _sweep(order: BenchOrder, items: tuple[Item, ...], *, playing: bool) -> Sweep:
    from outlay.bench.sweep import Sweep, budgets_of, conditions, with_baselines  # noqa: PLC0415

    limits = {unit: _numbers(unit, text) for unit, text in order.limits.items() if text}
    specs = order.strategies or _all_strategies(order, items, playing=playing)
    baselines = order.baselines or ("none" if playing else BASELINES)
    if baselines.strip().lower() != "none":
        samples = [int(n) for n in _numbers("baselines", baselines)]
        specs = with_baselines(specs, samples)
    models = order.models if len(order.models) > 1 else ()
    return Sweep(conditions(specs, budgets_of(**limits), models), items, order.seeds)


def _games(order: BenchOrder) -> Games | None:
    """Read the games, if `--data` names some."""
    from outlay.bench.sources.games import GAMES, load_games  # noqa: PLC0415

    if not order.data.startswith(GAMES):
        return None
    if order.only or order.sample is not None:
        raise ConfigurationError("--only and --sample choose questions: take games with --limit")
    return load_games(order.data, limit=order.limit)


def _scorer(items: tuple[Item, ...], *, playing: bool) -> str:
    from outlay.bench.scorers.success import SUCCESS  # noqa: PLC0415
    from outlay.bench.sources import default_scorer  # noqa: PLC0415

    return SUCCESS.name if playing else default_scorer(items)


def _scorer_there(out: Path) -> str | None:
    """Give the scorer that an earlier run settled on; what the answers look like may change with --limit."""
    from outlay.bench.directory import Directory  # noqa: PLC0415

    directory = Directory(out)
    return directory.manifest().scorer if directory.size() and (out / "bench.json").exists() else None


def _all_strategies(order: BenchOrder, items: tuple[Item, ...], *, playing: bool) -> tuple[str, ...]:
    """Name the strategies that have what they need: an environment, a teacher, something to remember."""
    from outlay.agents.spec import STRATEGIES, takes_teacher  # noqa: PLC0415
    from outlay.bench.playing import acts, remembers  # noqa: PLC0415

    able = [name for name in STRATEGIES if acts(name) or not playing]
    if not playing and order.teacher is None:
        able = [name for name in able if not takes_teacher(name)]
    told = any(item.remembered for item in items)
    return tuple(name for name in able if told or not remembers(name))


def _numbers(what: str, text: str) -> tuple[Any, ...]:
    try:
        return tuple(float(part) if what in {"usd", "seconds"} else int(part) for part in text.split(","))
    except ValueError as exc:
        option = what.replace("_", "-")
        raise ConfigurationError(
            f"cannot read --{option} {text}: write numbers between commas, e.g. 128,256"
        ) from exc
