"""Fences: the tree of ledgers, and which of them a call is inside of."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections import deque
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

from outlay.budget import Budget, Usage
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger.admission import CLOSED, Turn, Waiter, _refuse, abandon, judge, offer, withdraw
from outlay.ledger.booking import Report, Snapshot, Tally, room_as_budget
from outlay.ledger.claim import Amounts, Claim, check_priced, limits, refusal
from outlay.ledger.set_aside import SetAside, open_set_asides

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.ledger.reservation import Reservation

_ambient: ContextVar[Ledger | None] = ContextVar("outlay_fence", default=None)


class Ledger:
    """A fence: what is called inside it spends no more than its budget, nor than any fence around it.

    A context manager; its parent is the fence it is entered in. One that was never entered opens as
    an outermost fence with the first call made on it by name (`Model(..., ledger=ledger)`).

    Args:
        budget: The limits; `None`: none, but everything is counted.
        name: What reports and refusals call it.
    """

    def __init__(self, budget: Budget | None = None, *, name: str = "run") -> None:
        self.budget = budget or Budget()
        self.name = name
        self.parent: Ledger | None = None
        self.limit = limits(self.budget)
        self.spent, self.held, self.reserved = [0] * 4, [0] * 4, [0] * 4
        self.in_flight = 0
        self.tally = Tally(budget=self.budget)
        self.queue: deque[Waiter] = deque()
        self.set_asides: dict[str, SetAside] = {}
        self.deadline: float | None = None
        self.closed = False
        self._allotted_by: Ledger | None = None
        self._entered = 0
        self._started: float | None = None
        self._elapsed = 0.0
        self._children: list[Ledger] = []
        self._past: Tally | None = None
        self._marks: list[tuple[float, Callable[[Ledger], None]]] = []

    # Scopes

    def __enter__(self) -> Self:
        ambient = _ambient.get()
        parent = self._allotted_by or ambient
        if self._allotted_by is not None:
            self._allotted_by.check_reachable(ambient)
        with Turn():
            if self._entered and parent is not self.parent and ambient is not self:
                raise ConfigurationError(f"fence {self.name!r} is open inside another fence: make a new Ledger")
            if not self._entered:
                self._open(parent)
            self._entered += 1
        _ambient.set(self)
        return self

    def __exit__(self, *exc: object) -> None:
        with Turn() as tell:
            self._entered -= 1
            if not self._entered:
                self._close(tell)
        if _ambient.get() is self:
            outer = self.parent if not self._entered else self
            while outer is not None and outer.closed:
                outer = outer.parent
            _ambient.set(outer)

    def allot(self, budget: Budget | None = None, *, name: str) -> Ledger:
        """Give a narrower fence inside this one, to be entered by `with`.

        More than this fence has left is fine: it is a cap, and the least of the path counts.

        Raises:
            ConfigurationError: The call is inside a fence that is not this one; it would escape it.
        """
        self.check_reachable(_ambient.get())
        child = Ledger(budget, name=name)
        child._allotted_by = self  # noqa: SLF001 - its own kind
        return child

    def check_reachable(self, ambient: Ledger | None) -> None:
        """Refuse to allot around a fence that is narrower than this one."""
        if ambient is not None and ambient is not self:
            raise ConfigurationError(
                f"allotting on fence {self.name!r} from inside fence {ambient.name!r} would escape it: "
                f"allot on {ambient.name!r}, which outlay.current_ledger() gives"
            )

    @property
    def outermost(self) -> bool:
        """Whether no fence is around it."""
        return self.parent is None

    @property
    def path(self) -> tuple[Ledger, ...]:
        """This fence and those around it, innermost first."""
        path, fence = [self], self.parent
        while fence is not None:
            path.append(fence)
            fence = fence.parent
        return tuple(path)

    # What it says

    @property
    def usage(self) -> Usage:
        """Everything booked here and below, the unconfirmed part included."""
        with Turn():
            return self._whole().booked.usage()

    @property
    def unconfirmed(self) -> Usage:
        """The part of `usage` whose outcome is unknown, booked at its worst case."""
        with Turn():
            return self._whole().unconfirmed.usage()

    @property
    def replayed(self) -> Usage:
        """The part of `usage` that a replay store served."""
        with Turn():
            return self._whole().replayed.usage()

    @property
    def remaining(self) -> Budget:
        """What a call made now could spend at once, in each unit limited here or around."""
        with Turn():
            rooms = [_left(fence) for fence in self.path]
        room = Amounts(*(min(units) for units in zip(*rooms, strict=True)))
        tightest = Amounts(*(min(f.limit[unit] for f in self.path) for unit in range(4)))
        return room_as_budget(tightest, room, self.seconds_left())

    def seconds_left(self) -> float | None:
        """Give the time to the earliest deadline on the path; `None`: no deadline."""
        deadlines = [fence.deadline for fence in self.path if fence.deadline is not None]
        return min(deadlines) - time.monotonic() if deadlines else None

    def report(self) -> Report:
        """Give the spend by fence and by model."""
        with Turn():
            return self._whole().report(self.name, self.budget)

    def on_share(self, share: float, callback: Callable[[Ledger], None]) -> None:
        """Have `callback` called once, when what is spent passes `share` of a limit."""
        self._marks.append((share, callback))

    def passed(self, tell: list[Callable[[], None]]) -> None:
        """Have those told whose share is passed; only inside a `Turn`."""
        for mark in [mark for mark in self._marks if self._share() >= mark[0]]:
            self._marks.remove(mark)
            tell.append(functools.partial(mark[1], self))

    # What it admits

    def reserve(self, claim: Claim) -> Reservation:
        """Admit a call at its worst case; waits, blocking the thread, for calls in flight.

        Raises:
            BudgetExhaustedError: It does not fit, or the deadline passed.
            ConfigurationError: Its price is unknown and dollars are limited.
        """
        waiter = self._offer(claim)
        try:
            return waiter.future.result(_patience(waiter))
        except FutureTimeoutError:
            abandon(waiter)
            raise self._too_late() from None
        except BaseException:
            abandon(waiter)
            raise

    async def areserve(self, claim: Claim) -> Reservation:
        """Admit a call at its worst case; waits for calls in flight, on any event loop.

        Raises as `reserve` does.
        """
        waiter = self._offer(claim)
        if waiter.future.done():
            return waiter.future.result()
        try:
            return await asyncio.wait_for(asyncio.wrap_future(waiter.future), _patience(waiter))
        except TimeoutError:
            abandon(waiter)
            raise self._too_late() from None
        except BaseException:
            abandon(waiter)
            raise

    def set_aside(self, claim: Claim, *, name: str) -> SetAside:
        """Keep what a later call may cost, until it is opened, given back, or this fence closes.

        Raises:
            BudgetExhaustedError: There is no room for it now; it never waits.
            ConfigurationError: There is one of that name, or the price is unknown.
        """
        asked = claim.amounts(claim.max_output_tokens)
        whole = claim.model_copy(update={"min_output_tokens": claim.max_output_tokens})
        with Turn() as tell:
            if name in self.set_asides:
                raise ConfigurationError(f"fence {self.name!r} has set {name!r} aside already: take another name")
            for fence in self.path:
                if claim.price is None and fence.budget.usd is not None:
                    check_priced(claim, fence.name)
                room = _left(fence)
                if fence.closed or any(need > free for need, free in zip(asked, room, strict=True)):
                    raise refusal(fence.name, whole, room)
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

    # Over a restart

    def snapshot(self) -> Snapshot:
        """Give the ledger as it stands; calls in flight count as spent and unconfirmed."""
        with Turn():
            tally = Tally(budget=self.budget)
            tally.absorb(self._whole())
            calls, output, total, dollars = self.reserved
            flying = Usage(
                calls=calls, generations=calls, prompt_tokens=total - output, output_tokens=output
            )
            for part in (tally.booked, tally.unconfirmed):
                part.add(flying, dollars)
            spent = Amounts(*(s + r for s, r in zip(self.spent, self.reserved, strict=True)))
            return Snapshot(
                name=self.name, budget=self.budget, spent=spent, seconds=self._age(), tally=tally.dump()
            )

    @classmethod
    def restore(cls, snapshot: Snapshot) -> Ledger:
        """Make the ledger that the snapshot was taken of; its clock goes on from there."""
        ledger = cls(snapshot.budget, name=snapshot.name)
        ledger.spent = list(snapshot.spent)
        ledger._past = Tally.load(snapshot.tally)  # noqa: SLF001 - its own kind
        ledger._elapsed = snapshot.seconds  # noqa: SLF001
        return ledger

    # Inside

    def retire(self) -> None:
        """Hand a closed fence's sums to its parent once nothing is in flight; only inside a `Turn`."""
        if self.closed and not self.in_flight and self.parent and self in self.parent._children:  # noqa: SLF001
            self.parent._children.remove(self)  # noqa: SLF001
            self.parent.tally.child(self.name, self.budget).absorb(self._view())

    def _open(self, parent: Ledger | None) -> None:
        if self._past is None and self.closed:
            self._past = Tally(budget=self.budget)
        if self.closed and self._past is not None:
            self._past.absorb(self._view())
            self.tally, self._children = Tally(budget=self.budget), []
        self.closed, self.parent = False, parent
        if parent is not None:
            parent._children.append(self)  # noqa: SLF001
        if self._started is None:
            self._started = time.monotonic() - self._elapsed
            if self.budget.seconds is not None:
                self.deadline = self._started + self.budget.seconds

    def _close(self, tell: list[Callable[[], None]]) -> None:
        self.closed = True
        for hold in list(self.set_asides.values()):
            hold.end()
        root = self.path[-1]
        for waiter in [waiter for waiter in root.queue if self in waiter.path]:
            withdraw(waiter)
            tell.append(functools.partial(_refuse, waiter, BudgetExhaustedError(self.name, CLOSED, 1, 0)))
        judge(self.path, tell)
        self.retire()

    def _offer(self, claim: Claim) -> Waiter:
        ambient = _ambient.get()
        with Turn() as tell:
            if self._started is None:
                self._open(None)
            path = self.path
            if ambient is not None and ambient is not self:
                around = ambient.path
                path = around if self in around else (*around, *(f for f in path if f not in around))
            holds = tuple(h for h in open_set_asides.get() if h.alive and h.fence in path)
            waiter = Waiter(claim, path, holds)
            offer(waiter, tell)
        return waiter

    def _joined(self) -> AbstractContextManager[Any]:
        return _Joined(self)

    def _view(self) -> Tally:
        """What was booked since the fence was last opened, with what its open children booked."""
        if not self._children:
            return self.tally
        view = Tally(budget=self.budget)
        view.absorb(self.tally)
        for child in self._children:
            view.child(child.name, child.budget).absorb(child._view())  # noqa: SLF001
        return view

    def _whole(self) -> Tally:
        if self._past is None:
            return self._view()
        whole = Tally(budget=self.budget)
        whole.absorb(self._past)
        whole.absorb(self._view())
        return whole

    def _age(self) -> float:
        return self._elapsed if self._started is None else time.monotonic() - self._started

    def _share(self) -> float:
        pairs = zip(self.limit, self.spent, strict=True)
        return max((spent / limit if limit else 1.0) for limit, spent in pairs) if self.budget.limited else 0.0

    def _too_late(self) -> BudgetExhaustedError:
        late = min((f for f in self.path if f.deadline is not None), key=lambda f: f.deadline or 0.0)
        return BudgetExhaustedError(late.name, "seconds", 0, 0)

    def __repr__(self) -> str:
        return f"Ledger({self.budget!r}, name={self.name!r})"


class _Joined:
    """Makes a fence ambient in a thread or task that its context variable did not reach."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def __enter__(self) -> None:
        ambient = _ambient.get()
        self._before = ambient
        if ambient is None or self._ledger not in ambient.path:
            self._ledger.check_reachable(ambient)
            _ambient.set(self._ledger)

    def __exit__(self, *exc: object) -> None:
        _ambient.set(self._before)


def current_ledger() -> Ledger | None:
    """Give the fence that a call made here is inside of, if any."""
    return _ambient.get()


def require_fence() -> Ledger:
    """Give the fence that a call made here is inside of.

    Raises:
        ConfigurationError: There is none.
    """
    fence = _ambient.get()
    if fence is None:
        raise ConfigurationError("no fence: make the call inside `with Ledger(Budget(...)):`")
    return fence


def _left(fence: Ledger) -> list[int]:
    columns = zip(fence.limit, fence.spent, fence.held, fence.reserved, strict=True)
    return [limit - spent - held - reserved for limit, spent, held, reserved in columns]


def _patience(waiter: Waiter) -> float | None:
    deadlines = [fence.deadline for fence in waiter.path if fence.deadline is not None]
    return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None
