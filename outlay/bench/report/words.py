"""What a bench found, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.analysis.comparisons import FEWEST_ITEMS
from outlay.bench.report.acting import by_whom
from outlay.bench.report.beside import beside_baseline, by_other_costs
from outlay.bench.report.phrases import (
    budget_words,
    condition_words,
    counted,
    dollars,
    listed,
    p_words,
)
from outlay.budget import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlay.bench.analysis.findings import Figures, Findings, Pair, Verdict
    from outlay.budget import Budget


def sentences(findings: Findings) -> list[str]:
    """Say what was found and how sure it is, the most important first."""
    parts: tuple[Callable[[Findings], Iterator[str]], ...] = (
        _what,
        beside_baseline,
        by_other_costs,
        by_whom,
        _best,
        _failures,
        _fallen_back,
        _overshoot,
        _bills,
        _method,
    )
    return [sentence for part in parts for sentence in part(findings)]


def title(findings: Findings) -> str:
    """Name the report: model, source, number of items, and whether the model is simulated."""
    manifest = findings.manifest
    simulated = "SIMULATED MODEL · " if manifest.simulated else ""
    return f"{simulated}{manifest.shown_models} · {manifest.source} · {counted(findings.items, 'item')}"


def _what(findings: Findings) -> Iterator[str]:
    manifest = findings.manifest
    if manifest.simulated:
        what = "are simulated, one of them at least" if manifest.models else "is a simulation"
        yield f"SIMULATED MODEL: {manifest.shown_models} {what}, so nothing here is about a real model."
    yield (
        f"{counted(len(findings.figures), 'condition')} on {counted(findings.items, 'item')} of "
        f"{manifest.source}, scored by {manifest.scorer}, {counted(findings.seeds, 'seed')} each: "
        f"{counted(findings.records, 'record')}."
    )
    most = max(row.items for row in findings.figures)
    if most < FEWEST_ITEMS:
        yield (
            f"With scores on {counted(most, 'item')} there is too little data to say which strategy is "
            f"better; at least {FEWEST_ITEMS} are needed for a verdict, some hundreds for a small difference."
        )
    partly = [row for row in findings.figures if row.items < findings.items]
    if partly:
        least = min(partly, key=lambda row: row.items)
        yield (
            f"{counted(len(partly), 'condition')} of {len(findings.figures)} lack scores on some items, "
            f"most of all {condition_words(least.condition)} ({least.items} of {findings.items}); only items "
            "on which all that is compared has scores are compared."
        )
    if findings.strays:
        yield f"{counted(findings.strays, 'record')} of items that were not asked are left out."


def _best(findings: Findings) -> Iterator[str]:
    for budget in findings.budgets:
        rows = [
            row
            for row in findings.figures
            if row.condition.budget == budget and row.accuracy and row.fell_back < row.scored
        ]
        ranked = sorted(rows, key=lambda row: -_accuracy(row))
        if ranked:
            yield _most_accurate(findings, budget, ranked)


def _most_accurate(findings: Findings, budget: Budget, ranked: Sequence[Figures]) -> str:
    first, *others = ranked
    best = f"{first.condition.name}: {_accuracy(first):.1f}%"
    start = f"With {budget_words(budget)}, the most accurate is {best}"
    if not others:
        return f"{start} (the only strategy)."
    pair = _pair(findings, first, others[0])
    if {first.items, others[0].items} != {pair.items if pair else findings.items}:
        return _on_unlike_items(start, first, others[0], pair)
    runner_up = f"{others[0].condition.name} ({_accuracy(others[0]):.1f}%)"
    if f"{_accuracy(first):.1f}" == f"{_accuracy(others[0]):.1f}":
        return f"{start}, level with {runner_up}."
    if pair is None:
        return f"{start}, before {runner_up}."
    return f"{start}, before {runner_up}, {_lead(pair, 1.0 if pair.first == first.condition else -1.0)}."


def _on_unlike_items(start: str, first: Figures, other: Figures, pair: Pair | None) -> str:
    """Each accuracy is over other items, so only the common ones say who leads."""
    said = (
        f"{start} of the {counted(first.items, 'item')} that it has scores on, before "
        f"{other.condition.name} ({_accuracy(other):.1f}% of {other.items:,})"
    )
    if pair is None:
        return f"{said}; they are not compared on the same items."
    one, two, sign = pair.first_accuracy, pair.second_accuracy, 1.0
    if pair.first != first.condition:
        one, two, sign = two, one, -1.0
    return (
        f"{said}; on the {counted(pair.items, 'item')} of both, {first.condition.name} has {one:.1f}% "
        f"against {two:.1f}%, {_lead(pair, sign)}."
    )


def _lead(pair: Pair, sign: float) -> str:
    """Say what the difference amounts to for the second of the pair where `sign` is negative."""
    if not pair.difference.value:
        return "no difference"
    name = "lead" if sign * pair.difference.value > 0 else "loss"
    ends: dict[Verdict, str] = {"noise": "inside the noise", "too few": "on too few items to mean anything"}
    amounts_to = ends.get(pair.verdict, "beyond the noise")
    return f"a {name} {amounts_to} ({pair.test}, adjusted {p_words(pair.p_holm)})"


def _pair(findings: Findings, one: Figures, other: Figures) -> Pair | None:
    wanted = {one.condition, other.condition}
    return next((pair for pair in findings.pairs if {pair.first, pair.second} == wanted), None)


def _failures(findings: Findings) -> Iterator[str]:
    failed = sum(row.failed for row in findings.figures)
    if not failed:
        yield "No record failed."
        return
    kinds: dict[str, int] = {}
    for failure in (failure for row in findings.figures for failure in row.failures):
        name = f"{failure.kind} while {'running' if failure.stage == 'run' else 'scoring'}"
        kinds[name] = kinds.get(name, 0) + failure.records
    named = listed([f"{count:,} {name}" for name, count in sorted(kinds.items(), key=lambda kind: -kind[1])])
    yield (
        f"{failed:,} of {counted(findings.records, 'record')} failed ({named}); they are left out of "
        "accuracy and spend and are not counted as wrong."
    )


def _fallen_back(findings: Findings) -> Iterator[str]:
    rows = [row for row in findings.figures if row.fell_back]
    if rows:
        named = [f"{row.fell_back} of {row.records} with {condition_words(row.condition)}" for row in rows]
        yield (
            f"{counted(sum(row.fell_back for row in rows), 'record')} fell back to the plain call "
            f"({listed(named)}); they count in accuracy and spend, and their items are left out where the "
            "strategy is compared."
        )


def _overshoot(findings: Findings) -> Iterator[str]:
    over = [row for row in findings.figures if row.overshoot.records]
    if not over:
        yield f"Overshoot is 0: none of {counted(findings.records, 'record')} spent more than its budget."
        return
    records = sum(row.overshoot.records for row in over)
    units = dict.fromkeys(unit for row in over for unit in row.overshoot.largest)
    largest = [_excess(unit, max(row.overshoot.largest.get(unit, 0.0) for row in over)) for unit in units]
    yield (
        f"{records:,} of {counted(findings.records, 'record')} spent more than their budget, at most by "
        f"{listed(largest)}: {listed([condition_words(row.condition) for row in over])}."
    )


def _excess(unit: str, amount_over: float) -> str:
    return dollars(amount_over) if unit == "usd" else f"{amount_over:,g} {unit.replace('_', ' ')}"


def _bills(findings: Findings) -> Iterator[str]:
    rows = findings.figures
    unconfirmed = sum((row.unconfirmed for row in rows), Usage())
    replayed = sum((row.replayed for row in rows), Usage())
    judge = sum((row.judge for row in rows), Usage())
    output = sum(row.billed.output_tokens for row in rows)
    if unconfirmed.calls:
        yield (
            f"The outcome of {counted(unconfirmed.calls, 'call')} is unknown; they are billed as the most "
            f"they can have cost, {unconfirmed.output_tokens:,} output tokens."
        )
    if replayed.calls:
        timed = sum(row.latency.records for row in rows if row.latency)
        yield (
            f"{_share(replayed.output_tokens, output)} of the output tokens were replayed and are billed as "
            f"if they had been generated; latency is taken from the {counted(timed, 'record')} without any."
        )
    if judge.calls:
        yield (
            f"Judging took {counted(judge.calls, 'call')} and {judge.total_tokens:,} tokens "
            f"({dollars(judge.usd)}), which are in no strategy's spend."
        )
    unpriced = [row.condition for row in rows if row.spend and row.spend.usd is None]
    if unpriced:
        yield (
            f"Dollars are unknown for {counted(len(unpriced), 'condition')}, left out where dollars are "
            "counted: give the model a price."
        )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f}%" if whole else "0%"


def _method(findings: Findings) -> Iterator[str]:
    flat = [row.condition for row in findings.figures if row.accuracy and row.accuracy.value in {0.0, 100.0}]
    if flat:
        yield (
            f"{listed([condition_words(condition) for condition in flat])} got all or nothing: an interval "
            "without width there means that resampling has nothing to vary, not that it is sure."
        )
    if findings.pairs_note:
        yield f"Of the paired comparisons, {findings.pairs_note}."
    yield (
        f"Intervals are 95% percentile bootstrap intervals over items ({findings.draws:,} draws), seeds of "
        "an item averaged first; p-values are adjusted by Holm for the number of comparisons, verdicts are "
        "at 0.05."
    )
    if findings.at_spend:
        yield (
            "Differences from the baseline are not corrected for its being the best of several noisy points, "
            "which lies too high: they lean against a strategy, most where many baseline conditions are "
            "about as good and items are few. Their intervals and p-values are of the basic (reflected) "
            "bootstrap, which corrects for a part of that, so an interval may lie to one side of its "
            "difference."
        )


def _accuracy(row: Figures) -> float:
    return row.accuracy.value if row.accuracy else 0.0
