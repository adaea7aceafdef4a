"""One run as it goes on: what its nodes did, and who is told."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_jsonable_python

from outlay.ledger import require_fence
from outlay.outcome import FenceUpdate, NodeEnded, NodeStarted, TraceEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from outlay.ledger import Ledger
    from outlay.outcome import Event


@dataclass
class Run:
    """One run's trace and its listener; the context variable carries it into the nodes."""

    fence: Ledger
    tell: Callable[[Event], None]
    started: float = field(default_factory=time.monotonic)
    trace: list[TraceEntry] = field(default_factory=list)

    def elapsed(self) -> float:
        """Give the seconds since the run began."""
        return time.monotonic() - self.started


current_run: ContextVar[Run | None] = ContextVar("outlay_run", default=None)


@contextmanager
def traced(name: str) -> Iterator[dict[str, Any]]:
    """Bill what happens inside to a fence called `name`, and tell and trace it.

    Yields the update that the node will write, to be filled in.
    """
    run = current_run.get()
    update: dict[str, Any] = {}
    with require_fence().allot(name=name) as fence:
        if run is None:
            yield update
            return
        started = run.elapsed()
        run.tell(NodeStarted(node=name))
        yield update
    entry = TraceEntry(
        node=name, started=started, ended=run.elapsed(), usage=fence.usage, update=to_jsonable_python(update)
    )
    run.trace.append(entry)
    run.tell(NodeEnded(entry=entry))
    run.tell(FenceUpdate(usage=run.fence.usage, remaining=run.fence.remaining))


def ignore(event: Event) -> None:
    """Nobody is listening."""
