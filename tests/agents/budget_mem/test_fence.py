"""A hard fence: never overspent, and always an answer where a phrase can be paid for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from agents.budget_mem.worlds import (
    ANSWER,
    QUESTION,
    Watched,
    asked_for,
    is_answer,
    line,
    paid_for,
    policy,
    strategy,
    willing,
)
from langgraph.graph import START, StateGraph
from memory.modules.history import CHUNKS, PRICE

from outlay import Budget, ConfigurationError, Ledger
from outlay.agents.budget_mem import routed
from outlay.agents.budget_mem.allotting import SHORT_ANSWER_TOKENS
from outlay.agents.budget_mem.prompts import FROM_NOTES
from outlay.ledger import Claim
from outlay.memory.modules import MODULES, Tier
from outlay.memory.modules.showing import shown
from outlay.outcome import Outcome  # noqa: TC001 - LangGraph reads the annotations
from outlay.routers.tiers import FixedRouter
from outlay.testing import ScriptedModel, prompt
from outlay.testing.words import split

if TYPE_CHECKING:
    from collections.abc import Sequence

    from outlay import Answer
    from outlay.memory.conversations import Memory
    from outlay.memory.modules import Tiering
    from outlay.model import Request


class Asked(TypedDict):
    """The state of a graph that asks."""

    question: str
    outcome: Outcome


BUDGETS = [
    *(Budget(total_tokens=tokens) for tokens in (90, 150, 300, 500, 1000, 2000)),
    *(Budget(output_tokens=tokens) for tokens in (8, 25, 60, 200)),
    *(Budget(calls=calls) for calls in (1, 2, 4)),
    *(Budget(usd=usd) for usd in (0.00015, 0.0004, 0.001)),
    Budget(total_tokens=400, output_tokens=60, calls=3, usd=0.0005, seconds=60),
]


@pytest.mark.parametrize("tiering", ["implementation", "reasoning", "capacity"])
@pytest.mark.parametrize("budget", BUDGETS, ids=str)
def test_no_fence_is_overspent_and_every_one_gets_its_answer(
    memory: Memory, budget: Budget, tiering: Tiering
) -> None:
    made = strategy(memory, "high", tiering=tiering, high=willing(name="large"))
    answer = made.run(QUESTION, budget)
    assert (answer.value, answer.stop_reason) == (ANSWER, "finished")
    assert answer.usage.total_tokens <= (budget.total_tokens or 10**6)
    assert answer.usage.output_tokens <= (budget.output_tokens or 10**6)
    assert answer.usage.calls <= (budget.calls or 10**6)
    assert answer.usage.usd is not None
    assert answer.usage.usd <= (budget.usd or 1)


def test_modules_that_waste_what_they_are_given_leave_the_answer_its_part(memory: Memory) -> None:
    def rambling(request: Request) -> str:
        return ANSWER if is_answer(request) else "so to say " * 1000

    for tokens in (200, 400, 600):
        model = ScriptedModel(rambling)
        answer = strategy(memory, "high", model).run(QUESTION, Budget(total_tokens=tokens))
        assert (answer.value, answer.usage.total_tokens <= tokens) == (ANSWER, True)
        assert CHUNKS[0].text in asked_for(model)[0]


def test_retrieval_shrinks_to_what_the_answer_can_be_read_from(memory: Memory) -> None:
    model = willing()
    found = [chunk for chunk, _ in memory.retrieve(QUESTION, 4)]
    budget = Budget(total_tokens=paid_for(shown(found[:2])))
    answer = strategy(memory, "low", model).run(QUESTION, budget)
    retrieved = next(entry.update["chunks"] for entry in answer.trace if entry.node == "retrieve")
    assert [chunk["id"] for chunk in retrieved] == [chunk.id for chunk in found[:2]]
    assert "an answer from 2 of 4 retrieved chunks is all that fits" in str(answer.degraded)
    assert answer.usage.total_tokens <= (budget.total_tokens or 0)


def test_of_a_chunk_that_does_not_fit_a_part_is_read(memory: Memory) -> None:
    model = willing()
    best, _ = memory.retrieve(QUESTION, 1)[0]
    lines = shown([best]).splitlines()
    budget = Budget(total_tokens=paid_for("\n".join(lines[:2]), tokens=SHORT_ANSWER_TOKENS))
    answer = strategy(memory, "mid", model).run(QUESTION, budget)
    (asked,) = asked_for(model)
    assert answer.value == ANSWER
    assert "\n".join(lines[:2]) in asked
    assert lines[2] not in asked
    assert "cut to the first 2 lines of the best chunk" in str(answer.degraded)


@pytest.mark.parametrize("tiers", ["low", "mid"])
def test_of_each_part_of_a_summary_that_is_too_long_the_best_stay(memory: Memory, tiers: str) -> None:
    model, short = willing(), willing()
    strategy(memory, tiers, model).run(QUESTION)
    best, _ = memory.retrieve(QUESTION, 1)[0]
    for less in (5, 30, 60):
        whole = len(asked_for(model)[0].split()) + 20
        answer = strategy(memory, tiers, short).run(QUESTION, Budget(total_tokens=whole - less))
        assert best.text in asked_for(short)[-1]
        assert "of each part" in str(answer.degraded)
    prompts = [len(asked.split()) for asked in asked_for(short)]
    assert prompts == sorted(prompts, reverse=True)


def test_a_note_that_is_too_long_keeps_its_first_lines(memory: Memory) -> None:
    note = "\n".join(f"{number} {'word ' * 9}" for number in range(6))

    def script(request: Request) -> str:
        return note if "short note" in prompt(request) else line(request)

    free, model = ScriptedModel(script), ScriptedModel(script, window=paid_for(note) - 15)
    strategy(memory, "00002", free, top_k=1).run(QUESTION)
    answer = strategy(memory, "00002", model, high=free, top_k=1).run(QUESTION)
    (whole,), (asked,) = asked_for(free), asked_for(model)
    assert note.strip() in whole
    assert "3 word" in asked
    assert "4 word" not in asked
    assert "cut to its first 4 lines" in str(answer.degraded)


@pytest.mark.parametrize(
    ("short", "told"), [(0, "None"), (15, "cut to its first 4 lines")], ids=["that fits", "that does not"]
)
def test_a_note_that_quotes_a_chunk_is_still_the_models(memory: Memory, short: int, told: str) -> None:
    best, _ = memory.retrieve(QUESTION, 1)[0]
    note = "\n".join([best.text, *(f"{number} {'word ' * 9}" for number in range(4))])

    def script(request: Request) -> str:
        return note if "short note" in prompt(request) else line(request)

    model = ScriptedModel(script, window=paid_for(note) - short)
    answer = strategy(memory, "00002", model, high=ScriptedModel(script), top_k=1).run(QUESTION)
    (asked,) = asked_for(model)
    assert f"{best.text}\n0 word" in asked
    assert told in str(answer.degraded)


@pytest.mark.parametrize(
    "budget", [Budget(total_tokens=30), Budget(output_tokens=3), Budget(usd=1e-6)], ids=str
)
def test_a_budget_that_pays_for_no_phrase_is_an_outcome_and_pays_for_no_module(
    memory: Memory, budget: Budget
) -> None:
    model, router = willing(), Watched()
    answer = strategy(memory, router, model).run(QUESTION, budget)
    assert (answer.text, answer.stop_reason, model.requests) == ("", "budget", [])
    assert answer.degraded
    assert tuple(decision.module for decision in router.asked) == MODULES


def test_the_router_is_told_what_the_answer_leaves_and_what_its_choices_may_cost(memory: Memory) -> None:
    router = Watched(FixedRouter.of([0, 2, 0, 2, 0]))
    strategy(memory, router).run(QUESTION, Budget(total_tokens=1000, calls=9))
    left = [decision.left for decision in router.asked]
    tokens = [budget.total_tokens or 0 for budget in left if budget]
    calls = [budget.calls for budget in left if budget]
    assert tokens[0] < 1000 - 20  # the answer's part is not theirs
    assert tokens[0] <= tokens[1]  # the filter cost nothing, and the answer needs no more
    assert tokens[2] < tokens[1] - 60  # entity may take its prompt and sixty tokens
    assert tokens[3] == tokens[2]  # temporal is free
    assert calls == [8, 8, 7, 7, 6]


def test_what_the_filter_left_out_is_free_for_the_lists(memory: Memory) -> None:
    router = Watched(FixedRouter(Tier.LOW))
    strategy(memory, router, top_k=4).run("Which pottery class?", Budget(total_tokens=300))
    before, after = (decision.left for decision in router.asked[:2])
    assert before is not None
    assert after is not None
    assert (after.total_tokens or 0) > (before.total_tokens or 0) + 40  # three chunks of four


def test_a_fence_around_several_runs_is_shared(memory: Memory) -> None:
    made = strategy(memory, "high", willing(delay=0.002))

    async def at_once() -> list[Answer]:
        return await asyncio.gather(*(made.arun(QUESTION) for _ in range(4)))

    with Ledger(Budget(total_tokens=1500)) as ledger:
        answers = asyncio.run(at_once())
    assert ledger.usage.total_tokens <= 1500
    paid = [answer.stop_reason for answer in answers if answer.usage.total_tokens]
    assert paid == ["finished"] * len(paid) != []


@pytest.mark.parametrize(
    ("left", "told"), [(180, ("finished", ANSWER)), (20, ("budget", ""))], ids=["for a shorter", "for none"]
)
def test_what_others_take_while_the_answer_is_fitted_leaves_a_shorter_hold_or_no_module(
    memory: Memory, left: int, told: tuple[str, str]
) -> None:
    def taking(text: str) -> Sequence[str]:
        if FROM_NOTES in text and not work.set_asides:
            work.set_aside(Claim(prompt_tokens=699 - left, max_output_tokens=1), name="others")
        return split(text)

    model = willing(tokens=taking)
    made = strategy(memory, "high", model, max_output_tokens=20, max_answer_tokens=60)
    with Ledger(Budget(total_tokens=700)) as work:
        answer = made.run(QUESTION)
    assert (answer.stop_reason, answer.text) == told
    assert sum(one.usage.total_tokens for one in routed(answer)) == 0


def subgraph(model: ScriptedModel, memory: Memory) -> Any:
    """Give somebody's graph with the strategy's in it."""
    graph = StateGraph(Asked)
    graph.add_node("remember", strategy(memory, "high", model).graph)
    graph.add_edge(START, "remember")
    return graph.compile()


@pytest.mark.parametrize("tokens", [300, 400, 500, 600])
def test_as_a_part_of_a_graph_it_leaves_its_answer_its_part_of_the_fence_around(
    memory: Memory, tokens: int
) -> None:
    with Ledger(Budget(total_tokens=tokens)) as ledger:
        found = asyncio.run(subgraph(willing(), memory).ainvoke({"question": QUESTION}))
        assert ledger.remaining.total_tokens == tokens - ledger.usage.total_tokens
    assert (found["outcome"].value, found["outcome"].stop_reason) == (ANSWER, "finished")


def test_as_a_part_of_a_graph_it_gives_back_what_it_set_aside_where_it_fails(memory: Memory) -> None:
    def broken(request: Request) -> str:
        raise ConfigurationError(request.model)

    with Ledger(Budget(total_tokens=900)) as ledger:
        with pytest.raises(ConfigurationError):
            asyncio.run(subgraph(ScriptedModel(broken), memory).ainvoke({"question": QUESTION}))
        spent = ledger.usage.total_tokens
        assert ledger.remaining.total_tokens == 900 - spent


@pytest.mark.timeout(60)
def test_a_module_that_takes_too_long_is_broken_off_in_time_for_the_answer(memory: Memory) -> None:
    async def slow(request: Request) -> str:
        if not is_answer(request):
            await asyncio.sleep(300)
        return line(request)

    model = ScriptedModel(slow, price=PRICE)
    answer = strategy(memory, "00002", model).run(QUESTION, Budget(seconds=12))
    assert (answer.value, answer.stop_reason) == (ANSWER, "finished")
    used = routed(answer)[-1].used
    assert used is not None
    assert used < Tier.HIGH


def test_a_policy_runs_inside_a_fence(memory: Memory) -> None:
    answer = strategy(memory, policy()).run(QUESTION, Budget(total_tokens=500))
    assert (answer.value, answer.usage.total_tokens <= 500) == (ANSWER, True)
