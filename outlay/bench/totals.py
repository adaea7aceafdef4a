"""The fence around a whole bench: it allots before a run starts, and books what it took when it ends."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from outlay.budget import Budget, Usage
from outlay.errors import BudgetExhaustedError
from outlay.ledger import Allowance, Ledger

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.bench.trial import Condition
    from outlay.ledger import Reservation, Snapshot

UNITS: Final = ("output_tokens", "usd")
"""The units a whole bench can be limited in."""

SHARES: Final = 16
"""A run whose budget is in another unit is first allotted the total over this, and more if that is short."""

PAUSE: Final = 1.0
"""Seconds between two times that the fence is kept, where nothing is limited."""


@dataclass
class Allotment:
    """What one run may spend of the whole."""

    budget: Budget
    everything: bool = False
    """Whether there is no more to give."""
    _reservation: Reservation | None = None

    def settle(self, paid: Usage) -> None:
        """Book what the run really paid."""
        if self._reservation is not None:
            self._reservation.settle(paid)

    def forfeit(self) -> None:
        """Book all of it as unconfirmed: nobody knows what the run spent."""
        if self._reservation is not None:
            self._reservation.forfeit()


class Totals:
    """What all runs together may spend, those before a kill included.

    Where no total is limited, runs in this process are charged as they go, and a kill may lose the last
    second of the count; with a limit, what was in flight at a kill stays spent, as unconfirmed.

    Args:
        budget: In `UNITS`; no limit: nothing is held back, everything is counted.
        before: The fence as an earlier run left it.
        keep: Where the fence is kept.
        elsewhere: Whether runs are made where this fence cannot see them, so that each is booked when it
            is back.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        before: Snapshot | None = None,
        keep: Callable[[Snapshot], None],
        elsewhere: bool = False,
    ) -> None:
        self.ledger = (
            Ledger.restore(before.model_copy(update={"budget": budget}))
            if before
            else Ledger(budget, name="bench")
        )
        self._budget = budget
        self._elsewhere = elsewhere
        self._write = keep
        self._written = 0.0
        self._seen: dict[tuple[Condition, str], float] = {}

    @property
    def paid(self) -> Usage:
        """What was really paid so far, by earlier runs on the directory, too: replayed calls are not."""
        return self.ledger.usage.less(self.ledger.replayed)

    def keep(self, *, last: bool = False) -> None:
        """Keep the fence, so that a later run goes on with it."""
        if self._budget.limited or last or time.monotonic() - self._written > PAUSE:
            self._written = time.monotonic()
            self._write(self.ledger.snapshot())

    async def allot(self, condition: Condition, tries: int = 0) -> Allotment | None:
        """Put by what a run under `condition` may spend; waits for runs in flight; `None`: it is too much.

        Args:
            condition: What is to run.
            tries: How often what was allotted to this run proved too little.
        """
        if not self._budget.limited:
            return await self._reserved(condition, {}) if self._elsewhere else Allotment(Budget())
        sizes = {unit: self._size(condition, unit, tries) for unit in UNITS if self._limit(unit) is not None}
        try:
            return await self._reserved(condition, sizes)
        except BudgetExhaustedError:
            return await self._rest(condition, sizes)

    def learn(self, condition: Condition, paid: Usage) -> None:
        """Remember what a run paid, so that the next one under its condition is allotted enough."""
        if self._budget.limited:
            for unit in UNITS:
                spent = getattr(paid, unit) or 0
                self._seen[condition, unit] = max(spent, self._seen.get((condition, unit), 0))

    async def _rest(self, condition: Condition, sizes: dict[str, float]) -> Allotment | None:
        """Put by all that is left, once what is in flight has shown how much that is."""
        before = None
        while True:
            left = self._left()
            rest = {
                unit: left[unit] if _own(condition, unit) is None else size for unit, size in sizes.items()
            }
            if left == before or any(not 0 < rest[unit] <= left[unit] for unit in rest):
                return None
            try:
                return await self._reserved(condition, rest)
            except BudgetExhaustedError:
                before = left

    async def _reserved(self, condition: Condition, sizes: dict[str, float]) -> Allotment:
        reservation = await self.ledger.areserve(Allowance(budget=Budget(**sizes)))
        self.keep()
        left = self._left()
        everything = all(size >= left[unit] for unit, size in sizes.items() if _own(condition, unit) is None)
        return Allotment(Budget(**sizes), everything, reservation)

    def _left(self) -> dict[str, float]:
        """Give what is not spent of each limited unit."""
        spent = self.ledger.usage
        limits = {unit: limit for unit in UNITS if (limit := self._limit(unit)) is not None}
        return {unit: limit - (getattr(spent, unit) or 0) for unit, limit in limits.items()}

    def _limit(self, unit: str) -> float | None:
        limit: float | None = getattr(self._budget, unit)
        return limit

    def _size(self, condition: Condition, unit: str, tries: int) -> float:
        own = _own(condition, unit)
        if own is not None:
            return own
        total = self._limit(unit) or 0
        guess = max(2 * self._seen.get((condition, unit), 0), total / SHARES) * 2**tries
        size = min(total, guess)
        return int(size) if unit == "output_tokens" else size


def _own(condition: Condition, unit: str) -> float | None:
    """Give the condition's own limit of a unit, which is all that its run can spend of it."""
    limit: float | None = getattr(condition.budget, unit)
    return limit
