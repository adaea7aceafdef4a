"""A cheap student with a dear teacher's answers in its context, and the teacher where its samples disagree.

A bank is collected from the teacher on four questions; then the student answers new ones. The embedded
model plays both parts, at two prices, so what this shows is who is asked and what it costs, not that a
teacher knows more. Any two models' names will do in its place, and `outlay bank` does the collecting.

python examples/in_context_distillation.py
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from outlay import Budget, Ledger, Model, Price
from outlay.agents import InContextDistillation
from outlay.agents.in_context_distillation import collect
from outlay.cli.episode import account
from outlay.environments import OneStep
from outlay.memory.demonstrations import Bank

if TYPE_CHECKING:
    from outlay import Answer
    from outlay.environments import Environment, Episode

CAPITALS = {"Japan": "Tokyo", "France": "Paris", "Italy": "Rome", "Egypt": "Cairo"}
NEW = ("Spain", "Russia")


def asked(country: str) -> str:
    """Ask for a capital."""
    return f"What is the capital of {country}?"


async def knows(task: Environment, answer: Answer) -> bool:
    """Whether the teacher was right: only then is it shown to the student."""
    return CAPITALS[task.task] in answer.text


def told(episode: Episode) -> str:
    """Say who answered, and when the bank has paid for itself."""
    agreed = (f"by the {step.by}; {step.share or 0:.0%} of the samples agreed" for step in episode.steps)
    return "\n".join(f"  {line}" for line in (*agreed, *account(episode)))


async def main() -> None:
    """Collect a bank, answer with it, and print who answered and what it cost."""
    student = Model("local", price=Price(input=0.4, output=1.6))
    teacher = Model("local", price=Price(input=3, output=15))
    with TemporaryDirectory() as folder, Bank.create(Path(folder) / "bank") as bank:
        with Ledger(Budget(usd=0.01), name="collecting"):
            alone = InContextDistillation(teacher, teacher, defer="always", max_output_tokens=40)
            tasks = [OneStep(asked(country), task=country) for country in CAPITALS]
            added = (await collect(alone, tasks, bank, succeeded=knows)).added
            print(f"{added.kept} demonstrations for {bank.stats().usage.usd:.6f} dollars")
        cascade = InContextDistillation(student, teacher, bank, k=2, n=3, max_output_tokens=40, seed=1)
        for country in NEW:
            answer = await cascade.arun(asked(country), Budget(output_tokens=200))
            print(f"{asked(country)} {answer.text!r} for {answer.usage.usd:.6f} dollars")
            if answer.episode is not None:
                print(told(answer.episode))
        print(answer.report)


if __name__ == "__main__":
    asyncio.run(main())
