"""What a fence holds: its limits, what is spent of them, and what was booked at it and below."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from outlay.budget import Budget
from outlay.errors import BudgetExhaustedError, ConfigurationError
from outlay.ledger import copies
from outlay.ledger.booking import Tally
from outlay.ledger.claim import CALLS, UNLIMITED, limits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outlay.ledger.set_aside import SetAside
    from outlay.ledger.waiter import Waiter

CLOSED: Final = "closed"
"""What a refusal names in place of a limit, where a fence closes while a call waits in it."""


class Fence(copies.Uncopyable):
    """The part of a ledger that admission works on; everything here happens inside a `Turn`."""

    def __init__(self, budget: Budget | None, name: str, *, backstop: bool = False) -> None:
        if budget is not None and not isinstance(budget, Budget):
            raise ConfigurationError(f"a fence takes a Budget, not {budget!r}: Budget(output_tokens=...)")
        self.budget = budget or Budget()
        self.name = name
        self.backstop = backstop
        """Whether `remaining` leaves its limits out, and replayed calls take nothing from them."""
        self.reached = False
        """Whether it refused a call or cut a reply short that all other fences would have admitted whole."""
        self.parent: Fence | None = None
        self.path: tuple[Fence, ...] = (self,)
        """This fence and those around it, innermost first."""
        self.limit = limits(self.budget)
        self.limited = tuple(unit for unit in range(4) if self.limit[unit] < UNLIMITED)
        """The units that have a limit: the others need no arithmetic."""
        self.spent, self.held, self.reserved = [0] * 4, [0] * 4, [0] * 4
        self.in_flight = 0
        self.tally = Tally(budget=self.budget)
        """What was booked since the fence was last opened, without its open children."""
        self.queue: deque[Waiter] = deque()
        """Who waits; only an outermost fence has any."""
        self.waiting = [0, 0]
        """How many wait on a path through here: those whose calls are free, those who pay."""
        self.hardest = [0, 0, 0, 0]
        """At least what the most demanding of them is refused without, in every unit."""
        self.set_asides: dict[str, SetAside] = {}
        self.marks: list[tuple[float, Callable[[], None]]] = []
        """Shares of a limit, and what to call when they are passed."""
        self.warned = False
        """Whether a wait inside it was logged since it was opened; only an outermost fence's counts."""
        self.deadline: float | None = None
        self.closed = False
        self.elapsed = 0.0
        """Seconds it had run before it was restored."""
        self.past: Tally | None = None
        """What was booked before it was last opened."""
        self._started: float | None = None
        self.children: list[Fence] = []
        self.process = copies.process
        """The process that made it, the only one that may spend from it."""

    @property
    def is_foreign(self) -> bool:
        """Whether this process was forked from the fence's own."""
        return self.process != copies.process

    def check_process(self) -> None:
        """Refuse to go on in a process that was forked from the fence's own.

        Raises:
            ConfigurationError: This is one.
        """
        if self.is_foreign:
            raise copies.foreign(self.name, self.process)

    def check_usable(self) -> None:
        """Refuse what cannot be called on any more.

        Raises:
            ConfigurationError: The fence was entered and left, or belongs to another process.
        """
        self.check_process()
        if self.closed:
            raise self.left()

    @property
    def fresh(self) -> bool:
        """Whether it was never opened."""
        return self._started is None

    def reopen(self, parent: Fence | None) -> None:
        """Open it inside `parent`; the clock starts with the first opening, and only then.

        Raises:
            ConfigurationError: Under its last parent, a fence is open inside it or a call waits.
        """
        moves = not self.fresh and parent is not self.parent
        if moves and (self.queue or any(not child.closed for child in self.children)):
            raise ConfigurationError(f"fence {self.name!r} is still in use elsewhere: make a new Ledger")
        if moves or (self.closed and not self._busy()):
            self.past = self.whole()
            self._leave_parent()
            self.tally, self.children = Tally(budget=self.budget), []
        self.closed, self.parent, self.warned = False, parent, False
        self.path = (self,) if parent is None else (self, *parent.path)
        if parent is not None and self not in parent.children:
            parent.children.append(self)
        if self._started is None:
            self._started = time.monotonic() - self.elapsed
            if self.budget.seconds is not None:
                self.deadline = self._started + self.budget.seconds

    def close(self) -> list[Waiter]:
        """Close it, giving back what it set aside; gives those who waited inside it."""
        self.closed = True
        for hold in list(self.set_asides.values()):
            hold.end()
        self.retire()
        return [waiter for waiter in self.path[-1].queue if self in waiter.path]

    def retire(self) -> None:
        """Hand a closed fence's sums to its parent, once nothing is in flight or open in it."""
        if self.closed and not self._busy():
            self._leave_parent()

    def _busy(self) -> bool:
        return self.in_flight > 0 or bool(self.children)

    def _leave_parent(self) -> None:
        parent = self.parent
        if parent is not None and self in parent.children:
            parent.children.remove(self)
            parent.tally.child(self.name, self.budget).absorb(self.view())
            if parent.closed:
                parent.retire()

    def harden(self, least: Sequence[int]) -> None:
        """Note what somebody who waits is refused without."""
        self.hardest = [max(pair) for pair in zip(self.hardest, least, strict=True)]

    def pinched(self) -> bool:
        """Whether somebody who waits may have to be refused, because too little is left for it."""
        return any(self.waiting) and any(
            self.limit[unit] - self.spent[unit] - self.held[unit] - (self.in_flight if unit == CALLS else 0)
            < self.hardest[unit]
            for unit in self.limited
        )

    def passed(self, tell: list[Callable[[], None]]) -> None:
        """Have those told whose share is passed."""
        share = max(
            (self.spent[u] / self.limit[u] if self.limit[u] else 1.0 for u in self.limited), default=0.0
        )
        for mark in [mark for mark in self.marks if share >= mark[0]]:
            self.marks.remove(mark)
            tell.append(mark[1])

    def left(self) -> ConfigurationError:
        """Return the error of a call to a fence that was closed before it."""
        return ConfigurationError(
            f"fence {self.name!r} is closed: make the call inside its `with` block, or make a new Ledger"
        )

    def refused(self) -> BudgetExhaustedError:
        """Return the error of a call that waited in a fence when it closed."""
        return BudgetExhaustedError(self.name, CLOSED, 1, 0)

    def room(self) -> list[int]:
        """Give what is free now, in every unit."""
        columns = zip(self.limit, self.spent, self.held, self.reserved, strict=True)
        return [limit - spent - held - reserved for limit, spent, held, reserved in columns]

    def age(self) -> float:
        """Give the seconds since it was first opened."""
        return self.elapsed if self._started is None else time.monotonic() - self._started

    def view(self) -> Tally:
        """Give what was booked since it was last opened, with what its open children booked."""
        if not self.children:
            return self.tally
        view = Tally(budget=self.budget)
        view.absorb(self.tally)
        for child in self.children:
            view.child(child.name, child.budget).absorb(child.view())
        return view

    def whole(self) -> Tally:
        """Give everything that was ever booked at it and below."""
        if self.past is None:
            return self.view()
        whole = Tally(budget=self.budget)
        whole.absorb(self.past)
        whole.absorb(self.view())
        return whole


def seconds_left(path: Sequence[Fence]) -> float | None:
    """Give the time to the earliest deadline on a path; `None`: no deadline."""
    deadlines = [fence.deadline for fence in path if fence.deadline is not None]
    return min(deadlines) - time.monotonic() if deadlines else None


def late(path: Sequence[Fence]) -> BudgetExhaustedError:
    """Give the error of a call past the earliest deadline of a path."""
    timed = [fence for fence in path if fence.deadline is not None]
    return BudgetExhaustedError(min(timed, key=lambda f: f.deadline or 0.0).name, "seconds", 0, 0)
