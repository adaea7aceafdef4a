"""Graph nodes that run by `invoke` and by `ainvoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables import Runnable

from outlay.calls import run_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from langchain_core.runnables import RunnableConfig


class Node(Runnable[Any, "Mapping[str, Any]"]):
    """An async function as a graph node.

    Not a `RunnableLambda`, which looks at the function's signature at every call: that took a third of
    the time of a node. LangGraph sets the config's context and traces the node around it.
    """

    def __init__(self, function: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any]]], name: str) -> None:
        self.name = name
        self._function = function

    def invoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Mapping[str, Any]:  # noqa: A002, ARG002 - LangChain's names
        return run_sync(self._function(input))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **_: Any) -> Mapping[str, Any]:  # noqa: A002, ARG002
        return await self._function(input)


def runnable(function: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any]]], name: str) -> Node:
    """Make a graph node of an async function, so that the graph runs by `invoke` and by `ainvoke`."""
    return Node(function, name)
