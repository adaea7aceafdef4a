"""An admitted call: charged at its worst case until it is settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.budget import PICODOLLARS, Usage, UsageReport, picodollars
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

        What the provider did not report (the prompt, web searches) stays spent as it was reserved, as
        unconfirmed.

        Args:
            usage: As the provider counted it; its dollars are computed here.
            replayed: Whether a replay store served it.

        Returns:
            The usage that is booked, with its dollars; `None` where the price is unknown.
        """
        if isinstance(usage, UsageReport):
            return self._settle_report(usage, replayed=replayed)
        cost = self.claim.cost(usage)
        dollars = _dollars(cost)
        booked = usage if usage.usd == dollars else usage.model_copy(update={"usd": dollars})
        settle(self, Booking(booked, cost, replayed=replayed))
        return booked

    def _settle_report(self, report: UsageReport, *, replayed: bool) -> Usage:
        missing = max(0, self.claim.prompt_tokens - report.prompt_tokens)
        missing = 0 if report.prompt_reported else missing
        cost = confirmed = self.claim.cost(report)
        unconfirmed = None
        unreported = self._unreported(report, missing)
        if missing or unreported:
            if cost is not None:
                known = self.claim.cost(report.model_copy(update={"cost": None}))
                cost = max(cost, (known or 0) + unreported)
            rest = None if cost is None or confirmed is None else cost - confirmed
            unconfirmed = Booking(Usage(prompt_tokens=missing, usd=_dollars(rest)), rest)
            report = report.model_copy(update={"prompt_tokens": report.prompt_tokens + missing})
        booked = report.plain(usd=_dollars(cost))
        settle(self, Booking(booked, cost, unconfirmed=unconfirmed, replayed=replayed))
        return booked

    def _unreported(self, report: UsageReport, prompt_tokens: int) -> int:
        """Return the picodollars that are reserved for what the report leaves out."""
        if self.claim.rates is None or self.claim.price is None:
            return 0
        searches = self.claim.searches if report.searches is None else 0
        prompt = self.claim.rates.worst_case(prompt_tokens, 0) if prompt_tokens else 0
        return prompt + searches * picodollars(self.claim.price.search or 0.0)

    def release(self) -> None:
        """Give everything back: nothing was sent, and no call is booked."""
        settle(self, None)

    def forfeit(self, floor: Usage | None = None) -> Usage:
        """Book the whole reservation as unconfirmed: the outcome is unknown.

        Args:
            floor: What was used at least. The larger of it and the reservation is booked, each of
                prompt, output and dollars for itself.
        """
        usage = self.claim.unknown(self.charged)
        cost = None if usage.usd is None else self.charged.picodollars
        if floor is not None:
            larger = {name: max(getattr(usage, name), getattr(floor, name)) for name in _TOKENS}
            usage = floor.model_copy(
                update={"calls": usage.calls, "generations": usage.generations, **larger}
            )
            cost = max((one for one in (cost, self.claim.cost(usage)) if one is not None), default=None)
            usage = Usage(
                **{name: getattr(usage, name) for name in Usage.model_fields} | {"usd": _dollars(cost)}
            )
        booking = Booking(usage, cost)
        settle(self, Booking(usage, cost, unconfirmed=booking))
        return usage


_TOKENS: Final = ("prompt_tokens", "output_tokens")


def _dollars(cost: int | None) -> float | None:
    return None if cost is None else cost / PICODOLLARS
