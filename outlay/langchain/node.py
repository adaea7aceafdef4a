"""Graph nodes that run by `invoke` and by `ainvoke`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables import RunnableLambda

from outlay.calls import run_sync

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping


def runnable(
    function: Callable[[Any], Coroutine[Any, Any, Mapping[str, Any]]], name: str
) -> RunnableLambda[Any, Mapping[str, Any]]:
    """Make a graph node of an async function, so that the graph runs by `invoke` and by `ainvoke`."""

    def blocking(state: Any) -> Mapping[str, Any]:
        return run_sync(function(state))

    return RunnableLambda(blocking, afunc=function, name=name)
