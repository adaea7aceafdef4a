"""An admitted call: charged at its worst case until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.budget import PICODOLLARS, Usage
from outlay.ledger.admission import settle
from outlay.ledger.booking import Booking
from outlay.ledger.copies import Uncopyable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.ledger.claim import Amounts, Claim
    from outlay.ledger.fence import Fence
    from outlay.ledger.set_aside import SetAside


class Reservation(Uncopyable):
    """What a fence and all fences around it hold for one request.

    The first of `settle`, `release` and `forfeit` counts, the others do nothing. Each may be called
    from any thread, and from a finalizer.
    """

    __slots__ = (
        "__weakref__",
        "charged",
        "claim",
        "clipped",
        "drawn",
        "max_output_tokens",
        "path",
        "settled",
    )

    def __init__(
        self,
        claim: Claim,
        max_output_tokens: int,
        path: tuple[Fence, ...],
        charged: Amounts,
        drawn: Sequence[tuple[SetAside, Sequence[int]]],
        clipped: Fence | None = None,
    ) -> None:
        self.claim = claim
        self.max_output_tokens = max_output_tokens
        """What may be asked for, per generation."""
        self.path = path
        """The fences it is charged to, innermost first."""
        self.charged = charged
        self.drawn = drawn
        self.clipped = clipped
        """The fence that let it ask for fewer tokens than it wanted, if one did."""
        self.settled = False

    def settle(self, usage: Usage, *, replayed: bool = False) -> Usage:
        """Book what was really used.

        Args:
            usage: As the provider counted it; its dollars are reckoned here.
            replayed: Whether a replay store served it.

        Returns:
            `usage` with its dollars, `None` where the price is unknown.
        """
        cost = self.claim.cost(usage)
        dollars = None if cost is None else cost / PICODOLLARS
        booked = usage if usage.usd == dollars else usage.model_copy(update={"usd": dollars})
        settle(self, Booking(booked, cost, replayed=replayed))
        return booked

    def release(self) -> None:
        """Give everything back: nothing was sent, and no call is booked."""
        settle(self, None)

    def forfeit(self) -> Usage:
        """Book the whole reservation as unconfirmed: the outcome is unknown."""
        usage = self.claim.unknown(self.charged)
        cost = None if usage.usd is None else self.charged.picodollars
        settle(self, Booking(usage, cost, unconfirmed=True))
        return usage
