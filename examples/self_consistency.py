"""Several samples and a vote: the budget decides how many are drawn.

python examples/self_consistency.py
"""

from __future__ import annotations

from outlay import Budget
from outlay.agents import SelfConsistency

QUESTION = "Tom has 3 apples and buys 4 more. How many apples does Tom have?"


def main() -> None:
    """Vote, and print every sample's answer, the winner and the bill."""
    strategy = SelfConsistency("local", n=5, temperature=0.7, max_output_tokens=80, seed=1)
    answer = strategy.run(QUESTION, Budget(output_tokens=400, seconds=120))
    drawn = [entry.update["samples"] for entry in answer.trace if entry.node == "sample"]
    print("votes: ", [sample["value"] for samples in drawn for sample in samples])
    print("answer:", answer.value)
    print(answer.report)


if __name__ == "__main__":
    main()
