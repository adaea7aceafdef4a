"""Nothing to find, replies that cannot be read, models that fail: what the page says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from agents.budget_mem.worlds import (
    ANSWER,
    QUESTION,
    Watched,
    asked_for,
    is_answer,
    line,
    strategy,
    told,
    willing,
    wordless,
)

from outlay import Budget, ConfigurationError, ModelError, ModelUnavailableError, Price, Usage
from outlay.agents import BudgetMem
from outlay.agents.budget_mem import routed
from outlay.memory.modules import MODULES, Tier
from outlay.testing import ScriptedModel
from outlay.testing.words import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay.memory.conversations import Memory
    from outlay.memory.modules import Tiering
    from outlay.model import Request

TIERINGS: list[Tiering] = ["implementation", "reasoning", "capacity"]


@pytest.mark.parametrize("tiering", TIERINGS)
def test_an_empty_memory_leaves_the_question_alone_and_modules_that_cost_nothing(
    blank: Memory, tiering: Tiering
) -> None:
    model, router = willing(), Watched()
    answer = strategy(blank, router, model, tiering=tiering, high=model).run(QUESTION)
    assert (answer.value, answer.usage.calls) == (ANSWER, 1)
    assert "Notes" not in model.prompts[0]
    assert tuple(decision.module for decision in router.asked) == MODULES
    assert not np.any([decision.given for decision in router.asked])
    assert all(one.used is None and one.usage == Usage() for one in routed(answer))
    assert "the memory has nothing" in str(answer.degraded)


def test_without_a_memory_the_question_is_answered_and_no_router_asked() -> None:
    router = Watched()
    answer = strategy(None, router).run(QUESTION)
    assert (answer.value, router.asked, routed(answer)) == (ANSWER, [], ())
    assert "no memory" in str(answer.degraded)


def test_fewer_chunks_than_are_asked_for_are_all_of_them(memory: Memory) -> None:
    answer = strategy(memory, k=50, top_k=50).run(QUESTION)
    retrieved = next(entry.update["chunks"] for entry in answer.trace if entry.node == "retrieve")
    assert (len(retrieved), answer.degraded) == (4, None)


def test_a_filter_with_a_single_chunk_used_no_tier(memory: Memory) -> None:
    one = routed(strategy(memory, "high", k=1).run(QUESTION))[0]
    assert (one.module, one.tier, one.used, one.usage) == ("filter", Tier.HIGH, None, Usage())


@pytest.mark.parametrize("tiering", TIERINGS)
def test_replies_that_cannot_be_read_fall_and_are_billed(memory: Memory, tiering: Tiering) -> None:
    price = Price(input=1, output=2)
    model = ScriptedModel(wordless, price=price)
    answer = strategy(memory, "high", model, tiering=tiering, high=model).run(QUESTION)
    tries = {"implementation": 1, "reasoning": 3, "capacity": 3}[tiering]
    assert answer.value == ANSWER
    assert all(one.used is not None and one.used < Tier.HIGH for one in routed(answer))
    assert all(one.usage.calls == tries and one.usage.usd for one in routed(answer))
    assert all(f"{name} at HIGH: the reply cannot be read" in str(answer.degraded) for name in MODULES)


def test_scores_that_are_too_few_drop_no_chunk(memory: Memory) -> None:
    def script(request: Request) -> str:
        return "2: 9" if "Rate how useful" in str(request.messages) else line(request)

    answer = strategy(memory, "20000", ScriptedModel(script)).run(QUESTION)
    kept = next(
        entry.update["extracted"]["filter"]["chunks"] for entry in answer.trace if entry.node == "filter"
    )
    assert sorted(kept) == [1, 2, 3, 4]


@pytest.mark.parametrize("tiering", TIERINGS)
def test_a_modules_model_that_is_down_costs_quality_and_not_the_answer(
    memory: Memory, tiering: Tiering
) -> None:
    down = ScriptedModel(lambda _: ModelUnavailableError("down"), name="down", retries=0)
    made = BudgetMem(willing(), memory, "high", down, down, down, tiering=tiering)
    answer = made.run(QUESTION)
    assert (answer.value, answer.stop_reason) == (ANSWER, "finished")
    assert all(one.used is not None and one.used < Tier.HIGH for one in routed(answer))
    assert "down" in str(answer.degraded)


@pytest.mark.parametrize("budget", [None, Budget(total_tokens=2000)], ids=str)
def test_a_server_that_does_not_count_tokens_costs_a_tier(memory: Memory, budget: Budget | None) -> None:
    def silent(text: str) -> Sequence[str]:
        raise ModelUnavailableError(f"does not count {text[:9]}")

    deaf = ScriptedModel(line, tokens=silent, retries=0)
    answer = strategy(memory, "high", high=deaf).run(QUESTION, budget)
    assert (answer.value, answer.stop_reason) == (ANSWER, "finished")
    assert all(one.used is not None and one.used < Tier.HIGH for one in routed(answer))


def test_without_a_limit_no_prompt_is_counted_only_to_tell_the_router(memory: Memory) -> None:
    counted: list[str] = []

    def counting(text: str) -> Sequence[str]:
        counted.append(text)
        return split(text)

    large = ScriptedModel(line, tokens=counting)
    made = strategy(memory, "00200", high=large)
    made.run(QUESTION)
    free = counted.count(large.prompts[0])
    made.run(QUESTION, Budget(total_tokens=2000))
    assert counted.count(large.prompts[0]) - free > free


@pytest.mark.parametrize(
    ("price", "usd"), [(0.88, 0.001936), (0.06, 0.000132)], ids=["70 billion", "3 billion"]
)
def test_a_call_that_failed_after_it_used_tokens_is_not_free(
    memory: Memory, price: float, usd: float
) -> None:
    """B3, with the paper's prices."""
    used = Usage(calls=1, generations=1, prompt_tokens=2000, output_tokens=200)

    def script(request: Request) -> Any:
        return ANSWER if is_answer(request) else ModelError("broke off", usage=used)

    model = ScriptedModel(script, price=Price(input=price, output=price), retries=0)
    answer = strategy(memory, "00200", model).run(QUESTION)
    temporal = routed(answer)[2]
    assert (temporal.used, temporal.usage.total_tokens) == (Tier.MID, 2200)
    assert temporal.usage.usd == pytest.approx(usd)


def test_a_model_that_cannot_answer_surfaces_with_the_bill_of_the_whole_run(memory: Memory) -> None:
    def script(request: Request) -> Any:
        return ModelError("no") if is_answer(request) else line(request)

    with pytest.raises(ModelError, match="no") as failure:
        strategy(memory, model=ScriptedModel(script, retries=0)).run(QUESTION)
    assert failure.value.usage is not None
    assert failure.value.usage.calls == 6


@pytest.mark.parametrize("tiers", ["low", "high"])
def test_an_unknown_price_under_a_limit_in_dollars_is_an_error(memory: Memory, tiers: str) -> None:
    model = ScriptedModel(line, price=None)
    with pytest.raises(ConfigurationError, match="price"):
        strategy(memory, tiers, model).run(QUESTION, Budget(usd=1))
    assert model.requests == []


def test_a_modules_unknown_price_is_an_error_under_dollars_and_unknown_without(memory: Memory) -> None:
    made = strategy(memory, "00200", high=ScriptedModel(line, price=None))
    with pytest.raises(ConfigurationError, match="price"):
        made.run(QUESTION, Budget(usd=1))
    assert routed(made.run(QUESTION))[2].usage.usd is None


def test_chunks_that_do_not_fit_the_models_window_are_left_out(blank: Memory) -> None:
    model = willing(window=110)
    answer = strategy(told(blank), "mid", model).run(QUESTION)
    (asked,) = asked_for(model)
    assert answer.value == ANSWER
    assert len(asked.split()) + 20 <= 110
    assert "fits" in str(answer.degraded)
    assert "cut to" in str(answer.degraded)


def test_what_no_call_was_paid_for_was_not_answered() -> None:
    answer = strategy(None, Watched()).run(QUESTION, Budget(output_tokens=0))
    assert (answer.text, answer.fell_back) == ("", False)
    assert "no memory was given" in str(answer.degraded)
    assert "answered" not in str(answer.degraded)
