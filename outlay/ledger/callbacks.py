"""The thread on which users' callbacks run: in order, and apart from the calls that set them off.

On the calls loop a callback that asks a model would wait for itself, and one that raises would lose
the reply that was being settled.
"""

from __future__ import annotations

import asyncio
import atexit
import inspect
import logging
import os
import threading
from contextvars import copy_context
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.ledger.ledger import Ledger

CLOSING_SECONDS: Final = 1.0
"""How long the end of the process waits for callbacks that have not run."""

_log = logging.getLogger("outlay")
_lock = threading.Lock()
_queue: SimpleQueue[Callable[[], None]] | None = None


class _Logged:
    """Logs what a callback raises, and lets the next one run."""

    def __init__(self, callback: Callable[[Ledger], object], fence: Ledger) -> None:
        self._callback = getattr(callback, "__qualname__", repr(callback))
        self._fence = fence.name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if error is not None:
            _log.error("callback %s of fence %r failed", self._callback, self._fence, exc_info=error)
        return True


def deferred(callback: Callable[[Ledger], object], fence: Ledger) -> Callable[[], None]:
    """Return a function that queues `callback(fence)`, to run in a copy of this context.

    That function may be called from a finalizer: it takes no lock.
    """
    context, queue = copy_context(), _running()

    def run() -> None:
        with _Logged(callback, fence):
            found = callback(fence)
            if inspect.iscoroutine(found):
                asyncio.run(found)

    def call() -> None:
        context.run(run)

    return lambda: queue.put(call)


def _running() -> SimpleQueue[Callable[[], None]]:
    global _queue  # noqa: PLW0603 - one thread per process is the point
    with _lock:
        if _queue is None:
            _queue = SimpleQueue()
            threading.Thread(target=_run, args=(_queue,), name="outlay-callbacks", daemon=True).start()
        return _queue


def _run(queue: SimpleQueue[Callable[[], None]]) -> None:
    while True:
        queue.get()()


def _forget() -> None:
    # Threads do not survive a fork.
    global _queue, _lock
    _queue, _lock = None, threading.Lock()


def _wait() -> None:
    if _queue is not None:
        done = threading.Event()
        _queue.put(done.set)
        done.wait(CLOSING_SECONDS)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(_wait)
