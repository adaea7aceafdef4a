"""One run of a question from which a router can learn: what is asked of the router, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from outlay.budget import Record, Usage
from outlay.errors import ConfigurationError, ModelError, ScorerError
from outlay.ledger import Ledger, current_ledger
from outlay.memory.modules import MODULES, Choice, Tier
from outlay.routers.tiers.episode import Episode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outlay.agents.budget_mem.strategy import BudgetMem
    from outlay.memory.modules import Decision, Router
    from outlay.outcome import Answer
    from outlay.routers.tiers.features import Features

    Scored = Callable[["Question", Answer], Awaitable[float] | float]


class Question(Record):
    """What is asked."""

    id: str
    """No two have the same."""
    text: str
    kind: str = ""
    """Its type, where one is known."""
    group: str = ""
    """What it shares with others, such as its conversation, where that is known."""


class Attempt(Record):
    """What came of one question at one tier vector."""

    question: str
    """Its id."""
    tiers: tuple[Tier, ...]
    """As far as they were chosen."""
    episode: Episode | None = None
    """As it was logged; `None`: it says nothing of these tiers, and can be tried again."""
    failure: str | None = None
    """Why not."""
    usage: Usage = Usage()
    """What it was billed, answering included; replayed calls as if they had been paid."""


@dataclass(eq=False)
class Recording:
    """A router that keeps what it was asked in one run, and what it said."""

    router: Router
    decisions: list[Decision] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)

    def choose(self, decision: Decision) -> Choice:
        choice = self.router.choose(decision)
        self.decisions.append(decision)
        self.choices.append(choice)
        return choice

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """What it said so far."""
        return tuple(Tier(choice.tier) for choice in self.choices)


async def attempted(
    strategy: BudgetMem,
    question: Question,
    router: Router,
    score: Scored,
    *,
    stated: float | None = None,
    features: Features | None = None,
) -> Attempt | None:
    """Run a question at the tiers that a router says; `None`: a fence around cut it short.

    A run in which a call failed is no episode: a module was billed for less, or more, than its tier costs.

    Args:
        strategy: What answers; its own router is not asked.
        question: What is asked.
        router: Who says the tiers.
        score: Says what the answer earns, 0 to 1; a `ScorerError` leaves it open.
        stated: How likely the question was to be run at these tiers, where `router` draws none; `None`: as
            likely as it says that its draws were.
        features: What a policy reads, whose share of what is left is logged; `None`: all was left.

    Raises:
        ConfigurationError: The score is no number from 0 to 1, or a price is unknown.
    """
    recording, fence = Recording(router), Ledger(name="episode")
    attempt = Attempt(question=question.id, tiers=())
    try:
        with fence:
            answer = await replace(strategy, router=recording).arun(question.text)
    except ModelError as exc:
        failed = attempt.model_copy(update={"failure": str(exc), "usage": fence.usage})
        return None if _spent() else failed
    attempt = attempt.model_copy(update={"usage": answer.usage, "tiers": recording.tiers})
    if _spent():
        return None
    if answer.usage.calls > answer.usage.generations:
        why = answer.degraded or "a call failed before it was answered"
        return attempt.model_copy(update={"failure": why})
    try:
        said = score(question, answer)
        earned = await said if isinstance(said, Awaitable) else said
    except ScorerError as exc:
        return attempt.model_copy(update={"failure": str(exc)})
    spent = {child.name: child.usage for child in answer.report.children}
    episode = Episode.of(
        question.id,
        recording.decisions,
        recording.choices if stated is None else [Choice(tier) for tier in recording.tiers],
        task=earned,
        usage=[spent.get(module, Usage()) for module in MODULES],
        kind=question.kind,
        group=question.group,
        behaviour=stated,
        left=None if features is None else [features.share(d.left) for d in recording.decisions],
    )
    return attempt.model_copy(update={"episode": episode})


def refuse_limits() -> None:
    """Refuse a fence around by which runs would plan: with fewer chunks they say nothing of their tiers.

    Raises:
        ConfigurationError: There is one.
    """
    fence = current_ledger()
    if fence is not None and fence.remaining.limited:
        raise ConfigurationError(
            "runs plan by a limit around them, and such runs are no episodes: learn from them inside "
            "Ledger(budget, backstop=True)"
        )


def refuse_twins(questions: Sequence[Question]) -> None:
    """Refuse what are no questions, and two of one id.

    Raises:
        ConfigurationError: There are such.
    """
    if not all(isinstance(question, Question) for question in questions):
        raise ConfigurationError("questions are Question(id=..., text=...), of outlay.agents.budget_mem.runs")
    counts = Counter(question.id for question in questions)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise ConfigurationError(f"two questions are called {twice[0]!r}: give each an id of its own")


def _spent() -> bool:
    """Whether a fence around refused a call, or cut one short."""
    fence = current_ledger()
    return fence is not None and any(around.reached for around in fence.path)
