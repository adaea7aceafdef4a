"""One call to the embedded model, inside a budget: no key and no network needed.

python examples/direct.py
"""

from __future__ import annotations

from outlay import Budget
from outlay.agents import Direct


def main() -> None:
    """Ask, and print the answer and its bill."""
    answer = Direct("local").run("What is the capital of France?", Budget(output_tokens=80))
    print(answer.text)
    print(f"\nstopped: {answer.stop_reason}; spent {answer.usage.output_tokens} output tokens of 80")
    print(answer.report)


if __name__ == "__main__":
    main()
