"""Running a strategy for a person: watched, and ended within a second when they have seen enough."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from outlay.cli.live import LiveView, shown
from outlay.outcome import Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from outlay.ledger import Ledger
    from outlay.outcome import Answer
    from outlay.strategy import Strategy

T = TypeVar("T")

GRACE: Final = 0.5
"""Seconds that a run has to end by itself after a signal: its calls are cancelled and billed."""


def watch(
    strategy: Strategy[Any], question: str, ledger: Ledger, *, title: str, last_words: Callable[[], None]
) -> Answer:
    """Run `strategy` inside `ledger`, with a live view where a terminal is there to show it.

    Args:
        strategy: What answers.
        question: What is asked.
        ledger: The fence around the run; its budget is the run's.
        title: What stands above the live view.
        last_words: What to say when a signal ends the run; the process ends with it.
    """
    view = LiveView(title, ledger)
    with shown(view) as live:

        def part() -> None:
            if live is not None:
                live.stop()
            last_words()

        return interruptible(_follow(strategy, question, ledger, view), part)


def interruptible(run: Coroutine[Any, Any, T], last_words: Callable[[], None]) -> T:
    """Run a coroutine that Ctrl-C or a termination ends within a second, whatever it is busy with."""

    async def heeding() -> T:
        task = asyncio.ensure_future(run)
        loop = asyncio.get_running_loop()
        end = _End(last_words, lambda: loop.call_soon_threadsafe(task.cancel))
        with end.heeded():
            await asyncio.wait([task])
        if end.signal is not None:
            end.now()
        return task.result()

    return asyncio.run(heeding())


async def _follow(strategy: Strategy[Any], question: str, ledger: Ledger, view: LiveView) -> Answer:
    answer: Answer | None = None
    with ledger:
        async with aclosing(strategy.astream(question)) as events:
            async for event in events:
                view.tell(event)
                answer = event.answer if isinstance(event, Finished) else None
    if answer is None:
        raise asyncio.CancelledError
    return answer


@dataclass
class _End:
    """The end of the process by a signal: the run is cancelled first, and waited for only briefly.

    Neither an import, nor a library's threads, nor a server that is busy generating may keep the
    process: hence the hard exit.
    """

    last_words: Callable[[], None]
    cancel: Callable[[], object]
    signal: int | None = None
    _once: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def heeded(self) -> Iterator[None]:
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {each: signal.signal(each, self._heed) for each in signals}
        try:
            yield
        finally:
            for each, action in before.items():
                signal.signal(each, action)

    def now(self) -> None:
        if not self._once.acquire(blocking=False):
            return
        self.last_words()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(128 + (self.signal or signal.SIGINT))

    def _heed(self, number: int, _: object) -> None:
        if self.signal is not None:
            os._exit(128 + number)
        self.signal = number
        timer = threading.Timer(GRACE, self.now)
        timer.daemon = True
        timer.start()
        self.cancel()
