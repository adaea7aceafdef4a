"""What an injection found, in sentences, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.bench.analysis.comparisons import FEWEST_ITEMS
from outlay.bench.manifest import shown_model
from outlay.bench.report.phrases import counted, points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.anchoring.findings import Anchoring, Figure


def title(found: Anchoring) -> str:
    """Name it: model, source, number of items, and whether the model is simulated."""
    simulated = "SIMULATED MODEL · " if found.simulated else ""
    return f"{simulated}{shown_model(found.model)} · {found.source} · {counted(found.items, 'item')}"


def sentences(found: Anchoring) -> list[str]:
    """Say what was found, what to do, and how sure it is."""
    parts = (_what, _pull, _advice, _left_out, _method)
    return [sentence for part in parts for sentence in part(found)]


def _what(found: Anchoring) -> Iterator[str]:
    if found.simulated:
        yield f"SIMULATED MODEL: {found.model} is a simulation, so nothing here is about a real model."
    how = found.injection
    drafts, most = counted(how.drafts, "draft"), counted(how.k, "draft")
    yield (
        f"{counted(found.items, 'item')} of {found.source}, scored by {found.scorer}: {drafts} each, of at "
        f"most {how.max_output_tokens:,} tokens; {most} in a workspace."
    )
    if found.items < found.asked:
        yield (
            f"The total did not pay for {counted(found.asked - found.items, 'further item')}: raise it, and "
            "the same command goes on."
        )


def _pull(found: Anchoring) -> Iterator[str]:
    if found.right is None or found.wrong is None or found.difference is None:
        return
    right, wrong = _percent(found.right.estimate), _percent(found.wrong.estimate)
    yield (
        f"Shown right drafts only, it is right {right} of the time{_fresh(found.fresh_right)}; shown wrong "
        f"drafts only, it recovers {wrong} of the time{_fresh(found.fresh_wrong)}."
    )
    apart = f"That is {points(found.difference)}"
    if found.paired is None:
        yield f"{apart}; no item has both kinds of drafts, so these are other items, too."
        return
    both = counted(found.paired.items, "item")
    yield (
        f"{apart}, of which a part may be that items with wrong drafts are harder; on the {both} with both "
        f"kinds it is {points(found.paired.estimate)}."
    )


def _fresh(fresh: Figure | None) -> str:
    return f" (a fresh draft on these items: {_percent(fresh.estimate)})" if fresh else ""


def _advice(found: Anchoring) -> Iterator[str]:
    if found.verdict == "one kind":
        yield _one_kind(found)
        return
    if found.verdict == "too few":
        fewest = min(figure.items for figure in (found.right, found.wrong) if figure)
        yield (
            f"With {counted(fewest, 'item')} of one kind this is too little to advise anything; at least "
            f"{FEWEST_ITEMS} of each are needed, some hundreds for a small difference."
        )
        return
    if found.break_even is None:
        yield (
            "It copies what it sees: whatever the drafts, refining changes nothing, there is no break-even, "
            "and a vote (self-consistency) spends less on the same answers."
        )
        return
    yield from _break_even(found, found.break_even)


def _one_kind(found: Anchoring) -> str:
    if found.right is None and found.wrong is None:
        return "No draft could be used, so there is nothing to say."
    if found.right is None:
        return "No item has a right draft, so there is nothing to say: give questions that it can answer."
    return "No item has a wrong draft, so there is nothing to say: give questions that are harder for it."


def _break_even(found: Anchoring, p: Estimate) -> Iterator[str]:
    between = f"95% interval {p.low:.0f}% to {p.high:.0f}%"
    yield (
        f"Refining pays where drafts are right less often than p* = {p.value:.1f}% ({between}); above it a "
        "vote is better."
    )
    yield from _here(found)
    if found.agreement is not None:
        yield (
            "Pass p* as the share of drafts with one answer at which they are voted on instead of refined: "
            f"'parallel-distill-refine:agreement={found.agreement:g}'."
        )
    elif p.value < 1:  # of a hundred
        yield "It hardly ever recovers, so no agreement is low enough: use self-consistency."
    else:
        yield "That interval is too wide to choose an agreement by: measure more items."


def _here(found: Anchoring) -> Iterator[str]:
    if not (found.single and found.vote and found.refined and found.over_single and found.over_vote):
        return
    ends = {"refine": "refining pays here", "vote": "a vote is better here"}
    amounts_to = ends.get(found.verdict, "which of the two is better here is inside the noise")
    overall = ", so that on the whole a vote is the better use" if found.over_vote.high < 0 else ""
    yield (
        f"Single drafts are right {_percent(found.single.estimate)} of the time, refining one gives about "
        f"{_percent(found.refined)}, {points(found.over_single)}: {amounts_to}. The vote of "
        f"{counted(found.injection.drafts, 'draft')}, which needs no refining, has "
        f"{_percent(found.vote.estimate)}: beside it, refining gives {points(found.over_vote)}"
        f"{overall}."
    )


def _left_out(found: Anchoring) -> Iterator[str]:
    if found.failed or found.unscored:
        unscored = f", and {counted(found.unscored, 'answer')} could not be scored" if found.unscored else ""
        yield (
            f"{found.failed:,} of {counted(found.calls, 'generation')} failed{unscored}; they are left out "
            f"and not counted as wrong. The first: {found.failure:.200}. The same command tries them again."
        )
    else:
        yield "No call failed."
    if found.cut:
        yield (
            f"{found.cut:,} of {counted(found.drafts, 'draft')} were cut short or empty: they are in no "
            "workspace."
        )
    if found.short:
        yield (
            f"{found.short:,} of {counted(found.workspaces, 'workspace')} had fewer than "
            f"{found.injection.k} drafts, because the pool had no more of the kind."
        )


def _method(found: Anchoring) -> Iterator[str]:
    shares = [figure.estimate for figure in (found.right, found.wrong) if figure]
    if any(share.low == share.high for share in shares):
        yield (
            "All or nothing was right with drafts of one kind: an interval without width there means that "
            "resampling has nothing to vary, not that it is sure."
        )
    yield f"Intervals are 95% percentile bootstrap intervals over items ({found.draws:,} draws)."


def _percent(share: Estimate) -> str:
    return f"{share.value:.1f}%"
