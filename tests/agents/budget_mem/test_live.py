"""Learning from live runs: what is drawn, what it is rewarded for, and what ends it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from agents.budget_mem.worlds import EMBEDDER, willing

from outlay.agents import BudgetMem
from outlay.agents.budget_mem import routed
from outlay.agents.budget_mem.live import Living, learn_live
from outlay.agents.budget_mem.runs import Question
from outlay.budget import Budget
from outlay.errors import ConfigurationError, ModelUnavailableError, ScorerError
from outlay.ledger import Ledger
from outlay.memory.conversations import Memory
from outlay.memory.modules import MODULES, Decision, Tier
from outlay.routers.tiers import PPO, Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.outcome import Answer
    from outlay.routers.tiers import LearnedRouter
    from outlay.testing import ScriptedModel

ASKED = [Question(id=f"q{number}", text=f"Who planted tree {number}?") for number in range(4)]
QUICK = PPO(learning_rate=0.02, batch=12)
LITTLE = Living(updates=10, hidden=16)


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory.temporary(EMBEDDER, chunk_tokens=16) as made:
        made.append(*(f"Ann planted tree {number} behind the house" for number in range(4)))
        yield made


async def topic_at_low(_: Question, answer: Answer) -> float:
    """An answer is right where the topic was left to rules."""
    await asyncio.sleep(0)
    return float({one.module: one.tier for one in routed(answer)}["topic"] == Tier.LOW)


def at_once(_: Question, answer: Answer) -> float:
    """The same, for which nobody has to wait."""
    return float({one.module: one.tier for one in routed(answer)}["topic"] == Tier.LOW)


def learn(
    memory: Memory | None, model: ScriptedModel | None = None, score: Any = topic_at_low, **said: Any
) -> LearnedRouter:
    strategy = BudgetMem(model or willing(), memory, k=2, max_output_tokens=60, max_answer_tokens=20)
    living = LITTLE.model_copy(update=said.pop("living", {}))
    return asyncio.run(learn_live(strategy, said.pop("asked", ASKED), score, living, QUICK, **said))


def topic_of(router: LearnedRouter, trade_off: float) -> Tier:
    vector = EMBEDDER.embed([ASKED[0].text])[0]
    return router.choose(Decision("topic", vector, vector, None, trade_off)).tier


def test_it_learns_what_pays(memory: Memory) -> None:
    steps: list[Progress] = []
    router = learn(memory, living={"trade_offs": (0.0,)}, tell=steps.append, score=at_once)
    assert [step.update for step in steps] == list(range(1, 11))
    assert steps[-1].task > steps[0].task
    assert topic_of(router, 0.0) == Tier.LOW
    assert (router.card.tiering, router.card.embedder) == ("implementation", EMBEDDER.name)
    assert router.card.trade_offs == (0.0, 0.0)


def test_the_same_seed_draws_the_same_whatever_runs_side_by_side(memory: Memory) -> None:
    told = [list[Progress](), list[Progress](), list[Progress]()]
    few = {"updates": 2, "trade_offs": (0.0, 0.9)}
    for steps, more in zip(told, ({"concurrency": 1}, {"concurrency": 6}, {"seed": 1}), strict=True):
        learn(memory, willing(delay=0.001), living=few | more, tell=steps.append)
    assert told[0] == told[1] != told[2]


def test_what_is_learnt_until_the_money_ends_is_given(memory: Memory) -> None:
    steps: list[Progress] = []
    with Ledger(Budget(calls=60), backstop=True) as ledger:
        router = learn(memory, living={"updates": 100}, tell=steps.append)
    assert ledger.usage.calls <= 60
    assert 0 < len(steps) < 100
    assert topic_of(router, 0.3) in Tier


def test_money_that_does_not_pay_for_one_update_is_said(memory: Memory) -> None:
    with (
        Ledger(Budget(calls=5), backstop=True),
        pytest.raises(ConfigurationError, match="pay for one update"),
    ):
        learn(memory)


def test_questions_that_cannot_be_scored_are_left_out_and_a_batch_of_them_ends_it(memory: Memory) -> None:
    async def half(question: Question, answer: Answer) -> float:
        if question.id in {"q0", "q1"}:
            raise ScorerError("nobody knows")
        return await topic_at_low(question, answer)

    assert len(MODULES) == len(learn(memory, score=half, living={"updates": 1}).policy.descriptions)

    async def none(_question: Question, _answer: Answer) -> float:
        await asyncio.sleep(0)
        raise ScorerError("nobody knows")

    with pytest.raises(ModelUnavailableError, match="nobody knows"):
        learn(memory, score=none)


def test_without_questions_or_a_memory_it_is_refused(memory: Memory) -> None:
    with pytest.raises(ConfigurationError, match="needs questions"):
        learn(memory, asked=[])
    with pytest.raises(ConfigurationError, match="and a memory"):
        learn(None)
    with pytest.raises(ConfigurationError, match="questions are Question"):
        learn(memory, asked=["Where?"])
    with pytest.raises(ConfigurationError, match="two questions are called 'q0'"):
        learn(memory, asked=[ASKED[0], ASKED[0]])
    with Ledger(Budget(calls=60)), pytest.raises(ConfigurationError, match="backstop=True"):
        learn(memory)
