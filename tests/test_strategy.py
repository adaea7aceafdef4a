"""The loop every strategy shares, shown on one of two calls in a chain."""

from __future__ import annotations

import asyncio
import itertools
import logging
import operator
import pickle
import subprocess
import sys
import threading
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypedDict

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
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
from outlay.agents import Direct, PlanAndBudget
from outlay.budget import Record, Settings
from outlay.model import Choice, Chunk, Model, ToolCall
from outlay.outcome import FenceUpdate, Finished, NodeEnded, NodeStarted, Outcome, Token
from outlay.strategy import Strategy, serializer
from outlay.testing import CountingServer, ScriptedModel
from outlay.testing.scripted import ScriptedProvider
from outlay.tracing import current_run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from langchain_core.runnables import RunnableConfig

    from outlay.model import Request

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
    return ScriptedModel(lambda request: f"reply to {request.messages[-1]['content']}", **options)


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


class Loose(TypedDict, total=False):
    question: str
    note: str
    draft: str
    drafts: Annotated[list[str], operator.add]
    outcome: Outcome


@dataclass(frozen=True, init=False)
class Steps(Strategy[Settings]):
    """The nodes in `steps`, one after the other, without a `salvage` of its own."""

    name: ClassVar[str] = "steps"
    summary: ClassVar[str] = "some calls"
    Config: ClassVar[type[Settings]] = Settings
    steps: ClassVar[tuple[Callable[[Any, Any], Any], ...]] = ()

    model: Model

    def build(self) -> StateGraph[Loose]:
        graph = StateGraph(Loose)
        before = START
        for step in self.steps:
            graph.add_node(step.__name__, self.node(partial(step, self), step.__name__))
            graph.add_edge(before, step.__name__)
            before = step.__name__
        return graph


def steps(*functions: Callable[[Any, Any], Any], **attributes: Any) -> type[Steps]:
    return type("Own", (Steps,), {"steps": functions, **attributes})


async def draft(own: Steps, state: Loose) -> Loose:
    return {"draft": (await own.model.complete("draft")).text}


async def critique(own: Steps, state: Loose) -> Loose:
    return {"note": (await own.model.complete("criticise")).text}


async def draft_and_check(own: Steps, state: Loose) -> Loose:
    drafted = await own.model.complete("draft")
    await own.model.complete("check")
    return {"draft": drafted.text}


async def choose(own: Steps, state: Loose) -> Loose:
    return {"draft": next(said.text for said in await own.model.sample("draft", 2))}


async def append(own: Steps, state: Loose) -> Loose:
    return {"draft": f"{state['draft']} and {(await own.model.complete('more')).text}"}


async def label(own: Steps, state: Loose) -> Loose:
    return {"note": "run-41f"}


async def grade(own: Steps, state: Loose) -> Loose:
    parsed = await own.model.parse("grade it", Grade)
    return {"note": str(parsed.value.grade)}


async def answer_early(own: Steps, state: Loose) -> Loose:
    return {"outcome": Outcome(text="so it is x", value="x")}


async def delegate(own: Steps, state: Loose) -> Loose:
    return {"note": (await Chain(own.model).arun("inner")).text[:3]}


async def finish(own: Steps, state: Loose) -> Loose:
    return {"outcome": Outcome(text=(await own.speak(own.model, "finish")).text)}


class Grade(BaseModel):
    grade: int


@pytest.mark.parametrize(
    ("own", "script", "calls", "text"),
    [
        (steps(draft, finish), ["It is 41"], 1, "It is 41"),
        (steps(draft_and_check, finish), ["It is 41"], 1, "It is 41"),
        (steps(draft, critique, finish), ["It is 41", "wrong"], 2, "wrong"),
        (steps(draft, critique, finish, planning={"critique"}), ["It is 41", "wrong"], 2, "It is 41"),
        (steps(critique, finish, planning={"critique"}), ["a plan"], 1, ""),
        (steps(choose, finish), ["It is 41", "It is 40"], 2, "It is 41"),
        (steps(draft, append, finish), ["It is 41", "a bit"], 2, "It is 41 and a bit"),
        (steps(draft, label, finish), ["41"], 1, "41"),
        (steps(draft, grade, finish), ["It is 41", '{"grade": 3}'], 2, "It is 41"),
        (steps(answer_early, critique, finish), ["wrong"], 1, "so it is x"),
        (steps(delegate, finish), ["inner draft", "inner answer"], 2, "inner answer"),
        (steps(delegate, finish), ["inner draft"], 1, "inner draft"),
        (steps(draft, finish), [], 0, ""),
        (
            steps(draft, finish),
            [Choice(text="", tool_calls=(ToolCall(id="1", name="f", arguments=""),))],
            1,
            "",
        ),
    ],
    ids=[
        "a draft",
        "in a node that did not end",
        "the last text",
        "not of a planning node",
        "nothing but plans",
        "chosen of samples",
        "put together",
        "not an id",
        "not structured output",
        "an outcome",
        "of a strategy inside",
        "of a strategy inside that ran out",
        "nothing",
        "not a tool call",
    ],
)
def test_running_out_gives_the_last_text(own: type[Steps], script: list[Any], calls: int, text: str) -> None:
    answer = own(ScriptedModel(script)).run("what?", Budget(calls=calls))
    assert (answer.text, answer.stop_reason, answer.usage.calls) == (text, "budget", calls)
    assert answer.degraded is not None


def test_the_text_of_a_run_that_ran_out_is_read_for_its_answer() -> None:
    own = steps(draft, finish)(ScriptedModel([r"We add, so \boxed{41}."]))
    assert own.run("what?", Budget(calls=1)).value == "41"


def test_a_text_that_was_cut_counts_only_for_what_it_marks() -> None:
    own = steps(draft, finish)(ScriptedModel(["It is 41 or 42"], default_max_output_tokens=3))
    answer = own.run("what?", Budget(calls=1))
    assert (answer.text, answer.value) == ("It is 41", None)


def test_the_value_of_an_outcome_is_kept_when_the_budget_ends() -> None:
    answer = steps(answer_early, finish)(ScriptedModel([])).run("what?", Budget(calls=0))
    assert (answer.text, answer.value, answer.stop_reason) == ("so it is x", "x", "budget")


@dataclass(frozen=True, init=False)
class Fan(Steps):
    """Three drafts side by side."""

    def build(self) -> StateGraph[Loose]:
        graph = StateGraph(Loose)
        graph.add_node("draft", self.node(self.draft))
        graph.add_conditional_edges(
            START, lambda _: [Send("draft", {"note": str(n)}) for n in range(3)], ["draft"]
        )
        return graph

    async def draft(self, state: Loose) -> Loose:
        return {"drafts": [(await self.model.complete(state["note"])).text]}


def test_a_branch_that_was_paid_is_kept_when_others_run_out() -> None:
    answer = Fan(two_calls()).run("what?", Budget(calls=1))
    assert answer.text.startswith("reply to ")
    assert (answer.stop_reason, answer.usage.calls) == ("budget", 1)


def test_runs_at_once_keep_their_own_texts() -> None:
    own = steps(draft, finish)(ScriptedModel(lambda _: f"text {next(numbers)}", delay=0.01))
    numbers = itertools.count()

    async def scenario() -> list[Answer]:
        return await asyncio.gather(*(own.arun("what?", Budget(calls=1)) for _ in range(5)))

    answers = asyncio.run(scenario())
    assert sorted(answer.text for answer in answers) == [f"text {n}" for n in range(5)]
    assert [answer.text for answer in answers] == [answer.trace[0].update["draft"] for answer in answers]


def test_a_stream_shows_what_could_be_salvaged() -> None:
    async def scenario() -> list[Any]:
        own = steps(draft, finish)(ScriptedModel(["It is 41"]))
        return [event async for event in own.astream("what?", Budget(calls=1))]

    events = asyncio.run(scenario())
    assert [event.text for event in events if isinstance(event, Token)] == ["It is 41"]
    assert events[-1].answer.text == "It is 41"


class Stalling(ScriptedProvider):
    """Streams a beginning, and then nothing for a minute."""

    async def stream(self, request: Request) -> AsyncIterator[Chunk]:
        self.requests.append(request)
        yield Chunk(text="It begins")
        await asyncio.sleep(60)


@pytest.mark.parametrize("make", [steps(finish), Direct], ids=["not handled", "handled by the node"])
def test_a_deadline_that_ends_a_stream_gives_what_was_streamed(
    make: Callable[[Model], Strategy[Any]],
) -> None:
    async def scenario() -> list[Any]:
        model = Model("stalling", provider=Stalling([]))
        return [event async for event in make(model).astream("what?", Budget(seconds=0.5))]

    events = asyncio.run(scenario())
    assert [event.text for event in events if isinstance(event, Token)] == ["It begins"]
    assert (events[-1].answer.text, events[-1].answer.stop_reason) == ("It begins", "deadline")


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
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from outlay import Ledger
from outlay.agents import SelfConsistency
from outlay.strategy import QuestionState, serializer
from outlay.testing import CountingServer, ScriptedModel
from outlay.testing.scripted import ScriptedProvider

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


def test_as_node_keeps_the_text_from_before_an_interrupt() -> None:
    async def ask_a_person(own: Steps, state: Loose) -> Loose:
        return {"note": interrupt("go on?")}

    own = steps(draft, ask_a_person, finish)(ScriptedModel(["It is 41"]))
    graph = inside(own.as_node(budget=Budget(calls=1)), InMemorySaver(serde=serializer()))
    graph.invoke(ASK, THREAD)
    answer = graph.invoke(Command(resume="yes"), THREAD)["answer"]
    assert (answer.text, answer.stop_reason, answer.usage.calls) == ("It is 41", "budget", 1)


@pytest.mark.parametrize("state", [Parent, Loose])
def test_as_node_says_which_key_it_misses(state: Any) -> None:
    graph = StateGraph(state)
    graph.add_node("ask", Chain(two_calls()).as_node())
    graph.add_edge(START, "ask")
    with pytest.raises(ConfigurationError, match="no 'question'"):
        graph.compile().invoke({"outcome": None})


class Model_(BaseModel):  # noqa: N801 - `Model` is Outlay's
    question: str
    answer: Answer | None = None


def test_as_node_reads_a_pydantic_state() -> None:
    graph = StateGraph(Model_)
    graph.add_node("ask", Chain(two_calls()).as_node())
    graph.add_edge(START, "ask")
    assert graph.compile().invoke(ASK)["answer"].text == "reply to polish reply to draft what?"


# In LangGraph's streams


ANSWER = "reply to polish reply to draft what?"


def user_node(state: Parent) -> dict[str, Answer]:
    return {"answer": Chain(two_calls()).run(state["question"])}


async def async_user_node(state: Parent) -> dict[str, Answer]:
    return {"answer": await Chain(two_calls()).arun(state["question"])}


async def streaming_user_node(state: Parent) -> dict[str, Answer]:
    events: list[Any] = [event async for event in Chain(two_calls()).astream(state["question"])]
    return {"answer": events[-1].answer}


IN_A_GRAPH = {
    "as_node": Chain(two_calls()).as_node(),
    "run": user_node,
    "arun": async_user_node,
    "astream": streaming_user_node,
    "graph": Chain(two_calls()).graph,
}
in_a_graph = pytest.mark.parametrize("node", IN_A_GRAPH.values(), ids=IN_A_GRAPH)


async def streamed(graph: Any, asked: Any = None, **options: Any) -> list[Any]:
    with Ledger():
        return [part async for part in graph.astream(asked or ASK, **options)]


def added_up(chunks: list[Any]) -> Any:
    return sum(chunks[1:], chunks[0])


@in_a_graph
def test_the_answers_tokens_reach_a_stream_of_messages(node: Any) -> None:
    parts = asyncio.run(streamed(inside(node), stream_mode="messages", subgraphs=True))
    chunks = [chunk for _, (chunk, _) in parts]
    assert added_up(chunks).content == ANSWER
    assert len([chunk for chunk in chunks if chunk.content]) == 7
    assert len({chunk.id for chunk in chunks}) == 1


@in_a_graph
def test_the_answers_tokens_reach_astream_events(node: Any) -> None:
    async def scenario() -> list[Any]:
        with Ledger():
            return [event async for event in inside(node).astream_events(ASK, version="v2")]

    events = [event for event in asyncio.run(scenario()) if "chat_model" in event["event"]]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("on_chat_model_start", "on_chat_model_end")
    assert added_up([event["data"]["chunk"] for event in events[1:-1]]).content == ANSWER
    assert events[-1]["data"]["output"].content == ANSWER
    assert {event["name"] for event in events} == {"chain"}
    assert {event["metadata"]["langgraph_node"] for event in events} <= {"ask", "polish"}


@pytest.mark.parametrize("node", [Chain(two_calls()).as_node(), user_node, async_user_node])
def test_the_tokens_are_those_of_the_node_around_the_strategy(node: Any) -> None:
    parts = asyncio.run(streamed(inside(node), stream_mode="messages"))
    assert {metadata["langgraph_node"] for _, metadata in parts} == {"ask"}
    assert added_up([chunk for chunk, _ in parts]).content == ANSWER


def test_a_synchronous_stream_has_the_tokens() -> None:
    with Ledger():
        parts = list(inside(Chain(two_calls()).as_node()).stream(ASK, stream_mode="messages"))
    assert added_up([chunk for chunk, _ in parts]).content == ANSWER
    assert len(parts) > 1


def test_the_usage_of_the_whole_run_is_on_the_last_chunk_only() -> None:
    with Ledger() as ledger:
        parts = list(inside(Chain(two_calls()).as_node()).stream(ASK, stream_mode="messages"))
    usages = [chunk.usage_metadata for chunk, _ in parts if chunk.usage_metadata]
    assert [usage["total_tokens"] for usage in usages] == [ledger.usage.total_tokens]


@pytest.mark.parametrize("mode", ["values", "messages"])
def test_callbacks_count_the_usage_of_a_node_once(mode: Any) -> None:
    with Ledger() as ledger, get_usage_metadata_callback() as counted:
        list(inside(Chain(two_calls()).as_node()).stream(ASK, stream_mode=mode))
    assert counted.usage_metadata["chain"]["total_tokens"] == ledger.usage.total_tokens


def test_without_a_streaming_listener_no_call_is_streamed() -> None:
    with CountingServer() as server, get_usage_metadata_callback():
        inside(Chain(Model("openai/test", api_base=server.url, api_key="x")).as_node()).invoke(ASK)
        assert [bool(body.get("stream")) for body in server.bodies] == [False, False]


def test_the_answer_of_a_strategy_inside_a_strategy_is_not_streamed() -> None:
    own = steps(delegate, finish)(two_calls())
    parts = asyncio.run(streamed(inside(own.as_node()), stream_mode="messages"))
    assert added_up([chunk for chunk, _ in parts]).content == "reply to finish"
    parts = asyncio.run(streamed(inside(own.graph), stream_mode="messages", subgraphs=True))
    assert added_up([chunk for _, (chunk, _) in parts]).content == "reply to finish"


def test_a_strategy_that_shows_no_tokens_streams_its_answer_whole() -> None:
    parts = asyncio.run(streamed(inside(steps(answer_early)(two_calls()).as_node()), stream_mode="messages"))
    assert [chunk.content for chunk, _ in parts] == ["so it is x"]


def test_two_nodes_stream_two_messages() -> None:
    graph = StateGraph(Map)
    graph.add_node("ask", Chain(two_calls()).as_node())
    graph.add_conditional_edges(START, lambda _: [Send("ask", {"question": q}) for q in "ab"], ["ask"])
    parts = asyncio.run(streamed(graph.compile(), {"questions": []}, stream_mode="messages"))
    by_id = {key: [c for c, _ in parts if c.id == key] for key in {c.id for c, _ in parts}}
    texts = sorted(added_up(chunks).content for chunks in by_id.values())
    assert texts == ["reply to polish reply to draft a", "reply to polish reply to draft b"]


def test_a_failing_node_ends_its_stream_with_the_failure() -> None:
    graph = inside(Chain(ScriptedModel(["a draft", ModelRefusedError("no")])).as_node())
    with pytest.raises(ModelRefusedError, match="no"):
        asyncio.run(streamed(graph, stream_mode="messages"))


# Conversations


TALK: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "6 times 7?"},
    {"role": "assistant", "content": "42"},
    {"role": "user", "content": "And twice that?"},
]
SAME_TALK = [
    SystemMessage("Be brief."),
    HumanMessage("6 times 7?"),
    AIMessage("42"),
    HumanMessage("And twice that?"),
]


def roles(model: ScriptedModel) -> list[list[str]]:
    return [[str(message["role"]) for message in request.messages] for request in model.requests]


@pytest.mark.parametrize(
    "talk",
    [
        TALK,
        tuple(TALK),
        SAME_TALK,
        [("system", "Be brief."), ("user", "6 times 7?"), ("ai", "42"), *SAME_TALK[3:]],
    ],
    ids=["dicts", "a tuple", "messages", "pairs"],
)
def test_the_last_user_message_is_the_question_and_the_rest_comes_before_it(talk: Any) -> None:
    model = two_calls()
    Chain(model).run(talk)
    for request in model.requests:
        assert [dict(message) for message in request.messages[:3]] == TALK[:3]
    assert model.requests[0].messages[3:] == ({"role": "user", "content": "draft And twice that?"},)


def test_a_conversation_of_one_message_is_its_text() -> None:
    assert Chain(two_calls()).run([{"role": "user", "content": "what?"}]).text == ANSWER


def test_text_parts_of_a_question_are_its_text() -> None:
    parts = [{"type": "text", "text": "wh"}, {"type": "text", "text": "at?"}]
    model = two_calls()
    Chain(model).run([HumanMessage(parts)])  # type: ignore[arg-type] # a list of mixed dicts
    assert model.prompts[0] == "draft wh\nat?"


def test_messages_after_the_question_come_before_it() -> None:
    call = {"name": "look", "args": {}, "id": "1", "type": "tool_call"}
    found = [AIMessage("", tool_calls=[call]), ToolMessage("found", tool_call_id="1")]
    model = two_calls()
    Chain(model).run([HumanMessage("what?"), *found])
    assert roles(model)[0] == ["assistant", "tool", "user"]


def test_system_messages_are_joined_into_one() -> None:
    async def instructed(own: Steps, state: Loose) -> Loose:
        prompt = [{"role": "system", "content": "Use digits."}, {"role": "user", "content": "?"}]
        return {"outcome": Outcome(text=(await own.model.complete(prompt)).text)}

    model = ScriptedModel(["42"])
    steps(instructed)(model).run(TALK)
    assert roles(model) == [["system", "user", "assistant", "user"]]
    assert model.requests[0].messages[0]["content"] == "Be brief.\n\nUse digits."


def test_a_conversation_is_within_the_fence() -> None:
    model = two_calls()
    longer = Chain(model).run(TALK, Budget(total_tokens=25))
    assert (longer.stop_reason, longer.usage.calls) == ("budget", 1)
    assert Chain(two_calls()).run("And twice that?", Budget(total_tokens=25)).stop_reason == "finished"


@pytest.mark.parametrize(
    ("talk", "message"),
    [
        ([], "no user message"),
        ([{"role": "assistant", "content": "hello"}], "no user message"),
        ([{"role": "user", "content": " "}], "question is empty"),
        ([{"role": "user", "content": None}], "question is empty"),
        ([{"role": "user"}], "question is empty"),
        ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "image_url"),
        ([{"role": "nobody", "content": "x"}], "chat format"),
        ([7], "chat format"),
    ],
)
def test_a_conversation_without_a_question_is_refused(talk: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Chain(two_calls()).run(talk)


def chatting(node: Any, saver: Any = None) -> Any:
    graph = StateGraph(MessagesState)
    graph.add_node("ask", node)
    graph.add_edge(START, "ask")
    return graph.compile(checkpointer=saver)


def test_as_node_works_in_messages_state() -> None:
    model = two_calls()
    with Ledger() as ledger:
        said = chatting(Chain(model).as_node()).invoke({"messages": TALK})["messages"]
    assert [message.type for message in said] == ["system", "human", "ai", "human", "ai"]
    answer = Answer.model_validate(said[-1].response_metadata["outlay"]["answer"])
    assert said[-1].content == answer.text == "reply to polish reply to draft And twice that?"
    assert said[-1].usage_metadata["total_tokens"] == ledger.usage.total_tokens == answer.usage.total_tokens
    assert roles(model) == [["system", "user", "assistant", "user"]] * 2


def test_as_node_answers_turn_after_turn_under_a_checkpointer(caplog: pytest.LogCaptureFixture) -> None:
    app = chatting(Chain(two_calls()).as_node(), InMemorySaver(serde=serializer()))
    app.invoke({"messages": [("user", "one")]}, THREAD)
    said = app.invoke({"messages": [("user", "two")]}, THREAD)["messages"]
    assert [message.type for message in said] == ["human", "ai", "human", "ai"]
    assert said[-1].content == "reply to polish reply to draft two"
    assert caplog.records == []


def test_as_node_in_messages_state_is_streamed_once() -> None:
    app = chatting(Chain(two_calls()).as_node())
    parts = list(app.stream({"messages": TALK}, stream_mode="messages"))
    assert added_up([chunk for chunk, _ in parts]).content == "reply to polish reply to draft And twice that?"


def test_as_node_prefers_the_question_unless_told_of_the_messages() -> None:
    class Both(MessagesState):
        question: str
        answer: Answer

    def answered(**options: Any) -> Any:
        graph = StateGraph(Both)
        graph.add_node("ask", Chain(two_calls()).as_node(**options))
        graph.add_edge(START, "ask")
        app: Any = graph.compile()
        return app.invoke({"messages": TALK, "question": "what?"})

    assert answered()["answer"].text == ANSWER
    assert answered(messages="messages")["messages"][-1].content.endswith("And twice that?")


def test_as_node_reads_a_conversation_as_its_question() -> None:
    class Asked(MessagesState):
        answer: Answer

    graph = StateGraph(Asked)
    graph.add_node("ask", Chain(two_calls()).as_node(question="messages"))
    graph.add_edge(START, "ask")
    app: Any = graph.compile()
    final = app.invoke({"messages": TALK})
    assert final["answer"].text.endswith("And twice that?")
    assert len(final["messages"]) == len(TALK)


def test_as_node_with_a_conversation_resumes_after_an_interrupt() -> None:
    model = two_calls()
    app = chatting(Chain(model, approve=True).as_node(), InMemorySaver(serde=serializer()))
    app.invoke({"messages": TALK}, THREAD)
    said = app.invoke(Command(resume=" yes"), THREAD)["messages"]
    assert said[-1].content == "reply to polish reply to draft And twice that? yes"
    assert len(model.requests) == 2


def test_plans_are_not_shared_by_conversations() -> None:
    model = ScriptedModel(lambda request: '{"steps": ["a"]}' if request.response_schema else "42")
    strategy = PlanAndBudget(model)
    strategy.run([*TALK[:-1], {"role": "user", "content": "And twice that?"}])
    planned = len(model.requests)
    strategy.run([{"role": "user", "content": "2 times 2?"}, {"role": "assistant", "content": "4"}, TALK[-1]])
    assert len(model.requests) == 2 * planned
