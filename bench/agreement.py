"""Is refining worth it where drafts agree? From the records of a bench that ran with traces.

    python bench/agreement.py gsm8k-1.5b-refining

For each condition of Parallel-Distill-Refine that never stops early (`agreement=none`): its questions by how
many of the first drafts share the leading answer, on how many that answer is right, and on how many the
refined one is.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from outlay.agents.spec import parse_spec
from outlay.answers import same, tally
from outlay.bench import Directory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.bench.trial import Trial


def values(trial: Trial) -> list[str | None]:
    """Give the final answers of the first round's drafts."""
    updates = (entry.update for entry in trial.trace if entry.node == "draft")
    drafts = (draft for update in updates for draft in update["drafts"])
    return [draft["value"] for draft in drafts if draft["round"] == 0]


def counted(trials: Sequence[Trial], right: dict[str, Sequence[str]]) -> Table:
    """Lay out how often vote and refinement are right, by how many drafts lead."""
    rows: dict[int, np.ndarray] = defaultdict(lambda: np.zeros(3))
    for trial in trials:
        votes = tally(values(trial), equal=same)
        voted = bool(votes) and any(same(votes[0].value, gold) for gold in right[trial.item])
        rows[votes[0].count if votes else 0] += (1, voted, trial.score or 0)
    table = Table("drafts that lead", "questions", "right by their vote", "right when refined")
    for lead in sorted(rows):
        table.add_row(str(lead), *(f"{count:g}" for count in rows[lead]))
    return table


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=Path)
    directory = Directory(parser.parse_args().directory)
    right = {item.id: item.answers for item in directory.items()}
    by_strategy = defaultdict(list)
    for trial in directory.trials():
        name, written = parse_spec(trial.strategy)
        if name == "parallel-distill-refine" and written.get("agreement") == "none":
            by_strategy[trial.strategy].append(trial)
    for strategy, trials in by_strategy.items():
        Console(width=110).print(strategy, counted(trials, right), sep="\n")


if __name__ == "__main__":
    main()
