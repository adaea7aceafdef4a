"""From cases to figures: how far drafts pull a model, and up to which accuracy of them refining pays.

Taken that what a refinement sees is right with the probability p of a single draft, refining gives
p acc(C+) + (1 - p) acc(C-). That is above p exactly where p < p* = acc(C-) / (1 - acc(C+) + acc(C-)).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from outlay.answers import tally
from outlay.bench.analysis.comparisons import FEWEST_ITEMS
from outlay.bench.analysis.findings import Estimate
from outlay.bench.analysis.resampling import estimate, means, resampled_means
from outlay.bench.anchoring.cases import Injection
from outlay.bench.simulation import is_simulated
from outlay.budget import Record, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from outlay.bench.anchoring.cases import Case, Refined, Said
    from outlay.bench.anchoring.plan import AnchoringPlan

    Columns = NDArray[np.float64]

DRAWS: Final = 2000

WIDEST: Final = 50.0
"""Percent of an interval of p* that still says something: half of all that it could be."""

SINGLE, VOTE, RIGHT, WRONG, FRESH_RIGHT, FRESH_WRONG, PAIRED = range(7)

Verdict = Literal["refine", "vote", "noise", "too few", "copies", "one kind"]
"""What to do with drafts as good as these: the interval of what refining gains is above 0, below it, or on
both sides; there are too few items to say; refining changes nothing; or no item has right drafts, or none has
wrong ones."""


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
    break_even: Estimate | None
    """p*, in percent; `None` where it is undefined: a model that only copies."""
    refined: Estimate | None
    """p acc(C+) + (1 - p) acc(C-): what refining gives at the p of these drafts."""
    over_single: Estimate | None
    """`refined` less `single`."""
    over_vote: Estimate | None
    """`refined` less `vote`."""
    verdict: Verdict
    agreement: float | None
    """What to pass as `agreement` of parallel-distill-refine; `None` where these figures do not say."""
    drafts: int
    """Drafts that came back, those beside the pools left out."""
    cut: int
    """Those of them that were cut short or empty, and entered no workspace."""
    workspaces: int
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
    right, wrong = figures.share(RIGHT), figures.share(WRONG)
    break_even, over_single = figures.of(_break_even), figures.of(_over_single)
    verdict = _verdict(right, wrong, break_even, over_single)
    failures = [failure for case in cases for failure in case.failures]
    pooled = [draft for case in cases for draft in case.drafts if not _missing(draft)]
    refined = [one for case in cases for one in (case.right, case.wrong) if one is not None]
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
        right=right,
        wrong=wrong,
        fresh_right=figures.share(FRESH_RIGHT),
        fresh_wrong=figures.share(FRESH_WRONG),
        difference=figures.of(lambda c: c[:, RIGHT] - c[:, WRONG]),
        paired=figures.share(PAIRED),
        break_even=break_even,
        refined=figures.of(_refined),
        over_single=over_single,
        over_vote=figures.of(lambda c: _refined(c) - c[:, VOTE]),
        verdict=verdict,
        agreement=_agreement(verdict, break_even),
        drafts=len(pooled),
        cut=sum(draft.cut or not draft.text.strip() for draft in pooled),
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
        self._table = 100 * np.array([_row(case) for case in cases], dtype=float).reshape(
            len(cases), PAIRED + 1
        )
        self._means = means(self._table)[None, :]
        self._drawn = resampled_means(self._table, draws, seed) if cases else self._means

    def share(self, column: int) -> Figure | None:
        """Give the mean of a column, over the items that have a value in it."""
        found = self.of(lambda c: c[:, column])
        items = int((~np.isnan(self._table[:, column])).sum())
        return None if found is None else Figure(estimate=found, items=items)

    def of(self, figure: Callable[[Columns], Columns]) -> Estimate | None:
        """Give what is made of the means of columns; `None` where it cannot be made."""
        value = float(figure(self._means)[0])
        return None if np.isnan(value) else estimate(value, figure(self._drawn))


def _row(case: Case) -> tuple[float, ...]:
    known = [float(draft.right) for draft in case.drafts if draft.right is not None]
    right, wrong, fresh = _value(case.right), _value(case.wrong), _value(case.fresh)
    return (
        sum(known) / len(known) if known else np.nan,
        _value(_elected(case)),
        right,
        wrong,
        np.nan if np.isnan(right) else fresh,
        np.nan if np.isnan(wrong) else fresh,
        right - wrong,
    )


def _elected(case: Case) -> Said | None:
    """Give the draft whose answer most of the pool have; the first, where none has any."""
    there = [draft for draft in case.drafts if not _missing(draft)]
    votes = tally([draft.value for draft in there])
    return there[votes[0].first if votes else 0] if there else None


def _missing(said: Said) -> bool:
    return said.failure is not None and said.failure.stage == "run"


def _value(said: Said | Refined | None) -> float:
    return np.nan if said is None or said.right is None else float(said.right)


def _break_even(columns: Columns) -> Columns:
    lost, recovered = 100 - columns[:, RIGHT], columns[:, WRONG]
    empty = np.full(len(columns), np.nan)
    return np.asarray(np.divide(100 * recovered, lost + recovered, out=empty, where=lost + recovered > 0))


def _refined(columns: Columns) -> Columns:
    p = columns[:, SINGLE] / 100
    return np.asarray(p * columns[:, RIGHT] + (1 - p) * columns[:, WRONG])


def _over_single(columns: Columns) -> Columns:
    return np.asarray(_refined(columns) - columns[:, SINGLE])


def _verdict(
    right: Figure | None, wrong: Figure | None, break_even: Estimate | None, gain: Estimate | None
) -> Verdict:
    if right is None or wrong is None or gain is None:
        return "one kind"
    if min(right.items, wrong.items) < FEWEST_ITEMS:
        return "too few"
    if break_even is None:
        return "copies"
    return "refine" if gain.low > 0 else "vote" if gain.high < 0 else "noise"


def _agreement(verdict: Verdict, break_even: Estimate | None) -> float | None:
    """Give p* as a share, where it is known well enough and refining can pay at all."""
    if break_even is None or verdict == "too few" or break_even.high - break_even.low > WIDEST:
        return None
    return round(break_even.value / 100, 2) or None
