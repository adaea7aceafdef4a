"""What a run gives back, and what it tells while it goes on: values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from outlay.answers import extract
from outlay.budget import Budget, Record, Usage
from outlay.environments import Episode
from outlay.errors import OutlayError
from outlay.ledger import Report
from outlay.prompts import untagged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.errors import BudgetExhaustedError
    from outlay.model import Completion

StopReason = Literal["finished", "budget", "deadline"]

CUT_SHORT: Final = "the answer was cut short at its token limit"
NOTHING_SPENT: Final = "the budget did not pay for a call"
TOO_LATE: Final = "the time was over before an answer could be asked for"


class Outcome(Record):
    """What a strategy's graph leaves in its state under `outcome`."""

    text: str
    """The answer as the model wrote it; empty when nothing could be paid for."""
    value: str | None = None
    """The final answer extracted from `text`, in its own words; `None` when it has none."""
    stop_reason: StopReason = "finished"
    """Why the run ended: the method ran to its end, the money ended, or the time did."""
    degraded: str | None = None
    """What the method had to leave out, in a sentence; `None` when nothing."""
    fell_back: bool = False
    """Whether the method gave way to the plain call: `text` is what one call with the question alone says."""
    sequential: Usage | None = None
    """What the calls that led to the answer cost, those beside them left out (B_seq of
    Parallel-Distill-Refine); `None`: all of `usage`, each call waited for the one before."""
    episode: Episode | None = None
    """What was done step by step, where the strategy acts; `None` where it only answers."""


class QuestionState(TypedDict):
    """The least a strategy's state holds."""

    question: str
    outcome: Outcome


class TraceEntry(Record):
    """What one node did."""

    node: str
    """The node's name in the graph."""
    started: float
    """Seconds after the run began."""
    ended: float
    """Seconds after the run began."""
    usage: Usage
    """What the node's calls cost."""
    update: dict[str, Any]
    """What it wrote into the state, as JSON."""


class Answer(Outcome):
    """What a run gives back."""

    usage: Usage
    """Everything the run spent, unconfirmed calls included."""
    report: Report
    """The spend by node and by model; `str(report)` is the bill."""
    trace: tuple[TraceEntry, ...]
    """What each node did, in the order they ended: enough to redraw the run."""


class NodeStarted(Record):
    """A node began."""

    node: str


class NodeEnded(Record):
    """A node ended."""

    entry: TraceEntry


class FenceUpdate(Record):
    """What the run's fence holds after a node ended."""

    usage: Usage
    remaining: Budget


class Token(Record):
    """A piece of the final answer, as the model writes it."""

    text: str


class Finished(Record):
    """The run is over."""

    answer: Answer


Event = NodeStarted | NodeEnded | FenceUpdate | Token | Finished


def stop_reason(refusal: BudgetExhaustedError) -> StopReason:
    """Tell which end of the budget a refusal met."""
    return "deadline" if refusal.limit == "seconds" else "budget"


def outcome_of(completion: Completion) -> Outcome:
    """Read a completion as the answer; one that was cut short counts only for what it marks.

    The tags of a question's context, which the reply may have copied, are left out.
    """
    completion = untagged(completion, ("context",))
    cut = completion.is_cut
    return Outcome(
        text=completion.text,
        value=extract(completion.text, marked=cut),
        stop_reason="budget" if cut else "finished",
        degraded=CUT_SHORT if cut else None,
    )


def prompt_in_full(completions: Iterable[Completion | OutlayError]) -> int:
    """Give the tokens of the prompt that several samples share, whichever of them was billed for it."""
    answered = (said for said in completions if not isinstance(said, OutlayError))
    return max((said.usage.prompt_tokens for said in answered), default=0)


def on_its_own(said: Completion, prompt_tokens: int) -> Usage:
    """Give what a completion cost on its own, the prompt in full also where others shared it."""
    alone = {"calls": 1, "generations": 1, "prompt_tokens": prompt_tokens, "usd": None}
    return said.usage.model_copy(update=alone)


def longest(completions: Iterable[Completion | OutlayError]) -> list[Usage]:
    """Give what was waited for of samples drawn side by side: the dearest, if any came back."""
    said = list(completions)
    prompt_tokens = prompt_in_full(said)
    came = [on_its_own(each, prompt_tokens) for each in said if not isinstance(each, OutlayError)]
    return [max(came, key=lambda usage: usage.total_tokens)] if came else []


def unpaid(refusal: BudgetExhaustedError) -> Outcome:
    """Give the outcome of a run without an answer: no call was admitted, or none again after one failed."""
    failed = refusal.__cause__
    nothing = TOO_LATE if refusal.limit == "seconds" else f"{NOTHING_SPENT}: {refusal}"
    degraded = f"the call failed ({failed}) and the budget paid for no other" if failed else nothing
    return Outcome(text="", stop_reason=stop_reason(refusal), degraded=degraded)
