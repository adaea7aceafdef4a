"""Running a bench for a person or a program: what is going on while it does, and how it ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from outlay.bench.manifest import shown_model
from outlay.bench.measuring import check, measure
from outlay.cli.bench.order import read
from outlay.cli.bench.progress import BenchProgress
from outlay.cli.bill import amount
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import say
from outlay.cli.progress import LongCommand

if TYPE_CHECKING:
    from outlay.bench.measuring import Plan
    from outlay.cli.bench.order import BenchOrder


def run_bench(order: BenchOrder) -> int:
    """Make the records that are missing, and say what came out. Gives the exit status."""
    plan = read(order)
    progress = BenchProgress(f"{plan.source} on {_models(plan)}", plan.totals)
    command = LongCommand(progress, order.as_json, partial(_facts, plan, progress))
    return command.run(measure(plan, progress.begin, progress.tell), partial(_say, order, plan, progress))


def _say(order: BenchOrder, plan: Plan, progress: BenchProgress, ending: str) -> int:
    if order.as_json:
        print_json({"ending": ending, **_facts(plan, progress)})
        return ANSWERED
    if ending == "budget":
        say("The total does not pay for another record: raise it, and the same command goes on.")
    say(f"{progress.known()}; {progress.spending()}. To see them: outlay bench report {plan.out}")
    return ANSWERED


def rehearse(order: BenchOrder) -> int:
    """Say what would be measured, and what it could cost at most. Gives the exit status."""
    plan = read(order)
    check(plan)
    sweep = plan.sweep
    most = _most(plan)
    if order.as_json:
        print_json({"records": len(sweep), "conditions": [c.label for c in sweep.conditions], "most": most})
        return ANSWERED
    shape = f"{len(sweep.conditions)} conditions, {len(sweep.items)} items, {sweep.seeds} seeds"
    say(f"{len(sweep)} records: {shape}")
    taught = f", teacher {plan.teacher}" if plan.teacher else ""
    say(f"model {_models(plan)}{taught}, scored by {plan.scorer}")
    for condition in sweep.conditions:
        say(f"  {condition.label}")
    apart = ", judging apart" if plan.scorer.startswith("judge") else ""
    for unit, value in most.items():
        say(f"at most {amount(unit, value)} {unit.replace('_', ' ')}, less what conditions share{apart}")
    if not most:
        say("no limit: give budgets, or --total-usd or --total-output-tokens")
    return ANSWERED


def _models(plan: Plan) -> str:
    return " and ".join(shown_model(model or plan.model) for model in plan.sweep.models)


def _most(plan: Plan) -> dict[str, float]:
    """Give what all records together can cost at most, in the units in which that is known."""
    most: dict[str, float] = {}
    runs = len(plan.sweep.items) * plan.sweep.seeds
    for unit in ("output_tokens", "total_tokens", "usd", "calls"):
        limits = [getattr(condition.budget, unit) for condition in plan.sweep.conditions]
        total = getattr(plan.totals, unit)
        bounds = [sum(limits) * runs] if None not in limits else []
        bounds += [] if total is None else [total]
        if bounds:
            most[unit] = min(bounds)
    return most


def _facts(plan: Plan, progress: BenchProgress) -> dict[str, Any]:
    return {
        "out": str(plan.out),
        "records": len(plan.sweep),
        "there": progress.there,
        "made": progress.made,
        "paid": progress.paid.model_dump(mode="json"),
        "billed": progress.billed.model_dump(mode="json"),
        "judge": progress.judge.model_dump(mode="json"),
        "failed": progress.failed,
    }
