"""The shape every strategy has, and the loop they share.

A strategy is configuration: a frozen dataclass of collaborators (models) and a `Config`. Its
`build` wires a LangGraph `StateGraph`; its nodes are methods named by the paper's verbs. This
base class owns everything else: the fence around a run, the bill by node, the trace, streaming,
use as a subgraph and use as a node.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import ExitStack, aclosing, contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from langgraph.errors import GraphBubbleUp

from outlay.budget import Budget, Record, Settings
from outlay.calls import run_sync
from outlay.errors import BudgetExhaustedError, ConfigurationError, ModelError
from outlay.ledger import Ledger, current_ledger
from outlay.model import Completion, Model
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
from outlay.tracing import Run, current_run, ignore, traced

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator, Mapping

    from langgraph.graph import StateGraph
    from langgraph.graph.state import CompiledStateGraph

    from outlay.environments import Environment

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


@dataclass(frozen=True, init=False)
class Strategy(ABC, Generic[ConfigT]):
    """A way to spend a budget on a question.

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

    def salvage(self, state: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Give the best text in `state` when the money ended outside every node's care."""
        return ""

    @cached_property
    def graph(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        """The compiled graph: `question` in, `outcome` out, for use as a subgraph.

        It spends from the fence around the call, and takes the checkpointer of the graph it is put
        into; `serializer()` tells LangGraph which of its records may be read back.
        """
        return self.build().compile(name=self.name)

    def run(self, question: str | Environment, budget: Budget | None = None) -> Answer:
        """Answer `question` or act in an environment; works inside a running event loop, too.

        Raises:
            ConfigurationError: The question is empty, or a model cannot be used as asked.
            ModelError: The provider failed and the method has nothing to fall back on; its usage is
                that of the whole run.
        """
        return run_sync(self.arun(question, budget))

    async def arun(self, question: str | Environment, budget: Budget | None = None) -> Answer:
        """Answer `question` within `budget`. Raises as `run` does."""
        return await self._drive(self._isolated, question, Ledger(budget, name=self.name), ignore)

    async def astream(
        self, question: str | Environment, budget: Budget | None = None
    ) -> AsyncGenerator[Event]:
        """Answer `question`, telling what happens; the last event is `Finished`.

        The graph runs in a task of its own: a context variable set in an async generator would leak
        into whoever reads it. Closing the iterator cancels the run, which is billed.
        """
        events: asyncio.Queue[Event | None] = asyncio.Queue()
        fence = Ledger(budget, name=self.name)
        run = asyncio.create_task(self._drive(self._isolated, question, fence, events.put_nowait))
        run.add_done_callback(lambda _: events.put_nowait(None))
        try:
            while (event := await events.get()) is not None:
                yield event
            yield Finished(answer=await run)
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

    def as_node(
        self, *, budget: Budget | None = None, question: str = "question", answer: str = "answer"
    ) -> Any:
        """Give a node for the user's own `StateGraph` that runs this strategy under its own fence.

        Interrupted inside, it resumes under the fence it had, within this process.

        Args:
            budget: What each execution of the node may spend, at most; the fence around it counts too.
            question: The state key it reads.
            answer: The state key it writes an `Answer` to.
        """
        from langgraph.config import get_config  # noqa: PLC0415

        interrupted: dict[tuple[str, str], Ledger] = {}

        async def node(state: Mapping[str, Any]) -> dict[str, Answer]:
            configurable = get_config().get("configurable", {})
            here = (str(configurable.get("thread_id")), str(configurable.get("checkpoint_ns")))
            fence = interrupted.pop(here, None) or Ledger(budget, name=self.name)
            try:
                return {answer: await self._drive(self.graph, state[question], fence, ignore)}
            except GraphBubbleUp:
                interrupted[here] = fence
                raise

        return _node(node, self.name)

    def node(self, method: Callable[[Any], Awaitable[Mapping[str, Any]]], name: str | None = None) -> Any:
        """Make a graph node of a method: billed and traced under its name, callable both ways."""
        name = name or method.__name__

        async def run_node(state: Any) -> Mapping[str, Any]:
            with traced(name) as update:
                update.update(await method(state))
            return update

        return _node(run_node, name)

    async def speak(self, model: Model, messages: Any, **parameters: Any) -> Completion:
        """Make the call whose text is the answer: its tokens go to whoever streams the run."""
        run = current_run.get()
        if run is None or run.tell is ignore:
            return await model.complete(messages, **parameters)
        async with aclosing(model.stream(messages, **parameters)) as events:
            async for event in events:
                if event.text:
                    run.tell(Token(text=event.text))
                if event.completion is not None:
                    return event.completion
        raise ModelError("the stream ended without a completion", model=model.name)

    @cached_property
    def _isolated(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        # Without a checkpointer of its own, so that it can be called many times from one node of a
        # checkpointed graph: https://docs.langchain.com/oss/python/langgraph/errors/MULTIPLE_SUBGRAPHS
        return self.build().compile(name=self.name, checkpointer=False)

    async def _drive(
        self,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        question: str | Environment,
        fence: Ledger,
        tell: Callable[[Event], None],
    ) -> Answer:
        current_ledger()  # refuses a run in a process that was forked inside a fence
        with fence, self._replayed(), self.entered(question) as words:
            state: Mapping[str, Any] = {"question": words}
            run = Run(fence, tell)
            token = current_run.set(run)
            try:
                async for values in graph.astream(state, stream_mode="values"):
                    state = values
                outcome = state["outcome"]
            except BudgetExhaustedError as exc:
                outcome = Outcome(text=self.salvage(state), stop_reason=stop_reason(exc), degraded=str(exc))
            except ModelError as exc:
                exc.usage = fence.usage
                raise
            finally:
                current_run.reset(token)
        return Answer(
            **outcome.model_dump(), usage=fence.usage, report=fence.report(), trace=tuple(run.trace)
        )

    @contextmanager
    def entered(self, question: Any) -> Iterator[str]:
        """Take what is asked for the length of a run, and give its words; some take more than questions."""
        if not isinstance(question, str) or not question.strip():
            raise ConfigurationError("the question is empty: pass a question")
        yield question

    def say(self, text: str) -> None:
        """Show `text` as the answer to whoever streams the run, where no call of its own wrote it."""
        if run := current_run.get():
            run.tell(Token(text=text))

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


def serializer(*own: type) -> Any:
    """Give LangGraph's serializer with Outlay's records registered, for any checkpointer.

    `InMemorySaver(serde=serializer())`; without it LangGraph warns of unregistered types, and will
    refuse them in a future version.

    Args:
        own: The classes in the states of your own graphs, which may then be read back, too.
    """
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer  # noqa: PLC0415

    return JsonPlusSerializer(allowed_msgpack_modules=[*_records(Record), *own])


def _records(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from _records(child)


def _node(function: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any]]], name: str) -> Any:
    from outlay.langchain import runnable  # noqa: PLC0415

    return runnable(function, name)
