"""Plan-and-Budget: plan sub-questions, weigh them, spend on each what it deserves."""

from outlay.agents.plan_and_budget.strategy import PlanAndBudget

__all__ = ["PlanAndBudget"]
