"""The same with a remote API and a budget in dollars; needs a key.

    OPENAI_API_KEY=... python examples/remote_api.py [MODEL]

MODEL is a name as LiteLLM spells it; openai/gpt-4.1-mini unless given.
"""

from __future__ import annotations

import os
import sys

from outlay import Budget, Model
from outlay.agents import SelfConsistency

QUESTION = "How many positive integers below 100 are divisible by 3 but not by 5?"


def main(name: str = "openai/gpt-4.1-mini") -> None:
    """Vote on the question for at most a cent."""
    if not os.environ.get("OPENAI_API_KEY"):
        print("skipped: set OPENAI_API_KEY to ask a remote API")
        return
    answer = SelfConsistency(Model(name), n=5).run(QUESTION, Budget(usd=0.01, seconds=60))
    print(answer.value, f"({answer.stop_reason}, ${answer.usage.usd})")
    print(answer.report)


if __name__ == "__main__":
    main(*sys.argv[1:2])
