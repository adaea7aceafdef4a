"""Drafts side by side, distilled into a workspace, and an answer refined from it.

The embedded model has 135 million parameters: its drafts rarely agree and its summaries say little. What
this shows is the shape of a run and its bill. Any other model's name will do in its place.

python examples/parallel_distill_refine.py
"""

from __future__ import annotations

from outlay import Budget
from outlay.agents import ParallelDistillRefine

QUESTION = "Ann has a red hat and Bob has a blue hat. What color is Bob's hat?"


def main() -> None:
    """Refine under two budgets, and print what each node did, the answers and the second bill."""
    refining = ParallelDistillRefine(
        "local", widths=(4, 1), max_output_tokens=80, min_draft_tokens=40, seed=1
    )
    for budget in (Budget(output_tokens=60), Budget(output_tokens=600)):
        answer = refining.run(QUESTION, budget)
        print(f"{budget.output_tokens} output tokens allowed")
        for entry in answer.trace:
            print(f"  {entry.node:<8} {entry.usage.output_tokens:>4} output tokens")
        waited = answer.sequential.total_tokens if answer.sequential else 0
        print(f"  {answer.value}: {answer.usage.total_tokens} tokens in all, {waited} of them waited for")
        print(f"  stopped: {answer.stop_reason}; left out: {answer.degraded or 'nothing'}")
    print(answer.report)


if __name__ == "__main__":
    main()
