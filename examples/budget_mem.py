"""A conversation that is remembered, three questions on it, and what each module was paid for them.

Five modules extract from the memory what a question needs, each at the tier that a router picks; LOW and
MID are rules and cost no tokens, HIGH asks a model. Here the tiers are named, one for each module; a policy
that `outlay train-router` made is given in their place by its path. The embedded model does the modules'
work and answers, at a price that makes the bill readable; any two models' names will do in its place.

    python examples/budget_mem.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay import Budget, Model, Price
from outlay.agents import BudgetMem
from outlay.agents.budget_mem import routed
from outlay.memory.conversations import Memory, Utterance

if TYPE_CHECKING:
    from outlay import Answer

TALKS = {
    "1:56 pm on 8 May, 2023": (
        ("Ann", "I went to a pottery class yesterday with my sister Mia."),
        ("Bob", "Great! I am moving to Oslo next month."),
    ),
    "9:00 am on 20 May, 2023": (
        ("Bob", "My dog broke a vase two weeks ago."),
        ("Ann", "Mia has a shop that sells vases. I bought two of them in 2019."),
    ),
    "7:30 pm on 10 June, 2023": (
        ("Ann", "I am learning to make bowls out of clay."),
        ("Bob", "Show me one! I live in Oslo now, near the harbour."),
    ),
}

TIERS = {
    "Which city did Bob move to?": "low",
    "When did Ann go to the pottery class?": "mid",
    "What does the shop of Mia sell?": "02020",  # filter, entity, temporal, topic, summary
}
"""What the modules are paid for each question."""


def told(answer: Answer) -> str:
    """Say which tier each module was given, which it used, and what it cost."""
    lines = []
    for one in routed(answer):
        used = one.used.name if one.used is not None else "-"
        usage = one.usage
        spent = f"{usage.total_tokens:4} tokens  {usage.usd or 0:.6f} dollars"
        lines.append(f"  {one.module:8}  given {one.tier.name:4}  used {used:4}  {spent}")
    return "\n".join(lines)


def main() -> None:
    """Remember, ask, and print the answers with their bills."""
    model = Model("local", price=Price(input=0.4, output=1.6))
    with Memory.temporary(chunk_tokens=48) as memory:
        for time, talk in TALKS.items():
            memory.append(*(Utterance(speaker=who, text=text, time=time, session=time) for who, text in talk))
        for question, tiers in TIERS.items():
            strategy = BudgetMem(
                model, memory, tiers, k=3, top_k=1, most_lines=2, max_output_tokens=64, max_answer_tokens=24
            )
            answer = strategy.run(question, Budget(total_tokens=1500))
            usage = answer.usage
            print(f"{question} {answer.value!r} for {usage.total_tokens} tokens, {usage.usd:.6f} dollars")
            print(told(answer))
        print(answer.report)


if __name__ == "__main__":
    main()
