"""Who is admitted, who waits and who is refused: one lock, one queue per outermost fence.

The rules: what a fence can still give at best is its *reach* (limit less spent, set aside and the
calls in flight), what it can give at once is its *room* (reach less everything reserved). A claim is
clipped to the smallest reach on its path and refused if that is too little; it is granted when every
room covers it, and otherwise waits. A waiter passes earlier ones only where it fits beside all their
claims at every fence they share.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import BudgetExhaustedError, OutlayError
from outlay.ledger.claim import UNLIMITED, USD, Amounts, Claim, check_priced, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from outlay.ledger.booking import Booking
    from outlay.ledger.ledger import Ledger
    from outlay.ledger.reservation import Reservation
    from outlay.ledger.set_aside import SetAside

CLOSED: Final = "closed"

_lock = threading.Lock()
_late: deque[tuple[Reservation, Booking | None]] = deque()
_arrivals = itertools.count()


class Turn:
    """The ledger's one critical section; what it has to tell is told after it.

    A finalizer may run inside it, on the same thread: settlements therefore never take the lock, but
    are left in a queue that every holder drains, before and after its own work.
    """

    def __enter__(self) -> list[Callable[[], None]]:
        _lock.acquire()
        self._tell: list[Callable[[], None]] = []
        _drain(self._tell)
        return self._tell

    def __exit__(self, *exc: object) -> None:
        _drain(self._tell)
        _lock.release()
        for act in self._tell:
            act()
        flush()


def settle(reservation: Reservation, booking: Booking | None) -> None:
    """Book a reservation's outcome, now or as soon as whoever holds the lock lets go of it."""
    _late.append((reservation, booking))
    flush()


def flush() -> None:
    """Apply what was left by finalizers and by threads that met the lock."""
    while _late and _lock.acquire(blocking=False):
        tell: list[Callable[[], None]] = []
        try:
            _drain(tell)
        finally:
            _lock.release()
        for act in tell:
            act()


def _drain(tell: list[Callable[[], None]]) -> None:
    while _late:
        reservation, booking = _late.popleft()
        if not reservation.settled:
            reservation.settled = True
            _apply(reservation, booking, tell)


def _apply(reservation: Reservation, booking: Booking | None, tell: list[Callable[[], None]]) -> None:
    charged, used = reservation.charged, booking.amounts() if booking else Amounts()
    for fence in reservation.path:
        _add(fence.reserved, charged, -1)
        fence.in_flight -= 1
        if booking:
            _add(fence.spent, used)
            fence.tally.book(reservation.claim.model, booking)
            fence.passed(tell)
        fence.retire()
    left = list(used)
    for hold, drawn in reservation.drawn:
        back = [max(0, d - u) for d, u in zip(drawn, left, strict=True)]
        left = [max(0, u - d) for d, u in zip(drawn, left, strict=True)]
        hold.refill(back)
    judge(reservation.path, tell)


class Waiter:
    """A claim that was made: granted, refused or waiting."""

    __slots__ = ("arrival", "claim", "future", "granted", "holds", "path", "roots")

    def __init__(self, claim: Claim, path: tuple[Ledger, ...], holds: tuple[SetAside, ...]) -> None:
        self.claim = claim
        self.path = path
        self.holds = holds
        self.roots = [fence for fence in path if fence.outermost]
        self.arrival = next(_arrivals)
        self.granted: Reservation | None = None
        self.future: Future[Reservation] = Future()

    def left(self, fence: Ledger, *, reserved: bool) -> list[int]:
        """Give the fence's room (`reserved`) or reach, with what the open set-asides hold for it."""
        taken = fence.reserved if reserved else (fence.in_flight, 0, 0, 0)
        free = [
            limit - spent - held - used
            for limit, spent, held, used in zip(fence.limit, fence.spent, fence.held, taken, strict=True)
        ]
        for hold in self.holds:
            if fence in hold.path:
                _add(free, hold.left)
        return free

    def admitted(self) -> int:
        """Give the tokens per generation that the path affords at best.

        Raises:
            BudgetExhaustedError: They are too few, or a fence is closed or past its deadline.
            ConfigurationError: The price is unknown under a dollar limit.
        """
        target, now = self.claim.max_output_tokens, time.monotonic()
        for fence in self.path:
            if fence.closed:
                raise BudgetExhaustedError(fence.name, CLOSED, 1, 0)
            if fence.deadline is not None and now >= fence.deadline:
                raise BudgetExhaustedError(fence.name, "seconds", 0, 0)
            if self.claim.price is None and fence.limit[USD] < UNLIMITED:
                check_priced(self.claim, fence.name)
            reach = self.left(fence, reserved=False)
            target = min(target, self.claim.affordable(reach))
            if target < self.claim.min_output_tokens:
                raise refusal(fence.name, self.claim, reach)
        return target

    def fits(self, asked: Amounts, claimed: dict[Ledger, list[int]]) -> bool:
        """Whether every fence has room for it beside what earlier waiters claim."""
        for fence in self.path:
            beside = claimed.get(fence) or (0, 0, 0, 0)
            room = self.left(fence, reserved=True)
            if any(a > r - b for a, r, b in zip(asked, room, beside, strict=True)):
                return False
        return True

    def covered(self, asked: Amounts) -> bool:
        """Whether the open set-asides alone pay for it, so that it need not queue."""
        return bool(self.holds) and all(
            need <= sum(hold.left[unit] for hold in self.holds) for unit, need in enumerate(asked)
        )


def offer(waiter: Waiter, tell: list[Callable[[], None]]) -> None:
    """Grant, refuse or queue a claim that has just been made."""
    try:
        target = waiter.admitted()
    except OutlayError as exc:
        waiter.future.set_exception(exc)
        return
    asked = waiter.claim.amounts(target)
    queued = any(root.queue for root in waiter.roots)
    if (not queued or waiter.covered(asked)) and waiter.fits(asked, {}):
        waiter.granted = _charge(waiter, target, asked)
        waiter.future.set_result(waiter.granted)
        return
    for root in waiter.roots:
        root.queue.append(waiter)
    if queued:
        judge(waiter.path, tell)


def judge(path: Iterable[Ledger], tell: list[Callable[[], None]]) -> None:
    """Judge again everybody who waits at the outermost fences of `path`, in order of arrival."""
    roots = [fence for fence in path if fence.outermost and fence.queue]
    if not roots:
        return
    waiters = list(roots[0].queue) if len(roots) == 1 else _in_order(roots)
    claimed: dict[Ledger, list[int]] = {}
    full: set[Ledger] = set()
    for waiter in waiters:
        if full.isdisjoint(waiter.path) or waiter.holds:
            _judge_one(waiter, claimed, full, tell)


def _judge_one(
    waiter: Waiter, claimed: dict[Ledger, list[int]], full: set[Ledger], tell: list[Callable[[], None]]
) -> None:
    try:
        target = waiter.admitted()
    except OutlayError as exc:
        withdraw(waiter)
        tell.append(partial(_refuse, waiter, exc))
        return
    asked = waiter.claim.amounts(target)
    if waiter.fits(asked, {} if waiter.covered(asked) else claimed):
        withdraw(waiter)
        waiter.granted = _charge(waiter, target, asked)
        tell.append(partial(_hand_over, waiter))
        return
    for fence in waiter.path:
        _add(claimed.setdefault(fence, [0, 0, 0, 0]), asked)
        room = waiter.left(fence, reserved=True)
        # A claim takes at least a call and a token: where neither is left, nobody behind can pass.
        if any(r - c < 1 for r, c in zip(room[:USD], claimed[fence], strict=False)):
            full.add(fence)


def withdraw(waiter: Waiter) -> None:
    """Take a waiter out of its queues, if it is in them."""
    for root in waiter.roots:
        if waiter in root.queue:
            root.queue.remove(waiter)


def abandon(waiter: Waiter) -> None:
    """Give up a claim whose maker no longer waits, with what it was granted in that instant."""
    with Turn() as tell:
        withdraw(waiter)
        judge(waiter.path, tell)
    if waiter.granted is not None:
        waiter.granted.release()


def _charge(waiter: Waiter, target: int, asked: Amounts) -> Reservation:
    from outlay.ledger.reservation import Reservation  # noqa: PLC0415 - each needs the other's type

    drawn, need = [], list(asked)
    for hold in waiter.holds:
        share = [min(n, have) for n, have in zip(need, hold.left, strict=True)]
        hold.draw(share)
        need = [n - s for n, s in zip(need, share, strict=True)]
        drawn.append((hold, share))
    for fence in waiter.path:
        _add(fence.reserved, asked)
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


def _in_order(roots: Sequence[Ledger]) -> list[Waiter]:
    return sorted({waiter for root in roots for waiter in root.queue}, key=lambda waiter: waiter.arrival)


def _add(into: list[int], amounts: Sequence[int], sign: int = 1) -> None:
    for unit in range(4):
        into[unit] += sign * amounts[unit]


def add(into: list[Any], amounts: Sequence[int], sign: int = 1) -> None:
    """Add amounts in place."""
    _add(into, amounts, sign)
