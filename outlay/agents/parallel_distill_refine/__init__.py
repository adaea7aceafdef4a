"""Parallel-Distill-Refine, and Sequential Refinement, its case of one draft a round."""

from outlay.agents.parallel_distill_refine.parallel import ParallelDistillRefine
from outlay.agents.parallel_distill_refine.sequential import SequentialRefinement

__all__ = ["ParallelDistillRefine", "SequentialRefinement"]
