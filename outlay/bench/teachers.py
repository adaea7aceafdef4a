"""The teacher by its name: a model, or a policy that is billed as if it were one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import Field

from outlay.agents.in_context_distillation import PolicyTeacher
from outlay.budget import Settings
from outlay.environments import AlfWorldExpert
from outlay.errors import ConfigurationError
from outlay.specs import name_in, split_known

if TYPE_CHECKING:
    from outlay.budget import Price

EXPERT: Final = AlfWorldExpert.name


class ExpertParameters(Settings):
    """Of `alfworld-expert`; the tokens are those of a language model's step in arXiv 2512.02543."""

    prompt_tokens: int = Field(default=1200, ge=0)
    """Billed for each step."""
    output_tokens: int = Field(default=80, gt=0)
    """Billed for each step."""
    seed: int = 0
    """Of what it does at random when its rules lead nowhere."""


def is_policy(spec: str | None) -> bool:
    """Whether a teacher's name is that of a policy."""
    return spec is not None and name_in(spec) == EXPERT


def policy_teacher(spec: str, price: Price | None) -> PolicyTeacher:
    """Make the policy that `spec` names, e.g. `alfworld-expert:prompt_tokens=1200,output_tokens=80`.

    Raises:
        ConfigurationError: A parameter is unknown or does not fit, or there is no price.
    """
    _, written = split_known(spec, "teacher", {EXPERT: ExpertParameters.model_fields})
    settings = ExpertParameters(**written)
    if price is None:
        raise ConfigurationError(f"{EXPERT} has no price of its own: give it as IN,OUT, e.g. 3,15")
    return PolicyTeacher(
        AlfWorldExpert(seed=settings.seed),
        price,
        prompt_tokens=settings.prompt_tokens,
        output_tokens=settings.output_tokens,
    )
