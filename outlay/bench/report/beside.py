"""What stands beside the baseline, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.analysis.findings import AXES
from outlay.bench.report.phrases import (
    amount,
    brief,
    condition_words,
    counted,
    dollars,
    listed,
    p_words,
    points,
)
from outlay.bench.scorers.success import SUCCESS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.bench.analysis.findings import AtSpend, Axis, Findings, Verdict


def beside_baseline(findings: Findings) -> Iterator[str]:
    """By all tokens, prompts included, or by dollars, whichever cost counts first."""
    kinds = {row.condition.strategy.partition(":")[0] for row in findings.figures if row.baseline}
    if not kinds and findings.manifest.scorer == SUCCESS.name:
        yield "Games have no baseline, since direct and self-consistency cannot act: compare two conditions."
        return
    if not kinds:
        yield (
            "There is no baseline to set the strategies beside: add `--strategy direct` and "
            "`--strategy self-consistency:n=...`."
        )
        return
    unit = AXES[findings.axis]
    compared = [found for found in findings.at_spend if found.axis == findings.axis]
    if not compared:
        yield "No strategy but the baseline has scores on the same items, so nothing is set beside it."
        return
    if len(kinds) == 1:
        yield f"The baseline is {kinds.pop()} alone, which is easier to beat than the two together."
    beside = [found for found in compared if found.measured]
    if not any(found.verdict == "better" for found in beside):
        yield f"No strategy is shown to beat the baseline at equal {unit}."
    for verdict, verb in (("better", "beats"), ("worse", "loses to")):
        for found in _of(beside, verdict):
            yield _against(found, verb)
    yield from _undecided(beside, len(compared))
    yield from _beyond(compared)
    yield from _below(compared)


def _against(found: AtSpend, verb: str) -> str:
    return (
        f"{condition_words(found.condition)} {verb} the baseline at equal {AXES[found.axis]} "
        f"({_each(found)}): {found.accuracy:.1f}% against {found.baseline_accuracy:.1f}%, "
        f"{points(found.difference)}, adjusted {p_words(found.p_holm)}, {counted(found.items, 'item')}."
    )


def _undecided(compared: Sequence[AtSpend], comparisons: int) -> Iterator[str]:
    for verdict, said in (("noise", "inside the noise"), ("too few", "on too few items to judge")):
        names = [f"{condition_words(f.condition)} {brief(f.difference)}" for f in _of(compared, verdict)]
        if names:
            yield (
                f"The difference from the baseline, in points with its 95% interval, is {said} for "
                f"{listed(names)}."
            )
    alone = [f for f in _of(compared, "noise") if f.difference.low > 0 or f.difference.high < 0]
    if alone:
        yield (
            f"{counted(len(alone), 'interval')} of these {'leaves' if len(alone) == 1 else 'leave'} out 0; "
            f"among {counted(comparisons, 'comparison')} chance alone can do that."
        )


def _beyond(compared: Sequence[AtSpend]) -> Iterator[str]:
    """Never that it beats the baseline: at that spend the baseline may be better than it ever was."""
    names = [
        f"{condition_words(found.condition)} ({found.accuracy:.1f}% at {_each(found)}, at most "
        f"{found.difference.value:+.0f} points{' and worse' if found.verdict == 'worse' else ''})"
        for found in compared
        if found.beyond
    ]
    if names:
        yield (
            f"{listed(names)} spent more {AXES[compared[0].axis]} than the baseline's dearest condition, "
            "which is beyond the measured range, so the baseline's best accuracy is used as a bound: "
            "self-consistency with a larger n or budget would tell more."
        )


def _below(compared: Sequence[AtSpend]) -> Iterator[str]:
    """Never that it beats the baseline: nobody runs one that leaves questions unanswered."""
    places: dict[Verdict, str] = {
        "better": "above",
        "worse": "below",
        "noise": "inside the noise of",
        "too few": "on too few items to judge beside",
    }
    names = [
        f"{condition_words(found.condition)} ({found.accuracy:.1f}% at {_each(found)}) is "
        f"{places[found.verdict]} such a mix (about {found.baseline_accuracy:.0f}%, {_size(found)}, "
        f"adjusted {p_words(found.p_holm)})"
        for found in compared
        if found.below
    ]
    if names:
        yield (
            f"What spent less {AXES[compared[0].axis]} than the baseline's cheapest condition is beyond the "
            "measured range. It is not set "
            "beside the baseline itself but beside a mix, of answering some questions by the baseline and "
            f"leaving the rest unanswered: {listed(names)}; direct with a smaller budget would tell more."
        )


def by_other_costs(findings: Findings) -> Iterator[str]:
    """Only what counting in another unit changes."""
    base = {f.condition: _standing(f) for f in findings.at_spend if f.axis == findings.axis}
    for axis in ("usd", "total_tokens", "output_tokens"):
        if axis == findings.axis:
            continue
        compared = [found for found in findings.at_spend if found.axis == axis]
        changed = [found for found in compared if _standing(found) != base.get(found.condition)]
        if changed:
            yield f"Counted in {AXES[axis]} instead, {_changes(changed, axis)}."
        elif compared and any(found.verdict != "too few" for found in compared):
            yield f"Counted in {AXES[axis]} instead, the verdicts are the same."


def _changes(changed: Sequence[AtSpend], axis: Axis) -> str:
    return "; ".join(
        f"{condition_words(found.condition)} {_standing(found)} "
        f"at {amount(axis, found.spend)} an item {_size(found)}"
        for found in changed
    )


def _size(found: AtSpend) -> str:
    """Write the difference, in whole points where the baseline was not measured about there."""
    if found.measured:
        return brief(found.difference)
    return f"{'at most' if found.beyond else 'about'} {found.difference.value:+.0f} points"


def _standing(found: AtSpend) -> str:
    if found.beyond and found.verdict == "better":
        return "is above the baseline's best, which spent less,"
    beside = "a mix of the baseline and questions left unanswered" if found.below else "the baseline"
    verbs: dict[Verdict, str] = {
        "better": f"is above {beside}" if found.below else f"beats {beside}",
        "worse": f"is below {beside}" if found.below else f"loses to {beside}",
        "noise": f"is inside the noise of {beside}" if found.below else "is inside the noise",
        "too few": "rests on too few items",
    }
    return verbs[found.verdict]


def _each(found: AtSpend) -> str:
    return f"{dollars(found.spend) if found.axis == 'usd' else f'{found.spend:,.0f}'} an item"


def _of(compared: Sequence[AtSpend], verdict: str) -> list[AtSpend]:
    return [found for found in compared if found.verdict == verdict]
