"""What the graph of in-context distillation keeps."""

from __future__ import annotations

from typing import TypedDict

from outlay.budget import Record, Usage
from outlay.environments import Taken, Turn  # noqa: TC001 - LangGraph reads the annotations
from outlay.memory.demonstrations import Demonstration  # noqa: TC001
from outlay.outcome import Outcome, StopReason  # noqa: TC001
from outlay.routers.cascade import Unified, Verdict


class Sample(Record):
    """One action as it was proposed, or the reason there is none."""

    text: str = ""
    reasoning: str = ""
    action: str | None = None
    """What would be done; `None` where nothing can be read, or the environment does not admit it."""
    value: str | None = None
    """What is compared with other samples; `None` agrees with none."""
    cut: bool = False
    """Whether it was cut short at its token limit."""
    error: str | None = None
    """Why the sample failed."""


class Slate(TypedDict):
    """What was said about a step, so far nothing."""

    samples: tuple[Sample, ...]
    unified: Unified
    verdict: Verdict | None
    proposal: Sample | None
    handed: bool


def clean() -> Slate:
    """Give the slate of a step that nobody has said anything about."""
    return {"samples": (), "unified": Unified(), "verdict": None, "proposal": None, "handed": False}


class BeginUpdate(Slate):
    """What `begin` writes: an episode that has not begun."""

    turn: Turn
    plan: str
    taken: tuple[Taken, ...]
    demonstrations: tuple[Demonstration, ...]
    notes: tuple[str, ...]
    path: tuple[Usage, ...]
    stopped: StopReason
    cut: bool


class State(BeginUpdate):
    """The state of the graph: an episode as far as it has gone."""

    question: str
    outcome: Outcome


class PlanUpdate(TypedDict):
    """What `plan` writes."""

    plan: str
    notes: tuple[str, ...]
    path: tuple[Usage, ...]
    stopped: StopReason


class RetrieveUpdate(TypedDict):
    """What `retrieve` writes."""

    demonstrations: tuple[Demonstration, ...]
    notes: tuple[str, ...]


class SampleUpdate(TypedDict):
    """What `sample` writes."""

    samples: tuple[Sample, ...]
    notes: tuple[str, ...]
    path: tuple[Usage, ...]
    stopped: StopReason


class AgreeUpdate(TypedDict):
    """What `agree` writes."""

    unified: Unified
    verdict: Verdict | None
    notes: tuple[str, ...]


class DeferUpdate(TypedDict):
    """What `defer` writes: the step was handed over, whatever came of it."""

    handed: bool
    proposal: Sample | None
    notes: tuple[str, ...]
    path: tuple[Usage, ...]
    stopped: StopReason


class ActUpdate(Slate):
    """What `act` writes: the step taken, and a clean slate for the next."""

    stopped: StopReason
    cut: bool
    turn: Turn
    taken: tuple[Taken, ...]


class FinishUpdate(TypedDict):
    """What `finish` writes."""

    outcome: Outcome
