"""What holds for every strategy. A new one joins with one line in `STRATEGIES`."""

from __future__ import annotations

import asyncio
import atexit
import os
import re
import signal
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from outlay import Answer, Budget, Ledger, Model, ModelRefusedError, Price, Usage, agents
from outlay.agents import (
    BudgetMem,
    Direct,
    InContextDistillation,
    ParallelDistillRefine,
    PlanAndBudget,
    SelfConsistency,
    SequentialRefinement,
)
from outlay.memory.conversations import Memory, Utterance
from outlay.outcome import Finished, Token
from outlay.replay import Replay
from outlay.strategy import QuestionState, Strategy, serializer
from outlay.testing import CountingServer, Fault, HashEmbedder, ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Callable

    from langchain_core.runnables import RunnableConfig

    from outlay.model import Request


class Lawful(NamedTuple):
    """A strategy that keeps the laws."""

    make: Callable[[Model], Strategy[Any]]
    edges: str
    json: str = "{}"
    """What the model says where it is asked for JSON."""


LOOP = (
    "__start__ allot, allot draft, allot refine, compose draft, compose refine, distill compose, "
    "draft gather, gather compose, gather distill, gather draft, gather refine, "
    "gather vote, refine __end__, vote __end__"
)


@cache
def remembered() -> Memory:
    memory = Memory.temporary(HashEmbedder(), chunk_tokens=16)
    atexit.register(memory.close)
    memory.append(*(Utterance(speaker="Ann", text="I bought a vase.", session=f"{n}") for n in range(6)))
    return memory


STRATEGIES = {
    "direct": Lawful(Direct, "__start__ answer, answer __end__"),
    "self-consistency": Lawful(
        lambda model: SelfConsistency(model, n=4, waves=True, threshold=1, max_output_tokens=9),
        "__start__ sample, sample sample, sample vote, vote __end__",
    ),
    "plan-and-budget": Lawful(
        lambda model: PlanAndBudget(model, plan_tokens=20, assess_tokens=20, min_answer_tokens=9),
        "__start__ plan, allocate solve, assess allocate, plan assess, plan solve, solve __end__",
        json='{"steps": ["the first number", "the sum"], "level": 2, "credits": [40, 60]}',
    ),
    "parallel-distill-refine": Lawful(
        lambda model: ParallelDistillRefine(
            model, widths=(3, 2, 1), distill="shared-top-k", agreement=None, max_output_tokens=9
        ),
        LOOP,
        json='{"picks": [2, 1]}',
    ),
    "sequential-refinement": Lawful(
        lambda model: SequentialRefinement(model, rounds=2, error_analysis=True, max_output_tokens=9), LOOP
    ),
    "in-context-distillation": Lawful(
        lambda model: InContextDistillation(model, model, n=2, temperature=0.7, max_output_tokens=9),
        "__start__ begin, begin plan, begin retrieve, plan retrieve, retrieve sample, retrieve defer, "
        "sample agree, agree sample, agree act, agree defer, agree finish, defer act, defer sample, "
        "defer finish, act retrieve, act finish, finish __end__",
    ),
    "budget-mem": Lawful(
        lambda model: BudgetMem(
            model, remembered(), "02002", top_k=2, max_output_tokens=20, max_answer_tokens=9
        ),
        "__start__ retrieve, retrieve filter, retrieve answer, filter entity, filter temporal, filter topic, "
        "entity summary, temporal summary, topic summary, summary answer, answer __end__",
    ),
}

PRICE = Price(input=1, output=2)
QUESTION = "What is q7?"
THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}

every_strategy = pytest.mark.parametrize("law", STRATEGIES.values(), ids=STRATEGIES)


def said(law: Lawful, text: str, *, as_json: bool, index: int = 0) -> str:
    """Answer the question in `text`, or plan for it, in eight words; every second choice errs."""
    number = "99" if index == 1 else (re.findall(r"q(\d+)", text) or ["0"])[0]
    return law.json if as_json else f"We thought about it: the answer is {number}."


def scripted(law: Lawful, **options: Any) -> ScriptedModel:
    def line(request: Request) -> str:
        return said(law, prompt(request), as_json=request.response_schema is not None)

    return ScriptedModel(line, price=PRICE, **options)


def served(law: Lawful, **options: Any) -> CountingServer:
    def reply(body: Any, index: int) -> str:
        return said(law, str(body["messages"]), as_json="response_format" in body, index=index)

    return CountingServer(reply, **options)


def remote(server: CountingServer, **options: Any) -> Model:
    return Model("openai/test", api_base=server.url, api_key="x", price=PRICE, **options)


def spent(usage: Usage) -> dict[str, float]:
    """Give `usage` in a budget's units."""
    assert usage.usd is not None
    return {
        "output_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "usd": usage.usd,
        "calls": usage.calls,
    }


def updates(answer: Answer) -> list[tuple[str, dict[str, Any]]]:
    """Give what each node wrote, by node: those side by side end in any order."""
    return [(entry.node, entry.update) for entry in sorted(answer.trace, key=lambda entry: entry.node)]


def in_a_graph(strategy: Strategy[Any]) -> Any:
    graph = StateGraph(QuestionState)
    graph.add_node("ask", strategy.graph)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=InMemorySaver(serde=serializer()))


def test_every_strategy_is_under_the_laws() -> None:
    found = {getattr(agents, name).name for name in agents.__all__}
    assert found == set(STRATEGIES)


def limits(most: float) -> st.SearchStrategy[Any]:
    return st.none() | (st.integers(0, int(most)) if most > 1 else st.floats(0, most))


BUDGETS = st.builds(
    Budget,
    output_tokens=limits(80),
    total_tokens=limits(600),
    usd=limits(0.0005),
    calls=limits(6),
)


@every_strategy
@settings(max_examples=100, deadline=None)
@given(budget=BUDGETS)
def test_never_overspends(law: Lawful, budget: Budget) -> None:
    model = scripted(law)
    answer = law.make(model).run(QUESTION, budget)
    over = {unit: amount for unit, amount in spent(answer.usage).items() if amount > _limit(budget, unit)}
    assert over == {}
    assert answer.usage.calls == len(model.requests)
    assert bool(answer.text) <= bool(model.requests)


def _limit(budget: Budget, unit: str) -> float:
    limit = getattr(budget, unit)
    return float("inf") if limit is None else limit


@every_strategy
@pytest.mark.parametrize(
    ("unit", "reason"),
    [
        ("output_tokens", "budget"),
        ("total_tokens", "budget"),
        ("usd", "budget"),
        ("calls", "budget"),
        ("seconds", "deadline"),
    ],
)
def test_a_zero_budget_gives_an_empty_answer_and_no_call(law: Lawful, unit: str, reason: str) -> None:
    model = scripted(law)
    answer = law.make(model).run(QUESTION, Budget(**{unit: 0}))
    assert (answer.text, answer.value, answer.stop_reason) == ("", None, reason)
    assert answer.degraded
    assert model.requests == []
    assert answer.usage == Usage()


@every_strategy
def test_without_a_budget_it_finishes(law: Lawful) -> None:
    answer = law.make(scripted(law)).run(QUESTION)
    assert (answer.value, answer.stop_reason, answer.degraded) == ("7", "finished", None)


@every_strategy
def test_usage_is_what_the_server_handed_out(law: Lawful) -> None:
    with served(law) as server:
        answer = law.make(remote(server)).run(QUESTION)
    assert answer.usage.model_copy(update={"usd": 0.0}) == server.usage
    assert answer.report.usage == answer.usage
    assert sum((entry.usage for entry in answer.trace), Usage()) == answer.usage


@every_strategy
def test_usage_is_what_the_server_told_plus_what_is_unconfirmed(law: Lawful) -> None:
    with (
        served(law, faults=[Fault.RATE_LIMITED, Fault.FAILED_AFTER]) as server,
        Ledger() as ledger,
    ):
        answer = law.make(remote(server)).run(QUESTION)
    booked = server.told + ledger.unconfirmed
    assert ledger.unconfirmed.calls == 1
    assert (answer.usage.calls, answer.usage.output_tokens) == (booked.calls, booked.output_tokens)
    assert answer.usage.calls == server.usage.calls
    assert answer.usage.output_tokens >= server.usage.output_tokens


@every_strategy
def test_the_same_script_gives_the_same_answer(law: Lawful) -> None:
    once, again = (law.make(scripted(law)).run(QUESTION, Budget(output_tokens=60)) for _ in range(2))
    assert (once.text, once.value, once.usage) == (again.text, again.value, again.usage)
    assert updates(once) == updates(again)


@every_strategy
def test_concurrent_runs_of_one_object_do_not_affect_each_other(law: Lawful) -> None:
    strategy = law.make(scripted(law, delay=0.002))

    async def scenario() -> list[Answer]:
        return await asyncio.gather(*(strategy.arun(f"What is q{number}?") for number in range(6)))

    answers = asyncio.run(scenario())
    alone = strategy.run("What is q1?")
    assert [answer.value for answer in answers] == [str(number) for number in range(6)]
    assert [answer.usage for answer in answers] == [alone.usage] * 6


@every_strategy
def test_a_provider_that_fails_throughout_surfaces_with_its_cause(law: Lawful) -> None:
    with (
        served(law, faults=lambda _: Fault.UNAUTHORISED) as server,
        pytest.raises(ModelRefusedError) as failure,
    ):
        law.make(remote(server)).run(QUESTION)
    assert failure.value.__cause__ is not None
    assert failure.value.usage is not None
    assert failure.value.usage.calls == server.usage.calls


@every_strategy
def test_the_graph_has_the_nodes_and_edges_of_its_docstring(law: Lawful) -> None:
    drawn = law.make(scripted(law)).graph.get_graph()
    assert {f"{edge.source} {edge.target}" for edge in drawn.edges} == set(law.edges.split(", "))


@every_strategy
def test_the_config_survives_json(law: Lawful) -> None:
    config = law.make(scripted(law)).config
    assert type(config).model_validate_json(config.model_dump_json()) == config


@every_strategy
def test_an_answer_survives_json(law: Lawful) -> None:
    answer = law.make(scripted(law)).run(QUESTION)
    assert Answer.model_validate_json(answer.model_dump_json()) == answer


@every_strategy
def test_streamed_tokens_are_the_answer(law: Lawful) -> None:
    async def scenario() -> list[Any]:
        return [event async for event in law.make(scripted(law)).astream(QUESTION)]

    events = asyncio.run(scenario())
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert "".join(event.text for event in events if isinstance(event, Token)) == finished.answer.text


TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Do you count?"},
    {"role": "assistant", "content": "I do."},
    {"role": "user", "content": QUESTION},
]


@every_strategy
def test_every_call_has_the_conversation_before_it(law: Lawful) -> None:
    model = scripted(law)
    answer = law.make(model).run(TALK)
    assert (answer.value, answer.stop_reason, answer.degraded) == ("7", "finished", None)
    for request in model.requests:
        system, *turns = (dict(message) for message in request.messages)
        assert system["content"].startswith("Be brief.")
        assert turns[:2] == TALK[1:3]
        assert [message["role"] for message in turns].count("system") == 0


@every_strategy
def test_as_a_node_of_a_chat_its_tokens_are_the_message(law: Lawful) -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("ask", law.make(scripted(law)).as_node())
    graph.add_edge(START, "ask")
    given: Any = {"messages": TALK}
    app = graph.compile(checkpointer=InMemorySaver(serde=serializer()))
    with Ledger() as ledger:
        stream: Any = app.stream(given, THREAD, stream_mode="messages")
        chunks = [chunk for chunk, _ in stream]
    message = app.get_state(THREAD).values["messages"][-1]
    assert "".join(chunk.text for chunk in chunks) == message.text != ""
    assert {chunk.id for chunk in chunks} == {message.id}
    totals = [chunk.usage_metadata["total_tokens"] for chunk in chunks if chunk.usage_metadata]
    assert totals == [message.usage_metadata["total_tokens"]] == [ledger.usage.total_tokens]


@every_strategy
def test_resumed_from_a_checkpoint_it_repeats_no_node_that_finished(law: Lawful) -> None:
    model = scripted(law)
    whole = law.make(model).run(QUESTION)
    broken = ScriptedModel(_power_cut(law, at=whole.usage.calls), price=PRICE)
    graph = in_a_graph(law.make(broken))
    with Ledger():
        with pytest.raises(OSError, match="power cut"):
            graph.invoke({"question": QUESTION}, THREAD)
        outcome = graph.invoke(None, THREAD)["outcome"]
    assert (outcome.text, outcome.value) == (whole.text, whole.value)
    cut_short = [entry.usage.calls for entry in whole.trace if entry.usage.calls][-1]
    assert len(broken.requests) == whole.usage.calls + cut_short
    assert graph.get_state(THREAD).values["outcome"] == outcome


def _power_cut(law: Lawful, at: int) -> Callable[[Request], str | Exception]:
    asked: list[Request] = []

    def line(request: Request) -> str | Exception:
        asked.append(request)
        if len(asked) == at:
            return OSError("power cut")
        return said(law, prompt(request), as_json=request.response_schema is not None)

    return line


RUN = "import sys, test_laws; print(test_laws.run_with_journal(*sys.argv[1:]), end='')"


def run_with_journal(name: str, journal: str, url: str) -> str:
    """Run a strategy as the killed process does."""
    model = Model("openai/test", api_base=url, api_key="x", price=PRICE, replay=Replay(Path(journal)))
    return STRATEGIES[name].make(model).run(QUESTION).text


def _kill_at(server: CountingServer, request: int, arguments: list[str]) -> None:
    """Run a strategy in a process, and kill it once the server has read so many requests."""
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", RUN, *arguments], cwd=here, env=environment) as running:
        came = server.wait_for(request, timeout=100)
        running.kill()
    assert came
    assert running.returncode == -signal.SIGKILL


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", STRATEGIES)
def test_killed_in_the_middle_and_run_again_with_its_journal_it_pays_for_nothing_twice(
    name: str, tmp_path: Path
) -> None:
    law = STRATEGIES[name]
    with served(law) as server:
        whole = law.make(remote(server)).run(QUESTION)
    answered = whole.usage.calls // 2
    with served(law, faults=[*[None] * answered, Fault.STALL]) as server:
        arguments = [name, str(tmp_path / "journal.sqlite"), server.url]
        _kill_at(server, answered + 1, arguments)
        text = run_with_journal(*arguments)
    assert text == whole.text
    assert server.requests == whole.usage.calls + 1
    assert server.told == whole.usage.model_copy(update={"usd": 0.0})
