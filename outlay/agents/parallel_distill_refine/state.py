"""What the loop's nodes read and write."""

from __future__ import annotations

from operator import add
from typing import Annotated, Literal, TypedDict

from outlay.agents.parallel_distill_refine.shape import Operator, Shape, Sizes  # noqa: TC001 - LangGraph reads the annotations
from outlay.agents.parallel_distill_refine.workspace import Distilled, Draft, Workspace  # noqa: TC001
from outlay.budget import Usage  # noqa: TC001
from outlay.outcome import Outcome, StopReason  # noqa: TC001

Next = Literal["draft", "distill", "compose", "refine", "vote"]


class State(TypedDict):
    """The state of the graph."""

    question: str
    sizes: Sizes
    shape: Shape
    held: str
    round: int
    attempt: int
    operator: Operator
    next: Next
    drafts: Annotated[list[Draft], add]
    distilled: tuple[Distilled, ...]
    workspaces: tuple[Workspace, ...]
    path: Annotated[list[Usage], add]
    notes: Annotated[list[str], add]
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
    held: str
    round: int
    attempt: int
    workspaces: tuple[Workspace, ...]
    stopped: StopReason
    notes: list[str]


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
    path: list[Usage]
    stopped: StopReason
    notes: list[str]


class DistillUpdate(TypedDict):
    """What `distill` writes."""

    distilled: tuple[Distilled, ...]
    path: list[Usage]
    notes: list[str]


class ComposeUpdate(TypedDict):
    """What `compose` writes."""

    workspaces: tuple[Workspace, ...]
    round: int
    attempt: int
    notes: list[str]


class OutcomeUpdate(TypedDict):
    """What `refine` and `vote` write."""

    outcome: Outcome
