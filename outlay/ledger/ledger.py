"""Fences as their users see them: a tree of context managers that calls are made inside of."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Self

from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError
from outlay.ledger import copies
from outlay.ledger.admission import abandon, judge, offer, turn_away
from outlay.ledger.booking import Report, Snapshot, Tally, room_as_budget
from outlay.ledger.callbacks import deferred
from outlay.ledger.claim import USD, Amounts, Claim, refusal, unpriced
from outlay.ledger.fence import Fence, late, seconds_left
from outlay.ledger.scope import current_ledger, inherited, step_in, step_out
from outlay.ledger.set_aside import SetAside, open_set_asides
from outlay.ledger.turn import Turn, now_or_late
from outlay.ledger.waiter import Waiter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlay.ledger.reservation import Reservation
    from outlay.ledger.turn import Tell


class Ledger(Fence):
    """A fence: what is called inside it spends no more than its budget, nor than any fence around it.

    A context manager; its parent is the fence it is entered in. One that was never entered opens as
    an outermost fence with the first call made on it by name (`Model(..., ledger=ledger)`).

    A fence belongs to the process that made it, and cannot be copied or pickled. In a process forked
    inside its `with` block calls are refused; a new Ledger with limits of its own opens there as an
    outermost fence.

    Args:
        budget: The limits; `None`: none, but everything is counted.
        name: What reports and refusals call it.
        backstop: Whether it only holds what is really paid: `remaining` leaves its limits out, so that
            nobody inside plans by them, and replayed calls, which cost nothing, take nothing from them.
            `reached` tells whether it came to that.
    """

    def __init__(self, budget: Budget | None = None, *, name: str = "run", backstop: bool = False) -> None:
        super().__init__(budget, name, backstop=backstop)
        self._allotted_by: Ledger | None = None
        self._entries = 0

    def __enter__(self) -> Self:
        self.check_process()
        # Its share of the budget is what a forked process may have: no limit would be no fence.
        ambient = None if inherited() and self.budget.limited else current_ledger()
        parent = ambient if self._allotted_by is None else self._allotted_by
        if self._allotted_by is not None and ambient is not self:
            self._allotted_by.check_around(ambient)
        with Turn():
            if self._entries and ambient is not self and parent is not self.parent:
                raise ConfigurationError(
                    f"fence {self.name!r} is open inside another fence: make a new Ledger"
                )
            if not self._entries:
                self.reopen(parent)
            self._entries += 1
        step_in(self)
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process == copies.process:
            now_or_late(self._leave)
        step_out(self)

    def _leave(self, tell: Tell) -> None:
        self._entries -= 1
        if not self._entries:
            for waiter in self.close():
                turn_away(waiter, self.refused(), tell)
            judge(self.path, tell)

    def allot(self, budget: Budget | None = None, *, name: str) -> Ledger:
        """Give a narrower fence inside this one, to be entered by `with`.

        More than this fence has left is fine: it is a cap, and the least of the path counts.

        Raises:
            ConfigurationError: The call is inside a fence that is not this one; it would escape it.
        """
        self.check_process()
        self.check_around(current_ledger())
        child = Ledger(budget, name=name)
        child._allotted_by = self
        return child

    def check_around(self, ambient: Ledger | None) -> None:
        """Refuse to allot on this fence from inside a narrower one."""
        if ambient is not None and ambient is not self:
            raise ConfigurationError(
                f"allotting on fence {self.name!r} from inside fence {ambient.name!r} would escape it: "
                f"allot on {ambient.name!r}, which outlay.current_ledger() gives"
            )

    @property
    def usage(self) -> Usage:
        """Everything booked here and below, the unconfirmed part included."""
        with Turn():
            return self.whole().booked.usage()

    @property
    def unconfirmed(self) -> Usage:
        """The part of `usage` whose outcome is unknown, booked at its worst case."""
        with Turn():
            return self.whole().unconfirmed.usage()

    @property
    def replayed(self) -> Usage:
        """The part of `usage` that a replay store served."""
        with Turn():
            return self.whole().replayed.usage()

    @property
    def remaining(self) -> Budget:
        """What a call made now could spend at once, in each unit limited here or around."""
        with Turn():
            seen = [fence for fence in self.path if not fence.backstop] or [Fence(None, self.name)]
            rooms = [fence.room() for fence in seen]
        room = Amounts(*(min(units) for units in zip(*rooms, strict=True)))
        tightest = Amounts(*(min(fence.limit[unit] for fence in seen) for unit in range(4)))
        return room_as_budget(tightest, room, self.seconds_left())

    def seconds_left(self) -> float | None:
        """Give the time to the earliest deadline on the path; `None`: no deadline."""
        return seconds_left(self.path)

    def report(self) -> Report:
        """Return the spend by fence and by model."""
        with Turn():
            report = self.whole().report(self.name, self.budget)
            now = time.monotonic()
            still = sum(now - waiter.since for waiter in self.path[-1].queue if self in waiter.path)
        return report.model_copy(update={"waited": report.waited + still}) if still else report

    @property
    def queued(self) -> int:
        """How many calls wait for room in this fence now."""
        with Turn():
            return sum(self in waiter.path for waiter in self.path[-1].queue)

    def on_share(self, share: float, callback: Callable[[Ledger], object]) -> None:
        """Have `callback` called once, when what is spent passes `share` of a limit.

        Callbacks run one after the other on a thread of their own, inside the fences around this call:
        they may ask models. The call that passes the share does not wait for them. What a callback
        raises is logged.

        Args:
            share: Above 0, at most 1.
            callback: Takes the fence; it may be a coroutine function.

        Raises:
            ConfigurationError: The share is out of range, or the callback cannot be called.
        """
        if not 0 < share <= 1 or not callable(callback):
            raise ConfigurationError(
                "on_share takes a share above 0 and at most 1, and a function of the fence"
            )
        call = deferred(callback, self)
        with Turn() as tell:
            self.marks.append((share, call))
            self.passed(tell)

    def reserve(self, claim: Claim) -> Reservation:
        """Admit a call at its worst case; waits, blocking the thread, for calls in flight.

        Raises:
            BudgetExhaustedError: It does not fit, the deadline passed, or the fence closed meanwhile.
            ConfigurationError: Its price is unknown and dollars are limited, or the fence is closed or
                belongs to another process.
        """
        waiter = self._offer(claim)
        if waiter.granted is not None:
            return waiter.granted
        try:
            return waiter.future.result(seconds_left(waiter.path))
        except FutureTimeoutError:
            abandon(waiter)
            raise late(waiter.path) from None
        except BaseException:
            abandon(waiter)
            raise

    async def areserve(self, claim: Claim) -> Reservation:
        """Admit a call at its worst case; waits for calls in flight, on any event loop.

        Raises as `reserve` does.
        """
        waiter = self._offer(claim)
        if waiter.granted is not None:
            return waiter.granted
        try:
            # Not `wait_for`: in Python 3.11 it swallows a cancellation that meets the grant.
            async with asyncio.timeout(seconds_left(waiter.path)):
                return await asyncio.wrap_future(waiter.future)
        except TimeoutError:
            abandon(waiter)
            raise late(waiter.path) from None
        except BaseException:
            abandon(waiter)
            raise

    def _offer(self, claim: Claim) -> Waiter:
        ambient = current_ledger()
        if self.process != copies.process:
            self.check_process()
        with Turn() as tell:
            if self.fresh:
                self.reopen(None)
            path = self.path
            if ambient is not None and ambient is not self:
                around = ambient.path
                path = around if self in around else (*around, *(f for f in path if f not in around))
            holds = open_set_asides.get()
            if holds:
                holds = tuple(hold for hold in holds if hold.alive and hold.fence in path)
            waiter = Waiter(claim, path, holds)
            offer(waiter, tell)
        return waiter

    def set_aside(self, claim: Claim, *, name: str) -> SetAside:
        """Keep what a later call may cost, until it is given back or this fence closes.

        Raises:
            BudgetExhaustedError: There is no room for it now; it never waits.
            ConfigurationError: There is one of that name, or the price or the prompt's bound is unknown.
        """
        asked = claim.amounts(claim.max_output_tokens)
        whole = claim.model_copy(update={"min_output_tokens": claim.max_output_tokens})
        with Turn() as tell:
            for fence in self.path:
                fence.check_usable()
            if self.fresh:
                raise ConfigurationError(
                    f"fence {self.name!r} is not entered: set aside inside its `with` block"
                )
            if name in self.set_asides:
                raise ConfigurationError(f"fence {self.name!r} set {name!r} aside already: take another name")
            for fence, unit in ((around, unit) for around in self.path for unit in around.limited):
                if unit == USD and claim.price is None:
                    raise unpriced(claim, fence.name)
                claim.check_bounded(unit, fence.name)
                if asked[unit] > fence.room()[unit]:
                    fence.reached = True
                    raise refusal(fence.name, unit, whole, fence.room()[unit])
            self.set_asides[name] = hold = SetAside(name, self, self.path, asked)
            judge(self.path, tell)
        return hold

    def open(self, name: str, *, missing_ok: bool = False) -> AbstractContextManager[Any]:
        """Open what was set aside under `name` on this fence, or on the nearest one around it.

        Raises:
            ConfigurationError: There is none.
        """
        for fence in self.path:
            if name in fence.set_asides:
                return fence.set_asides[name].open()
        if missing_ok:
            return nullcontext()
        raise ConfigurationError(f"nothing is set aside as {name!r} in fence {self.name!r}")

    def bind(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Give `function` so that whatever thread runs it, it runs inside this fence."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def inside_async(*args: Any, **kwargs: Any) -> Any:
                with self._joined():
                    return await function(*args, **kwargs)

            return inside_async

        @functools.wraps(function)
        def inside(*args: Any, **kwargs: Any) -> Any:
            with self._joined():
                return function(*args, **kwargs)

        return inside

    @contextmanager
    def _joined(self) -> Iterator[None]:
        ambient = current_ledger()
        if ambient is not None and self in ambient.path:
            yield
            return
        self.check_around(ambient)
        step_in(self)
        try:
            yield
        finally:
            step_out(self)

    def snapshot(self) -> Snapshot:
        """Give the ledger as it stands; calls in flight count as spent and unconfirmed."""
        with Turn():
            tally = Tally(budget=self.budget)
            tally.absorb(self.whole())
            calls, output, total, dollars = self.reserved
            flying = Usage(
                calls=calls, generations=calls, prompt_tokens=max(0, total - output), output_tokens=output
            )
            for part in (tally.booked, tally.unconfirmed):
                part.add(flying, dollars)
            spent = Amounts(*(s + r for s, r in zip(self.spent, self.reserved, strict=True)))
            dumped = tally.dump()
            return Snapshot(name=self.name, budget=self.budget, spent=spent, seconds=self.age(), tally=dumped)

    @classmethod
    def restore(cls, snapshot: Snapshot) -> Ledger:
        """Make the ledger that the snapshot was taken of; its clock goes on from there."""
        ledger = cls(snapshot.budget, name=snapshot.name)
        ledger.spent = list(snapshot.spent)
        ledger.past = Tally.load(snapshot.tally)
        ledger.elapsed = snapshot.seconds
        return ledger

    def __repr__(self) -> str:
        return f"Ledger({self.budget!r}, name={self.name!r})"
