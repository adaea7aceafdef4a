"""Learning a router as the paper does: from runs at the tiers that it draws, each batch paid for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from outlay.agents.budget_mem.runs import attempted, refuse_limits, refuse_twins
from outlay.budget import Budget, Settings
from outlay.calls import side_by_side
from outlay.errors import ConfigurationError, ModelUnavailableError
from outlay.routers.tiers.checkpoint import Card, descriptions_of
from outlay.routers.tiers.features import Features
from outlay.routers.tiers.learned import LearnedRouter
from outlay.routers.tiers.policy import HIDDEN
from outlay.routers.tiers.ppo import PPO
from outlay.routers.tiers.rewards import MovingReward
from outlay.routers.tiers.training import Played, Progress, played, train

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from outlay.agents.budget_mem.collecting import Remembered
    from outlay.agents.budget_mem.runs import Attempt, Question, Scored
    from outlay.agents.budget_mem.strategy import BudgetMem
    from outlay.retrieval import Embedder
    from outlay.routers.tiers.episode import Episode
    from outlay.routers.tiers.policy import ActorCritic
    from outlay.routers.tiers.rewards import Rewarding


class Living(Settings):
    """How to learn from live runs."""

    trade_offs: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field((0.3,), min_length=1)
    """Lambdas, drawn for each question; several make a policy that is told lambda, one a policy for that one
    alone, which is the paper's."""
    whole: Budget | None = None
    """What pays for every module at its dearest tier. Given, the policy is told what is left of a fence as a
    share of it, in its units."""
    updates: int = Field(default=600, gt=0)
    """At most; each is `PPO.batch` questions, answered and paid for."""
    hidden: int = Field(default=HIDDEN, gt=0)
    """Width of the network."""
    concurrency: int = Field(default=4, gt=0)
    """Questions that are worked on side by side."""
    seed: int = 0


async def learn_live(
    strategy: BudgetMem,
    questions: Sequence[Question],
    score: Scored,
    living: Living | None = None,
    ppo: PPO | None = None,
    *,
    rewarding: Rewarding | None = None,
    memory: Remembered | None = None,
    tell: Callable[[Progress], object] = lambda _step: None,
) -> LearnedRouter:
    """Train a policy by what its own choices come to (BudgetMem, arXiv 2602.06025, section 2.6).

    A log teaches as much for less, where every run is shared by all updates: see `collect`. Here each update
    is paid for. It spends from the fence around the call, which has to be a backstop; where that ends, what
    was learnt so far is given.
    The same seed draws the same tiers for the same answers, whatever runs side by side.

    Args:
        strategy: What answers; its router is not asked.
        questions: `outlay.agents.budget_mem.runs.Question`s, drawn from at every update.
        score: Called with a question and its `Answer`, says what that earns, 0 to 1, or gives an awaitable of
            it; a `ScorerError` leaves it out of its batch.
        living: How.
        ppo: The hyper-parameters.
        rewarding: Makes rewards of tasks and dollars; `None`: the paper's, which follows what is spent.
        memory: Gives the memory of a question; `None`: the strategy's own.
        tell: Told how training stands after every update.

    Returns:
        The router; `save(path)` writes it, and the path is a `router` of `BudgetMem`.

    Raises:
        ConfigurationError: A limit around is no backstop or does not pay for one update, there is no question
            or no memory, two questions have one id, a price is unknown, or a score is no number from 0 to 1.
        ModelUnavailableError: No question of a batch could be answered.
    """
    living, ppo = living or Living(), ppo or PPO()
    if not questions or (memory is None and strategy.memory is None):
        raise ConfigurationError("learning needs questions, and a memory: give the strategy one, or memory=")
    refuse_twins(questions)
    refuse_limits()
    embedder = await _embedder(strategy, questions[0], memory)
    card = Card(
        features=Features(
            dimension=embedder.dimension, trade_off=len(living.trade_offs) > 1, whole=living.whole
        ),
        embedder=embedder.name,
        tiering=strategy.config.tiering,
        hidden=living.hidden,
        seed=living.seed,
        trade_offs=(min(living.trade_offs), max(living.trade_offs)),
    )
    router = LearnedRouter(card.new(await asyncio.to_thread(descriptions_of, embedder)), card)
    rollout = _Live(strategy, questions, score, living, memory, router, ppo.batch)
    steps = train(router.policy, rollout, rewarding or MovingReward(), ppo, updates=living.updates)
    updates = 0
    try:
        while (step := await asyncio.to_thread(_next, steps)) is not None:
            updates = step.update
            tell(step)
    finally:
        rollout.stop()
    if not updates:
        raise ConfigurationError(
            "the limits around do not pay for one update: raise them, or lower PPO's batch"
        )
    router.policy.eval()
    return router


class _SpentError(Exception):
    """The fence around ended a batch."""


class _Live:
    """A `Rollout` that answers on the event loop while training waits in a thread."""

    def __init__(
        self,
        strategy: BudgetMem,
        questions: Sequence[Question],
        score: Scored,
        living: Living,
        memory: Remembered | None,
        router: LearnedRouter,
        batch: int,
    ) -> None:
        self._strategy, self._questions, self._score = strategy, questions, score
        self._living, self._memory, self._router, self._batch = living, memory, router, batch
        self._dice = Random(living.seed)  # noqa: S311
        self._loop = asyncio.get_running_loop()
        self._playing: Future[list[Episode]] | None = None

    def __call__(self, policy: ActorCritic) -> Played:  # noqa: ARG002 - the router's own
        self._playing = asyncio.run_coroutine_threadsafe(self._play(), self._loop)
        return played(self._playing.result(), self._router.card.features)

    def stop(self) -> None:
        """End what is being answered, where nobody waits for it any more."""
        if self._playing is not None:
            self._playing.cancel()

    async def _play(self) -> list[Episode]:
        asked = [
            (
                self._dice.choice(self._questions),
                self._dice.choice(self._living.trade_offs),
                self._dice.getrandbits(32),
            )
            for _ in range(self._batch)
        ]
        found: dict[int, Episode] = {}
        failures: list[str] = []
        waiting = iter(enumerate(asked))

        async def work() -> None:
            for number, (question, trade_off, seed) in waiting:
                told = self._strategy.config.model_copy(update={"trade_off": trade_off})
                attempt = await self._attempted(replace(self._strategy, config=told), question, seed)
                if attempt.episode is not None:
                    found[number] = attempt.episode
                else:
                    failures.append(attempt.failure or "")

        await side_by_side(work() for _ in range(self._living.concurrency))
        if not found:
            raise ModelUnavailableError(f"no question of a batch was answered, the first one: {failures[0]}")
        return [found[number] for number in sorted(found)]

    async def _attempted(self, strategy: BudgetMem, question: Question, seed: int) -> Attempt:
        # Each run draws from a generator of its own: which one asks first changes nothing.
        attempt = partial(
            attempted,
            question=question,
            router=self._router.sampling(seed),
            score=self._score,
            features=self._router.card.features,
        )
        if self._memory is None:
            made = await attempt(strategy)
        else:
            async with self._memory(question) as memory:
                made = await attempt(strategy.over(memory))
        if made is None:
            raise _SpentError
        return made


async def _embedder(strategy: BudgetMem, question: Question, memory: Remembered | None) -> Embedder:
    if memory is None:
        assert strategy.memory is not None  # noqa: S101 - `learn_live` has seen to it
        return strategy.memory.embedder
    async with memory(question) as found:
        return found.embedder


def _next(steps: Iterator[Progress]) -> Progress | None:
    try:
        return next(steps, None)
    except _SpentError:
        return None
