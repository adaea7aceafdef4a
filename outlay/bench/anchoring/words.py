"""What an injection found, in sentences, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.analysis.comparisons import FEWEST_ITEMS
from outlay.bench.manifest import shown_model
from outlay.bench.report.phrases import counted, points

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.anchoring.agreement import Choice, Policy, Verdict
    from outlay.bench.anchoring.findings import Anchoring, Figure


def title(found: Anchoring) -> str:
    """Name it: model, source, number of items, and whether the model is simulated."""
    simulated = "SIMULATED MODEL · " if found.simulated else ""
    return f"{simulated}{shown_model(found.model)} · {found.source} · {counted(found.items, 'item')}"


def sentences(found: Anchoring) -> list[str]:
    """Say what was found, what to do, and how sure it is."""
    parts = (_what, _pull, _alone, _came, _advice, _left_out, _method)
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


def _alone(found: Anchoring) -> Iterator[str]:
    """Say what holds for one draft by itself."""
    if found.right is None or found.wrong is None or found.single is None:
        if found.right or found.wrong:
            yield f"No item has a {'wrong' if found.right else 'right'} draft, so there is no p*."
        return
    if found.break_even is None:
        yield "It copies what it sees: refining one draft alone changes nothing, and there is no p*."
        return
    p = found.break_even
    yield (
        "Of a workspace with one draft alone it follows that refining pays where drafts are right less often "
        f"than p* = {p.value:.1f}% (95% interval {p.low:.0f}% to {p.high:.0f}%); these are right "
        f"{_percent(found.single.estimate)} of the time. It does not follow for drafts that differ."
    )


def _came(found: Anchoring) -> Iterator[str]:
    """Say what it makes of drafts as they come, and whether it tells them apart."""
    if found.came is None:
        return
    drawn = counted(found.injection.k, "draft")
    yield (
        f"Shown {drawn} as they come, it is right {_percent(found.came.estimate)} of the time"
        f"{_fresh(found.fresh_came)}."
    )
    if found.mixed is None or found.blind is None or found.discernment is None:
        yield "On no item were right and wrong drafts drawn, so whether it tells them apart is not known."
        return
    yield (
        f"On the {counted(found.mixed.items, 'item')} where right and wrong ones were drawn it is right "
        f"{_percent(found.mixed.estimate)} of the time{_fresh(found.fresh_mixed)}; a blind pick among them "
        f"gives {_percent(found.blind.estimate)}. That is {points(found.discernment.estimate)}: "
        f"{_discerns(found, found.discernment)}."
    )


def _discerns(found: Anchoring, discernment: Figure) -> str:
    if discernment.items < FEWEST_ITEMS:
        return "too few items to say whether it tells right from wrong"
    if discernment.estimate.low > 0:
        mixed, fresh = found.mixed, found.fresh_mixed
        if mixed and fresh and mixed.estimate.value <= fresh.estimate.value:
            return "better than blind, but no better than without the drafts"
        return "it tells right from wrong where both stand before it"
    wrong = "the wrong ones draw it more than the right ones"
    return wrong if discernment.estimate.high < 0 else "whether it tells right from wrong is inside the noise"


def _advice(found: Anchoring) -> Iterator[str]:
    choice = found.choice
    if choice is None or found.verdict == "too few":
        yield (
            f"{counted(choice.items if choice else 0, 'item')} with a vote and a refinement: too little to "
            f"advise anything; at least {FEWEST_ITEMS} are needed, some hundreds for a small difference."
        )
        return
    yield from _measured(choice)
    yield f"{_VERDICTS[found.verdict]}: '{found.strategy}'."


_VERDICTS: Final[dict[Verdict, str]] = {
    "refine": "Refine always",
    "agreement": "Refine only where the drafts agree less than that",
    "vote": "Nothing is better here than the vote, which makes no further call, so use self-consistency",
    "noise": "What is gained over the vote is inside the noise, and the vote makes no further call, so use "
    "self-consistency",
}


def _measured(choice: Choice) -> Iterator[str]:
    """Say what voting, refining, and the best mixture of both gave."""
    yield (
        f"On the {counted(choice.items, 'item')} with both, the vote of all drafts is right "
        f"{_percent(choice.vote)} of the time; refining always, {_percent(choice.refine)}, "
        f"{points(choice.refine_over_vote)}."
    )
    if choice.best.threshold == 0:
        return
    yield (
        f"Best of {counted(len(choice.policies), 'threshold')}: {policy_name(choice.best)}, right "
        f"{_percent(choice.chosen)} of the time: beside the vote {points(choice.chosen_over_vote)}, beside "
        f"always refining {points(choice.chosen_over_refine)}; it refines {choice.best.refined:.0f}% of the "
        "items. It was chosen on these same items, so this is optimistic."
    )
    yield (
        f"Chosen without a {choice.folds}th of them at a time and tried on what was left out, it is right "
        f"{_percent(choice.held_out)} of the time: beside the vote {points(choice.held_out_over_vote)}, "
        f"beside always refining {points(choice.held_out_over_refine)}."
    )


def policy_name(policy: Policy) -> str:
    """Say what is done under a threshold."""
    if policy.threshold is None:
        return "always refine"
    return f"vote from a share of {policy.threshold:g}" if policy.threshold else "always vote"


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
