"""The strategies: one file or folder each, one LangGraph graph each."""

from outlay.agents.budget_mem import BudgetMem
from outlay.agents.direct import Direct
from outlay.agents.in_context_distillation import InContextDistillation
from outlay.agents.parallel_distill_refine import ParallelDistillRefine, SequentialRefinement
from outlay.agents.plan_and_budget import PlanAndBudget
from outlay.agents.self_consistency import SelfConsistency

__all__ = [
    "BudgetMem",
    "Direct",
    "InContextDistillation",
    "ParallelDistillRefine",
    "PlanAndBudget",
    "SelfConsistency",
    "SequentialRefinement",
]
