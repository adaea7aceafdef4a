"""A plan, a budget for each of its steps, and an answer that was set aside from the start.

The embedded model has 135 million parameters: what it plans has the form of a plan, and not much of the
substance. Any other model's name will do in its place.

python examples/plan_and_budget.py
"""

from __future__ import annotations

from outlay import Budget
from outlay.agents import PlanAndBudget

QUESTION = "A farmer has 12 hens. Each hen lays 2 eggs a day. How many eggs are there after 3 days?"


def main() -> None:
    """Solve step by step, and print what each node did, the answer and the bill."""
    answer = PlanAndBudget("local").run(QUESTION, Budget(output_tokens=400))
    for entry in answer.trace:
        print(f"{entry.node:<12} {entry.usage.output_tokens:>4} output tokens")
    print(f"\n{answer.text}\n\nstopped: {answer.stop_reason}; left out: {answer.degraded or 'nothing'}")
    print(answer.report)


if __name__ == "__main__":
    main()
