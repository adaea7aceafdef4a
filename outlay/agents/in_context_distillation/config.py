"""The parameters of `InContextDistillation`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from outlay.budget import Settings
from outlay.routers.cascade import Equivalence
from outlay.routers.cascade.agreement import Share

Defer = Literal["disagreement", "never", "always"] | Annotated[float, Field(ge=0, le=1)]


class Config(Settings):
    """Parameters of `InContextDistillation`."""

    k: int = Field(default=6, ge=0)
    """Demonstrations in the student's context (k); 0: none."""
    window: int = Field(default=5, ge=0)
    """Steps of a demonstration on each side of the one that is most like the current step."""
    retrieve: Literal["step", "episode"] = "step"
    """Whether demonstrations are looked up anew at every step, or once for the episode.

    Those of an episode stand before it, where a provider's prompt cache keeps them.
    """
    n: int = Field(default=3, gt=0, le=100)
    """Samples of the student's action (N); 1 trusts it always."""
    rule: Literal["unanimity", "majority"] | Share = "unanimity"
    """How many samples must agree: all, more than half, or a share of them."""
    equivalence: Equivalence | Literal["auto"] = "auto"
    """When two actions are the same one; `auto`: final answers for a question, else the action's words."""
    defer: Defer = "disagreement"
    """When a step goes to the teacher; a number: at random, at this rate, the baseline of a cascade.

    With `n` above 1, `never` and a number act on what most samples say: give `n=1` for a single one.
    """
    defer_repeats: bool = False
    """Whether a step goes to the teacher, too, on which the samples agree, but which was taken before with
    the same thing seen.

    Beyond the paper: samples that agree can all be wrong, and a student that goes round in circles is.
    """
    temperature: float = Field(default=0.1, ge=0)
    """Sampling temperature of the student; at 0 samples agree whether they are right or not."""
    waves: bool | None = None
    """Buy samples one by one and stop when they decide, or all in one; `None`: the cheaper one."""
    plan: bool = False
    """Whether the student plans first, once for the episode."""
    reasoning: bool = False
    """Whether it says what it thinks before it acts; only actions are compared."""
    list_actions: bool = True
    """Whether the prompt lists the actions that are possible, where the environment tells."""
    constrain: bool = False
    """Whether the student can say nothing but a possible action, where the environment tells which there are.

    By constrained decoding (a JSON schema), which providers and servers must offer; with thoughts or without
    a list of actions it changes nothing.
    """
    teacher_demonstrations: bool = False
    """Whether the teacher sees demonstrations, too."""
    max_steps: int = Field(default=30, gt=0)
    """Most steps of an episode."""
    repeats: int | None = Field(default=3, gt=1)
    """So often the same step, or the same pair of steps, with nothing new seen, and the episode ends; `None`:
    never."""
    max_prompt_tokens: int | None = Field(default=None, gt=0)
    """Most tokens of a prompt, beside the model's window."""
    max_output_tokens: int | None = Field(default=None, gt=0)
    """Most tokens of a sample, and of what the teacher says.

    `None`: a model's own default, but of a student's action 64 where the environment lists them, else 256.
    """
    seed: int | None = None
    """Of sampling, where the provider honours one, and of random deferral."""
