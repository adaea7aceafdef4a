"""What the nodes read and write, and what a run tells of its tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, TypedDict

from outlay.budget import Record, Usage
from outlay.memory.conversations import Chunk  # noqa: TC001 - LangGraph and pydantic read the annotations
from outlay.memory.modules import MODULES, Extracted, ModuleName, Tier
from outlay.outcome import Outcome  # noqa: TC001

if TYPE_CHECKING:
    from outlay.outcome import Answer


class Picked(Record):
    """What the router said for a module."""

    module: ModuleName
    tier: Tier
    probability: float
    """How likely it was to say so."""


class Routed(Picked):
    """What became of it."""

    used: Tier | None
    """The tier that the module's result comes from; lower where the one asked for failed; `None`: there was
    nothing for it to do."""
    usage: Usage
    """What the module was billed."""


def merged(
    before: dict[ModuleName, Extracted], further: dict[ModuleName, Extracted] | None
) -> dict[ModuleName, Extracted]:
    """Add a module's result; `None` begins anew, for a graph that is asked again on the same thread."""
    return {} if further is None else {**before, **further}


class State(TypedDict):
    """The state of the graph."""

    question: str
    chunks: tuple[Chunk, ...]
    similarities: tuple[float, ...]
    answer_tokens: int
    hold: str
    picked: tuple[Picked, ...]
    extracted: Annotated[dict[ModuleName, Extracted], merged]
    notes: tuple[str, ...]
    outcome: Outcome


class RetrieveUpdate(TypedDict):
    """What `retrieve` writes."""

    chunks: tuple[Chunk, ...]
    """Best first."""
    similarities: tuple[float, ...]
    answer_tokens: int
    """What the fence has for the answer."""
    hold: str
    """The name under which that is set aside."""
    picked: tuple[Picked, ...]
    extracted: None
    notes: tuple[str, ...]


class ChooseUpdate(TypedDict):
    """What `filter` and `summary` write, which also choose tiers."""

    picked: tuple[Picked, ...]
    extracted: dict[ModuleName, Extracted]


class ExtractUpdate(TypedDict):
    """What `entity`, `temporal` and `topic` write."""

    extracted: dict[ModuleName, Extracted]


class OutcomeUpdate(TypedDict):
    """What `answer` writes."""

    outcome: Outcome


def routed(answer: Answer) -> tuple[Routed, ...]:
    """Give the tier of each module in an answer of `BudgetMem`, in the order of `MODULES`.

    Read off its trace; empty where no router was asked.
    """
    picked: dict[ModuleName, Picked] = {}
    used: dict[ModuleName, Tier | None] = {}
    spent: dict[str, Usage] = {}
    for entry in answer.trace:
        spent[entry.node] = entry.usage
        picked |= {one["module"]: Picked(**one) for one in entry.update.get("picked") or ()}
        found = entry.update.get("extracted") or {}
        used |= {name: Extracted(**extracted).used for name, extracted in found.items()}
    return tuple(
        Routed(**picked[name].model_dump(), used=used.get(name), usage=spent.get(name, Usage()))
        for name in MODULES
        if name in picked
    )
