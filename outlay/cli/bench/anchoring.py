"""Running an injection for a person or a program, and showing what it says of the model."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table

from outlay.bench.anchoring import inject
from outlay.bench.manifest import shown_model
from outlay.cli.bench.order import read_injection
from outlay.cli.bench.progress import BenchProgress
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.cli.progress import LongCommand, kept_in
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.anchoring import AnchoringPlan, Case
    from outlay.bench.anchoring.agreement import Choice, Policy
    from outlay.bench.anchoring.findings import Anchoring, Figure
    from outlay.bench.anchoring.harness import Injections
    from outlay.budget import Usage
    from outlay.cli.bench.order import AnchoringOrder

ONE: Final = "one draft (p)"
VOTE: Final = "the vote of the drafts"
RIGHT: Final = "refined from right drafts (C+)"
WRONG: Final = "refined from wrong drafts (C-)"
DIFFERENCE: Final = "C+ less C-, points"
PAIRED: Final = "the same, items with both"
CAME: Final = "refined as they come (C)"
MIXED: Final = "C, right and wrong ones drawn"
BREAK_EVEN: Final = "break-even of one draft (p*)"
HELD_OUT: Final = "the best, on other items"

_NONE: Final = "-"

_FOOT: Final = (
    "% of right answers, with the 95% bootstrap interval over items; fresh: a draft beside the pool, on the "
    "same items."
)

_CHOICE_FOOT: Final = (
    "less the vote: paired, in points; refined: part of the items; the best: chosen without some items, and "
    "tried on those."
)


def run_anchoring(order: AnchoringOrder) -> int:
    """Make the cases that are missing, and say what they come to. Gives the exit status."""
    with kept_in(order.out) as (out, kept):
        return _run(order, read_injection(order, out), kept)


def _run(order: AnchoringOrder, plan: AnchoringPlan, kept: Callable[[], str]) -> int:
    """Run a plan; `kept` says what a run that was cut off leaves."""
    analyse = _analysis()
    progress = InjectionProgress(f"{plan.source} on {shown_model(plan.model)}", plan.totals)
    command = LongCommand(progress, order.as_json, partial(_facts, order, progress), kept)

    def begin(there: Sequence[Case], paid: Usage) -> None:
        progress.start(len(plan.items), there, paid)

    def then(made: Injections) -> int:
        ending, cases, _ = made
        found = analyse(plan, cases)
        if order.as_json:
            print_json({"ending": ending, **_facts(order, progress), **found.model_dump(mode="json")})
        else:
            show(found)
            say(f"{progress.known()}; {progress.spending()}.")
        return ANSWERED

    return command.run(inject(plan, begin, progress.take), then)


def show(found: Anchoring) -> None:
    """Print the table, and what it says in words."""
    from outlay.bench.anchoring.words import sentences  # noqa: PLC0415 - an extra

    paper().print(table(found), crop=False, soft_wrap=False)
    if found.choice is not None:
        paper().print(policies(found.choice), crop=False, soft_wrap=False)
    for sentence in sentences(found):
        say(sentence)


def table(found: Anchoring) -> Table:
    """Lay out the figures; it fits 80 columns."""
    from outlay.bench.anchoring.words import title  # noqa: PLC0415 - an extra

    laid = _empty(title(found), ("right, %", "items", "fresh, %"), _FOOT)
    laid.add_row(ONE, *_cells(found.single))
    laid.add_row(VOTE, *_cells(found.vote))
    laid.add_row(RIGHT, *_cells(found.right), _written(found.fresh_right))
    laid.add_row(WRONG, *_cells(found.wrong), _written(found.fresh_wrong))
    laid.add_row(CAME, *_cells(found.came), _written(found.fresh_came))
    laid.add_row(MIXED, *_cells(found.mixed), _written(found.fresh_mixed))
    laid.add_section()
    laid.add_row(DIFFERENCE, _interval(found.difference, sign="+"))
    laid.add_row(PAIRED, *_cells(found.paired, sign="+"))
    laid.add_row(BREAK_EVEN, _interval(found.break_even))
    return laid


def policies(choice: Choice) -> Table:
    """Lay out voting, the best threshold and refining beside each other; it fits 80 columns."""
    from outlay.bench.anchoring.words import policy_name  # noqa: PLC0415 - an extra
    from outlay.bench.report.phrases import counted  # noqa: PLC0415 - an extra

    vote, refine, best = choice.policies[0], choice.policies[-1], choice.best
    headings = ("right, %", "less the vote", "refined")
    laid = _empty(f"Vote or refine, on the same {counted(choice.items, 'item')}", headings, _CHOICE_FOOT)
    laid.add_row(policy_name(vote), _interval(choice.vote), _NONE, _refined(vote))
    if best not in {vote, refine}:
        over = _interval(choice.chosen_over_vote, sign="+")
        laid.add_row(policy_name(best), _interval(choice.chosen), over, _refined(best))
    over = _interval(choice.refine_over_vote, sign="+")
    laid.add_row(policy_name(refine), _interval(choice.refine), over, _refined(refine))
    laid.add_section()
    laid.add_row(HELD_OUT, _interval(choice.held_out), _interval(choice.held_out_over_vote, sign="+"))
    return laid


def _empty(title: str, headings: Sequence[str], foot: str) -> Table:
    laid = Table(title=title, title_justify="left", caption=foot, caption_justify="left", box=box.SIMPLE_HEAD)
    laid.pad_edge, laid.collapse_padding = False, True
    laid.add_column("", no_wrap=True)
    for heading in headings:
        laid.add_column(heading, justify="right", no_wrap=True)
    return laid


@dataclass
class InjectionProgress(BenchProgress):
    """How far an injection is, and how often drafts and refinements are right so far."""

    _right: dict[str, list[bool]] = field(default_factory=dict)

    def start(self, items: int, there: Sequence[Case], paid: Usage) -> None:
        """Take in how many items there are, and the cases of earlier runs."""
        self.begin(items, len(there), paid)
        for case in there:
            self._count(case)

    def take(self, case: Case, paid: Usage) -> None:
        """Take in one case."""
        self._count(case)
        self.made += 1
        self.failed += bool(case.failures)
        self.paid = paid
        self.billed += case.usage
        self.step()

    def known(self) -> str:
        failed = f", {self.failed} of them with calls that failed" if self.failed else ""
        return f"{self.there + self.made} of {self.records} items are done{failed}"

    def _count(self, case: Case) -> None:
        refined = ((RIGHT, case.right), (WRONG, case.wrong), (CAME, case.came))
        for name, answers in ((ONE, case.drafts), *((name, (one,)) for name, one in refined)):
            known = [one.right for one in answers if one is not None and one.right is not None]
            self._right.setdefault(name, []).extend(known)

    def rows(self) -> Iterator[tuple[str, ...]]:
        for name, right in self._right.items():
            if right:
                yield name, f"{100 * sum(right) / len(right):.1f}%", f"{len(right)} answers"


def _refined(policy: Policy) -> str:
    return f"{policy.refined:.0f}%"


def _cells(figure: Figure | None, sign: str = "") -> tuple[str, str]:
    return (_written(figure, sign), f"{figure.items:,}") if figure else (_NONE, _NONE)


def _written(figure: Figure | None, sign: str = "") -> str:
    return _interval(figure.estimate if figure else None, sign)


def _interval(share: Estimate | None, sign: str = "") -> str:
    if share is None:
        return _NONE
    return f"{share.value:{sign}.1f} [{share.low:{sign}.0f},{share.high:{sign}.0f}]"


def _facts(order: AnchoringOrder, progress: InjectionProgress) -> dict[str, Any]:
    return {
        "out": None if order.out is None else str(order.out),
        "there": progress.there,
        "made": progress.made,
        "with_failures": progress.failed,
        "paid": progress.paid.model_dump(mode="json"),
    }


def _analysis() -> Callable[[AnchoringPlan, Sequence[Case]], Anchoring]:
    """Give what makes figures of cases; asked for before anything is paid."""
    try:
        from outlay.bench.anchoring.findings import anchoring  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise ConfigurationError(f"an injection needs {exc.name}: pip install 'outlay[bench]'") from exc
    return anchoring
