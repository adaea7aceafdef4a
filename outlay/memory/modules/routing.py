"""The five decisions of a question, and what a router is asked and answers for each.

The pipeline asks; who answers lives above it (`outlay.routers`), or anywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from outlay.budget import Budget


class Tier(IntEnum):
    """How much is paid for a module."""

    LOW = 0
    MID = 1
    HIGH = 2


Tiering = Literal["implementation", "reasoning", "capacity"]
"""What a higher tier buys: a better kind of program, more reasoning of one model, or a larger model."""

ModuleName = Literal["filter", "entity", "temporal", "topic", "summary"]

MODULES: Final[tuple[ModuleName, ...]] = ("filter", "entity", "temporal", "topic", "summary")
"""In the order in which their tiers are chosen."""

DESCRIPTIONS: Final[dict[ModuleName, str]] = {
    "filter": "Pick out of the retrieved pieces of the history those that help to answer the question.",
    "entity": "List the people, places and things the question is about, and how they are related.",
    "temporal": "List what happened when, in which order and for how long, as far as the question needs it.",
    "topic": "List the subjects that were talked about, and how they lead to one another.",
    "summary": "Condense what was found into a short text from which the question can be answered.",
}
"""What each module does, in a sentence; a router may embed it."""


@dataclass(frozen=True, eq=False)
class Decision:
    """What a router may go by when it picks the tier of one module."""

    module: ModuleName
    question: NDArray[np.float32]
    """The question's vector, `(d,)`."""
    given: NDArray[np.float32]
    """The mean vector of what the module is given, `(d,)`; zeros where that is nothing."""
    left: Budget | None = None
    """What the fence still holds; `None`: there is no limit."""
    trade_off: float = 0.0
    """Lambda: what the whole range of cost, from the cheapest tiers to the dearest, counts beside the quality
    of the answer, 0 to 1; 0: quality alone."""


@dataclass(frozen=True)
class Choice:
    """The tier picked."""

    tier: Tier
    probability: float = 1.0
    """How likely the router was to pick it; needed to learn from a log of its choices."""


class Router(Protocol):
    """Who picks the tier of each module of each question."""

    def choose(self, decision: Decision) -> Choice:
        """Pick a tier."""
        ...
