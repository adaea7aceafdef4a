"""What was asked of `outlay bench`: values, read into plans."""

from __future__ import annotations

import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from outlay.cli.order import read_price
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from outlay.bench.anchoring import AnchoringPlan
    from outlay.bench.items import Item
    from outlay.bench.measuring import Plan
    from outlay.bench.sweep import Sweep

SIMULATED_DATA = "simulated:"
"""What stands before the number of simulated questions."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What every measurement is told: the questions, the model, the total, and how it runs."""

    data: str
    limit: int | None = None
    fields: str | None = None
    subset: str | None = None
    split: str = "test"
    scorer: str | None = None
    model: str = "local"
    api_base: str | None = None
    price: str | None = None
    timeout: float = 600.0
    totals: Mapping[str, float | None] = field(default_factory=dict)
    concurrency: int = 8
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class AnchoringOrder(Asked):
    """An injection as it was asked for on the command line."""

    out: Path | None = None
    """`None`: what is generated is kept only as long as the run lasts."""
    injection: Mapping[str, Any] = field(default_factory=dict)
    """The fields of `Injection`."""


@dataclass(frozen=True, kw_only=True)
class BenchOrder(Asked):
    """A bench as it was asked for on the command line."""

    out: Path
    teacher: str | None = None
    strategies: tuple[str, ...] = ()
    baselines: str = "3,5"
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
    from outlay.bench.sources import default_scorer  # noqa: PLC0415
    from outlay.budget import Budget  # noqa: PLC0415

    engines: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}
    if order.engine not in engines:
        raise ConfigurationError(f"unknown engine {order.engine!r}: known: {', '.join(engines)}")
    sweep = _sweep(order)
    return Plan(
        sweep=sweep,
        source=_source(order),
        scorer=order.scorer or _scorer_there(order.out) or default_scorer(sweep.items),
        out=order.out,
        model=order.model,
        teacher=order.teacher,
        price=read_price(order.price),
        api_base=order.api_base,
        timeout=order.timeout,
        totals=Budget(**order.totals),
        concurrency=order.concurrency,
        replay=order.replay,
        traces=order.traces,
        engine=engines[order.engine],
        workers=order.workers,
        ray_address=order.ray_address,
        command=shlex.join(["outlay", *sys.argv[1:]]),
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

    items = _items(order)
    return AnchoringPlan(
        items=items,
        source=_source(order),
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


def _sweep(order: BenchOrder) -> Sweep:
    from outlay.bench.sweep import Sweep, budgets_of, conditions, with_baselines  # noqa: PLC0415

    limits = {unit: _numbers(unit, text) for unit, text in order.limits.items() if text}
    specs = order.strategies or _all_strategies(teacher=order.teacher is not None)
    if order.baselines.strip().lower() != "none":
        samples = [int(n) for n in _numbers("baselines", order.baselines)]
        specs = with_baselines(specs, samples)
    return Sweep(conditions(specs, budgets_of(**limits)), _items(order), order.seeds)


def _items(order: Asked) -> tuple[Item, ...]:
    from outlay.bench.simulation import simulated_items  # noqa: PLC0415
    from outlay.bench.sources import load  # noqa: PLC0415

    fields = dict(_pair(part) for part in order.fields.split(",")) if order.fields else {}
    if not f"{order.data}:".startswith(SIMULATED_DATA):
        return load(order.data, limit=order.limit, fields=fields, subset=order.subset, split=order.split)
    count = order.data.partition(":")[2]
    if not count.isdigit() or not int(count):
        raise ConfigurationError(f"cannot read {order.data!r}: write simulated:COUNT")
    return simulated_items(min(int(count), order.limit or int(count)))


def _scorer_there(out: Path) -> str | None:
    """Give the scorer that an earlier run settled on; what the answers look like may change with --limit."""
    from outlay.bench.directory import Directory  # noqa: PLC0415

    directory = Directory(out)
    return directory.manifest().scorer if directory.size() and (out / "bench.json").exists() else None


def _source(order: Asked) -> str:
    """Name the items for reports: a file without its folders, a data set with its part."""
    if Path(order.data).is_file():
        return Path(order.data).name
    if order.data.startswith(SIMULATED_DATA):
        return order.data
    return "/".join(part for part in (order.data, order.subset, order.split) if part)


def _all_strategies(*, teacher: bool) -> tuple[str, ...]:
    from outlay.agents.spec import STRATEGIES, collaborators  # noqa: PLC0415

    return tuple(name for name, kind in STRATEGIES.items() if teacher or "teacher" not in collaborators(kind))


def _numbers(what: str, text: str) -> tuple[Any, ...]:
    try:
        return tuple(float(part) if what in {"usd", "seconds"} else int(part) for part in text.split(","))
    except ValueError as exc:
        option = what.replace("_", "-")
        raise ConfigurationError(
            f"cannot read --{option} {text}: write numbers between commas, e.g. 128,256"
        ) from exc


def _pair(text: str) -> tuple[str, str]:
    ours, equals, theirs = text.partition("=")
    if not equals:
        raise ConfigurationError(f"cannot read --fields {text}: write question=THEIRS,answer=THEIRS")
    return ours.strip(), theirs.strip()
