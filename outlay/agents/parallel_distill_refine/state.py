"""What the loop's nodes read and write."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from outlay.agents.parallel_distill_refine.shape import Operator, Shape, Sizes  # noqa: TC001 - LangGraph reads the annotations
from outlay.agents.parallel_distill_refine.workspace import Distilled, Draft, Workspace  # noqa: TC001
from outlay.budget import Usage  # noqa: TC001
from outlay.outcome import Outcome, StopReason  # noqa: TC001

Next = Literal["draft", "distill", "compose", "refine", "vote"]


def added(before: list[Any], further: list[Any] | None) -> list[Any]:
    """Add to a list; `None` begins it anew, for a graph that is asked again on the same thread."""
    return [] if further is None else [*before, *further]


class State(TypedDict):
    """The state of the graph."""

    question: str
    sizes: Sizes
    shape: Shape
    round: int
    attempt: int
    operator: Operator
    next: Next
    drafts: Annotated[list[Draft], added]
    distilled: tuple[Distilled, ...]
    workspaces: tuple[Workspace, ...]
    path: tuple[Usage, ...]
    notes: tuple[str, ...]
    stopped: StopReason
    outcome: Outcome


class DraftTask(TypedDict):
    """The drafts of a round that see the same prompt."""

    question: str
    round: int
    first: int
    count: int
    tokens: int
    workspace: Workspace


class AllotUpdate(TypedDict):
    """What `allot` writes."""

    sizes: Sizes
    shape: Shape
    round: int
    attempt: int
    workspaces: tuple[Workspace, ...]
    stopped: StopReason
    drafts: None
    path: tuple[Usage, ...]
    notes: tuple[str, ...]


class DraftUpdate(TypedDict):
    """What `draft` writes."""

    drafts: list[Draft]


class GatherUpdate(TypedDict, total=False):
    """What `gather` writes."""

    next: Next
    shape: Shape
    attempt: int
    operator: Operator
    distilled: tuple[Distilled, ...]
    workspaces: tuple[Workspace, ...]
    path: tuple[Usage, ...]
    stopped: StopReason
    notes: tuple[str, ...]


class DistillUpdate(TypedDict):
    """What `distill` writes."""

    distilled: tuple[Distilled, ...]
    path: tuple[Usage, ...]
    notes: tuple[str, ...]


class ComposeUpdate(TypedDict):
    """What `compose` writes."""

    workspaces: tuple[Workspace, ...]
    round: int
    attempt: int
    notes: tuple[str, ...]


class OutcomeUpdate(TypedDict):
    """What `refine` and `vote` write."""

    outcome: Outcome
