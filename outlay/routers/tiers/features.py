"""What a policy reads off a decision: vectors, and by choice the trade-off and what is left of the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from outlay.budget import Budget, Settings
from outlay.errors import PolicyError
from outlay.memory.modules.routing import MODULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.memory.modules.routing import Decision


class Features(Settings):
    """Which numbers, in this order: question, what the module is given, trade-off, what is left."""

    dimension: int = Field(gt=0)
    """d, of each of the two vectors."""
    trade_off: bool = False
    """Whether lambda is among them, so that one policy serves all (past the paper)."""
    whole: Budget | None = None
    """What pays for every module at its dearest tier; what is left is told as a share of it, 1 at most.
    `None`: it is not told (past the paper)."""

    @property
    def context(self) -> int:
        """Numbers beside the two vectors."""
        return self.trade_off + (self.whole is not None)

    @property
    def size(self) -> int:
        """Numbers of a decision."""
        return 2 * self.dimension + self.context

    def rows(self, decisions: Sequence[Decision]) -> NDArray[np.float32]:
        """Give one row per decision: `(n, size)`.

        Raises:
            PolicyError: A vector is of another dimension, or not finite.
        """
        asked = self.vectors([decision.question for decision in decisions])
        given = self.vectors([decision.given for decision in decisions])
        trade_offs = np.array([decision.trade_off for decision in decisions], dtype=np.float32)
        left = np.array([self.share(decision.left) for decision in decisions], dtype=np.float32)
        return self.joined(asked, given, trade_offs, left)

    def joined(
        self,
        question: NDArray[np.float32],
        given: NDArray[np.float32],
        trade_off: NDArray[np.float32],
        left: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Put the parts of rows together: `(..., d)`, `(..., d)`, `(...)` and `(...)`."""
        context = [part[..., None] for part, told in self._told(trade_off, left) if told]
        return np.concatenate([question, given, *context], axis=-1, dtype=np.float32)

    def _told(
        self, trade_off: NDArray[np.float32], left: NDArray[np.float32]
    ) -> list[tuple[NDArray[np.float32], bool]]:
        return [(trade_off, self.trade_off), (left, self.whole is not None)]

    def vectors(self, given: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Give vectors as rows: `(n, dimension)`.

        Raises:
            PolicyError: One is of another dimension, or not finite.
        """
        shapes = {np.shape(vector) for vector in given}
        if shapes - {(self.dimension,)}:
            raise PolicyError(
                f"vectors of shape {', '.join(map(str, sorted(shapes)))} where the policy reads "
                f"{self.dimension} numbers: use the embedder it was trained with"
            )
        rows = np.asarray(given, dtype=np.float32).reshape(len(given), self.dimension)
        if not np.isfinite(rows).all():
            raise PolicyError("a vector holds what is no number: check what its embedder gives")
        return rows

    def share(self, left: Budget | None) -> float:
        """Give what is left as a share of `whole`, in the unit that is shortest; 1: enough.

        No limit, and limits in other units, leave enough.
        """
        if left is None or self.whole is None:
            return 1.0
        limits = {unit: limit for unit, limit in left if limit is not None}
        shares = [float(limits[unit]) / full for unit, full in self.whole if full and unit in limits]
        return float(max(0.0, min([1.0, *shares])))


def places(decisions: Sequence[Decision]) -> NDArray[np.int64]:
    """Give the place of each decision's module in `MODULES`.

    Raises:
        PolicyError: There is no such module.
    """
    unknown = {decision.module for decision in decisions}.difference(MODULES)
    if unknown:
        raise PolicyError(f"no module {', '.join(sorted(unknown))}: there are {', '.join(MODULES)}")
    return np.array([MODULES.index(decision.module) for decision in decisions], dtype=np.int64)
