"""Playing an environment from the beginning to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outlay.environments.episode import Episode, Taken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from outlay.environments.protocol import Environment, Policy, Turn


async def replay(environment: Environment, actions: Sequence[str]) -> Episode:
    """Do `actions` from the beginning, until they or the episode end, e.g. a `walkthrough`."""
    remaining = iter(actions)

    async def following(_: Turn) -> str | None:
        return next(remaining, None)

    return await _played(environment, following)


async def play(environment: Environment, policy: Policy, *, max_steps: int = 100) -> Episode:
    """Let `policy` act from the beginning to the end, for at most `max_steps` steps."""
    left = iter(range(max_steps))

    async def chosen(turn: Turn) -> str | None:
        return None if next(left, None) is None else await policy.act(environment, turn)

    return await _played(environment, chosen)


async def _played(environment: Environment, choose: Callable[[Turn], Awaitable[str | None]]) -> Episode:
    turn = await environment.reset()
    steps: list[Taken] = []
    while not turn.done and (action := await choose(turn)) is not None:
        steps.append(Taken(observation=turn.observation, action=action, by="teacher"))
        turn = await environment.step(action)
    return Episode(task=environment.task, goal=environment.goal, steps=tuple(steps), success=turn.success)
