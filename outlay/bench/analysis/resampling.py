"""Items drawn again: intervals and p-values, the same draws for everything that is compared.

`scipy.stats.bootstrap` resamples one statistic at a time. Here every condition, the baseline, its
hull and the reading of it have to see the same draw, so draws are weights on items and all means
of all draws come out of one matrix product. The tests set the results beside SciPy's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.bench.analysis.findings import Estimate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

LEVEL: Final = 0.95
"""Of the intervals."""

MOST_DRAWS: Final = 20_000

_CELLS: Final = 1_000_000
"""Weights held at once."""

_TIE: Final = 1e-9
"""Differences as small as this are rounding, not results."""


def means(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average each column over the items where it is not NaN; NaN where there are none."""
    known = ~np.isnan(columns)
    return _ratio(np.where(known, columns, 0.0).sum(axis=0), known.sum(axis=0))


def resampled_means(columns: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """Average each column over resampled items, those where it is not NaN.

    Args:
        columns: Items by columns.
        draws: Resamples.
        seed: The same seed and number of items give the same resamples, whatever the columns.

    Returns:
        Draws by columns; NaN where a draw has no item with a value.
    """
    known = ~np.isnan(columns)
    filled = np.where(known, columns, 0.0)
    # Most columns lack the same items, if any: each such set is counted once.
    places: dict[bytes, int] = {}
    of = [places.setdefault(known[:, i].tobytes(), len(places)) for i in range(known.shape[1])]
    masks = np.column_stack([np.frombuffer(mask, dtype=bool) for mask in places]).astype(float)
    parts = [
        _ratio(weights @ filled, (weights @ masks)[:, of]) for weights in _weights(len(columns), draws, seed)
    ]
    return np.concatenate(parts)


def estimate(value: float, drawn: NDArray[np.float64]) -> Estimate:
    """Give `value` with the percentile interval of what it was in every draw."""
    low, high = np.nanquantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value=float(value), low=float(low), high=float(high))


def bootstrap_p(differences: NDArray[np.float64]) -> float:
    """Give the two-sided p-value at which the interval of quantiles of `differences` reaches 0.

    Never below 2 / (draws + 1): that many draws cannot show more.
    """
    known = differences[~np.isnan(differences)]
    tail = min((known <= _TIE).sum(), (known >= -_TIE).sum())
    return float(min(1.0, 2 * (tail + 1) / (len(known) + 1)))


def sign_flip_p(differences: NDArray[np.float64], draws: int, seed: int) -> NDArray[np.float64]:
    """Give the two-sided p-value of paired permutation for each column: NaN items are left out.

    Under the null each item's difference is as likely to be of the other sign. The same flips
    serve all columns, so that they are one matrix product.
    """
    filled = np.nan_to_num(differences)
    seen = np.abs(filled.sum(axis=0)) - _TIE
    rng = np.random.default_rng(seed)
    batch = max(1, _CELLS // len(filled))
    reached = np.zeros(filled.shape[1])
    for start in range(0, draws, batch):
        rows = min(batch, draws - start)
        signs = 2.0 * rng.integers(2, size=(rows, len(filled)), dtype=np.int8) - 1.0
        reached += (np.abs(signs @ filled) >= seen).sum(axis=0)
    return (reached + 1) / (draws + 1)


def holm(p: Sequence[float]) -> list[float]:
    """Adjust p-values for their number (Holm, 1979): each is at most 1 and keeps its rank."""
    order = np.argsort(p)
    stepped = np.asarray(p, dtype=float)[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(stepped))
    return [float(value) for value in adjusted]


def enough(draws: int, comparisons: int) -> int:
    """Give the draws with which so many comparisons can still come out below 0.05 after Holm."""
    return max(draws, min(MOST_DRAWS, 100 * comparisons))


def _weights(items: int, draws: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Yield multinomial weights: how often each draw has each item, some draws at a time."""
    rng = np.random.default_rng(seed)
    batch = max(1, _CELLS // items)
    for start in range(0, draws, batch):
        rows = min(batch, draws - start)
        picked = rng.integers(items, size=(rows, items)) + items * np.arange(rows)[:, None]
        yield np.bincount(picked.ravel(), minlength=rows * items).reshape(rows, items).astype(float)


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0))
