"""Policies that do not know of each other, trained at once: for seeds and sweeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state

from outlay.routers.tiers.policy import ActorCritic, States

if TYPE_CHECKING:
    from collections.abc import Sequence


class SideBySide(ActorCritic):
    """`R` policies of one shape as one, whose states and actions have the runs as second axis: `(B, R, ...)`.

    Small policies take as long for their many operations as for the arithmetic in them: thirty of them
    take little longer than one. What becomes of each is what would have become of it alone.
    """

    def __init__(self, policies: Sequence[ActorCritic]) -> None:
        super().__init__()
        parameters, _ = stack_module_state(list(policies))
        self._names = list(parameters)
        self.stacked = nn.ParameterList(parameters.values())
        # In a list, so that the first policy's own parameters are no parameters of this one.
        self._shape = [policies[0]]
        self.runs = len(policies)

    def forward(self, states: States) -> tuple[Tensor, Tensor]:
        def one(parameters: dict[str, Tensor], states: States) -> tuple[Tensor, Tensor]:
            logits, values = functional_call(self._shape[0], parameters, (states,))
            return logits, values

        named = dict(zip(self._names, self.stacked, strict=True))
        logits, values = torch.vmap(one, in_dims=(0, 1), out_dims=1)(named, states)
        return logits, values

    def clip_gradients(self, most: float) -> None:
        """Shorten the gradient of each policy to a norm of `most`."""
        gradients = [p.grad for p in self.stacked if p.grad is not None]
        norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
        factors = (most / (norms + 1e-6)).clamp(max=1.0)
        for gradient in gradients:
            gradient.mul_(factors.reshape(-1, *[1] * (gradient.dim() - 1)))

    @torch.no_grad()
    def load_into(self, policy: ActorCritic, run: int) -> None:
        """Write the parameters of run `run` into `policy`."""
        policy.load_state_dict({name: p[run] for name, p in zip(self._names, self.stacked, strict=True)})
