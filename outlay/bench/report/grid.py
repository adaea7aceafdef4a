"""How every condition scored on every item, a byte each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from outlay.bench.items import Item
    from outlay.bench.trial import Condition, Trial

FULL: Final = 250
"""The byte of a score of 1; others in proportion, several seeds averaged."""

FAILED: Final = 254
"""The byte where there are records and none has a score."""

ABSENT: Final = 255
"""The byte where there is no record."""


@dataclass(frozen=True)
class Grid:
    """Scores by condition and item."""

    cells: NDArray[np.uint8]
    """Of shape conditions by items: 0 to `FULL`, `FAILED` or `ABSENT`."""

    def by_disagreement(self, most: int) -> tuple[int, ...]:
        """Number the first `most` items, those that divide the conditions most first."""
        cells = self.cells[:, :most]
        right = ((cells >= FULL / 2) & (cells <= FULL)).sum(axis=0)
        wrong = (cells < FULL / 2).sum(axis=0)
        return tuple(np.argsort(-np.minimum(right, wrong), kind="stable").tolist())


def grid_of(conditions: Sequence[Condition], items: Sequence[Item], trials: Iterable[Trial]) -> Grid:
    """Score `conditions` on `items`; records of others are left out."""
    row = {(one.strategy, one.budget, one.model): c for c, one in enumerate(conditions)}
    column = {item.id: i for i, item in enumerate(items)}
    shape = (len(conditions), len(items))
    total, scored, records = np.zeros(shape), np.zeros(shape, int), np.zeros(shape, int)
    for trial in trials:
        where = row.get((trial.strategy, trial.budget, trial.model)), column.get(trial.item)
        if where[0] is None or where[1] is None:
            continue
        records[where] += 1
        if trial.score is not None:
            scored[where] += 1
            total[where] += trial.score
    means = np.rint(FULL * total / np.maximum(scored, 1))
    cells = np.where(scored > 0, means, np.where(records > 0, FAILED, ABSENT))
    return Grid(cells=cells.astype(np.uint8))
