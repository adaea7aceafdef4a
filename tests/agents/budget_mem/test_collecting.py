"""Collecting a log: which runs are episodes, what they were billed, and what is done again."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any

import pytest

from outlay.agents import BudgetMem
from outlay.agents.budget_mem.collecting import collect, logged
from outlay.agents.budget_mem.runs import Attempt, Question
from outlay.agents.budget_mem.ways import at_vectors, by_policy
from outlay.budget import Budget, Price
from outlay.errors import ConfigurationError, ModelRefusedError, ModelUnavailableError, ScorerError
from outlay.ledger import Ledger
from outlay.memory.conversations import Memory, Utterance
from outlay.memory.modules import Choice, Tier
from outlay.replay import Replay
from outlay.routers.tiers import read_log
from outlay.testing import HashEmbedder, ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from outlay.agents.budget_mem.collecting import Collection
    from outlay.memory.modules import Decision
    from outlay.model import Request
    from outlay.outcome import Answer

LOW, MID, HIGH = Tier
CONSTANTS = [(tier,) * 5 for tier in Tier]
MIXED = (LOW, LOW, HIGH, LOW, HIGH)
PRICE = Price(input=1, output=2)
ASKED = [
    Question(id="oak", text="Who planted the oak?", kind="1", group="trees"),
    Question(id="elm", text="Who planted the elm?", kind="4"),
]
SAID = [
    Utterance(text=f"{who} planted the {tree} behind the old house", speaker=who, session=str(number))
    for number, (who, tree) in enumerate([("Ann", "oak"), ("Bo", "elm"), ("Cy", "fir")])
]


def reply(request: Request) -> str:
    """Say what each module can read, and an answer."""
    asked = prompt(request)
    if "Rate how useful" in asked:
        return "1: 9\n2: 5\n3: 0"
    if "List the" in asked:
        return "Ann - planted - the oak (behind the house)"
    return "Ann planted the oak."


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory.temporary(HashEmbedder(), chunk_tokens=16) as made:
        made.append(*SAID)
        yield made


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[Replay]:
    with Replay(tmp_path / "replay.sqlite") as store:
        yield store


async def half(_: Question, __: Answer) -> float:
    await asyncio.sleep(0)
    return 0.5


def run(
    model: ScriptedModel,
    memory: Memory,
    log: Path,
    *,
    vectors: Sequence[Sequence[int]] = CONSTANTS,
    asked: Sequence[Question] = ASKED,
    **said: Any,
) -> Collection:
    strategy = BudgetMem(model, memory, k=3, top_k=2)
    return asyncio.run(collect(strategy, asked, log, ways=at_vectors(vectors), **{"score": half, **said}))


def test_each_question_is_an_episode_at_each_vector(memory: Memory, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    found = run(ScriptedModel(reply, price=PRICE), memory, log)
    assert (found.ending, found.there, found.made, found.failures) == ("finished", 0, 6, ())
    episodes = read_log(log)
    assert {(e.id, e.tiers, e.kind, e.group, e.task) for e in episodes} == {
        (question.id, vector, question.kind, question.group, 0.5)
        for question in ASKED
        for vector in CONSTANTS
    }
    assert {e.behaviour for e in episodes} == {1 / 3}
    assert {e.log_probs for e in episodes} == {(0.0,) * 5}
    assert {e.dimension for e in episodes} == {HashEmbedder().dimension}


def test_a_module_is_billed_in_every_episode_and_paid_once(
    memory: Memory, tmp_path: Path, replay: Replay
) -> None:
    model = ScriptedModel(reply, price=PRICE, replay=replay)
    with Ledger() as ledger:
        run(model, memory, tmp_path / "log", vectors=[*CONSTANTS, MIXED], asked=ASKED[:1])
    spent = {episode.tiers: episode for episode in read_log(tmp_path / "log")}
    assert spent[LOW, LOW, LOW, LOW, LOW].usd == (0,) * 5
    assert all(usd > 0 for usd in spent[HIGH, HIGH, HIGH, HIGH, HIGH].usd)
    mixed = spent[MIXED]
    assert [usd > 0 for usd in mixed.usd] == [tier == HIGH for tier in MIXED]
    assert [tokens > 0 for tokens in mixed.tokens] == [tier == HIGH for tier in MIXED]
    assert ledger.replayed.calls > 0
    assert len(model.requests) == ledger.usage.calls - ledger.replayed.calls
    assert len({prompt(request) for request in model.requests}) == len(model.requests)


def test_what_is_logged_is_not_run_again_and_a_cut_off_line_is(memory: Memory, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    run(ScriptedModel(reply, price=PRICE), memory, log, asked=ASKED[:1])
    whole = log.read_bytes()
    log.write_bytes(whole[:-20])
    model = ScriptedModel(reply, price=PRICE)
    found = run(model, memory, log)
    assert (found.there, found.made) == (2, 4)
    assert {id_: len(own) for id_, own in logged(log).items()} == {"oak": 3, "elm": 3}
    again = run(ScriptedModel([], price=PRICE), memory, log)
    assert (again.there, again.made) == (6, 0)


class ByTree:
    """A policy that is told the trade-off: HIGH for what it is asked first, LOW where cost counts."""

    def choose(self, decision: Decision) -> Choice:
        is_high = decision.trade_off < 0.5 and decision.module in {"filter", "summary"}
        return Choice(HIGH if is_high else LOW, 0.4)


def test_what_a_policy_takes_is_logged_as_stated_and_once(memory: Memory, tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    run(ScriptedModel(reply, price=PRICE), memory, log)
    strategy = BudgetMem(ScriptedModel(reply, price=PRICE), memory, k=3, top_k=2)
    ways = by_policy(ByTree(), [0.0, 0.2, 0.9])
    found = asyncio.run(collect(strategy, ASKED, log, ways=ways, score=half))
    # At 0.9 it is all LOW, which is there; at 0 and 0.2 it takes the same, which is run once a question.
    assert (found.there, found.made, found.failures) == (2, 2, ())
    added = read_log(log)[6:]
    assert {(e.id, e.tiers) for e in added} == {(q.id, (HIGH, LOW, LOW, LOW, HIGH)) for q in ASKED}
    assert {(e.log_probs, e.trade_off) for e in added} == {((0.0,) * 5, 0.0)}
    again = asyncio.run(collect(strategy, ASKED, log, ways=ways, score=half))
    assert (again.there, again.made) == (6, 0)


def test_questions_are_asked_with_their_own_memories(memory: Memory, tmp_path: Path) -> None:
    with Memory.temporary(HashEmbedder(), chunk_tokens=16) as other:
        other.append("Dee planted the elm by the sea")
        memories = {"oak": memory, "elm": other}

        class Given:
            def __init__(self, question: Question) -> None:
                self.question = question

            async def __aenter__(self) -> Memory:
                return memories[self.question.id]

            async def __aexit__(self, *_: object) -> None: ...

        model = ScriptedModel(reply, price=PRICE)
        strategy = BudgetMem(model, k=3)
        asyncio.run(
            collect(
                strategy, ASKED, tmp_path / "log", ways=at_vectors([(LOW,) * 5]), score=half, memory=Given
            )
        )
    assert [("Dee" in text, "Ann" in text) for text in sorted(model.prompts, key=len)] == [
        (True, False),
        (False, True),
    ]


def test_a_run_in_which_a_call_failed_is_no_episode_and_is_done_again(
    memory: Memory, tmp_path: Path, replay: Replay
) -> None:
    down = True

    def failing(request: Request) -> str | Exception:
        is_refused = down and "List the subjects" in prompt(request)
        return ModelRefusedError("out of order") if is_refused else reply(request)

    model = ScriptedModel(failing, price=PRICE, replay=replay, retries=0)
    told: list[Attempt] = []
    first = run(model, memory, tmp_path / "log", asked=ASKED[:1], tell=told.append)
    assert (first.made, len(first.failures)) == (2, 1)
    assert [attempt.tiers for attempt in told if attempt.failure] == [(HIGH,) * 5]
    assert (HIGH,) * 5 not in {episode.tiers for episode in read_log(tmp_path / "log")}
    down, asked = False, len(model.requests)
    second = run(model, memory, tmp_path / "log", asked=ASKED[:1])
    assert (second.there, second.made) == (2, 1)
    # What went well the first time is replayed: topic, and the summary of it, are what is new.
    assert len(model.requests) - asked <= 3
    assert all(usd > 0 for usd in read_log(tmp_path / "log")[-1].usd)


def test_a_call_that_was_answered_the_second_time_is_billed_once(
    memory: Memory, tmp_path: Path, replay: Replay
) -> None:
    failures = [ModelUnavailableError("busy", retry_after=0.0)]

    def busy_once(request: Request) -> str | Exception:
        is_topic = "List the subjects" in prompt(request)
        return failures.pop() if failures and is_topic else reply(request)

    model = ScriptedModel(busy_once, price=PRICE, replay=replay)
    found = run(model, memory, tmp_path / "log", asked=ASKED[:1])
    untroubled = ScriptedModel(reply, price=PRICE)
    run(untroubled, memory, tmp_path / "beside", asked=ASKED[:1])
    assert (found.made, found.failures) == (3, ())
    assert set(read_log(tmp_path / "log")) == set(read_log(tmp_path / "beside"))
    assert len(model.requests) == len(untroubled.requests) + 1


def test_nothing_but_failures_is_a_failure(memory: Memory, tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: ModelRefusedError("no key"), price=PRICE, retries=0)
    with pytest.raises(ModelUnavailableError, match=r"every run failed, the first one with: .*no key"):
        run(model, memory, tmp_path / "log")
    assert not (tmp_path / "log").exists()


def test_an_answer_that_cannot_be_scored_is_no_episode(memory: Memory, tmp_path: Path) -> None:
    async def unable(question: Question, _: Answer) -> float:
        if question.id == "elm":
            raise ScorerError("the judge said nothing")
        return 1.0

    found = run(ScriptedModel(reply, price=PRICE), memory, tmp_path / "log", score=unable)
    assert (found.made, found.failures) == (3, ("the judge said nothing",) * 3)
    assert {episode.id for episode in read_log(tmp_path / "log")} == {"oak"}


@pytest.mark.parametrize("earned", [math.nan, 1.5, -0.1])
def test_a_score_that_is_no_share_is_refused(memory: Memory, tmp_path: Path, earned: float) -> None:
    async def wrong(_: Question, __: Answer) -> float:
        return earned

    with pytest.raises(ConfigurationError, match=r"'oak' cannot be learnt from: task|'elm' cannot"):
        run(ScriptedModel(reply, price=PRICE), memory, tmp_path / "log", score=wrong)
    assert not (tmp_path / "log").exists()


def test_an_unknown_price_is_refused_and_not_taken_for_nothing(memory: Memory, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="unknown price is not 0"):
        run(ScriptedModel(reply, price=None), memory, tmp_path / "log", vectors=[(HIGH,) * 5])


def test_a_run_that_the_money_ended_is_no_episode(memory: Memory, tmp_path: Path) -> None:
    model = ScriptedModel(reply, price=PRICE)
    with Ledger(Budget(calls=5), name="collection", backstop=True) as ledger:
        found = run(model, memory, tmp_path / "log", concurrency=1)
    assert found.ending == "budget"
    assert ledger.usage.calls <= 5
    assert [(e.id, e.tiers) for e in read_log(tmp_path / "log")] == [
        ("oak", (LOW,) * 5),
        ("oak", (MID,) * 5),
    ]


def test_a_fence_that_is_not_reached_changes_no_episode(memory: Memory, tmp_path: Path) -> None:
    run(ScriptedModel(reply, price=PRICE), memory, tmp_path / "free")
    with Ledger(Budget(output_tokens=100_000), backstop=True):
        run(ScriptedModel(reply, price=PRICE), memory, tmp_path / "fenced")
    assert set(read_log(tmp_path / "fenced")) == set(read_log(tmp_path / "free"))


@pytest.mark.parametrize("budget", [Budget(total_tokens=10_000), Budget(seconds=60)], ids=str)
def test_a_limit_that_runs_plan_by_is_refused(memory: Memory, tmp_path: Path, budget: Budget) -> None:
    model = ScriptedModel(reply, price=PRICE)
    with Ledger(budget), pytest.raises(ConfigurationError, match="backstop=True"):
        run(model, memory, tmp_path / "log")
    assert model.requests == []


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"vectors": []}, "at least one tier vector"),
        ({"vectors": [MIXED, MIXED]}, "one is given twice"),
        ({"asked": [ASKED[0], ASKED[0]]}, "two questions are called 'oak'"),
    ],
    ids=["no vector", "a vector twice", "a question twice"],
)
def test_a_wrong_order_is_refused_before_anything_is_asked(
    memory: Memory, tmp_path: Path, said: dict[str, Any], says: str
) -> None:
    model = ScriptedModel(reply, price=PRICE)
    with pytest.raises(ConfigurationError, match=says):
        run(model, memory, tmp_path / "log", **said)
    assert model.requests == []


def test_a_memory_is_needed(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a memory"):
        asyncio.run(
            collect(
                BudgetMem(ScriptedModel(reply)),
                ASKED,
                tmp_path / "log",
                ways=at_vectors(CONSTANTS),
                score=half,
            )
        )
