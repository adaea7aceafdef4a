"""BudgetMem (arXiv 2602.06025): memory in tiers, and a router that says what to pay for each module."""

from outlay.agents.budget_mem.config import Config
from outlay.agents.budget_mem.routing import router_of
from outlay.agents.budget_mem.state import Picked, Routed, routed
from outlay.agents.budget_mem.strategy import BudgetMem

__all__ = ["BudgetMem", "Config", "Picked", "Routed", "routed", "router_of"]
