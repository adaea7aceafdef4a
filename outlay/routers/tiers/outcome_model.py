"""A prediction of what a question earns and costs at tiers it was not run at: the direct method.

Ridge regression on the tiers of the modules, each of them alone and together with what the question is about
(its vector's first principal components); the penalty is the one that predicts left-out questions best. So
modules add up in it, and how much each adds depends on the question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from outlay.memory.modules.routing import Tier

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

COMPONENTS: Final = 16
"""Of the questions' vectors, at most."""
PENALTIES: Final = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0)
FOLDS: Final = 5


@dataclass(frozen=True)
class OutcomeModel:
    """Task reward and dollars, predicted."""

    _centre: Array
    _axes: Array
    _weights: Array
    """`(columns, 2)`."""
    _means: Array
    _spreads: Array

    @classmethod
    def fit(
        cls,
        questions: NDArray[np.float32],
        which: NDArray[np.int64],
        tiers: NDArray[np.int64],
        earned: Array,
        together: NDArray[np.int64],
    ) -> OutcomeModel:
        """Fit what was logged.

        Args:
            questions: Their vectors, `(n, d)`.
            which: The question of each record, `(r,)`.
            tiers: `(r, 5)`.
            earned: Task reward and dollars, `(r, 2)`.
            together: Numbers the records, `(r,)`: those of one number, such as a conversation's, are left out
                together to choose the penalty.
        """
        centre, axes = _principal(questions)
        columns = _columns(_seen(questions, centre, axes)[which], tiers)
        means, spreads = earned.mean(0), np.maximum(earned.std(0), 1e-12)
        wanted = (earned - means) / spreads
        weights = [_ridge(columns, wanted[:, k], _penalty(columns, wanted[:, k], together)) for k in range(2)]
        return cls(centre, axes, np.stack(weights, axis=1), means, spreads)

    def predict(self, questions: NDArray[np.float32], tiers: NDArray[np.int64]) -> Array:
        """Give task reward and dollars, `(n, v, 2)`, for each question `(n, d)` at each of `(v, 5)` tiers."""
        seen = _seen(questions, self._centre, self._axes)
        both = [_columns(np.repeat(row[None], len(tiers), 0), tiers) @ self._weights for row in seen]
        return np.asarray(np.stack(both) * self._spreads + self._means)


def _principal(questions: NDArray[np.float32]) -> tuple[Array, Array]:
    """Give the mean, and axes along which questions differ by 1 in all, in the mean square: `(d, k)`."""
    centre = questions.mean(0, dtype=float)
    moved = questions - centre
    _, spreads, axes = np.linalg.svd(moved, full_matrices=False)
    axes = axes[: min(COMPONENTS, len(questions) // 2)]
    length = np.sqrt((spreads[: len(axes)] ** 2).sum() / len(questions))
    return centre, axes.T / max(length, 1e-12)


def _seen(questions: NDArray[np.float32], centre: Array, axes: Array) -> Array:
    return np.asarray((questions - centre) @ axes)


def _columns(seen: Array, tiers: NDArray[np.int64]) -> Array:
    """Give `(r, columns)`: 1 and what is above LOW, each alone and times each component."""
    above = [(tiers == tier).astype(float) for tier in (Tier.MID, Tier.HIGH)]
    chosen = np.concatenate([np.ones((len(tiers), 1)), *above], axis=1)
    with_one = np.concatenate([np.ones((len(seen), 1)), seen], axis=1)
    return np.asarray((chosen[:, :, None] * with_one[:, None, :]).reshape(len(tiers), -1))


def _ridge(columns: Array, wanted: Array, penalty: float) -> Array:
    square = columns.T @ columns + penalty * np.eye(columns.shape[1])
    return np.asarray(np.linalg.solve(square, columns.T @ wanted))


def _penalty(columns: Array, wanted: Array, together: NDArray[np.int64]) -> float:
    """Give the penalty that predicts best what is left out."""
    folds = together % FOLDS

    def missed(penalty: float) -> float:
        total = 0.0
        for fold in np.unique(folds):
            kept = folds != fold
            if not kept.any():
                return penalty  # a single fold: nothing to compare, the least one wins
            weights = _ridge(columns[kept], wanted[kept], penalty)
            total += float(((columns[~kept] @ weights - wanted[~kept]) ** 2).sum())
        return total

    return min(PENALTIES, key=missed)
