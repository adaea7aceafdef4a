"""The strategies: one file each, one LangGraph graph each."""

from outlay.agents.direct import Direct
from outlay.agents.plan_and_budget import PlanAndBudget
from outlay.agents.self_consistency import SelfConsistency

__all__ = ["Direct", "PlanAndBudget", "SelfConsistency"]
