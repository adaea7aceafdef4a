"""One claim against the fences of its path: what they afford it, and whether there is room now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from outlay.ledger.claim import CALLS, USD, Amounts, Claim, refusal
from outlay.ledger.fence import late

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from outlay.ledger.fence import Fence
    from outlay.ledger.reservation import Reservation
    from outlay.ledger.set_aside import SetAside

NOTHING: Final = Amounts()


class Waiter:
    """A claim that was made: granted, refused or waiting."""

    __slots__ = (
        "arrival",
        "asked",
        "claim",
        "clipped",
        "future",
        "granted",
        "holds",
        "least",
        "path",
        "since",
    )

    def __init__(self, claim: Claim, path: tuple[Fence, ...], holds: tuple[SetAside, ...]) -> None:
        self.claim = claim
        self.path = path
        self.holds = holds
        self.arrival = 0
        self.since = 0.0
        """When it began to wait; 0: it has not."""
        self.asked = NOTHING
        """What it claims, as it was last judged."""
        self.least = NOTHING
        """What it is refused without."""
        self.clipped: Fence | None = None
        """The fence that affords fewer tokens than were asked for, and the fewest of all."""
        self.granted: Reservation | None = None
        self.future: Future[Reservation]

    def admitted(self) -> int:
        """Give the tokens per generation that the path affords at best.

        Raises:
            BudgetExhaustedError: They are too few, a fence is past its deadline, or closed while this waited.
            ConfigurationError: A fence was closed before, or the price is unknown under a dollar limit.
        """
        target, self.clipped = self.claim.max_output_tokens, None
        for fence in self.path:
            if fence.closed:
                raise fence.refused() if self.since else fence.left()
            if fence.deadline is not None and time.monotonic() >= fence.deadline:
                raise late(self.path)
            for unit in fence.limited:
                reach = self._left(fence, unit, fence.in_flight if unit == CALLS else 0)
                affordable = self.claim.affordable(unit, reach, fence.name)
                if affordable < target:
                    target, self.clipped = affordable, fence
                if target < self.claim.min_output_tokens:
                    fence.reached = True
                    raise refusal(fence.name, unit, self.claim, reach)
        return target

    def fits(self, asked: Amounts, claimed: dict[Fence, list[int]]) -> bool:
        """Whether every fence has room for it beside what earlier waiters claim."""
        for fence in self.path:
            beside = claimed.get(fence, NOTHING) if claimed else NOTHING
            for unit in fence.limited:
                room = self._left(fence, unit, fence.reserved[unit])
                if asked[unit] and asked[unit] > room - beside[unit]:
                    return False
        return True

    def short(self, asked: Amounts) -> tuple[Fence, int]:
        """Return the first fence and unit that have no room for it."""
        return next(
            (fence, unit)
            for fence in self.path
            for unit in fence.limited
            if asked[unit] > self._left(fence, unit, fence.reserved[unit])
        )

    def covered(self, asked: Amounts) -> bool:
        """Whether the open set-asides alone pay for it, so that it need not queue."""
        return bool(self.holds) and all(
            need <= sum(hold.left[unit] for hold in self.holds) for unit, need in enumerate(asked)
        )

    def blocks(self, fence: Fence, claimed: Sequence[int]) -> bool:
        """Whether nobody like it can pass it at `fence`: each takes a call, a token and a picodollar.

        Those whose calls cost nothing are not like those whose calls do.
        """
        return any(
            self._left(fence, unit, fence.reserved[unit]) - claimed[unit] < 1
            for unit in fence.limited
            if unit != USD or self.paying
        )

    @property
    def paying(self) -> bool:
        """Whether its call costs money."""
        return self.least[USD] > 0

    def _left(self, fence: Fence, unit: int, taken: int) -> int:
        free = fence.limit[unit] - fence.spent[unit] - fence.held[unit] - taken
        for hold in self.holds:
            if fence in hold.path:
                free += hold.left[unit]
        return free
