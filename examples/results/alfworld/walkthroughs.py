"""A bank from the walkthroughs that ALFWorld's games carry, each step priced as a language model's.

    python walkthroughs.py BANK LIST

LIST names games, one a line, relative to its own folder. A step is billed 1,200 prompt and 80 output tokens
at 3 and 15 dollars per million, as arXiv 2512.02543 prices its teacher.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from outlay import Price, Usage
from outlay.budget import PICODOLLARS
from outlay.environments import AlfWorldGame, replay, walkthrough
from outlay.memory.demonstrations import Bank, Step, Trajectory

STEP = Usage(calls=1, generations=1, prompt_tokens=1200, output_tokens=80)
PRICE = Price(input=3, output=15)


async def won(path: Path) -> Trajectory:
    """Do what the walkthrough says."""
    game = AlfWorldGame(path)
    try:
        episode = await replay(game, walkthrough(path))
    finally:
        await game.close()
    steps = tuple(Step(observation=step.observation, action=step.action) for step in episode.steps)
    usd = len(steps) * PRICE.cost(STEP) / PICODOLLARS
    return Trajectory(
        task=episode.task,
        goal=episode.goal,
        steps=steps,
        success=bool(episode.success),
        usage=sum([STEP] * len(steps), Usage()).model_copy(update={"usd": usd}),
        teacher="walkthrough",
    )


def main() -> None:
    """Add every game of the list."""
    listed = Path(sys.argv[2])
    with Bank.create(sys.argv[1]) as bank:
        for name in listed.read_text("utf-8").split():
            bank.add([asyncio.run(won(listed.parent / name))])
        print(bank.stats())


if __name__ == "__main__":
    main()
