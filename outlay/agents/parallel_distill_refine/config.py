"""The parameters of Parallel-Distill-Refine and of Sequential Refinement."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from outlay.budget import Settings

MOST_DRAFTS: Final = 256
"""In a round."""


class LoopConfig(Settings):
    """What both have."""

    kappa: int = Field(default=2304, gt=0)
    """Most tokens of the workspace, by the model's own tokenizer: two full drafts, unless told."""
    max_output_tokens: int | None = Field(default=None, gt=0)
    """Most tokens of a draft, and of the answer; `None`: the model's own default, within the fence."""
    min_draft_tokens: int = Field(default=384, gt=0)
    """Fewer drafts are made rather than giving each less than this many tokens."""
    temperature: float = Field(default=0.7, ge=0)
    """Sampling temperature (the paper: 1.0)."""
    seed: int | None = None
    """Sampling seed, where the provider honours one; also draws and orders what enters a workspace."""


def _ends_in_one(widths: tuple[int, ...]) -> tuple[int, ...]:
    if not widths or min(widths) < 1 or widths[-1] != 1 or max(widths) > MOST_DRAFTS:
        raise ValueError(f"widths are from 1 to {MOST_DRAFTS:,} and end in 1, the answer: (8, 4, 1)")
    return widths


class Config(LoopConfig):
    """Parameters of `ParallelDistillRefine`."""

    widths: Annotated[tuple[int, ...], AfterValidator(_ends_in_one)] = (8, 4, 1)
    """M_r, drafts of each round; the last one is the answer. A budget may pay for fewer."""
    distill: Literal["global-summary", "shared-top-k", "per-sample-top-k", "random-k"] = "global-summary"
    """D, what makes a workspace of a round's drafts."""
    k: int = Field(default=2, ge=1)
    """Drafts in a workspace, where it is made of drafts."""
    agreement: float | None = Field(default=0.5, gt=0, le=1)
    """Share of a round's drafts with one answer at which it is taken without refining; `None`: never.

    Half is what two small models were measured to need, whose votes of that share were right more often
    than their refinements; one that tells right drafts from wrong ones gains by 0.75 or more."""


class SequentialConfig(LoopConfig):
    """Parameters of `SequentialRefinement`."""

    rounds: int = Field(default=3, ge=0)
    """R, refinements of the first draft."""
    error_analysis: bool = False
    """List the draft's flaws in a call of its own before each refinement."""
