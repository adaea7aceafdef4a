"""One run as it goes on: what its nodes did, the best text so far, and who is told."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from pydantic_core import to_jsonable_python

from outlay.ledger import require_fence
from outlay.model.model import on_completion
from outlay.outcome import FenceUpdate, NodeEnded, NodeStarted, Outcome, Token, TraceEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from outlay.ledger import Ledger
    from outlay.model import Completion, Request
    from outlay.outcome import Event


def ignore(event: Event) -> None:
    """Nobody is listening."""


@dataclass
class Run:
    """One run's trace, its texts and its listener; the context variable carries it into the nodes."""

    fence: Ledger
    planning: frozenset[str] = frozenset()
    """The nodes whose texts are no answers."""
    tell: Callable[[Event], None] = ignore
    id: str = field(default_factory=lambda: f"outlay-{uuid4()}")
    """The id of the chat message that the answer becomes."""
    started: float = field(default_factory=time.monotonic)
    trace: list[TraceEntry] = field(default_factory=list)
    last_text: str = ""
    """The last text that a model wrote for the answer, or that a node made of it."""
    cut_off: str = ""
    """What was streamed of the answer before a deadline ended its call."""
    spoken: bool = False
    """Whether any of the answer was shown."""
    texts: dict[str, bool] = field(default_factory=dict)
    """Every text that a model wrote for the answer, and whether it was cut at its token limit."""

    def elapsed(self) -> float:
        """Give the seconds since the run began."""
        return time.monotonic() - self.started

    def say(self, text: str) -> None:
        """Show a piece of the answer."""
        self.spoken = True
        self.tell(Token(text=text))

    def hear(self, request: Request, completion: Completion) -> None:
        """Keep the text of a completion, unless it is structured output or calls tools."""
        structured = request.response_schema is not None or "response_format" in request.params
        if not structured and not completion.tool_calls:
            self.keep(completion.text, cut=completion.is_cut)

    def keep(self, text: str, *, cut: bool = False) -> None:
        """Keep `text` as the last one, unless it is blank."""
        if text.strip():
            self.last_text = text
            self.texts[text.strip()] = cut

    def keep_update(self, update: Mapping[str, Any]) -> None:
        """Keep the last text in a node's update that is an outcome or has a model's text in it."""
        for value in update.values():
            for text, sure in _texts(value):
                if sure or text.strip() in self.texts or self._builds_on_last(text):
                    self.keep(text, cut=self.texts.get(text.strip(), False))

    def _builds_on_last(self, text: str) -> bool:
        # By whole words: an id may have a short text in it by chance.
        last = re.escape(self.last_text.strip())
        return bool(last and re.search(rf"(?<!\w){last}(?!\w)", text))


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
        with hearing(None if name in run.planning else run):
            yield update
    entry = TraceEntry(
        node=name, started=started, ended=run.elapsed(), usage=fence.usage, update=to_jsonable_python(update)
    )
    run.trace.append(entry)
    if name not in run.planning:
        run.keep_update(update)
    run.tell(NodeEnded(entry=entry))
    run.tell(FenceUpdate(usage=run.fence.usage, remaining=run.fence.remaining))


@contextmanager
def hearing(run: Run | None) -> Iterator[None]:
    """Let `run` hear every completion that is made inside; `None`: no run does."""
    token = on_completion.set(run.hear if run else None)
    try:
        yield
    finally:
        on_completion.reset(token)


def _texts(value: object) -> Iterable[tuple[str, bool]]:
    """Give the texts in a value of an update, and whether each of them is an answer for sure."""
    if isinstance(value, str):
        yield value, False
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif isinstance(text := getattr(value, "text", None), str):
        yield text, isinstance(value, Outcome)
