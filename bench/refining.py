"""When does refining pay? Parallel-Distill-Refine beside a vote of eight, on simulated models.

    python bench/refining.py                 # a quarter of an hour
    python bench/refining.py --questions 60  # to see that it runs

A simulated model is right on a question with a chance set by its ability; shown drafts, it copies one of
them (`anchoring` says how readily), and prefers a right one by its `discernment`: 1 picks blindly. No
language model was asked: what it shows is which of a model's traits decides, not how a real one fares.
"""

from __future__ import annotations

import argparse
import asyncio
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from outlay.agents import ParallelDistillRefine
from outlay.agents.spec import parse_spec
from outlay.bench import Directory, Plan, Sweep, budgets_of, conditions, measure, simulated_items
from outlay.bench.analysis.resampling import estimate, resampled_means

if TYPE_CHECKING:
    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.trial import Trial

ABILITIES = (0.0, 0.15, 0.3, 0.45, 0.6, 0.75, 0.9)
TRAITS = ((6.0, 6.0), (4.0, 2.5), (2.0, 1.0))
"""Anchoring and discernment."""
DRAFT = "direct:temperature=0.7"
VOTE = "self-consistency:n=8,threshold=1,waves=false"
REFINE = "parallel-distill-refine:widths=[4,1],distill=random-k,k=4"
AGREEMENTS = ("none", "0.75", "0.5")
"""At which share of the drafts it takes their vote instead of refining."""
USUAL = str(ParallelDistillRefine.Config().agreement)
"""The agreement that a record does not name."""
BUDGET = 9_000
"""Output tokens: more than any of them needs."""
DRAWS = 4_000


class Point(NamedTuple):
    """What one simulated model came to."""

    anchoring: float
    discernment: float
    draft: float
    """Accuracy of one draft, in %."""
    vote: float
    gains: tuple[Estimate, ...]
    """Refining less the vote, in points, by agreement."""


def point(ability: float, anchoring: float, discernment: float, questions: int) -> Point:
    """Measure one simulated model."""
    model = f"simulated:ability={ability},anchoring={anchoring},discernment={discernment},guess=0.05,seed=3"
    sweep = Sweep(
        conditions(
            [DRAFT, VOTE, *(f"{REFINE},agreement={a}" for a in AGREEMENTS)],
            budgets_of(output_tokens=(BUDGET,)),
        ),
        simulated_items(questions),
    )
    with TemporaryDirectory() as out:
        plan = Plan(
            sweep=sweep, source="simulated", scorer="numeric", out=Path(out), model=model, traces=False
        )
        asyncio.run(measure(plan))
        by = defaultdict(list)
        for trial in sorted(Directory(plan.out).trials(), key=lambda trial: trial.item):
            name, written = parse_spec(trial.strategy)
            refines = "widths" in written
            by[name, written.get("agreement", USUAL) if refines else ""].append(trial)
    vote = by["self-consistency", ""]
    return Point(
        anchoring=anchoring,
        discernment=discernment,
        draft=float(scores(by["direct", ""]).mean()),
        vote=float(scores(vote).mean()),
        gains=tuple(difference(by["parallel-distill-refine", a], vote) for a in AGREEMENTS),
    )


def scores(trials: list[Trial]) -> np.ndarray:
    """Give each item's score, in %."""
    return np.array([100.0 * (trial.score or 0.0) for trial in trials])


def difference(trials: list[Trial], others: list[Trial]) -> Estimate:
    """Give the paired difference in points, with its 95% bootstrap interval over questions."""
    each = (scores(trials) - scores(others))[:, None]
    return estimate(float(each.mean()), resampled_means(each, DRAWS, seed=0)[:, 0])


def table(points: list[Point]) -> Table:
    """Lay the points out, a line each."""
    headings = [f"refine less vote, agreement={a}" for a in AGREEMENTS]
    shown = Table("anchoring", "discernment", "one draft %", "vote of 8 %", *headings)
    for p in points:
        gains = (f"{gain.value:+.1f} [{gain.low:+.1f}, {gain.high:+.1f}]" for gain in p.gains)
        shown.add_row(f"{p.anchoring:g}", f"{p.discernment:g}", f"{p.draft:.0f}", f"{p.vote:.0f}", *gains)
    return shown


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--questions", type=int, default=400)
    questions = parser.parse_args().questions
    points = [point(ability, *traits, questions) for traits in TRAITS for ability in ABILITIES]
    Console(width=120).print(table(points))


if __name__ == "__main__":
    main()
