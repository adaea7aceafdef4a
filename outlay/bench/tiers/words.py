"""What a comparison of routers says, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.analysis.comparisons import ALPHA, FEWEST_ITEMS
from outlay.bench.analysis.resampling import holm
from outlay.bench.report.phrases import counted, listed, p_words
from outlay.bench.tiers.findings import LEARNED, ORACLE
from outlay.bench.tiers.trade_offs import ranges, trade_off_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.tiers.findings import Difference, Findings, Row
    from outlay.routers.tiers.weighing import Support

SIMULATED: Final = (
    "SIMULATED MODEL: answers are drawn from a formula, and say nothing of a language model; only the "
    "learning is real."
)
THOUSAND: Final = 1000
"""Questions that dollars are given for: those of one are hard to read."""
_ROUNDING: Final = 5e-10


def title(findings: Findings) -> str:
    """Say what was learnt from and what it was tried on."""
    if findings.is_held_out:
        return f"Tiers learnt from {findings.log}, tried on the questions held out"
    return f"Tiers learnt from {findings.log}, tried on {findings.test}"


def sentences(findings: Findings) -> tuple[str, ...]:
    """Say what a comparison found, the most important first."""
    return tuple(_sentences(findings))


def _sentences(findings: Findings) -> Iterator[str]:
    if findings.simulated:
        yield SIMULATED
    yield _tried(findings)
    yield from _grouped(findings)
    yield from _beside_best(findings)
    yield from _not_run(findings)
    yield from _incomplete(findings)
    yield from _gains(findings)
    yield from _constant(findings)
    yield _ceiling(findings)
    yield _aware(findings)
    yield support_words(findings.support)


def _tried(findings: Findings) -> str:
    learnt = (
        f"{counted(findings.learnt_questions, 'question')} were learnt from "
        f"({counted(findings.learnt_episodes, 'run')})"
    )
    if findings.is_held_out:
        return (
            f"{learnt}; all routers are tried on the {findings.questions} held out, by which the policy was "
            "chosen: its figures are optimistic, and a test log (--test) would say more."
        )
    shared = (
        f" Of those, {findings.shared} were learnt from, which makes all figures optimistic."
        if findings.shared
        else ""
    )
    near = (
        f" {counted(findings.shared_groups, 'group')} of theirs, such as a conversation, had questions that "
        "were learnt from."
        if findings.shared_groups and not findings.shared
        else ""
    )
    return f"{learnt}, and all routers are tried on {findings.questions} of another log.{shared}{near}"


def _grouped(findings: Findings) -> Iterator[str]:
    if findings.units < findings.questions:
        yield (
            f"Those are of {findings.groups} groups, such as conversations: questions of one are no "
            "independent evidence, so that intervals and p are over groups."
        )
    elif findings.groups < findings.questions:
        yield (
            f"Those are of {counted(findings.groups, 'group')}, such as conversations, too few to be drawn "
            "anew: intervals and p are over their questions, and say nothing of other groups."
        )


def _units(findings: Findings) -> str:
    if findings.units < findings.questions:
        return f"{counted(findings.questions, 'question')} of {findings.groups} groups"
    return counted(findings.questions, "question")


def _beside_best(findings: Findings) -> Iterator[str]:
    every = [(row, row.over_best) for row in findings.of(LEARNED) if row.over_best]
    rows = [(row, found) for row, found in every if found.verdict != "not run"]
    if len(rows) < len(every):
        shares = [(row, f"{row.run:.0%}") for row, found in every if found.verdict == "not run"]
        yield (
            "Nobody can tell whether the policy beats the best constant where so few questions were run at "
            f"the tiers that it chose, or the constant has: {_each(shares, findings)}."
        )
    if any(found.verdict == "too few" for _, found in rows):
        said = _each([(row, signed(found)) for row, found in rows], findings)
        yield (
            f"On {_units(findings)} nobody can tell whether the policy beats the best "
            f"constant: its reward beside that is {said}."
        )
        return
    for said, which in (("more", "better"), ("less", "worse")):
        found = [(row, f"{_brief(diff)}{_share_run(row)}") for row, diff in rows if diff.verdict == which]
        if found:
            yield (
                f"The policy earns {said} than the best constant, beyond the noise: in reward "
                f"{_each(found, findings)}."
            )
    noise = [(row, f"{signed(diff)}{_share_run(row)}") for row, diff in rows if diff.verdict == "noise"]
    if noise:
        yield (
            "Inside the noise of the best constant's reward (p of 0.05 or more, adjusted for the number of "
            f"trade-offs) it is: {_each(noise, findings)}."
        )


def _incomplete(findings: Findings) -> Iterator[str]:
    if findings.incomplete:
        yield (
            f"No constants, as runs of some questions are missing: {listed(findings.incomplete)}; one of "
            "them may be better than the best constant. Collect the missing runs."
        )


def _gains(findings: Findings) -> Iterator[str]:
    if not findings.constants:
        yield "No tier vector was run for every question tried on, so there are no constants to mix."
        return
    rows = [(row, row.gain) for row in findings.of(LEARNED) if row.gain and row.is_mostly_run]
    if not rows:
        return
    least, most = (pick(gain.value for _, gain in rows) for pick in (min, max))
    gains = (
        f"Beside mixing constants for the same dollars, the policy gains {_range(least, most)} of task reward"
    )
    if findings.units < FEWEST_ITEMS:
        yield f"{gains}; on {_units(findings)} that can be luck."
        return
    real = [(row, signed(gain)) for row, gain in rows if gain.low > 0 or gain.high < 0]
    yield (
        f"{gains}; beyond the noise (95% intervals){': ' + _each(real, findings) if real else ' nowhere'}."
    )


def _constant(findings: Findings) -> Iterator[str]:
    rows = findings.of(LEARNED)
    fixed = [row for row in rows if row.constant]
    if len(fixed) == len(rows) and len({row.constant for row in rows}) == 1:
        yield f"The policy is constant: {rows[0].constant} for every question at every trade-off."
        return
    for vector in dict.fromkeys(row.constant for row in fixed if row.constant):
        at = [row.trade_off for row in fixed if row.constant == vector]
        where = trade_off_words(at, findings.trade_offs)
        yield f"At {where} the policy is constant: {vector} for every question."
    said = [
        (
            row,
            f"{len(row.vectors)}, most often {row.vectors[0][0]} ({row.vectors[0][1]:.0%} of the questions)",
        )
        for row in rows
        if not row.constant
    ]
    if said:
        where = "At the others it" if fixed else "The policy"
        yield f"{where} goes by the question; tier vectors that it takes: {_each(said, findings)}."


def _ceiling(findings: Findings) -> str:
    """Say how far the oracle is, and how much of the way the policy goes where it is farthest."""
    both = [
        (row, row.over_best.value, own.over_best.value)
        for row, own in zip(findings.of(ORACLE), findings.of(LEARNED), strict=True)
        if row.over_best and own.over_best
    ]
    row, most, done = max(both, key=lambda one: one[1])
    is_run = next(own.is_mostly_run for own in findings.of(LEARNED) if own.trade_off == row.trade_off)
    if most <= _ROUNDING:
        return "An oracle, which knows what every logged run comes to, earns no more than the best constant."
    least = min(over for _, over, _ in both)
    of_it = (
        f"; where that is most (trade-off {row.trade_off:g}) the policy has {done:+.3f}, {done / most:.0%} "
        "of it"
        if is_run
        else ""
    )
    return (
        "An oracle, which knows what every logged run comes to, earns "
        f"{_range(least, most)} above the best constant{of_it}. A part of it is luck of single runs, which "
        "nobody can foresee."
    )


def _aware(findings: Findings) -> str:
    rows = [(row, row.awareness) for row in findings.of(LEARNED) if row.awareness]
    if not rows:
        return "The log names fewer than two kinds of question, so whether tiers follow them is not known."
    adjusted = holm([found.vector.p for _, found in rows])
    said = [
        (row, f"{found.vector.bits:.2f} ({found.vector.chance:.2f} by chance, {p_words(p)})")
        for (row, found), p in zip(rows, adjusted, strict=True)
    ]
    follow = "follow" if min(adjusted) < ALPHA else "do not follow"
    return (
        f"Tiers {follow} the kind of question{'' if follow == 'follow' else ' beyond chance'}; of "
        f"{rows[0][1].kinds:.2f} bits that there are to say of it they say: {_each(said, findings)}."
    )


def _not_run(findings: Findings) -> Iterator[str]:
    rows = [row for row in findings.of(LEARNED) if row.foreseen]
    if not rows:
        return
    yield (
        "Where the tiers it chose were not run, the nearest run stands for them, so its figures are in part "
        f"of other tiers. Really run were: {_each([(row, f'{row.run:.0%}') for row in rows], findings)}."
    )
    said = [
        (row, f"{found.task.value:.3f} at ${THOUSAND * found.usd.value:.3g}, reward {found.reward.value:.3f}")
        for row in rows
        if (found := row.foreseen)
    ]
    yield (
        "At the tiers it really chose, it is predicted to have these task rewards, and dollars per 1,000 "
        f"questions: {_each(said, findings)}."
    )


def support_words(support: Sequence[Support]) -> str:
    """Say where the log speaks for the policy, and where it hardly does."""
    thin = [one for one in support if one.thin]
    if not thin:
        least = min(support, key=lambda one: one.run_sample_size)
        return (
            f"The log speaks for the policy: at least {min(one.run for one in support):.0%} of the questions "
            f"were run at the tiers that it takes, worth {least.run_sample_size:.0f} of "
            f"{counted(least.episodes, 'episode')} (effective sample size) or more; were it to draw them, at "
            f"least {min(one.coverage for one in support):.0%} of its draws could have been run."
        )
    shares: dict[str, list[float]] = {}
    for one in thin:
        share = f"{one.run:.0%} of the questions, {one.coverage:.0%} were it to draw them"
        shares.setdefault(share, []).append(one.trade_off)
    sweep = [one.trade_off for one in support]
    at = ", ".join(f"{listed(ranges(those, sweep))} ({share})" for share, those in shares.items())
    return (
        f"SUPPORT IS THIN at a trade-off of {at}: of {counted(thin[0].episodes, 'episode')} so few "
        "were run at the tiers that the policy takes there, so what those come to is mostly predicted. "
        "Collect runs at them (outlay train-router collect --policy) before relying on it."
    )


def signed(found: Estimate) -> str:
    """Write a difference of rewards with its interval."""
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _brief(found: Difference) -> str:
    return f"{signed(found)}, {p_words(found.p_holm)}"


def _share_run(row: Row) -> str:
    return "" if row.run == 1 else f" ({row.run:.0%} of it run)"


def _range(least: float, most: float) -> str:
    """Write from where to where a figure goes by trade-off, as far as that shows."""
    said = [f"{least:+.3f}", f"{most:+.3f}"]
    return said[0] if said[0] == said[1] else f"{' to '.join(said)} (by trade-off)"


def _each(said: Sequence[tuple[Row, str]], findings: Findings) -> str:
    """Join what is said of trade-offs; where the same is said of several, once."""
    groups: dict[str, list[float]] = {}
    for row, text in said:
        groups.setdefault(text, []).append(row.trade_off)
    parts = [f"{text} at {trade_off_words(at, findings.trade_offs)}" for text, at in groups.items()]
    return "; ".join(parts)
