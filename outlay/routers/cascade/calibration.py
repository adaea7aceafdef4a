"""Which rule to use, from labelled items: the cheapest that is accurate enough, or the best affordable one.

Every rule is tried on the same samples, so that trying costs no call: m equal of the first k, for each k up
to the N that were drawn, the student alone and the teacher alone. What is chosen looks better on the items
it was chosen on than it is, so the choice is made again and again on a part of the items and tried on the
rest.
"""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, Final

from pydantic import Field

from outlay.budget import Amount, Settings
from outlay.errors import ConfigurationError
from outlay.routers.cascade.economics import PICODOLLAR
from outlay.routers.cascade.figures import Calibration, Candidate, Figures, Interval
from outlay.routers.cascade.trying import Outcome, outcomes, rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from outlay.routers.cascade.equivalence import Equivalence
    from outlay.routers.cascade.figures import Observation

FOLDS: Final = 10
"""Parts of the items; a rule is chosen on all but one of them and tried on that one."""

PARTINGS: Final = 20
"""How often the items are parted anew; what an item gets is the mean of these."""

DRAWS: Final = 2000
"""Resamples behind an interval of dollars."""

LEAST: Final = 2
"""Items of which one can be held out."""

_TIE: Final = 1e-9
"""Relative differences as small as this are rounding."""


class Asked(Settings):
    """What is asked for: one of the two; and how sure to be of it."""

    accuracy: float | None = Field(default=None, gt=0, le=1)
    usd: Amount | None = None
    confidence: float = Field(default=0.95, gt=0, lt=1)

    def serves(self, right: float, usd: float) -> bool:
        """Whether such means are what is asked for."""
        if self.accuracy is not None:
            return right >= self.accuracy * (1 - _TIE)
        return self.usd is not None and usd <= self.usd * (1 + _TIE)

    def best(self, means: Sequence[Outcome]) -> int:
        """Give the place of the rule to use; of equals the first."""
        able = [place for place, mean in enumerate(means) if self.serves(mean.right, mean.usd)]
        cheapest_first = bool(able) == (self.accuracy is not None)

        def rank(place: int) -> tuple[float, float]:
            cheap, accurate = round(means[place].usd, PICODOLLAR), -round(means[place].right, PICODOLLAR)
            return (cheap, accurate) if cheapest_first else (accurate, cheap)

        return min(able or range(len(means)), key=rank)


def calibrate(
    observations: Sequence[Observation],
    *,
    accuracy: float | None = None,
    usd: float | None = None,
    equivalence: Equivalence = "action",
    in_waves: bool = False,
    confidence: float = 0.95,
    seed: int = 0,
) -> Calibration:
    """Choose a rule by what every rule comes to on labelled items.

    Intervals of shares are Wilson's, which do not vanish where all items are alike; those of dollars are
    percentiles of a bootstrap over items.

    Args:
        observations: Labelled items, each with the same number of samples.
        accuracy: The share of right answers to reach, 0 to 1, at the lowest cost.
        usd: The most dollars per item, at the highest accuracy. One of the two is given.
        equivalence: When samples are equal; `judge` takes values as they are.
        in_waves: Whether samples that no verdict needs are not bought; each must have been billed with a
            prompt of its own.
        confidence: Of the intervals, between 0 and 1.
        seed: Of the folds and resamples.

    Raises:
        ConfigurationError: Items are fewer than two or differ in their number of samples, what was asked
            for is neither, both or out of range, or SciPy is missing.
    """
    asked = Asked(accuracy=accuracy, usd=usd, confidence=confidence)
    tried = rules(_samples(observations, asked), equivalence)
    table = _table([outcomes(item, tried, in_waves=in_waves) for item in observations])
    folds = min(FOLDS, len(table))
    held_out = _held_out(table, asked, folds, seed)
    figures, saved = _figures([*table.swapaxes(0, 1), held_out], confidence, seed)
    candidates = [
        Candidate(who=rule.who, cascade=rule.cascade, figures=found)
        for rule, found in zip(tried, figures, strict=False)
    ]
    best = asked.best(means := _means(table))
    return Calibration(
        items=len(table),
        **dict(asked),
        candidates=tuple(candidates),
        chosen=candidates[best],
        met=asked.serves(means[best].right, means[best].usd),
        held_out=figures[-1],
        saved=saved,
        in_waves=in_waves,
        folds=folds,
    )


def wilson(share: float, items: int, confidence: float) -> tuple[float, float]:
    """Give between what a share lies that was seen on so many items (Wilson, 1927).

    A mean of numbers between 0 and 1 varies less than a share does: for one it is wide enough, too.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    shrunk = 1 + z * z / items
    centre = (share + z * z / (2 * items)) / shrunk
    half = z * sqrt(share * (1 - share) / items + (z / (2 * items)) ** 2) / shrunk
    return max(0.0, centre - half), min(1.0, centre + half)


def _samples(observations: Sequence[Observation], asked: Asked) -> int:
    """Give N."""
    if (asked.accuracy is None) == (asked.usd is None):
        raise ConfigurationError("calibrate needs accuracy= or usd=, and not both")
    if len(observations) < LEAST:
        raise ConfigurationError(f"calibrate needs {LEAST} labelled items or more, not {len(observations)}")
    numbers = sorted({len(item.values) for item in observations})
    if len(numbers) > 1:
        raise ConfigurationError(
            f"items have {numbers[0]} to {numbers[-1]} samples: give each the same number"
        )
    return numbers[0]


def _table(found: Sequence[Sequence[Outcome]]) -> NDArray[np.float64]:
    """Give items by rules by the fields of an outcome."""
    try:
        import numpy as np  # noqa: PLC0415 - an extra
    except ImportError as exc:
        raise ConfigurationError("calibrating needs SciPy: pip install 'outlay[bench]'") from exc
    return np.array(found, dtype=np.float64)


def _means(table: NDArray[np.float64]) -> list[Outcome]:
    return [Outcome(*mean) for mean in table.mean(axis=0).tolist()]


def _held_out(table: NDArray[np.float64], asked: Asked, folds: int, seed: int) -> NDArray[np.float64]:
    """Give what each item gets under the rule that is best on the other parts; mean of all partings."""
    import numpy as np  # noqa: PLC0415 - an extra

    dice = np.random.default_rng(seed)
    got = np.zeros((len(table), table.shape[2]))
    for _ in range(PARTINGS):
        fold = dice.permutation(len(table)) % folds
        for part in range(folds):
            inside = fold == part
            got[inside] += table[inside, asked.best(_means(table[~inside]))]
    return got / PARTINGS


def _bootstrap(columns: Sequence[NDArray[np.float64]], confidence: float, seed: int) -> list[Interval]:
    """Give the mean of each column of items, between percentiles of its resamples."""
    import numpy as np  # noqa: PLC0415 - an extra

    try:
        from scipy.stats import bootstrap  # noqa: PLC0415 - an extra, and a second to import
    except ImportError as exc:
        raise ConfigurationError("calibrating needs SciPy: pip install 'outlay[bench]'") from exc
    table = np.round(columns, PICODOLLAR) + 0.0  # no minus nothing
    drawn = bootstrap(
        (table,),
        np.mean,
        axis=-1,
        n_resamples=DRAWS,
        batch=100,
        confidence_level=confidence,
        method="percentile",
        rng=seed,
    )
    found = np.column_stack([table.mean(axis=-1), *drawn.confidence_interval])
    return [Interval(value=value, low=low, high=high) for value, low, high in found.tolist()]


def _figures(
    columns: Sequence[NDArray[np.float64]], confidence: float, seed: int
) -> tuple[list[Figures], Interval]:
    """Give the figures of each way to answer, and the dollars that the last saves against the one before."""
    dollars = _bootstrap([c[:, -1] for c in [*columns, columns[-2] - columns[-1]]], confidence, seed)
    figures = []
    for column, usd in zip(columns, dollars[:-1], strict=True):
        mean = Outcome(*column.mean(axis=0).tolist())
        accuracy = _share(mean.right, len(column), confidence)
        deferral = _share(mean.deferred, len(column), confidence)
        figures.append(Figures(accuracy=accuracy, deferral=deferral, usd=usd))
    return figures, dollars[-1]


def _share(share: float, items: int, confidence: float) -> Interval:
    low, high = wilson(share, items, confidence)
    return Interval(value=share, low=low, high=high)
