"""The private event-loop thread on which every model call is counted, made and settled.

A reservation must settle without the caller's loop and executor, or waiting for room can
deadlock: the consumer of an open stream asks again inside the same fence, or forty synchronous
nodes wait in the executor that an admitted call needs for its name look-up.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from outlay.errors import ModelUnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable
    from concurrent.futures import Future

T = TypeVar("T")

WORKERS: Final = 64
"""Threads for name look-ups and for what LiteLLM does in an executor; idle ones cost nothing."""

CLOSING_SECONDS: Final = 1.0

MOST_FAILURES: Final = 10
"""In a row, after which work on many things is given up."""


def run_on_calls_loop(coroutine: Coroutine[Any, Any, T]) -> Future[T]:
    """Start `coroutine` on the calls loop, in a copy of the caller's context.

    Cancelling the future cancels the coroutine, but does not wait for it to end.
    """
    return asyncio.run_coroutine_threadsafe(coroutine, _running().loop)


async def on_calls_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await `coroutine`, run on the calls loop; cancelling this cancels it there."""
    if asyncio.get_running_loop() is calls_loop():
        return await coroutine
    return await asyncio.wrap_future(run_on_calls_loop(coroutine))


def calls_loop() -> asyncio.AbstractEventLoop:
    """Give the calls loop, started if it is not running."""
    return _running().loop


async def side_by_side(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await them all; where one raises, or the caller is cancelled, the others are ended first."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class InARow:
    """Gives work on many things up where nothing but failures comes back.

    Args:
        what: What fails, in the plural.
    """

    what: str
    failures: int = 0

    def count(self, failure: str | None) -> None:
        """Take in how one of them ended: with a failure, or with none.

        Raises:
            ModelUnavailableError: It was the tenth in a row that failed.
        """
        self.failures = 0 if failure is None else self.failures + 1
        if self.failures >= MOST_FAILURES:
            raise ModelUnavailableError(
                f"the last {self.failures} {self.what} failed, the last one with: {failure}"
            )


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` to its end on a loop of the caller's own, also where one is running already."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1, thread_name_prefix="outlay-run") as thread:
        return thread.submit(copy_context().run, asyncio.run, coroutine).result()


async def in_own_thread(work: Callable[[], T]) -> T:
    """Do work in a thread that no loop waits for once the caller is cancelled, unlike `asyncio.to_thread`.

    What it did by then stands; it goes on until it ends, and only the end of the process waits for it.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix="outlay-apart")
    try:
        return await asyncio.wrap_future(thread.submit(copy_context().run, work))
    finally:
        thread.shutdown(wait=False)


def on_close(close: Callable[[], Awaitable[None]]) -> None:
    """Have `close` awaited on the calls loop before it ends."""
    _running().closers.append(close)


class _CallsThread:
    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.loop.set_default_executor(ThreadPoolExecutor(WORKERS, thread_name_prefix="outlay-calls"))
        self.closers: list[Callable[[], Awaitable[None]]] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="outlay-calls", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the calls in flight, then whatever would otherwise be left open."""
        done = asyncio.run_coroutine_threadsafe(self._wind_down(), self.loop)
        done.add_done_callback(lambda _: self.loop.call_soon_threadsafe(self.loop.stop))
        self._thread.join(CLOSING_SECONDS)
        if not self._thread.is_alive():
            self.loop.close()

    async def _wind_down(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(close() for close in self.closers), return_exceptions=True)


_lock = threading.Lock()
_thread: _CallsThread | None = None


def _running() -> _CallsThread:
    global _thread  # noqa: PLW0603 - one thread per process is the point
    if _thread is None:
        with _lock:
            if _thread is None:
                _thread = _CallsThread()
    return _thread


def _forget() -> None:
    # Threads do not survive a fork: the child starts its own loop with its first call.
    global _thread, _lock
    _thread, _lock = None, threading.Lock()


def _close() -> None:
    if _thread is not None:
        _thread.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
atexit.register(_close)
