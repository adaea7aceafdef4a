"""A question as an episode of one step."""

from __future__ import annotations

from outlay.environments.episodic import Episodic
from outlay.environments.protocol import Turn


class OneStep(Episodic):
    """Question answering: whatever is done is the answer, and nobody here knows whether it is right.

    Args:
        question: The goal.
        task: What tells this question from others; else the question itself.
    """

    instructions = ""

    def __init__(self, question: str, *, task: str = "") -> None:
        super().__init__(max_steps=1)
        self.task = task or question
        self.goal = question

    async def _begin(self) -> Turn:
        return Turn(observation="")

    async def _advance(self, action: str) -> Turn:  # noqa: ARG002 - any action is an answer
        return Turn(observation="", done=True)
