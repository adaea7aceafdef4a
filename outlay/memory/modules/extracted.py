"""What a module gives back."""

from __future__ import annotations

from outlay.budget import Record
from outlay.memory.modules.routing import Tier


class Extracted(Record):
    """A module's result. Which of `chunks`, `lines` and `text` it has is the module's kind."""

    tier: Tier
    """That was asked for."""
    used: Tier | None = None
    """That the result comes from; lower where that failed; `None`: there was nothing to do."""
    by_rule: bool = False
    """Whether no model made it."""
    chunks: tuple[int, ...] = ()
    """The filter's: the ids of those kept, most useful first."""
    lines: tuple[str, ...] = ()
    """Entity's, temporal's and topic's: one fact each."""
    text: str = ""
    """The summary's."""
    notes: tuple[str, ...] = ()
    """Why a lower tier was used, and what else was not as asked."""
