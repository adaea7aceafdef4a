"""`outlay graph`: a strategy's graph, as Mermaid text or drawn in characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.agents.spec import strategy_from_spec
from outlay.cli.exits import ANSWERED
from outlay.redaction import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from langchain_core.runnables.graph import Edge, Graph


def draw(spec: str, *, in_ascii: bool) -> int:
    """Print the graph of the strategy that `spec` names; no model is loaded."""
    graph = strategy_from_spec(spec, "local").graph.get_graph()
    text = "\n".join(in_characters(graph)) if in_ascii else graph.draw_mermaid()
    print(printable(text))  # noqa: T201
    return ANSWERED


def in_characters(graph: Graph) -> Iterator[str]:
    """Draw a graph as a tree of its edges; a node drawn before is only named, with `(above)`.

    LangGraph's own `draw_ascii` needs grandalf, a layout library, for graphs that are nearly lines.
    """
    seen: set[str] = set()

    def below(node: str, margin: str) -> Iterator[str]:
        if node in seen:
            return
        seen.add(node)
        edges = [edge for edge in graph.edges if edge.source == node]
        for edge in edges:
            last = edge is edges[-1]
            again = " (above)" if edge.target in seen else ""
            yield f"{margin}{'`-' if last else '|-'}{_label(edge)}> {_name(edge.target)}{again}"
            yield from below(edge.target, margin + ("   " if last else "|  "))

    start = next(node for node in graph.nodes if node == "__start__")
    yield _name(start)
    yield from below(start, "")


def _label(edge: Edge) -> str:
    return f"({edge.data})-" if edge.conditional and edge.data is not None else ""


def _name(node: str) -> str:
    return {"__start__": "START", "__end__": "END"}.get(node, node)
