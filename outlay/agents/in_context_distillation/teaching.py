"""Who answers a step that the student hands over."""

from __future__ import annotations

import asyncio
import inspect
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outlay.budget import Price, Usage
from outlay.environments import Policy
from outlay.errors import ConfigurationError, ModelUnavailableError
from outlay.ledger import Claim, require_fence

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from outlay.environments import Environment, Turn

    Acts = Callable[[Environment, Turn], str | Awaitable[str]]

current_environment: ContextVar[Environment | None] = ContextVar("outlay_environment", default=None)
"""The environment of the run, which is no part of its state: it cannot be saved."""


@dataclass(frozen=True)
class PolicyTeacher:
    """A teacher that is no language model, billed as if it were one.

    Args:
        policy: What chooses the action: a hand-written expert, another agent, a person; a `Policy`, or a
            function of environment and turn, which may be async. It raises a `ModelError` to say that it
            cannot act, and the step is left to the student; any other error ends the run.
        price: Dollars per million tokens.
        prompt_tokens: Billed for each step.
        output_tokens: Billed for each step.
    """

    policy: Policy | Acts
    price: Price
    prompt_tokens: int = 0
    output_tokens: int = 1

    def __post_init__(self) -> None:
        if self.prompt_tokens < 0 or self.output_tokens < 1:
            raise ConfigurationError(
                "a policy is billed at least 0 prompt tokens and 1 output token for a step"
            )

    @property
    def name(self) -> str:
        """Its name in the bill: the policy's, or the function's."""
        if isinstance(self.policy, Policy):
            return self.policy.name
        return self.policy.__name__ if inspect.isroutine(self.policy) else type(self.policy).__name__

    async def act(self, environment: Environment, turn: Turn) -> str:
        """Give the next action, inside the fences around the call.

        Raises:
            BudgetExhaustedError: A fence could not hold its price.
            ModelUnavailableError: The deadline passed before it acted.
        """
        claim = Claim(
            model=self.name,
            prompt_tokens=self.prompt_tokens,
            max_output_tokens=self.output_tokens,
            min_output_tokens=self.output_tokens,
            price=self.price,
        )
        fence = require_fence()
        reservation = await fence.areserve(claim)
        try:
            async with asyncio.timeout(fence.seconds_left()) as deadline:
                action = await self._acts(environment, turn)
        except TimeoutError as exc:
            why = ": raise the budget's seconds" if deadline.expired() else f" by its own clock ({exc})"
            raise ModelUnavailableError(
                f"{self.name} did not act in time{why}",
                model=self.name,
                usage=reservation.forfeit(),
            ) from exc
        except BaseException:
            reservation.forfeit()  # nobody knows what it spent
            raise
        spent = {"prompt_tokens": self.prompt_tokens, "output_tokens": self.output_tokens}
        reservation.settle(Usage(calls=1, generations=1, **spent))
        return action

    async def _acts(self, environment: Environment, turn: Turn) -> str:
        if isinstance(self.policy, Policy):
            return await self.policy.act(environment, turn)
        action = self.policy(environment, turn)
        return await action if inspect.isawaitable(action) else action
