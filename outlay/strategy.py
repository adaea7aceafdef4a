"""The shape every strategy has, and the loop they share.

A strategy is configuration: a frozen dataclass of collaborators (models) and a `Config`. Its
`build` wires a LangGraph `StateGraph`; its nodes are methods named by the paper's verbs. This
base class owns everything else: the fence around a run, the bill by node, the trace, streaming,
use as a subgraph and use as a node.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar
from uuid import uuid4

from langgraph.errors import GraphBubbleUp

from outlay.answers import extract
from outlay.budget import Budget, Record, Settings
from outlay.calls import run_sync
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError
from outlay.ledger import Ledger, current_ledger, require_fence
from outlay.ledger.fence import late
from outlay.model import Completion, Message, Model
from outlay.model.model import on_completion
from outlay.outcome import (
    Answer,
    Event,
    FenceUpdate,
    Finished,
    NodeEnded,
    NodeStarted,
    Outcome,
    QuestionState,
    StopReason,
    Token,
    TraceEntry,
    stop_reason,
)
from outlay.tracing import Run, current_run, hearing, ignore, traced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Iterator

    from langchain_core.messages import BaseMessage
    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from outlay.environments import Environment
    from outlay.langchain.callbacks import AnswerReport
    from outlay.model import StreamEvent

    Question = str | Sequence[Message | BaseMessage] | Environment

__all__ = [
    "Answer",
    "Event",
    "FenceUpdate",
    "Finished",
    "NodeEnded",
    "NodeStarted",
    "Outcome",
    "QuestionState",
    "StopReason",
    "Strategy",
    "Token",
    "TraceEntry",
    "serializer",
    "stop_reason",
]


ConfigT = TypeVar("ConfigT", bound=Settings)

MESSAGES: Final = "messages"
"""The key of the conversation in LangGraph's `MessagesState`."""

ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
"""The roles of the chat format; LangChain's dicts have others, too."""


@dataclass(frozen=True, init=False)
class Strategy(ABC, Generic[ConfigT]):
    """A way to spend a budget on a question.

    A question is a text or a conversation: a list of chat messages, as dicts or LangChain's. The last
    user message of a conversation is the question. All its other messages, system messages included,
    are sent in their order before the prompt of every call that the strategy's models make.

    Args:
        collaborators: The models (and whatever else a strategy works with), in the order of the
            dataclass's fields; a `str` is taken for a `Model`. They may also be given by name.
        config: The parameters as one `Config`.
        parameters: The parameters one by one; they override those of `config`.

    Raises:
        ConfigurationError: A model is missing, or a parameter is unknown or out of range.
    """

    name: ClassVar[str]
    """The name on the command line."""
    summary: ClassVar[str]
    """What the budget buys, in a line."""
    planning: ClassVar[frozenset[str]] = frozenset()
    """The nodes that plan and do not answer, whose tokens E3 leaves out."""
    stored: ClassVar[frozenset[str]] = frozenset()
    """The collaborators that are no models but lie on disk: a path names them."""
    Config: ClassVar[type[Settings]]

    config: ConfigT

    def __init__(self, *collaborators: Any, config: ConfigT | None = None, **parameters: Any) -> None:
        slots = [f for f in fields(self) if f.name != "config"]
        if len(collaborators) > len(slots):
            raise ConfigurationError(f"{type(self).__name__} takes {len(slots)} models at most")
        given = dict(zip((f.name for f in slots), collaborators, strict=False))
        given |= {f.name: parameters.pop(f.name) for f in slots if f.name in parameters}
        for slot in slots:
            taken = self.collaborator(slot.name, given.get(slot.name, slot.default))
            object.__setattr__(self, slot.name, taken)
        base = config.model_dump() if config else {}
        object.__setattr__(self, "config", self.Config(**base | parameters))

    @classmethod
    def collaborator(cls, name: str, given: Any) -> Any:
        """Take what was passed for a field; here a model, which a `str` names, or none."""
        if not isinstance(given, (Model, str)) and given is not None:
            raise ConfigurationError(f"{cls.__name__} needs {name}=, a Model or its name")
        return Model(given) if isinstance(given, str) else given

    @abstractmethod
    def build(self) -> StateGraph[Any, Any, Any, Any]:
        """Wire the graph, and do nothing else."""

    def salvage(self, state: Mapping[str, Any]) -> str:
        """Return the best text so far; called when the budget ends and no node handles it.

        It is the text of `outcome`, if a node has written one, else the last text of the run. Texts
        are what a `Model` wrote, also in a node that did not end; the answer of a strategy that a node
        ran; and a text in a node's update that contains the last of these. Of parallel branches, the
        one that came last counts. Structured output, tool calls and the nodes in `planning` do not
        count. What `speak` has streamed of a call that was cut off counts where there is no other.
        Override it where another text of `state` is the better answer.

        Args:
            state: The graph's state after the last step that ended.
        """
        run = current_run.get()
        if "outcome" in state:
            return str(state["outcome"].text)
        return run.last_text or run.cut_off if run else ""

    @cached_property
    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The compiled graph: `question` in, `outcome` out, for use as a subgraph.

        It spends from the fence around the call, and takes the checkpointer of the graph it is put
        into; `serializer()` tells LangGraph which of its records may be read back. The answer's tokens
        reach `stream_mode="messages"` with `subgraphs=True`. Where the budget ends and no node handles
        it, `BudgetExhaustedError` goes to the graph around it; `as_node` gives the best text instead.
        """
        return self.build().compile(name=self.name)

    def run(self, question: Question, budget: Budget | None = None) -> Answer:
        """Answer `question` or act in an environment; works inside a running event loop, too.

        Raises:
            ConfigurationError: The question is empty, or a model cannot be used as asked.
            ModelError: The provider failed and the method has nothing to fall back on; its usage is
                that of the whole run.
        """
        return run_sync(self.arun(question, budget))

    async def arun(self, question: Question, budget: Budget | None = None) -> Answer:
        """Answer `question` within `budget`. Raises as `run` does.

        In a node of a LangGraph graph, the answer's tokens reach `stream_mode="messages"`.
        """
        return await self._drive(question, self._run(budget))

    async def astream(self, question: Question, budget: Budget | None = None) -> AsyncGenerator[Event]:
        """Answer `question`, telling what happens; the last event is `Finished`.

        The graph runs in a task of its own: a context variable set in an async generator would leak
        into whoever reads it. Closing the iterator cancels the run, which is billed.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        driven = self._drive(question, self._run(budget), events.put_nowait)
        task = asyncio.create_task(driven)
        task.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield Finished(answer=await task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def as_node(
        self,
        *,
        budget: Budget | None = None,
        question: str = "question",
        answer: str = "answer",
        messages: str | None = None,
    ) -> Any:
        """Return a node for the user's own `StateGraph` that runs this strategy under its own fence.

        Without a question in the state it answers the conversation under `messages`, as a chat model
        does: it appends an `AIMessage` with the text, `usage_metadata` for the whole run, and the
        `Answer` as JSON in `response_metadata["outlay"]["answer"]`. The answer's tokens reach
        `stream_mode="messages"` and `astream_events`. Interrupted inside, it resumes under the fence
        it had, within this process.

        Args:
            budget: What each execution of the node may spend, at most; the fence around it counts too.
            question: The state key it reads: a text, or a conversation.
            answer: The state key it writes an `Answer` to.
            messages: The state key of a conversation to answer, whether there is a question or not.
        """
        from langgraph.config import get_config  # noqa: PLC0415

        from outlay.langchain.messages import answer_message  # noqa: PLC0415

        interrupted: dict[tuple[str, str], Run] = {}

        async def node(state: Any) -> dict[str, Any]:
            values = state if isinstance(state, Mapping) else vars(state)
            chat = messages or (MESSAGES if MESSAGES in values and question not in values else None)
            key = chat or question
            if key not in values:
                raise ConfigurationError(
                    f"the state has no {key!r}: name the key with question= or messages="
                )
            configurable = get_config().get("configurable", {})
            here = (str(configurable.get("thread_id")), str(configurable.get("checkpoint_ns")))
            run = interrupted.pop(here, None) or self._run(budget)
            try:
                given = await self._drive(values[key], run, isolated=False)
            except GraphBubbleUp:
                interrupted[here] = run
                raise
            if chat:
                return {chat: [answer_message(given, self.name, run.id)]}
            return {answer: given}

        return _node(node, self.name)

    def node(self, method: Callable[[Any], Awaitable[Mapping[str, Any]]], name: str | None = None) -> Any:
        """Make a graph node of a method: billed and traced under its name, callable both ways."""
        name = name or method.__name__

        async def run_node(state: Any) -> Mapping[str, Any]:
            with traced(name) as update:
                update.update(await method(state))
            return update

        async def node(state: Any) -> Mapping[str, Any]:
            if current_run.get() is not None:
                return await run_node(state)
            from outlay.langchain.callbacks import reporting  # noqa: PLC0415

            async with reporting(self.name, (), f"outlay-{uuid4()}") as report:
                token = _listener.set(report.tell if report and report.streams else _unheard)
                try:
                    update = await run_node(state)
                finally:
                    _listener.reset(token)
                if report:
                    await report.end()
            return update

        return _node(node, name)

    async def speak(self, model: Model, messages: Any, **parameters: Any) -> Completion:
        """Make the call whose text is the answer: its tokens go to whoever streams the run."""
        tell = self._listening()
        if tell is None:
            return await model.complete(messages, **parameters)
        said: list[str] = []

        def hear(text: str) -> None:
            said.append(text)
            tell(text)

        try:
            async with aclosing(model.stream(messages, **parameters)) as events:
                return await _heard(events, hear)
        except ModelError as exc:
            _check_deadline(exc, "".join(said))
            raise

    def say(self, text: str) -> None:
        """Show `text` as the answer to whoever streams the run, where no call of its own wrote it."""
        if tell := self._listening():
            tell(text)

    @contextmanager
    def entered(self, question: Any) -> Iterator[str]:
        """Take what is asked for the length of a run, and give its words; some take more than questions."""
        if not isinstance(question, str) or not question.strip():
            raise ConfigurationError("the question is empty: pass a question")
        yield question

    @cached_property
    def _isolated(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        # Without a checkpointer of its own, so that it can be called many times from one node of a
        # checkpointed graph: https://docs.langchain.com/oss/python/langgraph/errors/MULTIPLE_SUBGRAPHS
        return self.build().compile(name=self.name, checkpointer=False)

    def _run(self, budget: Budget | None) -> Run:
        return Run(Ledger(budget, name=self.name), self.planning)

    async def _drive(
        self, question: Question, run: Run, tell: Callable[[Event], None] = ignore, *, isolated: bool = True
    ) -> Answer:
        earlier, asked = _divided(question)
        outer = current_run.get() if on_completion.get() else None
        answer = await self._after(earlier)._answer(earlier, asked, run, tell, isolated=isolated)  # noqa: SLF001 - a copy of its own
        if outer:
            outer.keep(answer.text, cut=answer.stop_reason != "finished")
        return answer

    async def _answer(
        self,
        earlier: tuple[Message, ...],
        asked: str | Environment,
        run: Run,
        tell: Callable[[Event], None],
        *,
        isolated: bool,
    ) -> Answer:
        from outlay.langchain.callbacks import reporting  # noqa: PLC0415
        from outlay.langchain.messages import answer_message  # noqa: PLC0415

        # What a strategy asks inside another one is no answer of the graph around both.
        inside = current_run.get() is not None or _listener.get() is not None
        with self.entered(asked) as words:
            prompt = (*earlier, {"role": "user", "content": words})
            async with reporting(self.name, prompt, run.id, silent=inside) as report:
                run.tell = _telling(tell, report)
                if report:
                    await report.begin()
                current_ledger()  # refuses a run in a process that was forked inside a fence
                with run.fence, self._replayed():
                    outcome = await self._outcome(words, run, isolated=isolated)
                usage, bill, trace = run.fence.usage, run.fence.report(), tuple(run.trace)
                answer = Answer(**outcome.model_dump(), usage=usage, report=bill, trace=trace)
                if report:
                    await report.end(answer_message(answer, self.name, run.id))
        return answer

    async def _outcome(self, words: str, run: Run, *, isolated: bool) -> Outcome:
        state: Mapping[str, Any] = {"question": words}
        token = current_run.set(run)
        try:
            with hearing(run):
                graph = self._isolated if isolated else self.graph
                async for values in graph.astream(state, stream_mode="values"):
                    state = values
            outcome: Outcome = state["outcome"]
            if outcome.text or not run.cut_off:
                return outcome
            value = extract(run.cut_off, marked=True)
            return outcome.model_copy(update={"text": run.cut_off, "value": value})
        except BudgetExhaustedError as exc:
            outcome = self._salvaged(state, run, exc)
            if outcome.text and not run.spoken:
                run.say(outcome.text)
            return outcome
        except ModelError as exc:
            exc.usage = run.fence.usage
            raise
        finally:
            current_run.reset(token)

    def _salvaged(self, state: Mapping[str, Any], run: Run, refusal: BudgetExhaustedError) -> Outcome:
        text = self.salvage(state)
        reason, said = stop_reason(refusal), str(refusal)
        written = state.get("outcome")
        if written is not None and written.text == text:
            return Outcome(**{**dict(written), "stop_reason": reason, "degraded": said})
        cut = text == run.cut_off or run.texts.get(text.strip(), False)
        value = extract(text, marked=cut) if text else None
        return Outcome(text=text, value=value, stop_reason=reason, degraded=said)

    def _after(self, earlier: Sequence[Message]) -> Self:
        """Return this strategy with models that send `earlier` before each of their prompts."""
        if not earlier:
            return self
        slots = {f.name: getattr(self, f.name) for f in fields(self)}
        told: dict[str, Any] = {
            name: slot.with_history(earlier) for name, slot in slots.items() if isinstance(slot, Model)
        }
        return replace(self, **told)

    @staticmethod
    def _listening() -> Callable[[str], None] | None:
        run = current_run.get()
        if run is None:
            return None if _listener.get() is _unheard else _listener.get()
        return None if run.tell is ignore else run.say

    @contextmanager
    def _replayed(self) -> Iterator[None]:
        with ExitStack() as scopes:
            for replay in {
                model.replay
                for f in fields(self)
                if isinstance(model := getattr(self, f.name), Model) and model.replay is not None
            }:
                scopes.enter_context(replay.run())
            yield


_listener: ContextVar[Callable[[str], None] | None] = ContextVar("outlay_listener", default=None)
"""Who hears the answer's tokens where a node runs outside `Strategy.run`, in a graph of the user's."""


def _unheard(text: str) -> None:
    """Hear nothing."""


def serializer(*own: type) -> Any:
    """Give LangGraph's serializer with Outlay's records registered, for any checkpointer.

    `InMemorySaver(serde=serializer())`; without it LangGraph warns of unregistered types, and will
    refuse them in a future version.

    Args:
        own: The classes in the states of your own graphs, which may then be read back, too.
    """
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer  # noqa: PLC0415

    return JsonPlusSerializer(allowed_msgpack_modules=[*_records(Record), *own])


async def _heard(events: AsyncIterator[StreamEvent], hear: Callable[[str], None]) -> Completion:
    completion = None
    async for event in events:
        completion = event.completion
        if event.text:
            hear(event.text)
    if completion is None:
        raise ModelError("the stream ended without a completion")
    return completion


def _check_deadline(error: ModelError, said: str) -> None:
    """Raise the fence's refusal if the deadline is over, and keep what a stream gave until then."""
    fence, run = require_fence(), current_run.get()
    left = fence.seconds_left()
    if left is None or left > 0:
        return
    if run:
        run.cut_off = said
    raise late(fence.path) from error


def _telling(tell: Callable[[Event], None], report: AnswerReport | None) -> Callable[[Event], None]:
    if report is None or not report.streams:
        return tell

    def both(event: Event) -> None:
        tell(event)
        if isinstance(event, Token):
            report.tell(event.text)

    return both


def _divided(question: Question) -> tuple[tuple[Message, ...], str | Environment]:
    """Divide a conversation into its last user message and what is sent before it."""
    if isinstance(question, str) or not isinstance(question, Sequence):
        return (), question
    messages = _in_chat_format(question)
    places = [place for place, message in enumerate(messages) if message["role"] == "user"]
    if not places:
        raise ConfigurationError("the conversation has no user message: the last one is the question")
    asked = messages.pop(places[-1]).get("content") or ""
    return tuple(messages), asked if isinstance(asked, str) else "\n".join(map(_text_of, asked))


def _text_of(part: str | Mapping[str, Any]) -> str:
    if isinstance(part, str):
        return part
    if part.get("type") != "text":
        raise ConfigurationError(
            f"the question has a part of type {part.get('type')!r}, but a strategy's question is text: put "
            "it into an earlier message"
        )
    return str(part["text"])


def _in_chat_format(messages: Sequence[Any]) -> list[Message]:
    if all(isinstance(message, Mapping) and message.get("role") in ROLES for message in messages):
        return list(messages)
    from outlay.langchain.messages import openai_messages  # noqa: PLC0415

    return list(openai_messages(messages))


def _records(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from _records(child)


def _node(function: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any]]], name: str) -> Any:
    from outlay.langchain import runnable  # noqa: PLC0415

    return runnable(function, name)
