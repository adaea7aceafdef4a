"""Who answers a step that the student hands over."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outlay.budget import Price, Usage
from outlay.errors import ConfigurationError, ModelUnavailableError
from outlay.ledger import Claim, require_fence

if TYPE_CHECKING:
    from outlay.environments import Environment, Policy, Turn

current_environment: ContextVar[Environment | None] = ContextVar("outlay_environment", default=None)
"""The environment of the run, which is no part of its state: it cannot be saved."""


@dataclass(frozen=True)
class PolicyTeacher:
    """A teacher that is no language model, billed as if it were one.

    Args:
        policy: What chooses the action: a hand-written expert, another agent, a person.
        price: Dollars per million tokens.
        prompt_tokens: Billed for each step.
        output_tokens: Billed for each step.
    """

    policy: Policy
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
        """Its name in the bill."""
        return self.policy.name

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
            async with asyncio.timeout(fence.seconds_left()):
                action = await self.policy.act(environment, turn)
        except TimeoutError as exc:
            raise ModelUnavailableError(
                f"{self.name} did not act in time: raise the budget's seconds",
                model=self.name,
                usage=reservation.forfeit(),
            ) from exc
        except BaseException:
            reservation.forfeit()  # nobody knows what it spent
            raise
        spent = {"prompt_tokens": self.prompt_tokens, "output_tokens": self.output_tokens}
        reservation.settle(Usage(calls=1, generations=1, **spent))
        return action
