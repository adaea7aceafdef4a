"""Five modules, a router and an answer: who is asked what, in which order, and what it costs."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from agents.budget_mem.worlds import (
    ANSWER,
    EMBEDDER,
    QUESTION,
    Watched,
    asked_for,
    policy,
    strategy,
    told,
    willing,
    wordless,
)
from memory.modules.history import CHUNKS, PRICE, REPLIES

from outlay import Answer, Budget, ConfigurationError, Usage
from outlay.agents import BudgetMem
from outlay.agents.budget_mem import routed
from outlay.agents.budget_mem.reading import short_answer
from outlay.agents.spec import strategy_from_spec
from outlay.errors import PolicyError
from outlay.memory.conversations import Memory
from outlay.memory.modules import MODULES, Tier
from outlay.routers.tiers import FixedRouter, LearnedRouter, RandomRouter
from outlay.testing import HashEmbedder, ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.memory.modules import Tiering


def dollars(usage: Usage) -> float:
    assert usage.usd is not None
    return usage.usd


def test_it_answers_from_the_summary_alone(memory: Memory) -> None:
    model = willing()
    answer = strategy(memory, model=model).run(QUESTION)
    (asked,) = asked_for(model)
    assert (answer.text, answer.value, answer.stop_reason, answer.degraded) == (
        ANSWER,
        ANSWER,
        "finished",
        None,
    )
    assert REPLIES["short note"] in asked
    assert QUESTION in asked
    assert not any(chunk.text in asked for chunk in CHUNKS)


def test_the_three_lists_are_made_side_by_side(memory: Memory) -> None:
    answer = strategy(memory, model=willing(delay=0.3)).run(QUESTION)
    entries = {entry.node: entry for entry in answer.trace}
    lists = [entries[name] for name in ("entity", "temporal", "topic")]
    assert max(entry.started for entry in lists) < min(entry.ended for entry in lists)
    assert answer.sequential is not None
    assert answer.sequential.calls == 4 < answer.usage.calls == 6
    assert answer.sequential.total_tokens < answer.usage.total_tokens


def test_the_router_is_asked_once_for_each_module_in_their_order(memory: Memory) -> None:
    router = Watched()
    answer = strategy(memory, router, willing(delay=0.01), trade_off=0.7).run(QUESTION)
    assert tuple(decision.module for decision in router.asked) == MODULES
    assert {decision.trade_off for decision in router.asked} == {0.7}
    assert {decision.left for decision in router.asked} == {None}
    assert [one.tier for one in routed(answer)] == [Tier.HIGH] * 5


def test_the_router_sees_the_mean_of_what_each_module_is_given(memory: Memory) -> None:
    router = Watched()
    strategy(memory, router, top_k=2).run(QUESTION)
    question, *given = [router.asked[0].question, *(decision.given for decision in router.asked)]
    assert np.allclose(question, EMBEDDER.embed([QUESTION])[0])
    assert np.allclose(given[0], memory.vectors([1, 2, 3, 4]).mean(axis=0))
    ids = [chunk.id for chunk, _ in memory.retrieve(QUESTION, 4)]
    kept = memory.vectors([ids[0], ids[3]]).mean(axis=0)  # the places that the model scores highest
    assert all(np.allclose(vector, kept) for vector in given[1:4])
    lists = ["\n".join(line.removeprefix("- ") for line in text.splitlines()) for text in LISTED]
    assert np.allclose(given[4], EMBEDDER.embed(lists).mean(axis=0))


LISTED = [REPLIES["one fact"], REPLIES["one event"], REPLIES["one subject"]]


def test_without_a_line_in_any_list_the_summary_is_routed_and_written_by_the_chunks(memory: Memory) -> None:
    model = ScriptedModel(lambda _: "none", price=PRICE)
    router = Watched(FixedRouter.of([0, 2, 2, 2, 0]))
    answer = strategy(memory, router, model).run(QUESTION)
    assert [
        len(entry.update["extracted"]["topic"]["lines"]) for entry in answer.trace if entry.node == "topic"
    ] == [0]
    assert np.allclose(router.asked[4].given, router.asked[3].given)
    assert np.linalg.norm(router.asked[4].given) > 0
    assert CHUNKS[0].text in model.prompts[-1]


@pytest.mark.parametrize("tiering", ["implementation", "reasoning", "capacity"])
def test_the_tiers_can_be_told_with_what_each_module_was_billed(memory: Memory, tiering: Tiering) -> None:
    answer = strategy(memory, "20122", tiering=tiering, high=willing(name="large")).run(QUESTION)
    tiers = routed(answer)
    assert [one.module for one in tiers] == list(MODULES)
    assert [int(one.tier) for one in tiers] == [2, 0, 1, 2, 2]
    assert all(one.tier == one.used for one in tiers)
    bills = {child.name: child.usage for child in answer.report.children}
    assert [one.usage for one in tiers] == [bills[name] for name in MODULES]
    assert sum((one.usage for one in tiers), bills["answer"]) == answer.usage
    assert set(bills) == {"retrieve", *MODULES, "answer"}


def test_tiers_differ_in_what_they_give_and_cost_no_less_from_low_to_high(memory: Memory) -> None:
    """B11."""
    models = [willing() for _ in Tier]
    answers = [
        strategy(memory, tier.name.lower(), model).run(QUESTION)
        for tier, model in zip(Tier, models, strict=True)
    ]
    paid = [sum(dollars(one.usage) for one in routed(answer)) for answer in answers]
    assert paid[0] == paid[1] == 0 < paid[2]
    assert [answer.usage.calls for answer in answers] == [1, 1, 6]
    assert len({model.prompts[-1] for model in models}) == 3


@pytest.mark.parametrize("tiering", ["reasoning", "capacity"])
def test_where_every_tier_asks_a_model_each_is_billed(memory: Memory, tiering: Tiering) -> None:
    cheap, dear = willing(name="small"), willing(name="large")
    made = strategy(memory, "01202", cheap, tiering=tiering, high=dear)
    answer = made.run(QUESTION)
    assert all(one.usage.calls == 1 for one in routed(answer))
    assert {name: usage.calls for name, usage in answer.report.by_model.items()} == {"small": 4, "large": 2}


def test_a_capacity_without_models_is_refused(memory: Memory) -> None:
    with pytest.raises(ConfigurationError, match="low=, mid= or high="):
        strategy(memory, tiering="capacity")


@pytest.mark.parametrize(
    ("tiering", "tier"), [("implementation", Tier.MID), ("reasoning", Tier.LOW), ("capacity", Tier.LOW)]
)
def test_without_a_router_it_is_the_best_tier_that_costs_least(tiering: Tiering, tier: Tier) -> None:
    assert strategy(None, None, tiering=tiering, low=willing()).router == FixedRouter(tier)


@pytest.mark.parametrize(
    ("word", "tiers"),
    [("low", "00000"), ("mid", "11111"), ("high", "22222"), ("20012", "20012")],
)
def test_a_router_is_named_in_a_word(word: str, tiers: str) -> None:
    router = strategy_from_spec(f"budget-mem:router={word}", ScriptedModel([])).router  # type: ignore[attr-defined]
    assert "".join(str(int(tier)) for tier in router.vector) == tiers


@pytest.mark.parametrize("wrong", ["2001", "20013", "nowhere.pt", 7, 3.5], ids=str)
def test_what_is_no_router_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="low, mid, high, random"):
        strategy(None, wrong)


@pytest.mark.parametrize("wrong", [7, object()], ids=["number", "object"])
def test_what_is_no_memory_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="give a Memory"):
        strategy(wrong)


def test_a_router_at_random_draws_by_question_and_seed_and_not_by_order(memory: Memory) -> None:
    questions = [f"When did Ann buy vase {number}?" for number in range(8)]
    made = BudgetMem(willing(), memory, "random", seed=3, max_output_tokens=60)
    assert made.router == RandomRouter(3)

    async def at_once() -> list[Answer]:
        return await asyncio.gather(*(made.arun(question) for question in questions))

    together = [[one.tier for one in routed(answer)] for answer in asyncio.run(at_once())]
    alone = [[one.tier for one in routed(made.run(question))] for question in reversed(questions)]
    assert together == alone[::-1]
    assert {tier for tiers in together for tier in tiers} == set(Tier)
    assert any(one != other for one, other in pairwise(together))


def test_a_saved_policy_and_a_stored_memory_are_opened_by_their_paths(tmp_path: Path) -> None:
    directory = tmp_path / "memory"
    with Memory.create(directory) as made:
        embedder = made.embedder
    router = policy(HashEmbedder(embedder.dimension))
    card = router.card.model_copy(update={"embedder": embedder.name})
    LearnedRouter(router.policy, card).save(tmp_path / "policy.pt")
    spec = f"budget-mem:memory={directory},router={tmp_path / 'policy.pt'},k=4"
    opened: Any = strategy_from_spec(spec, ScriptedModel([]), model_named=lambda _: ScriptedModel([]))
    assert isinstance(opened.router, LearnedRouter)
    assert (opened.router.card, opened.config.k) == (card, 4)
    assert opened.memory.directory == directory
    opened.memory.close()


def test_it_answers_over_another_memory_with_what_it_has(memory: Memory, blank: Memory) -> None:
    first = strategy(blank, policy(), top_k=2)
    second = first.over(memory)
    assert (second.memory, second.router, second.config) == (memory, first.router, first.config)
    assert second.run(QUESTION).value == ANSWER
    assert first.memory is blank


def test_a_policy_is_refused_with_a_memory_of_another_embedder(memory: Memory, tmp_path: Path) -> None:
    other = policy(HashEmbedder(48))
    other.save(tmp_path / "policy.pt")
    with pytest.raises(PolicyError, match="hash-48"):
        strategy(memory, tmp_path / "policy.pt")
    with pytest.raises(PolicyError, match="hash-48"):
        strategy(None, other).over(memory)


def test_a_memory_that_takes_too_long_ends_the_run_at_its_deadline(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up, found, retrieve = threading.Event(), threading.Event(), memory.retrieve

    def slowly(question: str, k: int) -> Any:
        """Find nothing until the embedder is loaded."""
        given_up.wait(20)
        found.set()
        return retrieve(question, k)

    monkeypatch.setattr(memory, "retrieve", slowly)
    answer = strategy(memory).run(QUESTION, Budget(seconds=0.3))
    assert not found.is_set()
    given_up.set()
    assert (answer.stop_reason, answer.usage.calls) == ("deadline", 0)
    assert "looking in the memory took all the time" in (answer.degraded or "")


def test_tiers_may_be_given_as_a_vector(memory: Memory) -> None:
    assert strategy(memory, (2, 0, 0, 1, 2)).router == strategy(memory, "20012").router


def test_a_policy_is_refused_with_another_tiering_than_it_was_trained_with(
    memory: Memory, tmp_path: Path
) -> None:
    known = policy()
    trained = LearnedRouter(known.policy, known.card.model_copy(update={"tiering": "reasoning"}))
    trained.save(tmp_path / "policy.pt")
    for given in (trained, tmp_path / "policy.pt"):
        with pytest.raises(PolicyError, match="with the tiering reasoning, not with implementation"):
            strategy(memory, given)
        assert strategy(memory, given, tiering="reasoning").config.tiering == "reasoning"


def test_a_trade_off_that_a_policy_does_not_know_is_refused_at_once(memory: Memory) -> None:
    with pytest.raises(PolicyError, match="trade-off of 2"):
        strategy(memory, policy(), trade_off=2)


def test_runs_side_by_side_are_those_of_each_alone(memory: Memory) -> None:
    made = strategy(memory, policy(), willing(delay=0.002))

    async def at_once() -> list[Answer]:
        return await asyncio.gather(*(made.arun(QUESTION) for _ in range(5)))

    alone = made.run(QUESTION)
    together = asyncio.run(at_once())
    assert all(routed(answer) == routed(alone) for answer in together)
    assert [answer.usage for answer in together] == [alone.usage] * 5


def test_what_was_said_meanwhile_is_found_by_the_next_question(blank: Memory) -> None:
    made = strategy(blank, "mid")
    before = made.run(QUESTION)
    told(blank)
    after = made.run(QUESTION)
    assert "nothing" in str(before.degraded)
    assert after.degraded is None


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("7 May 2023", "7 May 2023"),
        ("  **7 May 2023.**\n\nBecause she said so.", "7 May 2023"),
        ("Answer: 2 weeks ago", "2 weeks ago"),
        ("The answer is her sister Mia.", "her sister Mia"),
        ("Short answer:\nOslo", "Oslo"),
        ('"pottery"', "pottery"),
        ("- a vase\n- a bowl", "a vase"),
        (r"So it is \boxed{Oslo}.", "Oslo"),
        ('{"answer": "Oslo"}', "Oslo"),
        ("She said so.\n\n<answer>2 weeks ago</answer>", "2 weeks ago"),
        ("She said so. The answer is 2 weeks ago. Surely.", "2 weeks ago"),
        ("...", None),
        ("", None),
    ],
)
def test_the_short_answer_is_the_first_line_less_what_introduces_it(text: str, phrase: str | None) -> None:
    assert short_answer(text) == phrase


@pytest.mark.parametrize(
    ("said", "value", "reason"),
    [
        ("the sister of the one who went to class", None, "budget"),
        ("Mia\nand that is because of", "Mia", "finished"),
    ],
    ids=["in its phrase", "behind it"],
)
def test_an_answer_that_was_cut_counts_only_where_its_phrase_was_whole(
    memory: Memory, said: str, value: str | None, reason: str
) -> None:
    made = strategy(memory, "low", ScriptedModel(lambda _: said), max_answer_tokens=4)
    answer = made.run(QUESTION)
    assert (answer.value, answer.stop_reason) == (value, reason)


def test_a_mid_summary_stands_in_the_prompt_with_dates_worked_out(memory: Memory) -> None:
    model = ScriptedModel(wordless)
    strategy(memory, "mid", model).run(QUESTION, Budget(calls=1))
    assert "7 May 2023 (yesterday)" in model.prompts[0]
