"""Strategies inside a graph of your own: one as a node, one as a subgraph, under a checkpointer.

A quick answer is tried first, with a fence of its own; where it gives no value, or was cut short,
a vote follows. The outer fence holds for both.

    python examples/as_node.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from outlay import Answer, Budget, Ledger, Model
from outlay.agents import Direct, SelfConsistency
from outlay.outcome import Outcome  # noqa: TC001 - LangGraph reads the annotation
from outlay.strategy import serializer

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

QUESTION = "Ann is 12 years old. Ben is 5 years older. How old is Ben?"


class State(TypedDict, total=False):
    """The state: the node writes `answer`, the subgraph `outcome`."""

    question: str
    answer: Answer
    outcome: Outcome


def enough(state: State) -> Literal["yes", "no"]:
    """Whether the quick answer will do."""
    quick = state["answer"]
    return "yes" if quick.value is not None and quick.degraded is None else "no"


def main() -> None:
    """Run it, read its state back from the checkpointer, and print the answer and the bill."""
    model = Model("local")
    graph = StateGraph(State)
    graph.add_node("quick", Direct(model).as_node(budget=Budget(output_tokens=12)))
    graph.add_node("vote", SelfConsistency(model, n=3, max_output_tokens=60).graph)
    graph.add_edge(START, "quick")
    graph.add_conditional_edges("quick", enough, {"yes": END, "no": "vote"})
    graph.add_edge("vote", END)
    app = graph.compile(checkpointer=InMemorySaver(serde=serializer()))

    thread: RunnableConfig = {"configurable": {"thread_id": "ben"}}
    with Ledger(Budget(output_tokens=250)) as ledger:
        app.invoke({"question": QUESTION}, thread)
    kept = app.get_state(thread).values
    print(
        "quick:",
        kept["answer"].value,
        "| vote:",
        kept["outcome"].value if "outcome" in kept else "not needed",
    )
    print(ledger.report())


if __name__ == "__main__":
    main()
