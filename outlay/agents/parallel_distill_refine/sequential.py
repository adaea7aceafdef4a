"""Sequential Refinement: one draft, improved again and again.

The width-1 case of Parallel-Distill-Refine (Madaan et al. 2025, arXiv 2510.01123): each call sees the
question and the draft before it, nothing older. With error analysis a call of its own lists that draft's
flaws before each refinement.

    START -> allot -> draft -> gather -> compose -> draft ... -> refine -> END
                               gather -(error analysis)-> distill -> compose
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from outlay.agents.parallel_distill_refine.config import SequentialConfig
from outlay.agents.parallel_distill_refine.loop import Loop

if TYPE_CHECKING:
    from outlay.agents.parallel_distill_refine.shape import Operator


@dataclass(frozen=True, init=False)
class SequentialRefinement(Loop[SequentialConfig]):
    """Draft, and refine the draft."""

    name: ClassVar[str] = "sequential-refinement"
    summary: ClassVar[str] = "one draft, improved again and again"
    Config: ClassVar[type[SequentialConfig]] = SequentialConfig

    @property
    def _widths(self) -> tuple[int, ...]:
        return (1,) * (self.config.rounds + 1)

    @property
    def _distill(self) -> Operator:
        return "error-analysis" if self.config.error_analysis else "random-k"

    @property
    def _k(self) -> int:
        return 1

    @property
    def _agreement(self) -> float | None:
        return None
