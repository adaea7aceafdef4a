"""Parallel-Distill-Refine: drafts in parallel, distilled into a bounded workspace, refined; rounds of it.

Madaan et al. 2025, arXiv 2510.01123. Round r draws M_r drafts, each from the question and a workspace; only
their solutions are distilled, into a new workspace of at most kappa tokens; the last round's single draft is
the answer. Beyond the paper: a budget narrows the rounds, the answer's part is set aside first, drafts that
were cut short never enter, and drafts that agree are not refined.

    START -> allot -> draft* -> gather -> distill -> compose -> draft* ... -> refine -> END
                                gather -(agreed)-> vote -> END
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from outlay.agents.parallel_distill_refine.config import Config
from outlay.agents.parallel_distill_refine.loop import Loop

if TYPE_CHECKING:
    from outlay.agents.parallel_distill_refine.shape import Operator


@dataclass(frozen=True, init=False)
class ParallelDistillRefine(Loop[Config]):
    """Draft in parallel, distil, refine."""

    name: ClassVar[str] = "parallel-distill-refine"
    summary: ClassVar[str] = "drafts side by side, and an answer from what they come to"
    Config: ClassVar[type[Config]] = Config

    @property
    def _widths(self) -> tuple[int, ...]:
        return self.config.widths

    @property
    def _distill(self) -> Operator:
        return self.config.distill

    @property
    def _k(self) -> int:
        return self.config.k

    @property
    def _agreement(self) -> float | None:
        return self.config.agreement
