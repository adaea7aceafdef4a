"""Draws drafts, scores them, and has them refined: right ones only, wrong ones only, and as they come."""

from __future__ import annotations

import asyncio
import sys
from contextlib import ExitStack
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from outlay.agents.parallel_distill_refine.prompts import TAGS, draft_prompt, refine_prompt
from outlay.agents.parallel_distill_refine.workspace import Draft, chance, compose, drawn
from outlay.bench.anchoring.cases import FILE, Case, Drawn, Refined, Said, appending, read_cases
from outlay.bench.anchoring.grading import Grader
from outlay.bench.anchoring.plan import model_named
from outlay.bench.directory import FENCE, Directory
from outlay.bench.scoring import check_items
from outlay.bench.totals import Totals
from outlay.bench.trial import Condition, Failure, storable
from outlay.budget import Budget, Usage
from outlay.calls import InARow, side_by_side
from outlay.errors import (
    BudgetExhaustedError,
    ModelError,
    ModelUnavailableError,
    OutlayError,
)
from outlay.ledger import Ledger
from outlay.outcome import outcome_of
from outlay.prompts import untagged
from outlay.replay import Replay

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from random import Random

    from outlay.bench.anchoring.plan import AnchoringPlan
    from outlay.bench.items import Item
    from outlay.model import Completion, Model

UNBOUNDED: Final = sys.maxsize
"""The workspace's kappa: a draft that were left out would be no injection."""

WRONG, RIGHT, AS_THEY_COME = range(3)
"""Which dice are thrown for a workspace."""


class Injections(NamedTuple):
    """What a run came to."""

    ending: Literal["finished", "budget"]
    """Whether all cases are there, or the total was spent before."""
    cases: tuple[Case, ...]
    """In the order of the items; those of earlier runs are among them."""
    paid: Usage
    """What was really paid by all runs on the directory, judging included."""


async def inject(
    plan: AnchoringPlan,
    begin: Callable[[Sequence[Case], Usage], None] = lambda _there, _paid: None,
    tell: Callable[[Case, Usage], None] = lambda _case, _paid: None,
    *,
    model_of: Callable[[AnchoringPlan, Replay], Model] = model_named,
) -> Injections:
    """Make the cases of a plan that are missing, or in which something failed or was not asked.

    Args:
        plan: What is asked for.
        begin: Hears of the cases that earlier runs made, and of what was really paid for them.
        tell: Hears of each further case, and of what was really paid for all so far.
        model_of: Makes the model, on the store that replays its generations.

    Raises:
        ConfigurationError: The plan or the directory is wrong.
        ModelUnavailableError: Nothing but failures came back.
    """
    check_items(plan.items, plan.scorer)
    directory, file = Directory(plan.out), plan.out / FILE
    with directory.written(), ExitStack() as open_things:
        cases = read_cases(file)
        replay = open_things.enter_context(Replay(directory.replay))
        totals = Totals(
            plan.totals,
            before=directory.snapshot(FENCE),
            keep=lambda snapshot: directory.keep(FENCE, snapshot),
        )
        open_things.enter_context(totals.ledger)
        open_things.callback(totals.keep, last=True)
        harness = Harness(
            plan=plan,
            model=model_of(plan, replay),
            grader=Grader(plan, directory, replay),
            totals=totals,
            append=open_things.enter_context(appending(file)),
            tell=tell,
            cases=cases,
        )
        begin(harness.there(), totals.paid)
        return await harness.run()


@dataclass
class Harness:
    """One run over the items of a plan."""

    plan: AnchoringPlan
    model: Model
    grader: Grader
    totals: Totals
    append: Callable[[Case], None]
    tell: Callable[[Case, Usage], None]
    cases: dict[str, Case]
    """Those that are there, by key, with those in which something failed or was not asked."""
    _ended: bool = False
    _ending: InARow = field(default_factory=lambda: InARow("items"))

    def there(self) -> list[Case]:
        """Give the cases of the plan that need not be made."""
        found = (self.cases.get(self.plan.key(item)) for item in self.plan.items)
        return [case for case in found if case is not None and case.complete]

    async def run(self) -> Injections:
        """Make every case that is missing, `concurrency` items at a time.

        Raises:
            ConfigurationError: The model cannot be used as asked.
            ModelUnavailableError: Nothing but failures came back.
        """
        there = {case.key for case in self.there()}
        waiting = (item for item in self.plan.items if self.plan.key(item) not in there)
        await side_by_side(self._work(waiting) for _ in range(self.plan.concurrency))
        keys = map(self.plan.key, self.plan.items)
        cases = tuple(self.cases[key] for key in keys if key in self.cases)
        if cases and not any(case.answered for case in cases):
            raise ModelUnavailableError(f"every call failed, the first one with: {_first(cases)}")
        return Injections("budget" if self._ended else "finished", cases, self.totals.paid)

    async def _work(self, waiting: Iterator[Item]) -> None:
        for item in waiting:
            case = None if self._ended else await self._case(item)
            if case is None:
                self._ended = True
                return
            self._finish(case)

    def _finish(self, case: Case) -> None:
        self.append(case)
        self.cases[case.key] = case
        self.totals.keep()
        self.tell(case, self.totals.paid)
        self._ending.count(None if case.answered else _first([case]))

    async def _case(self, item: Item) -> Case | None:
        """Make one case inside the totals; `None`: they do not pay for it."""
        for tries in count():
            allotment = await self.totals.allot(self._condition(tries), tries)
            if allotment is None:
                return None
            fence = Ledger(allotment.budget, name="allotment", backstop=True)
            case: Case | None = None
            try:
                case = await self._injected(item, fence)
            except BudgetExhaustedError:
                pass
            except BaseException:
                allotment.forfeit()
                raise
            paid = fence.usage.less(fence.replayed)
            allotment.settle(paid)
            self.totals.learn(self._condition(0), paid)
            if not fence.reached:
                return case
            # Cut short by what was put by for it, and not by its cap: no result.
            if allotment.everything and self.plan.totals.usd is not None:
                return None
        raise AssertionError  # count() has no end

    def _condition(self, tries: int) -> Condition:
        """Say what a case can take: all its caps, and more where failed calls had to be repeated."""
        most = self.plan.injection.most_output_tokens * (tries + 1)
        return Condition(strategy="anchoring", budget=Budget(output_tokens=most))

    async def _injected(self, item: Item, fence: Ledger) -> Case:
        *drafts, fresh = await self._asked(
            item, draft_prompt(item.asked), self.plan.injection.drafts + 1, fence
        )
        right = [draft for draft in drafts if draft.usable and draft.right]
        wrong = [draft for draft in drafts if draft.usable and draft.right is False]
        return Case(
            key=self.plan.key(item),
            item=item.id,
            drafts=tuple(drafts),
            fresh=fresh,
            right=await self._of_kind(item, right, RIGHT, fence),
            wrong=await self._of_kind(item, wrong, WRONG, fence),
            came=await self._as_they_come(item, drafts, fence),
            usage=fence.usage,
        )

    async def _of_kind(self, item: Item, drafts: Sequence[Said], kind: int, fence: Ledger) -> Refined | None:
        dice = chance(self.plan.injection.seed, item.asked, kind)
        return await self._refined(item, drafts, dice, 0, fence) if drafts else None

    async def _as_they_come(self, item: Item, drafts: Sequence[Said], fence: Ledger) -> Drawn | None:
        usable = [place for place, draft in enumerate(drafts) if draft.usable]
        if not usable:
            return None
        dice = chance(self.plan.injection.seed, item.asked, AS_THEY_COME)
        places = tuple(usable[n] for n in drawn(len(usable), self.plan.injection.k, dice))
        # A sample of its own: of the same drafts in the same order, another refinement than C+ or C- got.
        refined = await self._refined(item, [drafts[place] for place in places], dice, 1, fence)
        return Drawn(**dict(refined), places=places)

    async def _refined(
        self, item: Item, drafts: Sequence[Said], dice: Random, sample: int, fence: Ledger
    ) -> Refined:
        workspace = compose([_draft(draft) for draft in drafts], None, self.plan.injection.k, UNBOUNDED, dice)
        prompt = refine_prompt(item.asked, workspace.text, drafts=workspace.drafts)
        (said,) = await self._asked(item, prompt, 1, fence, first=sample)
        return Refined(**dict(said), drafts=workspace.drafts)

    async def _asked(self, item: Item, prompt: str, n: int, fence: Ledger, first: int = 0) -> list[Said]:
        """Ask inside the fence, and score outside of it: a judge has one of its own."""

        async def inside() -> list[Said]:
            with fence:
                return await self._sampled(prompt, n, first)

        # Where the totals have reserved the allotment, calls in it are not charged to them once more.
        context = Context() if self.plan.totals.limited else copy_context()
        said = await asyncio.create_task(inside(), context=context)
        return [await self.grader.grade(item, one) for one in said]

    async def _sampled(self, prompt: str, n: int, first: int) -> list[Said]:
        injection = self.plan.injection
        completions: Sequence[Completion | OutlayError]
        try:
            completions = await self.model.sample(
                prompt,
                n,
                first=first,
                max_output_tokens=injection.max_output_tokens,
                temperature=injection.temperature,
                seed=injection.seed,
                return_failures=True,
            )
        except ModelError as exc:
            completions = [exc] * n
        for refused in completions:
            if isinstance(refused, BudgetExhaustedError):
                raise refused
        return [_read(completion) for completion in completions]


def _read(completion: Completion | OutlayError) -> Said:
    if isinstance(completion, OutlayError):
        return Said(
            failure=Failure(stage="run", kind=type(completion).__name__, message=storable(str(completion)))
        )
    outcome = outcome_of(untagged(completion, TAGS))
    return Said(
        text=storable(outcome.text),
        value=storable(outcome.value),
        cut=completion.is_cut,
    )


def _draft(said: Said) -> Draft:
    """Give it as the strategy has its drafts."""
    return Draft(round=0, text=said.text.strip(), value=said.value, cut=said.cut)


def _first(cases: Sequence[Case]) -> str:
    return next(failure.message for case in cases for failure in case.failures)
