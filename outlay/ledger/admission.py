"""Who is admitted, who waits and who is refused: one queue per outermost fence.

The rules: what a fence can still give at best is its *reach* (limit less spent, set aside and the
calls in flight), what it can give at once is its *room* (reach less everything reserved). A claim is
clipped to the smallest reach on its path and refused if that is too little; it is granted when every
room covers it, and otherwise waits. A waiter passes earlier ones only where it fits beside all their
claims at every fence they share. But for `settle` and `abandon`, all of it happens inside a `Turn`.
"""

from __future__ import annotations

import itertools
import logging
import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from outlay.errors import OutlayError
from outlay.ledger.claim import UNITS, Amounts, add, scale
from outlay.ledger.turn import now_or_late, soon

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from outlay.ledger.booking import Booking
    from outlay.ledger.fence import Fence
    from outlay.ledger.reservation import Reservation
    from outlay.ledger.turn import Tell
    from outlay.ledger.waiter import Waiter

_arrivals = itertools.count()
_log = logging.getLogger("outlay")


def offer(waiter: Waiter, tell: Tell) -> None:
    """Grant, refuse or queue a claim that has just been made."""
    target = waiter.admitted()
    asked = waiter.claim.amounts(target)
    roots = _roots(waiter.path)
    queued = any(root.queue for root in roots)
    if (not queued or waiter.covered(asked)) and waiter.fits(asked, {}):
        waiter.granted = _charge(waiter, target, asked)
        return
    waiter.future, waiter.arrival, waiter.since = Future(), next(_arrivals), time.monotonic()
    _warn_once(waiter, asked, tell)
    waiter.least = waiter.claim.amounts(waiter.claim.min_output_tokens)
    for root in roots:
        root.queue.append(waiter)
    if not waiter.holds:
        for fence in waiter.path:
            fence.waiting[waiter.paying] += 1
            fence.harden(waiter.least)
    if queued:
        judge(waiter.path, tell)


def judge(touched: Iterable[Fence], tell: Tell) -> None:
    """Judge again those who wait, after something was booked, freed or kept at the fences `touched`."""
    roots = [root for root in _roots(touched) if root.queue]
    while roots:
        if any(fence.pinched() for fence in touched):
            _turn_away_the_hopeless(roots, tell)
        touched = _let_in(roots, tell)
        if not any(fence.pinched() for fence in touched):
            return


def turn_away(waiter: Waiter, error: OutlayError, tell: Tell) -> None:
    """Refuse somebody who waited."""
    withdraw(waiter)
    tell.append(partial(_refuse, waiter, error))


def withdraw(waiter: Waiter) -> None:
    """Take a waiter out of its queues, if it is in them."""
    roots = [root for root in _roots(waiter.path) if waiter in root.queue]
    for root in roots:
        root.queue.remove(waiter)
    if roots:
        waited = time.monotonic() - waiter.since
        for fence in waiter.path:
            fence.tally.waited += waited
    if roots and not waiter.holds:
        for fence in waiter.path:
            fence.waiting[waiter.paying] -= 1


def abandon(waiter: Waiter) -> None:
    """Give up a claim whose maker no longer waits, with what it was granted in that instant."""

    def act(tell: Tell) -> None:
        withdraw(waiter)
        if waiter.granted is None:
            judge(waiter.path, tell)
        else:
            _conclude(waiter.granted, None, tell)

    now_or_late(act)


def settle(reservation: Reservation, booking: Booking | None) -> None:
    """Book a reservation's outcome, now or as soon as whoever holds the lock lets go of it."""
    soon(partial(_conclude, reservation, booking))


def _warn_once(waiter: Waiter, asked: Amounts, tell: Tell) -> None:
    """Log the first wait inside an outermost fence, with what would let calls run side by side."""
    root = waiter.path[-1]
    if root.warned or waiter.fits(asked, {}):
        return  # in the latter case it waits only to keep the order of the queue
    root.warned = True
    fence, unit = waiter.short(asked)
    tell.append(
        partial(
            _log.warning,
            "calls wait for one another in fence %r, whose limit is %s=%g: each reserves its worst case, "
            "here %g for %d output tokens. Give a smaller max_output_tokens=, or a larger budget. "
            "The fence's report has the seconds waited.",
            fence.name,
            UNITS[unit],
            fence.limit[unit] / scale(unit),
            asked[unit] / scale(unit),
            asked.output_tokens,
        )
    )


def _conclude(reservation: Reservation, booking: Booking | None, tell: Tell) -> None:
    """Replace a reservation by its outcome, unless it has one; `None`: nothing was sent."""
    if reservation.settled:
        return
    reservation.settled = True
    charged, used = reservation.charged, booking.amounts() if booking else Amounts()
    _tell_whether_cut(reservation, used)
    for fence in reservation.path:
        add(fence.reserved, charged, -1)
        fence.in_flight -= 1
        if booking:
            if not (fence.backstop and booking.replayed):
                add(fence.spent, used)
            fence.tally.book(reservation.claim.model, booking)
            if fence.marks:
                fence.passed(tell)
        if fence.closed:
            fence.retire()
    if reservation.drawn:
        _refill(reservation, used)
    judge(reservation.path, tell)


def _tell_whether_cut(reservation: Reservation, used: Amounts) -> None:
    """Note at the fence that clipped a request whether its reply needed more; of several, one may have."""
    fence = reservation.clipped
    if fence and (reservation.claim.n > 1 or used.output_tokens >= reservation.charged.output_tokens):
        fence.reached = True


def _refill(reservation: Reservation, used: Amounts) -> None:
    left = list(used)
    for hold, drawn in reservation.drawn:
        hold.refill([max(0, d - u) for d, u in zip(drawn, left, strict=True)])
        left = [max(0, u - d) for d, u in zip(drawn, left, strict=True)]


def _turn_away_the_hopeless(roots: Sequence[Fence], tell: Tell) -> None:
    waiters = _in_order(roots)
    for fence in {fence for waiter in waiters for fence in waiter.path}:
        fence.hardest = [0, 0, 0, 0]
    for waiter in waiters:
        try:
            waiter.admitted()
        except OutlayError as exc:
            turn_away(waiter, exc, tell)
            continue
        if not waiter.holds:
            for fence in waiter.path:
                fence.harden(waiter.least)


def _let_in(roots: Sequence[Fence], tell: Tell) -> set[Fence]:
    """Grant what fits, in order of arrival; gives the fences that were charged."""
    claimed: dict[Fence, list[int]] = {}
    blocked: tuple[set[Fence], set[Fence]] = (set(), set())
    charged: set[Fence] = set()
    for waiter in _in_order(roots):
        if waiter.holds or blocked[waiter.paying].isdisjoint(waiter.path):
            if _judge_one(waiter, claimed, tell):
                charged.update(waiter.path)
                continue
            blocking = _claim(waiter, claimed)
            blocked[True].update(blocking)
            if not waiter.paying:
                blocked[False].update(blocking)
            if len(roots) == 1 and _all_blocked(roots[0], blocked):
                break
        else:
            # Behind somebody who waits: not judged, but nobody passes its claim elsewhere either.
            _claim(waiter, claimed)
    return charged


def _judge_one(waiter: Waiter, claimed: dict[Fence, list[int]], tell: Tell) -> bool:
    """Whether the waiter waits no longer."""
    try:
        target = waiter.admitted()
    except OutlayError as exc:
        turn_away(waiter, exc, tell)
        return True
    waiter.asked = waiter.claim.amounts(target)
    if not waiter.fits(waiter.asked, {} if waiter.covered(waiter.asked) else claimed):
        return False
    withdraw(waiter)
    waiter.granted = _charge(waiter, target, waiter.asked)
    tell.append(partial(_hand_over, waiter))
    return True


def _claim(waiter: Waiter, claimed: dict[Fence, list[int]]) -> list[Fence]:
    """Note what a waiter claims; gives the fences that nobody like it can pass."""
    blocking = []
    for fence in waiter.path:
        if fence.limited:
            claims = claimed.setdefault(fence, [0, 0, 0, 0])
            add(claims, waiter.asked)
            if waiter.blocks(fence, claims):
                blocking.append(fence)
    return blocking


def _all_blocked(root: Fence, blocked: tuple[set[Fence], set[Fence]]) -> bool:
    """Whether nobody further back can be let in, so that a long queue is not walked for nothing."""
    return len(root.queue) == sum(root.waiting) and all(
        not root.waiting[kind] or any(f.waiting[kind] == root.waiting[kind] for f in blocked[kind])
        for kind in (False, True)
    )


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
    return Reservation(waiter.claim, target, waiter.path, asked, drawn, waiter.clipped)


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
    if len(roots) == 1:
        return list(roots[0].queue)
    return sorted({waiter for root in roots for waiter in root.queue}, key=lambda waiter: waiter.arrival)


def _roots(fences: Iterable[Fence]) -> list[Fence]:
    # Asked of each fence, because one may have moved under another parent since a call was charged.
    return list(dict.fromkeys(fence.path[-1] for fence in fences))
