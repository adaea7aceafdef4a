"""Five modules, three tiers, three tierings: what they give, what they cost, how they fall."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Literal

import pytest
from memory.modules.history import CHUNKS, PRICE, QUESTION, REPLIES, SIMILARITIES, chunk, reply, willing

from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError, ModelError, ModelUnavailableError
from outlay.ledger import Ledger
from outlay.memory.modules import DESCRIPTIONS, MODULES, Extracted, Modules, Tier
from outlay.testing import HashEmbedder, ScriptedModel

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from outlay.memory.modules import ModuleName, Tiering

HASHED = HashEmbedder()
LISTS: tuple[Literal["entity", "temporal", "topic"], ...] = ("entity", "temporal", "topic")
LINES = ("Ann - has - a sister",)


def made(models: Any, tiering: Tiering = "implementation", **options: Any) -> Modules:
    return Modules(models, tiering, embedder=HASHED, **options)


def work(modules: Modules, name: ModuleName, tier: Tier) -> Coroutine[Any, Any, Extracted]:
    if name == "filter":
        return modules.filter(QUESTION, CHUNKS, SIMILARITIES, tier)
    if name == "summary":
        return modules.summarise(QUESTION, CHUNKS, LINES, (), (), tier)
    return modules.extract(name, QUESTION, CHUNKS, tier)


def spent(modules: Modules, name: ModuleName, tier: Tier) -> tuple[Extracted, Usage]:
    with Ledger(Budget()) as ledger:
        found = asyncio.run(work(modules, name, tier))
    return found, ledger.usage


def content(found: Extracted) -> tuple[Any, ...]:
    return found.chunks, found.lines, found.text


def dollars(usage: Usage) -> float:
    assert usage.usd is not None
    return usage.usd


def test_every_module_is_described_in_its_own_words() -> None:
    assert tuple(DESCRIPTIONS) == MODULES
    assert len(set(DESCRIPTIONS.values())) == len(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_tiers_differ_and_cost_what_they_say(name: ModuleName) -> None:
    modules = made(willing(), top_k=3)
    (low, free), (mid, as_free), (high, paid) = (spent(modules, name, tier) for tier in Tier)
    assert dollars(free) == dollars(as_free) == 0 < dollars(paid)
    assert (free.calls, as_free.calls, paid.calls) == (0, 0, 1)
    assert len({content(low), content(mid), content(high)}) > 1
    assert [found.used for found in (low, mid, high)] == list(Tier)
    assert low.notes == mid.notes == high.notes == ()


@pytest.mark.parametrize("name", LISTS)
def test_low_and_mid_of_a_list_are_not_the_same(name: ModuleName) -> None:
    modules = made(willing())
    low, mid = (spent(modules, name, tier)[0].lines for tier in (Tier.LOW, Tier.MID))
    assert low
    assert mid
    assert low != mid


@pytest.mark.parametrize("tiering", ["reasoning", "capacity"])
@pytest.mark.parametrize("name", MODULES)
def test_tiers_that_ask_a_model_read_the_same_answer(tiering: Tiering, name: ModuleName) -> None:
    model = willing()
    modules = made(dict.fromkeys(Tier, model), tiering)
    found = [spent(modules, name, tier) for tier in Tier]
    assert len({content(extracted) for extracted, _ in found}) == 1
    assert [extracted.used for extracted, _ in found] == list(Tier)
    assert all(usage.calls == 1 for _, usage in found)


@pytest.mark.parametrize("name", MODULES)
def test_reasoning_is_asked_for_by_tier_and_never_cancelled(name: ModuleName) -> None:
    model = willing()
    for tier in Tier:
        spent(made(model, "reasoning"), name, tier)
    low, mid, high = model.prompts
    assert "nothing but" in low
    assert "step by step" in mid
    assert "Plan:" in high
    assert all("nothing but" not in text and text.index("Then write") for text in (mid, high))
    assert len(low) < len(mid) < len(high)


def test_capacity_asks_the_tiers_own_model_in_the_same_words() -> None:
    models = {tier: willing(name=tier.name) for tier in Tier}
    modules = made(models, "capacity")
    for tier in Tier:
        spent(modules, "entity", tier)
    assert [len(model.prompts) for model in models.values()] == [1, 1, 1]
    assert len({model.prompts[0] for model in models.values()}) == 1


def test_the_filter_keeps_the_highest_scores_and_no_more_than_top_k() -> None:
    found, _ = spent(made(willing(), top_k=2), "filter", Tier.HIGH)
    assert found.chunks == (1, 4)


def test_a_short_list_of_scores_keeps_every_chunk() -> None:
    found, _ = spent(made(ScriptedModel(["3: 8"])), "filter", Tier.HIGH)
    assert found.chunks == (3, 1, 2, 4)
    assert found.used == Tier.HIGH


def test_a_filter_that_falls_to_mid_weighs_the_cosines() -> None:
    modules = made(ScriptedModel(["no idea"]), top_k=4)
    question = "pottery class"
    found = asyncio.run(modules.filter(question, CHUNKS, (0.1, 0.9, 0.1, 0.1), Tier.HIGH))
    low = asyncio.run(modules.filter(question, CHUNKS, (0.1, 0.9, 0.1, 0.1), Tier.LOW))
    assert (found.used, found.chunks) == (Tier.MID, (2, 1))
    assert low.chunks == (1,)


@pytest.mark.parametrize("name", MODULES)
def test_an_unreadable_reply_falls_a_tier_and_is_billed(name: ModuleName) -> None:
    modules = made(ScriptedModel(["..."], price=PRICE))
    found, usage = spent(modules, name, Tier.HIGH)
    assert (found.tier, found.used) == (Tier.HIGH, Tier.MID)
    assert usage.calls == 1
    assert dollars(usage) > 0
    assert any(name in note and "cannot be read" in note for note in found.notes)
    assert content(found) == content(spent(modules, name, Tier.MID)[0])


@pytest.mark.parametrize("name", MODULES)
def test_reasoning_that_never_answers_falls_through_every_tier_to_the_rule(name: ModuleName) -> None:
    modules = made(ScriptedModel(["I think", "and think", "..."], price=PRICE), "reasoning")
    found, usage = spent(modules, name, Tier.HIGH)
    assert (found.used, usage.calls, len(found.notes)) == (Tier.LOW, 3, 4)
    assert content(found) == content(spent(made(willing()), name, Tier.LOW)[0])


def test_a_call_that_failed_after_it_used_tokens_is_charged() -> None:
    used = Usage(calls=1, generations=1, prompt_tokens=2000, output_tokens=200)
    model = ScriptedModel([ModelError("broke off", usage=used)], price=PRICE, retries=0)
    found, usage = spent(made(model), "entity", Tier.HIGH)
    assert found.used == Tier.MID
    assert dollars(usage) == pytest.approx(2000e-6 * 1 + 200e-6 * 2)


def test_a_model_that_is_down_leaves_the_lower_tiers_and_says_so() -> None:
    model = ScriptedModel(lambda _: ModelUnavailableError("down"), retries=0)
    found, _ = spent(made(model), "topic", Tier.HIGH)
    assert found.used == Tier.MID
    assert found.lines
    assert "down" in found.notes[0]


@pytest.mark.parametrize("name", MODULES)
def test_a_fence_that_is_too_small_leaves_the_tiers_that_cost_nothing(name: ModuleName) -> None:
    with Ledger(Budget(total_tokens=20)) as ledger:
        found = asyncio.run(work(made(willing()), name, Tier.HIGH))
    assert found.used == Tier.MID
    assert ledger.usage.total_tokens == 0
    assert "total_tokens" in found.notes[0]


@pytest.mark.parametrize("tiering", ["reasoning", "capacity"])
@pytest.mark.parametrize("name", MODULES)
def test_where_every_tier_costs_a_fence_that_is_too_small_leaves_the_rule(
    tiering: Tiering, name: ModuleName
) -> None:
    modules = made(dict.fromkeys(Tier, willing()), tiering)
    with Ledger(Budget(calls=0)) as ledger:
        found = asyncio.run(work(modules, name, Tier.HIGH))
    assert (found.used, ledger.usage) == (Tier.LOW, Usage())
    assert content(found) == content(spent(made(willing()), name, Tier.LOW)[0])
    assert "done by rule" in found.notes[-1]


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("tiering", ["implementation", "reasoning", "capacity"])
def test_the_worst_case_of_a_list_is_what_its_call_reserves(
    tiering: Tiering, name: Literal["entity", "temporal", "topic"]
) -> None:
    modules = made(dict.fromkeys(Tier, willing()), tiering, max_output_tokens=40)
    low, mid, high = (asyncio.run(modules.worst_case(name, QUESTION, CHUNKS, tier)) for tier in Tier)
    assert high is not None
    assert (low is None, mid is None) == (tiering == "implementation",) * 2
    whole = high.prompt_tokens + 40
    with Ledger(Budget(total_tokens=whole)) as ledger:
        assert asyncio.run(work(modules, name, Tier.HIGH)).used == Tier.HIGH
    assert ledger.usage.prompt_tokens == high.prompt_tokens
    assert asyncio.run(modules.worst_case(name, QUESTION, (), Tier.HIGH)) is None


@pytest.mark.parametrize("tokens", [150, 200, 400])
def test_no_fence_is_overspent(tokens: int) -> None:
    async def all_of_them() -> list[Extracted]:
        modules = made(willing(), max_output_tokens=64)
        return await asyncio.gather(*(work(modules, name, Tier.HIGH) for name in MODULES))

    with Ledger(Budget(total_tokens=tokens)) as ledger:
        found = asyncio.run(all_of_them())
    assert ledger.usage.total_tokens <= tokens
    assert {extracted.used for extracted in found} >= {Tier.MID}


def test_a_reply_that_was_cut_short_is_used_as_far_as_it_goes() -> None:
    said = "\n".join(f"fact {number} - is - true" for number in range(20))
    modules = made(ScriptedModel([said]), max_output_tokens=22)
    found, usage = spent(modules, "entity", Tier.HIGH)
    assert usage.output_tokens == 22
    assert found.lines == tuple(f"fact {number} - is - true" for number in range(len(found.lines)))
    assert 2 <= len(found.lines) < 20
    assert "cut short" in found.notes[0]


@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("tiering", ["implementation", "reasoning", "capacity"])
def test_without_chunks_nothing_is_found_and_nothing_asked(tiering: Tiering, tier: Tier) -> None:
    async def nothing() -> list[Extracted]:
        modules = made(dict.fromkeys(Tier, ScriptedModel([])), tiering)
        lists = [await modules.extract(name, QUESTION, (), tier) for name in LISTS]
        filtered = await modules.filter(QUESTION, (), (), tier)
        return [filtered, *lists, await modules.summarise(QUESTION, (), (), (), (), tier)]

    with Ledger(Budget()) as ledger:
        found = asyncio.run(nothing())
    assert [(*content(extracted), extracted.used) for extracted in found] == [((), (), "", None)] * 5
    assert ledger.usage.calls == 0


@pytest.mark.parametrize("tier", Tier)
def test_a_single_chunk_needs_no_choosing(tier: Tier) -> None:
    one = made(ScriptedModel([])).filter(QUESTION, CHUNKS[:1], (0.0,), tier)
    found = asyncio.run(one)
    assert (found.chunks, found.used) == ((1,), None)


def test_the_summary_is_asked_for_from_the_lists_and_without_any_from_the_chunks() -> None:
    model = willing()
    modules = made(model)
    from_lists = asyncio.run(modules.summarise(QUESTION, CHUNKS, LINES, (), LINES, Tier.HIGH))
    from_chunks = asyncio.run(modules.summarise(QUESTION, CHUNKS, (), (), (), Tier.HIGH))
    first, second = model.prompts
    assert from_lists.text == from_chunks.text == REPLIES["short note"]
    assert first.count(LINES[0]) == 1
    assert CHUNKS[0].text not in first
    assert all(piece.text in second for piece in CHUNKS)


def test_dates_stand_above_what_was_said_in_every_prompt() -> None:
    model = willing()
    names: tuple[ModuleName, ...] = ("filter", *LISTS)
    for name in names:
        spent(made(model), name, Tier.HIGH)
    assert all(f"{CHUNKS[0].time}\n{CHUNKS[0].text}" in text for text in model.prompts)


def test_the_three_lists_are_asked_for_after_the_same_words() -> None:
    model = willing()
    for name in LISTS:
        spent(made(model), name, Tier.HIGH)
    assert len({text[: text.index(QUESTION)] for text in model.prompts}) == 1


def test_modules_work_at_the_same_time_and_do_not_mix() -> None:
    async def twice() -> list[Extracted]:
        modules = made(ScriptedModel(reply, delay=0.01))
        orders = [(name, tier) for name in MODULES for tier in Tier for _ in range(2)]
        return await asyncio.gather(*(work(modules, name, tier) for name, tier in orders))

    found = asyncio.run(twice())
    assert [content(one) for one in found[::2]] == [content(one) for one in found[1::2]]


def test_a_chunk_may_say_anything() -> None:
    odd = (chunk(1, "{braces} %s {0} <answer>"), chunk(2, "Bob: \u202ea\u0000b"))
    model = willing()
    found = asyncio.run(made(model).extract("entity", "{what}?", odd, Tier.HIGH))
    assert found.used == Tier.HIGH
    assert "{braces} %s {0}" in model.prompts[0]
    assert "{what}?" in model.prompts[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"top_k": 0}, "top_k"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"tiering": "magic"}, "magic"),
        ({"tiering": "capacity"}, "LOW, MID, HIGH"),
        ({"tiering": "reasoning", "models": {}}, "LOW, MID, HIGH"),
        ({"models": {Tier.LOW: ScriptedModel([])}}, "HIGH"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Modules(**{"models": ScriptedModel([]), **options})


def test_chunks_without_their_cosines_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="4 chunks and 1 similarities"):
        asyncio.run(made(willing()).filter(QUESTION, CHUNKS, (1.0,), Tier.LOW))
