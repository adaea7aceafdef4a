"""The policy: reads what is asked and what a module is given, and picks the module's tier.

After the router of BudgetMem (arXiv 2602.06025): one small actor-critic for all five modules, told by a
trainable description which of them it decides for.

    (question, given, context) -> linear --+
                                           +-> 2 hidden layers -> actor: 3 logits
    description of the module  -> linear --+                   -> critic: value
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Final, NamedTuple

import torch
from torch import Tensor, nn

from outlay.errors import PolicyError
from outlay.memory.modules.routing import MODULES, Tier

if TYPE_CHECKING:
    from collections.abc import Iterable

TIERS: Final = len(Tier)
HIDDEN: Final = 256
_GAIN: Final = sqrt(2)
_LAST_VALUE_GAIN: Final = 0.01


class States(NamedTuple):
    """What decisions go by; any axes before the last."""

    features: Tensor
    """Question, what the module is given, context: `(..., 2d + c)`."""
    modules: Tensor
    """Places in `MODULES`: `(...)`, int64."""


class Acted(NamedTuple):
    """Decisions, and what the policy thinks of them: `(...)` each, like `States.modules`."""

    actions: Tensor
    log_probs: Tensor
    entropies: Tensor
    values: Tensor


class ActorCritic(nn.Module):
    """Anything that has logits over tiers and a value for every state; `forward` is what differs."""

    def forward(self, states: States) -> tuple[Tensor, Tensor]:
        """Give logits `(..., 3)` and values `(...)`."""
        raise NotImplementedError

    def get_action_and_value(
        self, states: States, actions: Tensor | None = None, *, generator: torch.Generator | None = None
    ) -> Acted:
        """Draw tiers, or judge those given: acting and learning go the same way.

        Args:
            states: As `forward` takes them.
            actions: Tiers to judge, like `states.modules`; `None`: drawn.
            generator: What to draw from.

        Raises:
            PolicyError: `actions` are not one for each state.
        """
        logits, values = self(states)
        logs = logits.log_softmax(-1)
        chances = logs.exp()
        if actions is None:
            drawn = torch.multinomial(chances.reshape(-1, TIERS), 1, generator=generator)
            actions = drawn.reshape(states.modules.shape)
        elif actions.shape != states.modules.shape:
            raise PolicyError(
                f"actions of shape {tuple(actions.shape)} for states of shape {tuple(states.modules.shape)}: "
                f"give one per module, in the order {', '.join(MODULES)}"
            )
        return Acted(
            actions=actions,
            log_probs=logs.gather(-1, actions.unsqueeze(-1)).squeeze(-1),
            entropies=-(chances * logs).sum(-1),
            values=values,
        )

    def greedy(self, states: States) -> Tensor:
        """Give the likeliest tiers, the lower of equals: like `states.modules`."""
        logits: Tensor = self(states)[0]
        return logits.argmax(-1)

    def clip_gradients(self, most: float) -> None:
        """Shorten the gradient of all parameters together to a norm of `most`."""
        nn.utils.clip_grad_norm_(self.parameters(), most)


class Policy(ActorCritic):
    """The network of the paper: 857,604 parameters at 768 dimensions without context.

    Args:
        descriptions: A vector for what each module does, `(5, d)`; trained along.
        context: Numbers that a state has beside its two vectors.
        hidden: Width; the paper's is 256.
        seed: Of the weights.
    """

    def __init__(
        self, descriptions: Tensor, *, context: int = 0, hidden: int = HIDDEN, seed: int = 0
    ) -> None:
        super().__init__()
        modules, dimension = descriptions.shape
        if modules != len(MODULES):
            raise PolicyError(f"{modules} descriptions for {len(MODULES)} modules: give one for each")
        self.descriptions = nn.Parameter(descriptions.detach().clone().float())
        self.asked = nn.Linear(2 * dimension + context, hidden)
        self.module = nn.Linear(dimension, hidden)
        self.trunk = nn.Sequential(
            nn.Linear(2 * hidden, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()
        )
        self.actor = nn.Sequential(nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, TIERS))
        last = nn.Linear(hidden // 2, 1)
        self.critic = nn.Sequential(nn.Linear(hidden, hidden // 2), nn.ReLU(), last)
        _initialise(self.modules(), last, torch.Generator().manual_seed(seed))

    def forward(self, states: States) -> tuple[Tensor, Tensor]:
        told = self.module(self.descriptions)[states.modules]
        seen = self.trunk(torch.cat([self.asked(states.features), told], dim=-1))
        return self.actor(seen), self.critic(seen).squeeze(-1)


def _initialise(layers: Iterable[nn.Module], last_value: nn.Linear, generator: torch.Generator) -> None:
    for layer in layers:
        if isinstance(layer, nn.Linear):
            gain = _LAST_VALUE_GAIN if layer is last_value else _GAIN
            nn.init.orthogonal_(layer.weight, gain, generator=generator)
            nn.init.zeros_(layer.bias)
