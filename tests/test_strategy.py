"""The loop every strategy shares, shown on one of two calls in a chain."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from pydantic import BaseModel, Field

from outlay import (
    Answer,
    Budget,
    BudgetExhaustedError,
    ConfigurationError,
    Ledger,
    ModelError,
    ModelRefusedError,
    Usage,
    current_ledger,
)
from outlay.budget import Record, Settings
from outlay.outcome import FenceUpdate, Finished, NodeEnded, NodeStarted, Outcome, Token
from outlay.strategy import Strategy, serializer
from outlay.testing import ScriptedModel
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from langchain_core.runnables import RunnableConfig

    from outlay.model import Model, Request

THREAD: RunnableConfig = {"configurable": {"thread_id": "one"}}
ASK: Any = {"question": "what?"}


class Config(Settings):
    max_output_tokens: int = Field(default=10, gt=0)
    approve: bool = False


class Draft(Record):
    text: str


class State(TypedDict):
    question: str
    draft: Draft
    outcome: Outcome


@dataclass(frozen=True, init=False)
class Chain(Strategy[Config]):
    """Draft, then polish; between them, ask a person if told to."""

    name: ClassVar[str] = "chain"
    summary: ClassVar[str] = "two calls"
    Config: ClassVar[type[Config]] = Config

    model: Model

    def build(self) -> StateGraph[State]:
        graph = StateGraph(State)
        graph.add_node("draft", self.node(self.draft))
        graph.add_node("polish", self.node(self.polish))
        graph.add_edge(START, "draft")
        graph.add_edge("draft", "polish")
        graph.add_edge("polish", END)
        return graph

    def salvage(self, state: Mapping[str, Any]) -> str:
        return state["draft"].text if "draft" in state else ""

    async def draft(self, state: State) -> dict[str, Draft]:
        prompt = f"draft {state['question']}"
        completion = await self.model.complete(prompt, max_output_tokens=self.config.max_output_tokens)
        return {"draft": Draft(text=completion.text)}

    async def polish(self, state: State) -> dict[str, Outcome]:
        prompt = f"polish {state['draft'].text}"
        if self.config.approve:
            prompt += interrupt("go on?")
        completion = await self.speak(self.model, prompt, max_output_tokens=self.config.max_output_tokens)
        return {"outcome": Outcome(text=completion.text)}


class Parent(TypedDict):
    question: str
    answer: Answer
    outcome: Outcome


class Map(TypedDict, total=False):
    questions: list[str]
    answer: Annotated[list[Answer], lambda old, new: [*old, new]]


def two_calls(**options: Any) -> ScriptedModel:
    return ScriptedModel(lambda request: f"reply to {request.messages[0]['content']}", **options)


def inside(node: Any, saver: Any = None) -> Any:
    """Put `node` into a user's graph."""
    graph = StateGraph(Parent)
    graph.add_node("ask", node)
    graph.add_edge(START, "ask")
    graph.add_edge("ask", END)
    return graph.compile(checkpointer=saver)


def power_cut_at(call: int) -> Callable[[Request], str | Exception]:
    """Script a model that loses its power once, at the call of that number."""
    calls: list[int] = []

    def line(request: Request) -> str | Exception:
        calls.append(1)
        return OSError("power cut") if len(calls) == call else f"call {len(calls)}"

    return line


# Running


def test_a_run_answers_and_bills_by_node() -> None:
    model = two_calls()
    answer = Chain(model).run("what?")
    assert answer.text == "reply to polish reply to draft what?"
    assert answer.stop_reason == "finished"
    assert answer.degraded is None
    assert answer.usage.calls == 2
    assert [child.name for child in answer.report.children] == ["draft", "polish"]
    assert [(entry.node, entry.usage.calls) for entry in answer.trace] == [("draft", 1), ("polish", 1)]
    assert answer.trace[0].update == {"draft": {"text": "reply to draft what?"}}


def test_run_works_inside_a_running_loop() -> None:
    async def scenario() -> Answer:
        return Chain(two_calls()).run("what?")

    assert asyncio.run(scenario()).usage.calls == 2


def test_an_answer_survives_json() -> None:
    answer = Chain(two_calls()).run("what?")
    assert Answer.model_validate_json(answer.model_dump_json()) == answer


@pytest.mark.parametrize("question", ["", "  \n", None, 7])
def test_an_empty_question_is_refused(question: Any) -> None:
    with pytest.raises(ConfigurationError, match="question"):
        Chain(two_calls()).run(question)


def test_a_refusal_no_node_took_care_of_gives_what_can_be_salvaged() -> None:
    answer = Chain(two_calls()).run("what?", Budget(calls=1))
    assert answer.text == "reply to draft what?"
    assert answer.stop_reason == "budget"
    assert answer.degraded is not None
    assert "calls" in answer.degraded


def test_a_deadline_that_passed_is_told_from_money_that_ended() -> None:
    assert Chain(two_calls()).run("what?", Budget(seconds=0)).stop_reason == "deadline"


def test_a_failure_keeps_its_type_and_carries_what_the_run_spent() -> None:
    model = ScriptedModel(["a draft", ModelRefusedError("no such thing", model="scripted")])
    with pytest.raises(ModelRefusedError, match="no such thing") as failure:
        Chain(model).run("what?")
    assert failure.value.usage is not None
    assert failure.value.usage.calls == 2
    copy = pickle.loads(pickle.dumps(failure.value))  # noqa: S301
    assert (type(copy), str(copy), copy.usage) == (ModelRefusedError, "no such thing", failure.value.usage)


def test_an_exception_that_is_not_ours_passes_through_unchanged() -> None:
    with pytest.raises(OSError, match="power cut"):
        Chain(ScriptedModel(power_cut_at(2))).run("what?")


def test_runs_of_one_object_at_once_do_not_affect_each_other() -> None:
    async def scenario() -> list[Answer]:
        chain = Chain(two_calls(delay=0.01))
        return await asyncio.gather(*(chain.arun(str(number), Budget(calls=2)) for number in range(8)))

    answers = asyncio.run(scenario())
    assert [a.text for a in answers] == [f"reply to polish reply to draft {n}" for n in range(8)]
    assert [a.usage.calls for a in answers] == [2] * 8
    assert [len(a.trace) for a in answers] == [2] * 8


def test_a_run_inside_a_fence_is_held_by_it() -> None:
    with Ledger(Budget(calls=1)) as ledger:
        answer = Chain(two_calls()).run("what?", Budget(calls=10))
    assert answer.stop_reason == "budget"
    assert answer.usage.calls == ledger.usage.calls == 1


# Building


def test_a_name_is_taken_for_a_model() -> None:
    assert Chain("openai/gpt-4.1-mini").model.name == "openai/gpt-4.1-mini"


@pytest.mark.parametrize(
    ("arguments", "parameters", "message"),
    [
        ((), {}, "model="),
        ((two_calls(), two_calls()), {}, "at most"),
        ((two_calls(),), {"wat": 1}, "wat"),
        ((two_calls(),), {"max_output_tokens": 0}, "max_output_tokens"),
    ],
    ids=["no model", "too many models", "unknown parameter", "out of range"],
)
def test_a_wrong_strategy_says_what_is_wrong(arguments: Any, parameters: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Chain(*arguments, **parameters)


def test_parameters_override_the_config() -> None:
    chain = Chain(two_calls(), config=Config(max_output_tokens=5, approve=True), max_output_tokens=7)
    assert chain.config == Config(max_output_tokens=7, approve=True)


# Streaming


def test_a_stream_tells_nodes_fence_tokens_and_the_answer() -> None:
    async def scenario() -> list[Any]:
        return [event async for event in Chain(two_calls()).astream("what?", Budget(calls=5))]

    events = asyncio.run(scenario())
    kinds = [type(event) for event in events if not isinstance(event, Token)]
    assert kinds == [*[NodeStarted, NodeEnded, FenceUpdate] * 2, Finished]
    answer = events[-1].answer
    assert "".join(event.text for event in events if isinstance(event, Token)) == answer.text
    assert [e.remaining.calls for e in events if isinstance(e, FenceUpdate)] == [4, 3]


def test_a_stream_leaks_no_context_into_its_reader() -> None:
    async def scenario() -> None:
        async for _ in Chain(two_calls()).astream("what?"):
            assert current_ledger() is None
            assert current_run.get() is None

    asyncio.run(scenario())


def test_closing_a_stream_cancels_its_run_and_bills_it() -> None:
    asked = threading.Event()

    async def line(request: Request) -> str:
        asked.set()
        await asyncio.sleep(60)
        return "too late"

    async def scenario() -> Usage:
        with Ledger() as ledger:
            stream = Chain(ScriptedModel(line)).astream("what?")
            await anext(stream)
            await asyncio.to_thread(asked.wait)
            await stream.aclose()
            return ledger.unconfirmed

    assert asyncio.run(scenario()).calls == 1


def test_a_stream_raises_what_the_run_raises() -> None:
    async def scenario() -> None:
        async for _ in Chain(ScriptedModel([ModelRefusedError("no")])).astream("what?"):
            pass

    with pytest.raises(ModelRefusedError, match="no"):
        asyncio.run(scenario())


# As a subgraph


def test_the_graph_is_a_subgraph_both_ways() -> None:
    graph = inside(Chain(two_calls()).graph)
    with Ledger() as ledger:
        blocking = graph.invoke(ASK)["outcome"]
        awaited = asyncio.run(graph.ainvoke(ASK))["outcome"]
    assert blocking == awaited == Outcome(text="reply to polish reply to draft what?")
    assert ledger.usage.calls == 4


def test_the_graph_without_a_fence_says_how_to_make_one() -> None:
    with pytest.raises(ConfigurationError, match=r"with Ledger\("):
        inside(Chain(two_calls()).graph).invoke(ASK)


def test_a_subgraph_resumes_without_repeating_what_it_finished(caplog: pytest.LogCaptureFixture) -> None:
    model = ScriptedModel(power_cut_at(2))
    graph = inside(Chain(model).graph, InMemorySaver(serde=serializer()))
    with caplog.at_level(logging.WARNING), Ledger():
        with pytest.raises(OSError, match="power cut"):
            graph.invoke(ASK, THREAD)
        final = graph.invoke(None, THREAD)
    assert final["outcome"] == Outcome(text="call 3")
    assert [prompt.split()[0] for prompt in model.prompts] == ["draft", "polish", "polish"]
    assert caplog.records == []


def test_a_subgraph_resumes_asynchronously() -> None:
    model = ScriptedModel(power_cut_at(2))
    graph = inside(Chain(model).graph, InMemorySaver(serde=serializer()))

    async def scenario() -> Any:
        with Ledger():
            with pytest.raises(OSError, match="power cut"):
                await graph.ainvoke(ASK, THREAD)
            return await graph.ainvoke(None, THREAD)

    assert asyncio.run(scenario())["outcome"] == Outcome(text="call 3")
    assert len(model.requests) == 3


STRICT = """
import sys
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from outlay import Ledger
from outlay.agents import SelfConsistency
from outlay.strategy import QuestionState, serializer
from outlay.testing import ScriptedModel

script = iter(["so 41", OSError("power cut"), "so 42", "so 42"])
strategy = SelfConsistency(ScriptedModel(lambda _: next(script)), n=3, waves=True)
graph = StateGraph(QuestionState)
graph.add_node("ask", strategy.graph)
graph.add_edge(START, "ask")
graph.add_edge("ask", END)
app = graph.compile(checkpointer=InMemorySaver(serde=serializer()))
thread = {"configurable": {"thread_id": "one"}}
with Ledger():
    try:
        app.invoke({"question": "what?"}, thread)
    except OSError:
        pass
    print(type(app.invoke(None, thread)["outcome"]).__name__)
"""


def test_state_records_are_read_back_under_strict_serialisation() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", STRICT],
        env={"LANGGRAPH_STRICT_MSGPACK": "true", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("Outcome", "")


class Note(BaseModel):
    text: str


class Notes(TypedDict, total=False):
    question: str
    note: Note
    outcome: Outcome


def test_the_serializer_reads_a_users_own_types_back(caplog: pytest.LogCaptureFixture) -> None:
    graph = StateGraph(Notes)
    graph.add_node("note", lambda _: {"note": Note(text="mine")})
    graph.add_node("ask", Chain(two_calls()).graph)
    graph.add_edge(START, "note")
    graph.add_edge("note", "ask")
    graph.add_edge("ask", END)
    app = graph.compile(checkpointer=InMemorySaver(serde=serializer(Note)))
    with caplog.at_level(logging.WARNING), Ledger():
        app.invoke(ASK, THREAD)
        kept = app.get_state(THREAD).values
    assert (kept["note"], type(kept["outcome"])) == (Note(text="mine"), Outcome)
    assert caplog.records == []


# As a node


def test_as_node_answers_both_ways_under_its_own_fence() -> None:
    graph = inside(Chain(two_calls()).as_node(budget=Budget(calls=1)))
    blocking = graph.invoke(ASK)["answer"]
    awaited = asyncio.run(graph.ainvoke(ASK))["answer"]
    assert (blocking.stop_reason, blocking.usage.calls) == ("budget", 1)
    assert (awaited.stop_reason, awaited.usage.calls) == ("budget", 1)


def test_as_node_reads_and_writes_the_keys_it_is_told_to() -> None:
    class Other(TypedDict, total=False):
        ask: str
        reply: Answer

    graph = StateGraph(Other)
    graph.add_node("it", Chain(two_calls()).as_node(question="ask", answer="reply"))
    graph.add_edge(START, "it")
    graph.add_edge("it", END)
    final = graph.compile().invoke({"ask": "what?"})
    assert final["reply"].text == "reply to polish reply to draft what?"


@pytest.mark.parametrize(("outer", "calls"), [(None, 8), (6, 6), (3, 3), (0, 0)])
def test_as_node_in_a_map_is_held_by_the_smaller_of_its_fence_and_the_one_around(
    outer: int | None, calls: int
) -> None:
    model = two_calls()
    graph = StateGraph(Map)
    graph.add_node("ask", Chain(model).as_node(budget=Budget(calls=2)))
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"question": q}) for q in state["questions"]], ["ask"]
    )
    graph.add_edge("ask", END)
    with Ledger(Budget(calls=outer)) as ledger:
        final = graph.compile().invoke({"questions": list("abcd")})
    assert ledger.usage.calls == len(model.requests) == calls
    assert len(final["answer"]) == 4
    assert sum(answer.usage.calls for answer in final["answer"]) == calls


def test_as_node_resumes_after_an_interrupt_under_the_fence_it_had() -> None:
    model = two_calls()
    chain = Chain(model, approve=True)
    graph = inside(chain.as_node(budget=Budget(calls=1)), InMemorySaver(serde=serializer()))
    paused = graph.invoke(ASK, THREAD)
    assert paused["__interrupt__"][0].value == "go on?"
    answer = graph.invoke(Command(resume=" yes"), THREAD)["answer"]
    assert answer.stop_reason == "budget"
    assert answer.usage.calls == len(model.requests) == 1


def test_branches_of_a_map_resume_each_under_the_fence_it_had() -> None:
    model = two_calls()
    graph = StateGraph(Map)
    graph.add_node("ask", Chain(model, approve=True).as_node(budget=Budget(calls=2)))
    graph.add_conditional_edges(
        START, lambda state: [Send("ask", {"question": q}) for q in state["questions"]], ["ask"]
    )
    graph.add_edge("ask", END)
    app = graph.compile(checkpointer=InMemorySaver(serde=serializer()))
    paused = app.invoke({"questions": list("abc")}, THREAD)
    resume = {pause.id: f" {number}" for number, pause in enumerate(paused["__interrupt__"])}
    answers = app.invoke(Command(resume=resume), THREAD)["answer"]
    assert sorted(answer.text[-1] for answer in answers) == ["0", "1", "2"]
    assert [answer.usage.calls for answer in answers] == [2, 2, 2]
    assert len(model.requests) == 6


def test_as_node_counts_what_it_spent_before_an_interrupt() -> None:
    model = two_calls()
    graph = inside(Chain(model, approve=True).as_node(), InMemorySaver(serde=serializer()))

    async def scenario() -> Answer:
        await graph.ainvoke(ASK, THREAD)
        final: dict[str, Answer] = await graph.ainvoke(Command(resume=" yes"), THREAD)
        return final["answer"]

    answer = asyncio.run(scenario())
    assert answer.text == "reply to polish reply to draft what? yes"
    assert answer.usage.calls == len(model.requests) == 2


def test_as_node_after_an_interrupt_counts_in_the_fence_that_resumes_it() -> None:
    graph = inside(Chain(two_calls(), approve=True).as_node(), InMemorySaver(serde=serializer()))
    with Ledger() as before:
        graph.invoke(ASK, THREAD)
    with Ledger() as after:
        graph.invoke(Command(resume=" yes"), THREAD)
    assert (before.usage.calls, after.usage.calls) == (1, 1)


def test_as_node_under_a_checkpointer_resumes_without_repeating_what_it_finished() -> None:
    model = ScriptedModel(power_cut_at(2))
    graph = inside(Chain(model).as_node(), InMemorySaver(serde=serializer()))
    with pytest.raises(OSError, match="power cut"):
        graph.invoke(ASK, THREAD)
    assert graph.invoke(None, THREAD)["answer"].text == "call 3"
    assert [prompt.split()[0] for prompt in model.prompts] == ["draft", "polish", "polish"]


def test_as_node_keeps_the_type_of_a_failure() -> None:
    with pytest.raises(ModelError, match="no") as failure:
        inside(Chain(ScriptedModel([ModelRefusedError("no")])).as_node()).invoke(ASK)
    assert isinstance(failure.value, ModelRefusedError)


def test_run_can_be_called_many_times_in_one_node_of_a_checkpointed_graph() -> None:
    chain = Chain(two_calls())

    def ask(state: Parent) -> dict[str, Answer]:
        chain.run(state["question"])
        return {"answer": chain.run(state["question"])}

    final = inside(ask, InMemorySaver(serde=serializer())).invoke(ASK, THREAD)
    assert final["answer"].usage.calls == 2


def test_a_users_own_refusal_keeps_its_type_through_a_graph() -> None:
    async def ask(state: Parent) -> dict[str, Any]:
        await two_calls().complete("q")
        return {}

    with Ledger(Budget(calls=0), name="tight"), pytest.raises(BudgetExhaustedError) as refusal:
        asyncio.run(inside(ask).ainvoke(ASK))
    assert pickle.loads(pickle.dumps(refusal.value)).fence == "tight"  # noqa: S301
