"""What the drafts of a round come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.agents.parallel_distill_refine.prompts import draft_prompt, refine_prompt
from outlay.agents.parallel_distill_refine.shape import PAIR
from outlay.agents.parallel_distill_refine.workspace import Draft
from outlay.answers import extract, tally
from outlay.errors import BudgetExhaustedError, OutlayError
from outlay.outcome import Outcome, on_its_own, outcome_of, prompt_in_full, stop_reason
from outlay.prompts import inert

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.agents.parallel_distill_refine.shape import Shape
    from outlay.agents.parallel_distill_refine.state import State
    from outlay.agents.parallel_distill_refine.workspace import Workspace
    from outlay.budget import Usage
    from outlay.model import Completion, Model
    from outlay.outcome import StopReason

LEAST: Final = "(a draft has at least min_draft_tokens)"
ALL_FAILED: Final = "no draft could be used"
AT_RANDOM: Final = "the budget does not pay for distilling: drafts drawn at random"
UNANSWERED: Final = "no answer in the refined one"
UNREFINED: Final = "the budget does not pay for refining"


def agree(drafts: Sequence[Draft], share: float) -> bool:
    """Whether so large a share of the drafts that did not fail has one answer; one alone has not."""
    answered = [draft for draft in drafts if not draft.error]
    votes = tally([draft.value for draft in answered])
    return len(answered) >= PAIR and bool(votes) and votes[0].count >= share * len(answered)


def majority(drafts: Sequence[Draft], problem: str | None, reason: StopReason) -> Outcome:
    """Give the answer of most drafts, of the last round that has any; else the last draft.

    Args:
        drafts: Of all rounds; one of them is usable, or has an answer although it was cut short.
        problem: Why it is taken, if not because they agree.
        reason: Why the run ends.
    """
    last = max(draft.round for draft in drafts if draft.usable or draft.value)
    voters = [draft for draft in drafts if draft.round == last]
    votes = tally([draft.value for draft in voters])
    chosen = voters[votes[0].first] if votes else next(draft for draft in voters if draft.usable)
    what = "the drafts' majority" if votes else "the last round's first draft"
    return Outcome(
        text=chosen.text,
        value=chosen.value if votes else None,
        stop_reason=reason,
        degraded=f"{problem}: {what} is taken" if problem else None,
    )


def mostly_marked(drafts: Sequence[Draft]) -> bool:
    """Whether most usable drafts mark an answer, so that a refined one without any is no answer."""
    usable = [draft for draft in drafts if draft.usable]
    marked = sum(extract(draft.text, marked=True) is not None for draft in usable)
    return 2 * marked > len(usable)


def prompt_of(question: str, workspace: Workspace) -> str:
    """Ask with what there is to build on; plainly, if there is nothing."""
    if not workspace.text:
        return draft_prompt(question)
    return refine_prompt(question, workspace.text, drafts=workspace.drafts)


async def read_drafts(
    completions: Sequence[Completion | OutlayError], model: Model, place: int
) -> list[Draft]:
    """Read the drafts of round `place` that see one prompt; a failure is a draft without text."""
    prompt_tokens = prompt_in_full(completions)
    return [await _read(said, model, place, prompt_tokens) for said in completions]


async def _read(said: Completion | OutlayError, model: Model, place: int, prompt_tokens: int) -> Draft:
    if isinstance(said, OutlayError):
        refused = stop_reason(said) if isinstance(said, BudgetExhaustedError) else None
        return Draft(round=place, error=str(said), refused=refused)
    text = said.text.strip()
    shown = inert(text)
    counted = await model.count_tokens(shown) if text else 0
    return Draft(
        round=place,
        text=text,
        value=outcome_of(said).value,
        # A reply's own count says nothing of what backslashes added to it.
        tokens=min(counted, said.usage.output_tokens) if shown == text else counted,
        cut=said.is_cut or not text,
        usage=on_its_own(said, prompt_tokens),
    )


def of_round(state: State) -> list[Draft]:
    """Give the drafts of the round that was drafted last."""
    return [draft for draft in state.get("drafts", []) if draft.round == state["round"]]


def waited_for(drafts: Sequence[Draft]) -> list[Usage]:
    """Give what the dearest draft cost, used or not: it is what a user waits for."""
    came = [draft.usage for draft in drafts if draft.error is None]
    return [max(came, key=lambda usage: usage.total_tokens)] if came else []


def crowded(workspaces: Sequence[Workspace], drafts: int, kappa: int) -> list[str]:
    """Say where fewer drafts than were to enter fit into a workspace."""
    fewest = min(w.drafts for w in workspaces) if all(w.drafts or not w.text for w in workspaces) else drafts
    return [f"{fewest} of {drafts} drafts fit into {kappa} tokens"] if fewest < drafts else []


def left_out(drafts: Sequence[Draft]) -> list[str]:
    """Say which drafts do not enter."""
    refused = sum(draft.refused is not None for draft in drafts)
    failed = sum(draft.error is not None for draft in drafts) - refused
    cut = sum(draft.error is None and not draft.usable for draft in drafts)
    notes = [
        f"the budget paid for {len(drafts) - refused} of {len(drafts)} drafts" if refused else "",
        f"{failed} of {len(drafts)} drafts failed" if failed else "",
        f"{cut} of {len(drafts)} drafts were cut short or empty, and left out" if cut else "",
    ]
    return [note for note in notes if note]


def narrowed(shape: Shape, wanted: Sequence[int]) -> tuple[str, ...]:
    """Say what of the rounds the budget does not pay for."""
    if shape.widths == tuple(wanted):
        return ()
    if set(wanted) == {1}:
        return (f"the budget pays for {len(shape.widths) - 1} of {len(wanted) - 1} refinements {LEAST}",)
    return (f"the budget pays for widths {_written(shape.widths)} instead of {_written(wanted)} {LEAST}",)


def _written(widths: Sequence[int]) -> str:
    return "(" + ", ".join(map(str, widths)) + ")"


def noted(outcome: Outcome, state: State, path: Sequence[Usage] = ()) -> Outcome:
    """Add what had to be left out on the way, and what the way cost: B_seq."""
    notes = [*state["notes"], *([outcome.degraded] if outcome.degraded else [])]
    spent = [*state["path"], *path]
    return outcome.model_copy(
        update={
            "degraded": "; ".join(dict.fromkeys(notes)) or None,
            "sequential": sum(spent[1:], spent[0]) if spent else None,
        }
    )
