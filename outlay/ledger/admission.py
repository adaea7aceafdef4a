"""Who is admitted, who waits and who is refused: one queue per outermost fence.

The rules: what a fence can still give at best is its *reach* (limit less spent, set aside and the
calls in flight), what it can give at once is its *room* (reach less everything reserved). A claim is
clipped to the smallest reach on its path and refused if that is too little; it is granted when every
room covers it, and otherwise waits. A waiter passes earlier ones only where it fits beside all their
claims at every fence they share.
"""

from __future__ import annotations

import itertools
import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Final

from outlay.errors import OutlayError
from outlay.ledger.claim import CALLS, USD, Amounts, Claim, add, refusal
from outlay.ledger.fence import late, seconds_left
from outlay.ledger.turn import now_or_late, soon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.ledger.booking import Booking
    from outlay.ledger.fence import Fence
    from outlay.ledger.reservation import Reservation
    from outlay.ledger.set_aside import SetAside
    from outlay.ledger.turn import Tell

NOTHING: Final = Amounts()

_arrivals = itertools.count()


def settle(reservation: Reservation, booking: Booking | None) -> None:
    """Book a reservation's outcome, now or as soon as whoever holds the lock lets go of it."""
    soon(partial(_apply, reservation, booking))


def _apply(reservation: Reservation, booking: Booking | None, tell: Tell) -> None:
    if reservation.settled:
        return
    reservation.settled = True
    charged, used = reservation.charged, booking.amounts() if booking else Amounts()
    for fence in reservation.path:
        add(fence.reserved, charged, -1)
        fence.in_flight -= 1
        if booking:
            add(fence.spent, used)
            fence.tally.book(reservation.claim.model, booking)
            if fence.marks:
                fence.passed(tell)
        if fence.closed:
            fence.retire()
    if reservation.drawn:
        _refill(reservation, used)
    judge(reservation.path, tell)


def _refill(reservation: Reservation, used: Amounts) -> None:
    left = list(used)
    for hold, drawn in reservation.drawn:
        hold.refill([max(0, d - u) for d, u in zip(drawn, left, strict=True)])
        left = [max(0, u - d) for d, u in zip(drawn, left, strict=True)]


class Waiter:
    """A claim that was made: granted, refused or waiting."""

    __slots__ = ("arrival", "claim", "future", "granted", "holds", "path")

    def __init__(self, claim: Claim, path: tuple[Fence, ...], holds: tuple[SetAside, ...]) -> None:
        self.claim = claim
        self.path = path
        self.holds = holds
        self.arrival = 0
        self.granted: Reservation | None = None
        self.future: Future[Reservation]

    def seconds_left(self) -> float | None:
        """Give the time to the earliest deadline on the path; `None`: no deadline."""
        return seconds_left(self.path)

    def admitted(self) -> int:
        """Give the tokens per generation that the path affords at best.

        Raises:
            BudgetExhaustedError: They are too few, or a fence is closed or past its deadline.
            ConfigurationError: The price is unknown under a dollar limit.
        """
        target = self.claim.max_output_tokens
        for fence in self.path:
            if fence.closed:
                raise fence.refused()
            if fence.deadline is not None and time.monotonic() >= fence.deadline:
                raise late(self.path)
            for unit in fence.limited:
                reach = self._left(fence, unit, fence.in_flight if unit == CALLS else 0)
                target = min(target, self.claim.affordable(unit, reach, fence.name))
                if target < self.claim.min_output_tokens:
                    raise refusal(fence.name, unit, self.claim, reach)
        return target

    def fits(self, asked: Amounts, claimed: dict[Fence, list[int]]) -> bool:
        """Whether every fence has room for it beside what earlier waiters claim."""
        for fence in self.path:
            beside = claimed.get(fence, NOTHING) if claimed else NOTHING
            for unit in fence.limited:
                if asked[unit] > self._left(fence, unit, fence.reserved[unit]) - beside[unit]:
                    return False
        return True

    def covered(self, asked: Amounts) -> bool:
        """Whether the open set-asides alone pay for it, so that it need not queue."""
        return bool(self.holds) and all(
            need <= sum(hold.left[unit] for hold in self.holds) for unit, need in enumerate(asked)
        )

    def crowded(self, fence: Fence, claimed: list[int]) -> bool:
        """Whether nobody behind this waiter can pass it at `fence`: a claim takes a call and a token."""
        rooms = (
            self._left(fence, unit, fence.reserved[unit]) - claimed[unit]
            for unit in fence.limited
            if unit < USD
        )
        return any(room < 1 for room in rooms)

    def _left(self, fence: Fence, unit: int, taken: int) -> int:
        free = fence.limit[unit] - fence.spent[unit] - fence.held[unit] - taken
        for hold in self.holds:
            if fence in hold.path:
                free += hold.left[unit]
        return free


def offer(waiter: Waiter, tell: Tell) -> None:
    """Grant, refuse or queue a claim that has just been made."""
    target = waiter.admitted()
    asked = waiter.claim.amounts(target)
    roots = _roots(waiter.path)
    queued = any(root.queue for root in roots)
    if (not queued or waiter.covered(asked)) and waiter.fits(asked, {}):
        waiter.granted = _charge(waiter, target, asked)
        return
    waiter.future, waiter.arrival = Future(), next(_arrivals)
    for root in roots:
        root.queue.append(waiter)
    if queued:
        judge(waiter.path, tell)


def judge(path: Sequence[Fence], tell: Tell) -> None:
    """Judge again everybody who waits at the outermost fences of `path`, in order of arrival."""
    roots = [root for root in _roots(path) if root.queue]
    if not roots:
        return
    waiters = list(roots[0].queue) if len(roots) == 1 else _in_order(roots)
    claimed: dict[Fence, list[int]] = {}
    full: set[Fence] = set()
    for waiter in waiters:
        if waiter.holds or full.isdisjoint(waiter.path):
            _judge_one(waiter, claimed, full, tell)


def _judge_one(waiter: Waiter, claimed: dict[Fence, list[int]], full: set[Fence], tell: Tell) -> None:
    try:
        target = waiter.admitted()
    except OutlayError as exc:
        turn_away(waiter, exc, tell)
        return
    asked = waiter.claim.amounts(target)
    if waiter.fits(asked, {} if waiter.covered(asked) else claimed):
        withdraw(waiter)
        waiter.granted = _charge(waiter, target, asked)
        tell.append(lambda: _hand_over(waiter))
        return
    for fence in waiter.path:
        if fence.limited:
            claims = claimed.setdefault(fence, [0, 0, 0, 0])
            add(claims, asked)
            if waiter.crowded(fence, claims):
                full.add(fence)


def turn_away(waiter: Waiter, error: OutlayError, tell: Tell) -> None:
    """Refuse somebody who waited."""
    withdraw(waiter)
    tell.append(lambda: _refuse(waiter, error))


def withdraw(waiter: Waiter) -> None:
    """Take a waiter out of its queues, if it is in them."""
    for root in _roots(waiter.path):
        if waiter in root.queue:
            root.queue.remove(waiter)


def abandon(waiter: Waiter) -> None:
    """Give up a claim whose maker no longer waits, with what it was granted in that instant."""

    def act(tell: Tell) -> None:
        withdraw(waiter)
        judge(waiter.path, tell)
        if waiter.granted is not None:
            tell.append(waiter.granted.release)

    now_or_late(act)


def _charge(waiter: Waiter, target: int, asked: Amounts) -> Reservation:
    from outlay.ledger.reservation import Reservation  # noqa: PLC0415 - each needs the other's type

    drawn, need = [], list(asked)
    for hold in waiter.holds:
        share = [min(n, have) for n, have in zip(need, hold.left, strict=True)]
        hold.draw(share)
        need = [n - s for n, s in zip(need, share, strict=True)]
        drawn.append((hold, share))
    for fence in waiter.path:
        add(fence.reserved, asked)
        fence.in_flight += 1
    return Reservation(waiter.claim, target, waiter.path, asked, drawn)


def _hand_over(waiter: Waiter) -> None:
    if waiter.granted is None:
        return
    if waiter.future.set_running_or_notify_cancel():
        waiter.future.set_result(waiter.granted)
    else:
        waiter.granted.release()


def _refuse(waiter: Waiter, error: OutlayError) -> None:
    if waiter.future.set_running_or_notify_cancel():
        waiter.future.set_exception(error)


def _in_order(roots: Sequence[Fence]) -> list[Waiter]:
    return sorted({waiter for root in roots for waiter in root.queue}, key=lambda waiter: waiter.arrival)


def _roots(path: Sequence[Fence]) -> list[Fence]:
    if path[-1].parent is None and len(path[0].path) == len(path):
        return [path[-1]]
    return [fence for fence in path if fence.parent is None]
