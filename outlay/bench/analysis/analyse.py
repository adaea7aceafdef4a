"""From records to findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.analysis.baseline import at_spend
from outlay.bench.analysis.comparisons import pairs
from outlay.bench.analysis.figures import figures, frontiers, in_order, size
from outlay.bench.analysis.findings import Findings
from outlay.bench.analysis.tally import count
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from outlay.bench.items import Item
    from outlay.bench.manifest import Manifest
    from outlay.bench.trial import Trial


def analyse(
    manifest: Manifest, items: Sequence[Item], trials: Iterable[Trial], *, draws: int = 2000, seed: int = 0
) -> Findings:
    """Find what a bench's records say.

    Args:
        manifest: What the bench was made of.
        items: Those asked.
        trials: The records, each key once; read once and not kept.
        draws: Resamples behind each interval; p-values take more where there are many of them.
        seed: Of the resampling: the same records and seed give the same findings.

    Raises:
        ConfigurationError: There is no record of any of the items, or fewer than 100 draws.
    """
    if draws < 100:  # noqa: PLR2004 - the fewest from which 2.5% can be read
        raise ConfigurationError("an interval needs at least 100 draws")
    counted = count(items, trials)
    if not counted.tallies:
        raise ConfigurationError(
            "there are no records of these items to report on: run `outlay bench run` first"
        )
    tallies = in_order(counted.tallies)
    rows = figures(tallies, draws, seed)
    compared, note = pairs(tallies, draws, seed)
    return Findings(
        manifest=manifest,
        items=len(items),
        records=sum(tally.records for tally in tallies),
        strays=counted.strays,
        seeds=counted.seeds,
        budgets=tuple(sorted({tally.condition.budget for tally in tallies}, key=size)),
        figures=rows,
        frontiers=frontiers(rows),
        at_spend=at_spend(tallies, draws, seed),
        pairs=compared,
        pairs_note=note,
        draws=draws,
        seed=seed,
    )
