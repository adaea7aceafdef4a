"""From cases to figures: how far drafts pull a model, whether it tells them apart, and when to refine them.

Whether to refine is measured, in `agreement`. Beside it stands what would hold if a refinement saw one draft
alone, right with the probability p: it gives p acc(C+) + (1 - p) acc(C-), above p exactly where
p < p* = acc(C-) / (1 - acc(C+) + acc(C-)). Of drafts that are right and wrong, p* says nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.agents.parallel_distill_refine.config import LoopConfig
from outlay.bench.analysis.findings import Estimate
from outlay.bench.analysis.resampling import estimate, means, resampled_means
from outlay.bench.anchoring.agreement import Choice, Verdict, choose
from outlay.bench.anchoring.cases import Injection
from outlay.bench.simulation import is_simulated
from outlay.budget import Record, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from outlay.bench.anchoring.cases import Case, Said
    from outlay.bench.anchoring.plan import AnchoringPlan

    Columns = NDArray[np.float64]

DRAWS: Final = 2000

COLUMNS: Final = 13
(
    SINGLE, VOTE, RIGHT, WRONG, FRESH_RIGHT, FRESH_WRONG, PAIRED,
    CAME, FRESH_CAME, MIXED, FRESH_MIXED, BLIND, DISCERNMENT,
) = range(COLUMNS)  # fmt: skip


class Figure(Record):
    """A share of right answers in percent, or a difference of such shares in points, over items."""

    estimate: Estimate
    items: int


class Anchoring(Record):
    """What an injection found; all shares are in percent, means over items."""

    model: str
    simulated: bool
    source: str
    scorer: str
    injection: Injection
    asked: int
    """Items."""
    items: int
    """Those with a case; the total did not pay for the rest."""
    single: Figure | None
    """p: a draft of the pool is right."""
    vote: Figure | None
    """The answer of most of the pool is right."""
    right: Figure | None
    """acc(C+): a refinement of right drafts only is right; over the items that have such drafts."""
    wrong: Figure | None
    """acc(C-): a refinement of wrong drafts only is right, the recovery rate; over items that have such."""
    fresh_right: Figure | None
    """On the items of `right`: a draft that is not in the pool is right."""
    fresh_wrong: Figure | None
    """The same on the items of `wrong`."""
    difference: Estimate | None
    """acc(C+) - acc(C-); its two sides are over other items, harder ones on the second."""
    paired: Figure | None
    """The same over the items that have both kinds of drafts."""
    came: Figure | None
    """acc(C): a refinement of drafts as they come is right."""
    fresh_came: Figure | None
    """On the same items: a draft that is not in the pool is right."""
    mixed: Figure | None
    """acc(C) on the items where right and wrong drafts were drawn: how well it tells them apart."""
    fresh_mixed: Figure | None
    """On the same items: a draft that is not in the pool is right."""
    blind: Figure | None
    """On the same items: one of the drawn drafts, picked blindly, is right."""
    discernment: Figure | None
    """`mixed` less `blind`, in points."""
    break_even: Estimate | None
    """p*, in percent, for one draft alone; `None` where it is undefined: a model that only copies."""
    refined: Estimate | None
    """p acc(C+) + (1 - p) acc(C-): what refining one draft alone gives at the p of these drafts."""
    over_single: Estimate | None
    """`refined` less `single`."""
    choice: Choice | None
    """When to vote and when to refine; `None` where no item has both scored."""
    verdict: Verdict
    strategy: str | None
    """The strategy to use, with its parameters; `None` where these figures do not say."""
    drafts: int
    """Drafts that came back, those beside the pools left out."""
    cut: int
    """Those of them that were cut short or empty, and entered no workspace."""
    workspaces: int
    """Those of C+, C- and C."""
    short: int
    """Workspaces with fewer than k drafts."""
    calls: int
    """Generations asked for."""
    failed: int
    """Those that failed; they are left out, and not counted as wrong."""
    unscored: int
    """Answers that the scorer failed on; they are left out, too."""
    failure: str | None
    """What the first of these failed with."""
    billed: Usage
    """What the cases were billed, replayed calls as if they had been paid."""
    draws: int
    """Resamples behind the intervals."""


def anchoring(plan: AnchoringPlan, cases: Sequence[Case], *, draws: int = DRAWS, seed: int = 0) -> Anchoring:
    """Find what cases say.

    Args:
        plan: What was asked for.
        cases: Those that are there.
        draws: Resamples behind each interval.
        seed: Of the resampling: the same cases and seed give the same figures.
    """
    figures = _Figures(cases, draws, seed)
    choice = choose(cases, draws, seed)
    failures = [failure for case in cases for failure in case.failures]
    pooled = [draft for case in cases for draft in case.back]
    refined = [one for case in cases for one in case.refined]
    return Anchoring(
        model=plan.model,
        simulated=is_simulated(plan.model),
        source=plan.source,
        scorer=plan.scorer,
        injection=plan.injection,
        asked=len(plan.items),
        items=len(cases),
        single=figures.share(SINGLE),
        vote=figures.share(VOTE),
        right=figures.share(RIGHT),
        wrong=figures.share(WRONG),
        fresh_right=figures.share(FRESH_RIGHT),
        fresh_wrong=figures.share(FRESH_WRONG),
        difference=figures.of(lambda c: c[:, RIGHT] - c[:, WRONG]),
        paired=figures.share(PAIRED),
        came=figures.share(CAME),
        fresh_came=figures.share(FRESH_CAME),
        mixed=figures.share(MIXED),
        fresh_mixed=figures.share(FRESH_MIXED),
        blind=figures.share(BLIND),
        discernment=figures.share(DISCERNMENT),
        break_even=figures.of(_break_even),
        refined=figures.of(_refined),
        over_single=figures.of(lambda c: _refined(c) - c[:, SINGLE]),
        choice=choice,
        verdict=choice.verdict if choice else "too few",
        strategy=_strategy(choice, plan.injection),
        drafts=len(pooled),
        cut=sum(not draft.usable for draft in pooled),
        workspaces=len(refined),
        short=sum(one.drafts < plan.injection.k for one in refined),
        calls=sum(len(case.said) for case in cases),
        failed=sum(failure.stage == "run" for failure in failures),
        unscored=sum(failure.stage == "score" for failure in failures),
        failure=failures[0].message if failures else None,
        billed=sum((case.usage for case in cases), Usage()),
        draws=draws,
    )


class _Figures:
    """The columns of a table of cases, and the same of every resample."""

    def __init__(self, cases: Sequence[Case], draws: int, seed: int) -> None:
        self._table = 100 * np.array([_row(case) for case in cases], dtype=float).reshape(len(cases), COLUMNS)
        self._means = means(self._table)[None, :]
        self._drawn = resampled_means(self._table, draws, seed) if cases else self._means

    def share(self, column: int) -> Figure | None:
        """Give the mean of a column, over the items that have a value in it."""
        found = self.of(lambda c: c[:, column])
        items = int((~np.isnan(self._table[:, column])).sum())
        return None if found is None else Figure(estimate=found, items=items)

    def of(self, figure: Callable[[Columns], Columns]) -> Estimate | None:
        """Give what is made of the means of columns, in percent; `None` where it cannot be made."""
        value = float(figure(self._means)[0])
        return None if np.isnan(value) else estimate(value, figure(self._drawn))


def _row(case: Case) -> tuple[float, ...]:
    known = [float(draft.right) for draft in case.drafts if draft.right is not None]
    right, wrong, came, fresh = map(_value, (case.right, case.wrong, case.came, case.fresh))
    blind = _blind(case)
    return (
        sum(known) / len(known) if known else np.nan,
        _value(case.vote),
        right,
        wrong,
        fresh + 0 * right,
        fresh + 0 * wrong,
        right - wrong,
        came,
        fresh + 0 * came,
        came + 0 * blind,
        fresh + 0 * (came + blind),
        blind + 0 * came,
        came - blind,
    )


def _blind(case: Case) -> float:
    """Give the share of right drafts among those drawn, where they are of both kinds."""
    drawn = [case.drafts[place].right for place in case.came.places] if case.came else []
    mixed = True in drawn and False in drawn and None not in drawn
    return drawn.count(True) / len(drawn) if mixed else np.nan


def _value(said: Said | None) -> float:
    return np.nan if said is None or said.right is None else float(said.right)


def _break_even(columns: Columns) -> Columns:
    lost, recovered = 100 - columns[:, RIGHT], columns[:, WRONG]
    empty = np.full(len(columns), np.nan)
    return np.asarray(np.divide(100 * recovered, lost + recovered, out=empty, where=lost + recovered > 0))


def _refined(columns: Columns) -> Columns:
    p = columns[:, SINGLE] / 100
    return np.asarray(p * columns[:, RIGHT] + (1 - p) * columns[:, WRONG])


def _strategy(choice: Choice | None, how: Injection) -> str | None:
    """Write out what the verdict advises, as it was measured."""
    if choice is None or choice.verdict == "too few":
        return None
    sampled = f"max_output_tokens={how.max_output_tokens}"
    if how.temperature != LoopConfig().temperature:
        sampled += f",temperature={how.temperature:g}"
    if choice.verdict in {"vote", "noise"}:
        return f"self-consistency:n={how.drafts},{sampled}"
    threshold = choice.best.threshold
    agreement = "none" if threshold is None else f"{threshold:g}"
    shape = f"widths=[{how.drafts},1],distill=random-k,k={how.k},agreement={agreement}"
    return f"parallel-distill-refine:{shape},{sampled}"
