"""An existing LangGraph agent put inside a fence: only its chat model is another.

The agent rewrites a text until an editor is content, which a small model may never be. The fence
ends it; no node knows about budgets.

    python examples/own_graph.py
"""

from __future__ import annotations

from typing import Any, Literal

from langgraph.graph import END, START, MessagesState, StateGraph

from outlay import Budget, Ledger, Model

TASK = "Write one sentence about the sea."


def agent(chat: Any) -> Any:
    """Give the agent as its author wrote it, for any LangChain chat model."""

    def write(state: MessagesState) -> dict[str, Any]:
        return {"messages": [chat.invoke(state["messages"], max_tokens=60)]}

    def edit(state: MessagesState) -> dict[str, Any]:
        text = state["messages"][-1].content
        verdict = chat.invoke(f"Say GOOD, or what to improve in this sentence: {text}", max_tokens=40)
        return {"messages": [("user", f"Rewrite it. The editor says: {verdict.content}")]}

    def content(state: MessagesState) -> Literal["yes", "no"]:
        last = state["messages"][-1]
        out_of_money = last.response_metadata.get("stop_reason") == "budget"
        return "yes" if out_of_money or "GOOD" in last.content else "no"

    graph = StateGraph(MessagesState)
    graph.add_node("write", write)
    graph.add_node("edit", edit)
    graph.add_edge(START, "write")
    graph.add_conditional_edges("write", content, {"yes": END, "no": "edit"})
    graph.add_edge("edit", "write")
    return graph.compile()


def main() -> None:
    """Run the agent inside a fence of 200 output tokens, and print the last draft and the bill."""
    chat = Model("local").as_chat_model(when_exhausted="answer")
    with Ledger(Budget(output_tokens=200), name="agent") as ledger:
        final = agent(chat).invoke({"messages": [("user", TASK)]})
    drafts = [message for message in final["messages"] if message.type == "ai" and message.usage_metadata]
    paid = [message for message in drafts if message.usage_metadata["output_tokens"]]
    print(f"{len(paid)} drafts; the last one: {paid[-1].content}")
    print(ledger.report())


if __name__ == "__main__":
    main()
