"""Which fence a call is inside of: the fences entered in this context and not left."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

from outlay.errors import ConfigurationError
from outlay.ledger import copies

if TYPE_CHECKING:
    from outlay.ledger.ledger import Ledger

_entered: ContextVar[tuple[Ledger, ...]] = ContextVar("outlay_fences", default=())
"""The last is the ambient one."""


def current_ledger() -> Ledger | None:
    """Return the fence that a call made here is inside of, if any.

    Raises:
        ConfigurationError: The fence belongs to the process that this one was forked from.
    """
    entered = _entered.get()
    if not entered:
        return None
    ambient = entered[-1]
    if ambient.process != copies.process:
        ambient.check_process()
    return ambient


def inherited() -> bool:
    """Return True in a forked process whose parent process was inside a fence when it forked."""
    entered = _entered.get()
    return bool(entered) and entered[-1].process != copies.process


def require_fence() -> Ledger:
    """Give the fence that a call made here is inside of.

    Raises:
        ConfigurationError: There is none.
    """
    fence = current_ledger()
    if fence is None:
        raise ConfigurationError("no fence: make the call inside `with Ledger(Budget(...)):`")
    return fence


def step_in(fence: Ledger) -> None:
    """Make `fence` the ambient one."""
    _entered.set((*_entered.get(), fence))


def step_out(fence: Ledger) -> None:
    """Make the nearest open fence around `fence` the ambient one, if `fence` is that.

    Neither by token, which fails across tasks, nor whatever is ambient: a generator that was
    abandoned must not take the fence of somebody else away.
    """
    entered = list(_entered.get())
    ambient = bool(entered) and entered[-1] is fence
    if fence in entered:
        del entered[len(entered) - 1 - entered[::-1].index(fence)]
    while ambient and entered and entered[-1].closed:
        entered.pop()
    _entered.set(tuple(entered))
