"""`summary.csv`: a row for each condition, with every figure."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, NamedTuple

from outlay.bench.analysis.findings import AXES
from outlay.bench.trial import written
from outlay.budget import Budget
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from outlay.bench.analysis.findings import AtSpend, Axis, Figures, Findings
    from outlay.budget import Record

    Value = str | float | bool | None


class Column(NamedTuple):
    """A column of the file."""

    name: str
    meaning: str
    """With its unit."""
    of: Callable[[Figures, Sequence[AtSpend]], Value]
    """What a condition has in it; `None` is written as an empty cell."""


def write_summary(findings: Findings, path: Path) -> None:
    """Write a row for each condition, in the order of the findings; unknown figures stay empty."""
    with create(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(column.name for column in COLUMNS)
        for row in findings.figures:
            beside = [found for found in findings.at_spend if found.condition == row.condition]
            writer.writerow(_cell(column.of(row, beside)) for column in COLUMNS)


def _cell(value: Value) -> Value:
    """Cut what floating point adds behind the digits that mean something."""
    return float(f"{value:.10g}") if isinstance(value, float) else value


def _limits() -> Iterator[Column]:
    for unit in Budget.model_fields:
        yield Column(
            f"budget_{unit}",
            f"what the budget allowed, in {unit.replace('_', ' ')}; empty: no limit",
            _field(unit, lambda row: row.condition.budget),
        )


def _accuracy() -> Iterator[Column]:
    for name, field in (("accuracy", "value"), ("accuracy_low", "low"), ("accuracy_high", "high")):
        yield Column(
            f"{name}_percent",
            "mean score, and its 95% bootstrap interval over items",
            _field(field, lambda row: row.accuracy),
        )


def _spend() -> Iterator[Column]:
    meanings = {
        "output_tokens": "generated tokens of an item, planning included",
        "prompt_tokens": "tokens sent for an item",
        "total_tokens": "prompt and output tokens of an item",
        "planning_tokens": "the part of the output tokens that planned",
        "sequential_output_tokens": "the part of the output tokens that was waited for: of calls side by "
        "side, the longest",
        "sequential_total_tokens": "the same of the total tokens, prompts of those calls in full",
        "usd": "dollars of an item; empty: unknown",
        "calls": "requests for an item",
        "cached_tokens": "the part of the prompt tokens that came out of the server's cache",
    }
    for field, meaning in meanings.items():
        yield Column(
            f"{field}_mean",
            meaning,
            _field(field, lambda row: row.spend),
        )


def _dollars() -> Iterator[Column]:
    for name, field in (("usd_low", "low"), ("usd_high", "high")):
        yield Column(
            name, "95% bootstrap interval of the dollars of an item", _field(field, lambda row: row.dollars)
        )


def _acting() -> Iterator[Column]:
    """Give what episodes came to; a question answered by a strategy that acts is one of one step."""
    for name, field in (("", "value"), ("_low", "low"), ("_high", "high")):
        yield Column(
            f"deferred_percent{name}",
            "steps handed to the teacher, of all, and the 95% bootstrap interval",
            _field(field, lambda row: row.acting.deferral if row.acting else None),
        )
    meanings = {
        "steps": ("steps_mean", "steps of an episode"),
        "student_usd": ("student_usd_mean", "dollars of an item that the student cost; empty: unknown"),
        "teacher_usd": ("teacher_usd_mean", "dollars of an item that the teacher cost; empty: unknown"),
        "teacher_alone": ("teacher_alone_usd", "dollars of an item that the teacher does alone"),
        "break_even": ("break_even_items", "items after which the bank has paid for itself, or never"),
    }
    for field, (name, meaning) in meanings.items():
        yield Column(name, meaning, _field(field, lambda row: row.acting))


def _beside() -> Iterator[Column]:
    """Give for each axis what the comparison with the baseline's hull says."""
    fields: dict[str, tuple[str, Callable[[AtSpend], Value]]] = {
        "items": ("items compared", lambda found: found.items),
        "percent": (
            "the baseline's accuracy at the condition's spend; whole points where it is beyond or below",
            _whole(lambda found: found.baseline_accuracy),
        ),
        "difference_points": (
            "accuracy less the baseline's, not corrected for its being the best of noisy points",
            _whole(lambda found: found.difference.value),
        ),
        "difference_low": ("its 95% interval, basic bootstrap", _whole(lambda found: found.difference.low)),
        "difference_high": ("its 95% interval, basic bootstrap", _whole(lambda found: found.difference.high)),
        "p": ("two-sided bootstrap p", lambda found: found.p),
        "p_holm": ("p adjusted by Holm over the conditions", lambda found: found.p_holm),
        "beyond": ("whether it spent more than any baseline condition", lambda found: found.beyond),
        "below": (
            "whether it spent less than any, so that the baseline leaves questions unanswered",
            lambda found: found.below,
        ),
        "verdict": ("better, worse, noise, or too few items to say", lambda found: found.verdict),
    }
    for axis, said in AXES.items():
        for name, (meaning, of) in fields.items():
            yield Column(f"baseline_{axis}_{name}", f"at equal {said}: {meaning}", _on(axis, of))


def _whole(of: Callable[[AtSpend], float]) -> Callable[[AtSpend], Value]:
    """Round to whole points where the baseline was not measured about the condition's spend."""
    return lambda found: of(found) if found.measured else float(round(of(found)))


def _field(
    name: str, part: Callable[[Figures], Record | None]
) -> Callable[[Figures, Sequence[AtSpend]], Value]:
    """Read a field of a part of the figures, where a condition has that part."""

    def of(row: Figures, _: Sequence[AtSpend]) -> Value:
        found = part(row)
        value: Value = None if found is None else getattr(found, name)
        return value

    return of


def _on(axis: Axis, of: Callable[[AtSpend], Value]) -> Callable[[Figures, Sequence[AtSpend]], Value]:
    return lambda _, beside: next((of(found) for found in beside if found.axis == axis), None)


def _many(counts: dict[str, int]) -> str:
    return "; ".join(f"{name}: {count}" for name, count in counts.items())


COLUMNS: Final = (
    Column("strategy", "as on the command line", lambda row, _: row.condition.strategy),
    Column("model", "where several are compared; empty: the only one", lambda row, _: row.condition.model),
    Column("budget", "as on the command line", lambda row, _: written(row.condition.budget)),
    *_limits(),
    Column("baseline", "whether the others are set beside it", lambda row, _: row.baseline),
    Column("items", "items with a score; all means are over them", lambda row, _: row.items),
    Column("records", "answers asked for: items times seeds", lambda row, _: row.records),
    Column("scored", "records with a score", lambda row, _: row.scored),
    Column("failed", "records without one, left out of all means", lambda row, _: row.failed),
    *_accuracy(),
    *_spend(),
    *_dollars(),
    *_acting(),
    Column("e3", "accuracy squared over mean output tokens without planning", lambda row, _: row.e3),
    Column("e3_total", "accuracy squared over mean output tokens", lambda row, _: row.e3_total),
    Column(
        "latency_p50_seconds", "median wall time", lambda row, _: row.latency.p50 if row.latency else None
    ),
    Column(
        "latency_p95_seconds", "its 95th percentile", lambda row, _: row.latency.p95 if row.latency else None
    ),
    Column(
        "latency_records",
        "records the latency is over: those without replayed calls",
        lambda row, _: row.latency.records if row.latency else 0,
    ),
    Column(
        "overshoot_records", "records that spent more than the budget", lambda row, _: row.overshoot.records
    ),
    Column(
        "overshoot_largest",
        "the largest excess, by unit",
        lambda row, _: "; ".join(f"{unit}: {most:g}" for unit, most in row.overshoot.largest.items()),
    ),
    Column("finished", "runs that came to their end", lambda row, _: row.stop_reasons.get("finished", 0)),
    Column("out_of_budget", "runs that the budget ended", lambda row, _: row.stop_reasons.get("budget", 0)),
    Column("out_of_time", "runs that the deadline ended", lambda row, _: row.stop_reasons.get("deadline", 0)),
    Column("runs_failed", "runs that failed", lambda row, _: row.stop_reasons.get("failed", 0)),
    Column("cut_short", "answers cut off at a token limit", lambda row, _: row.cut_short),
    Column("degraded", "answers that had to leave something out", lambda row, _: row.degraded),
    Column(
        "fell_back",
        "answers of the plain call that the strategy gave way to, left out of comparisons",
        lambda row, _: row.fell_back,
    ),
    Column(
        "failures",
        "failures by stage and kind",
        lambda row, _: _many({f"{f.stage} {f.kind}": f.records for f in row.failures}),
    ),
    Column(
        "replayed_share",
        "part of the output tokens that was replayed, 0 to 1",
        lambda row, _: row.replayed_share,
    ),
    Column("unconfirmed_calls", "calls whose outcome is unknown", lambda row, _: row.unconfirmed.calls),
    Column(
        "unconfirmed_output_tokens",
        "output tokens they are billed, the most they can have used",
        lambda row, _: row.unconfirmed.output_tokens,
    ),
    Column("billed_output_tokens", "output tokens of all records", lambda row, _: row.billed.output_tokens),
    Column("billed_total_tokens", "tokens of all records", lambda row, _: row.billed.total_tokens),
    Column("billed_usd", "dollars of all records; empty: unknown", lambda row, _: row.billed.usd),
    Column("judge_calls", "calls of a judging model, all records", lambda row, _: row.judge.calls),
    Column("judge_total_tokens", "its tokens", lambda row, _: row.judge.total_tokens),
    Column("judge_usd", "its dollars; empty: unknown", lambda row, _: row.judge.usd),
    *_beside(),
)
"""The columns, in order."""
