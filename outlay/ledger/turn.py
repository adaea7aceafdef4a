"""The ledger's one lock: who holds it, what waits for it, and what is told once it is free."""

from __future__ import annotations

import os
import threading
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = list[Callable[[], None]]


class _Here(threading.local):
    inside = False
    """Whether this thread holds the lock, or is about to."""


_here = _Here()
_lock = threading.Lock()
_late: deque[Callable[[Tell], None]] = deque()


class Turn:
    """The ledger's one critical section; what it has to tell is told after it.

    A finalizer may run inside it, on the same thread. What one may have to do (settle, close a fence, give
    back, give up waiting) therefore never waits for the lock, but is left in a queue that every holder
    drains, before and after its own work.
    """

    def __enter__(self) -> Tell:
        _take(wait=True)
        self._tell: Tell = []
        _drain(self._tell)
        return self._tell

    def __exit__(self, *exc: object) -> None:
        try:
            _drain(self._tell)
        finally:
            _let_go()
        try:
            _announce(self._tell)
        finally:
            flush()


def soon(act: Callable[[Tell], None]) -> None:
    """Do `act` in a turn, now or as soon as whoever holds the lock lets go of it; never waits."""
    _late.append(act)
    flush()


def now_or_late(act: Callable[[Tell], None]) -> bool:
    """Do `act` in a turn: at once (`True`), or after the one that this thread, in a finalizer, interrupts."""
    if _here.inside:
        _late.append(act)
        return False
    with Turn() as tell:
        act(tell)
    return True


def flush() -> None:
    """Do what was left by finalizers and by threads that met the lock."""
    while _late and not _here.inside and _take(wait=False):
        tell: Tell = []
        try:
            _drain(tell)
        finally:
            _let_go()
        _announce(tell)


def _take(*, wait: bool) -> bool:
    # Said before it is so: a finalizer may run in between, and must not wait for this very thread.
    _here.inside = True
    taken = False
    try:
        taken = _lock.acquire(blocking=wait)
    finally:
        _here.inside = taken
    return taken


def _let_go() -> None:
    _lock.release()
    _here.inside = False


def _announce(tell: Tell) -> None:
    # All are told, even if a callback of the user's raises: a grant that is not handed over is lost.
    if tell:
        with ExitStack() as stack:
            for act in reversed(tell):
                stack.callback(act)


def _drain(tell: Tell) -> None:
    while _late:
        _late.popleft()(tell)


def _forget() -> None:
    # The thread that held the lock is not in the child of a fork, and would hold it for ever.
    global _lock  # noqa: PLW0603 - one lock per process is the point
    _lock = threading.Lock()
    _here.inside = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
