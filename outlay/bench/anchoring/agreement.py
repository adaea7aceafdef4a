"""When to vote and when to refine, as measured.

Of each item there are the vote of its pool, and a refinement of drafts of the pool as they came. Under a
threshold t, the vote is the answer where its share of the drafts that came back is at least t, and else the
refinement is, or the vote again where that has no answer: what Parallel-Distill-Refine does with
`agreement=t`. Every t that makes a difference is tried on the same items, which costs no call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from outlay.agents.parallel_distill_refine.shape import PAIR
from outlay.bench.analysis.comparisons import FEWEST_ITEMS
from outlay.bench.analysis.findings import Estimate
from outlay.bench.analysis.resampling import estimate, means, resampled_means
from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.bench.anchoring.cases import Case

FOLDS: Final = 10
"""Parts of the items; t is chosen on all but one of them and tried on that one."""

PARTINGS: Final = 20
"""How often the items are parted anew; what an item gets is the mean of these."""

VOTE, REFINE, CHOSEN, HELD_OUT = range(4)

Verdict = Literal["refine", "agreement", "vote", "noise", "too few"]
"""What to do with a pool: always refine; vote from a share on, refine below it; always vote, because nothing
else is better on these items; the same, because what is better is not so beyond the noise; or there are too
few items to say."""


class Policy(Record):
    """A threshold, and what it comes to."""

    threshold: float | None
    """t, from which share of the drafts on their answer is taken; 0: always the vote, `None`: never."""
    right: float
    """Percent of items with a right answer."""
    refined: float
    """Percent of items that are refined."""


class Choice(Record):
    """Thresholds beside each other on the same items, and the best of them; in percent, or in points."""

    items: int
    policies: tuple[Policy, ...]
    """From the cheapest on: always the vote, every share that occurs, always the refinement."""
    best: Policy
    """The most accurate; of equal ones the cheapest."""
    vote: Estimate
    """Always the vote is right."""
    refine: Estimate
    """Always the refinement is right, or the vote where it has no answer."""
    refine_over_vote: Estimate
    chosen: Estimate
    """`best` is right, on the items that it was chosen on: optimistic."""
    chosen_over_vote: Estimate
    chosen_over_refine: Estimate
    held_out: Estimate
    """What choosing so gives on items that were not chosen on, by cross-validation."""
    held_out_over_vote: Estimate
    held_out_over_refine: Estimate
    folds: int
    """Parts in the cross-validation; as many as items: each was left out alone."""

    @property
    def verdict(self) -> Verdict:
        """Say what to do; a gain counts where it holds on items that were not chosen on."""
        if self.items < FEWEST_ITEMS:
            return "too few"
        if self.best.threshold == 0:
            return "vote"
        if self.held_out_over_vote.low <= 0:
            return "noise"
        return "refine" if self.best.threshold is None else "agreement"


def choose(cases: Sequence[Case], draws: int, seed: int) -> Choice | None:
    """Choose a threshold on the cases that have both answers scored; `None` where none has.

    Args:
        cases: All there are.
        draws: Resamples behind each interval.
        seed: Of the resampling and of the folds.
    """
    known = [case for case in cases if _scored(case)]
    if not known:
        return None
    thresholds, voted = _policies(known)
    vote, refined = np.array([_right(case) for case in known], dtype=float).T[:, :, None]
    right = np.where(voted, vote, refined)
    best = int(np.argmax(right.sum(axis=0)))  # the first, cheapest one of equals
    folds = min(FOLDS, len(known))
    table = _Table([right[:, 0], right[:, -1], right[:, best], _held_out(right, folds, seed)], draws, seed)
    policies = [
        Policy(threshold=threshold, right=100 * share, refined=100 * (1 - votes))
        for threshold, share, votes in zip(thresholds, right.mean(axis=0), voted.mean(axis=0), strict=True)
    ]
    return Choice(
        items=len(known),
        policies=tuple(policies),
        best=policies[best],
        vote=table.share(VOTE),
        refine=table.share(REFINE),
        refine_over_vote=table.less(REFINE, VOTE),
        chosen=table.share(CHOSEN),
        chosen_over_vote=table.less(CHOSEN, VOTE),
        chosen_over_refine=table.less(CHOSEN, REFINE),
        held_out=table.share(HELD_OUT),
        held_out_over_vote=table.less(HELD_OUT, VOTE),
        held_out_over_refine=table.less(HELD_OUT, REFINE),
        folds=folds,
    )


class _Table:
    """Columns of the same items, and their means in every resample."""

    def __init__(self, columns: Sequence[NDArray[np.float64]], draws: int, seed: int) -> None:
        table = 100 * np.column_stack(columns)
        self._means = means(table)
        self._drawn = resampled_means(table, draws, seed)

    def share(self, column: int) -> Estimate:
        return estimate(self._means[column], self._drawn[:, column])

    def less(self, column: int, other: int) -> Estimate:
        return estimate(
            self._means[column] - self._means[other], self._drawn[:, column] - self._drawn[:, other]
        )


def _scored(case: Case) -> bool:
    return None not in _right(case)


def _right(case: Case) -> tuple[bool | None, bool | None]:
    vote, refined = case.vote, case.refinement
    known = vote is not None and case.came is not None and case.came.failure is None
    return vote.right if vote and known else None, refined.right if refined and known else None


def _policies(cases: Sequence[Case]) -> tuple[list[float | None], NDArray[np.bool_]]:
    """Give every threshold, from the cheapest on, and under which of them which case is voted on."""
    back = np.array([len(case.back) for case in cases])
    leading = np.array([case.leading if len(case.back) >= PAIR else 0 for case in cases])
    shares = sorted({
        _share_of(int(votes), int(of)) for votes, of in zip(leading, back, strict=True) if votes
    })
    # As the strategy compares them, so that a share that is advised votes where it did here.
    voted = [(leading > 0) & (leading >= share * back) for share in shares]
    always = np.ones(len(cases), dtype=bool)
    return [0.0, *shares, None], np.column_stack([always, *voted, ~always])


def _share_of(votes: int, of: int) -> float:
    """Give a share in thousandths, rounded down: `agreement=0.667` would not be reached by 2 of 3."""
    return max(1, 1000 * votes // of) / 1000


def _held_out(right: NDArray[np.float64], folds: int, seed: int) -> NDArray[np.float64]:
    """Give what each item gets under the policy that is best on the other parts; mean of all partings."""
    items, policies = right.shape
    dice = np.random.default_rng(seed)
    got = np.zeros(items)
    for _ in range(PARTINGS):
        fold = dice.permutation(items) % folds
        inside = np.zeros((folds, policies))
        np.add.at(inside, fold, right)
        chosen = np.argmax(right.sum(axis=0) - inside, axis=1)
        got += right[np.arange(items), chosen[fold]]
    return got / PARTINGS
