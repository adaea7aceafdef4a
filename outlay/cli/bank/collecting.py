"""Having a teacher fill a bank for a person or a program: what is going on, and how it ended."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from outlay.agents.in_context_distillation import InContextDistillation, PolicyTeacher
from outlay.agents.in_context_distillation.collecting import collect
from outlay.agents.in_context_distillation.prompts import question_messages
from outlay.bench.directory import Directory
from outlay.bench.manifest import shown_model
from outlay.bench.playing import game_of
from outlay.bench.scoring import lasting_scorer, scoring
from outlay.bench.sources.games import GAMES, is_alfworld, load_games
from outlay.bench.teachers import EXPERT, is_policy, policy_teacher
from outlay.budget import PICODOLLARS, Budget, Usage
from outlay.cli.bank.opening import open_or_create
from outlay.cli.bank.order import read_model, read_questions
from outlay.cli.bill import amount
from outlay.cli.exits import ANSWERED, print_json, with_options
from outlay.cli.live import say
from outlay.cli.order import read_price, refuse_policy
from outlay.cli.output import CleanOutput
from outlay.cli.progress import LongCommand, Progress
from outlay.cli.running import interruptible
from outlay.cli.spending import lasting
from outlay.environments import OneStep
from outlay.errors import ConfigurationError
from outlay.model import Model

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from outlay.agents.in_context_distillation.collecting import Attempt, Collection
    from outlay.bench.items import Item
    from outlay.bench.scorers import Scorer
    from outlay.cli.bank.order import CollectOrder
    from outlay.cli.spending import Spending
    from outlay.environments import Environment
    from outlay.outcome import Answer
    from outlay.replay import Replay

RIGHT: Final = 0.5
"""The score from which an answer counts as right; most scorers give 0 or 1."""


@dataclass(frozen=True)
class Work:
    """What the teacher is to do, read."""

    order: CollectOrder
    budget: Budget
    tasks: tuple[Environment, ...]
    items: tuple[Item, ...] = ()
    scorer: str = ""

    def strategy(self, replay: Replay | None) -> InContextDistillation:
        """Make the teacher, and have it do everything."""
        ordered = self.order.teacher
        teacher: Model | PolicyTeacher
        if is_policy(ordered.name):
            if self.order.config["plan"] or self.order.config["reasoning"]:
                raise ConfigurationError(f"{EXPERT} says neither plans nor thoughts: leave the option out")
            teacher = policy_teacher(ordered.name, read_price(ordered.price))
            student = Model("local")  # never asked: every step is the teacher's
        else:
            teacher = student = read_model(ordered, self.items, replay)
        return InContextDistillation(student, teacher, defer="always", k=0, n=1, **self.order.config)

    @property
    def title(self) -> str:
        """What is running, in a few words."""
        return f"{self.order.bank.name} from {shown_model(self.order.teacher.name)}"


def read_work(order: CollectOrder) -> Work:
    """Read everything that was asked for; nothing is called yet.

    Raises:
        ConfigurationError: Something in the order is wrong.
    """
    budget = Budget(**order.limits)
    if order.questions is not None:
        refuse_policy(order.teacher.name)
        items, scorer = read_questions(order.questions)
        tasks = tuple(OneStep(item.asked, task=item.id) for item in items)
        return Work(order, budget, tasks, items, scorer)
    assert order.games is not None  # noqa: S101 - `check_one` has seen to it
    return Work(order, budget, tuple(_games(order, order.games)))


def _games(order: CollectOrder, path: Path) -> Iterator[Environment]:
    games = load_games(f"{GAMES}{path}", limit=order.most_games)
    if is_policy(order.teacher.name) and not all(map(is_alfworld, games.items)):
        raise ConfigurationError(f"{EXPERT} plays nothing but games of ALFWorld: give a model")
    for item in games.items:
        yield game_of(item, games.root, max_steps=order.config["max_steps"])


def run_collection(order: CollectOrder) -> int:
    """Try the tasks that the bank does not have, and say what came out. Gives the exit status."""
    work = read_work(order)
    progress = BankProgress(work.title, work.budget)
    command = LongCommand(progress, order.as_json, partial(_facts, work, progress))
    return command.run(_collect(work, progress), partial(_say, work, progress))


def _say(work: Work, progress: BankProgress, found: Collection) -> int:
    if work.order.as_json:
        print_json({"ending": found.ending, **_facts(work, progress)})
        return ANSWERED
    if found.ending != "finished":
        say("The limits do not pay for another task: raise them, and the same command goes on.")
    if found.failures:
        why = with_options(found.failures[0])
        say(f"{len(found.failures)} tasks have no outcome ({why}): the same command retries.")
    say(f"{progress.known()}; {progress.spending()}. To see them: outlay bank list {work.order.bank}")
    if progress.lost:
        say("To see the failures: the same with --failed. To have them done again: --retry-failed.")
    return ANSWERED


def rehearse(order: CollectOrder) -> int:
    """Say what would be done, and what that could cost at most. Gives the exit status."""
    work = read_work(order)
    with CleanOutput(wanted=order.as_json):
        most = interruptible(_most(work), lambda: None) if work.items else {}
    limits = work.budget.model_dump(exclude_none=True)
    most = {unit: min(most.get(unit, limit), limit) for unit, limit in limits.items()} | {
        unit: value for unit, value in most.items() if unit not in limits
    }
    if order.as_json:
        print_json({"dry_run": True, "bank": str(order.bank), "tasks": len(work.tasks), "most": most})
        return ANSWERED
    say(f"{len(work.tasks)} tasks for {order.teacher.name}, less those that the bank has")
    for unit, value in most.items():
        say(f"at most {amount(unit, value)} {unit.replace('_', ' ')}, without retries")
    if not most:
        say("no limit: give --usd, --output-tokens or another one")
    return ANSWERED


@dataclass
class BankProgress(Progress):
    """How far a collection is, and how often the teacher succeeds."""

    kept: int = 0
    lost: int = 0
    """Runs of this command that did not succeed."""
    collected: Usage = field(default_factory=Usage)
    """What the runs of this command were billed, replayed calls as if they had been paid."""

    def take(self, attempt: Attempt, paid: Usage) -> None:
        """Take in one run."""
        self.paid = paid
        if attempt.trajectory is None:
            self.failed += 1
        else:
            self.made += 1
            self.kept += attempt.trajectory.success
            self.lost += not attempt.trajectory.success
            self.collected += attempt.trajectory.usage
        self.step()

    def known(self) -> str:
        new = f", {self.kept} new demonstrations, {self.lost} new failures" if self.made else ""
        return f"{self.there + self.made} of {self.records} tasks are done{new}"


async def _collect(work: Work, progress: BankProgress) -> Collection:
    order = work.order
    with ExitStack() as opened:
        spending = opened.enter_context(lasting(order.bank, work.budget, name="collection"))
        strategy = work.strategy(spending.journal)
        bank = opened.enter_context(await asyncio.to_thread(open_or_create, order.bank, order.embedder))
        # Whatever is wrong with the embedder shows before the teacher is paid.
        await asyncio.to_thread(bank.index.embedder.embed, [order.bank.name])
        judged = {} if not work.items else {"succeeded": _judged(work, spending)}
        try:
            return await collect(
                strategy,
                work.tasks,
                bank,
                concurrency=order.concurrency,
                retry_failed=order.retry_failed,
                begin=lambda there: progress.begin(len(work.tasks), there, spending.paid),
                tell=lambda attempt: progress.take(attempt, spending.paid),
                **judged,
            )
        finally:
            progress.paid = spending.paid


def _judged(work: Work, spending: Spending) -> Callable[[Environment, Answer], Awaitable[bool]]:
    directory = Directory(work.order.bank)
    named = partial(_model_named, work, spending.journal)
    scorer = lasting_scorer(work.scorer, directory, named)
    items = {item.id: item for item in work.items}

    async def succeeded(environment: Environment, answer: Answer) -> bool:
        with scoring(scorer, spending.journal.run(), directory):
            return await _right(scorer, items[environment.task], answer)

    return succeeded


async def _right(scorer: Scorer, item: Item, answer: Answer) -> bool:
    return (await scorer.score(item, answer)).value >= RIGHT


def _model_named(work: Work, replay: Replay, name: str) -> Model:
    return Model(name, timeout=work.order.teacher.timeout, replay=replay)


async def _most(work: Work) -> dict[str, float]:
    """Add up the worst cases of all questions."""
    teacher = read_model(work.order.teacher, work.items, None)
    cap = work.order.config["max_output_tokens"] or teacher.default_max_output_tokens
    claims = [
        await teacher.worst_case(question_messages(item.asked, ()), max_output_tokens=cap)
        for item in work.items
    ]
    most: dict[str, float] = {
        "calls": len(claims),
        "output_tokens": sum(claim.max_output_tokens for claim in claims),
        "total_tokens": sum(claim.prompt_tokens + claim.max_output_tokens for claim in claims),
    }
    costs = [c.price.worst_case(c.prompt_tokens, c.max_output_tokens) for c in claims if c.price]
    return most | ({"usd": sum(costs) / PICODOLLARS} if len(costs) == len(claims) else {})


def _facts(work: Work, progress: BankProgress) -> dict[str, Any]:
    return {
        "bank": str(work.order.bank),
        "tasks": len(work.tasks),
        "there": progress.there,
        "made": progress.made,
        "kept": progress.kept,
        "failed": progress.lost,
        "without_outcome": progress.failed,
        "paid": progress.paid.model_dump(mode="json"),
        "collected": progress.collected.model_dump(mode="json"),
    }
