"""Where tasks run: in this process, or on other machines."""

from __future__ import annotations

import asyncio
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Literal, Protocol

from outlay.bench.worker import Worker
from outlay.calls import run_on_calls_loop

if TYPE_CHECKING:
    from outlay.bench.worker import Result, Setup, Task


Kind = Literal["asyncio", "ray"]
"""The engines, by their names on the command line."""


class Engine(Protocol):
    """Runs tasks side by side."""

    async def run(self, task: Task) -> Result | None:
        """Run a task; `None`: its worker was lost, and what it spent is unknown.

        Raises:
            ConfigurationError: A model cannot be used as asked.
        """
        ...

    def close(self) -> None:
        """Let go of the workers."""
        ...


class InProcess:
    """Runs tasks in this process, side by side on the loop that makes the calls.

    There a call needs no other thread: with a model that answers at once, that halves a record's time.
    """

    def __init__(self, setup: Setup) -> None:
        self._worker = Worker(setup)

    async def run(self, task: Task) -> Result | None:
        """Run a task, inside its allotment alone where the bench has charged that already."""
        context = Context() if task.allotment.limited else copy_context()
        return await asyncio.wrap_future(context.run(run_on_calls_loop, self._worker.run(task)))

    def close(self) -> None:
        """Close the replay store."""
        self._worker.close()
