"""The parameters of Plan-and-Budget."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from outlay.agents.plan_and_budget.plan import LEVEL_BUDGETS, MOST_STEPS
from outlay.agents.plan_and_budget.schedules import Schedule
from outlay.budget import Settings


class Config(Settings):
    """Parameters of `PlanAndBudget`."""

    solve: Literal["sequential", "single"] = "sequential"
    """One call per sub-question and a synthesis, or one call for all."""
    schedule: Schedule = "polynomial"
    """d, how the parts decay over the plan."""
    level: int | str | None = None
    """Difficulty of the problem, 1 to 5, if known, clamped; `None`: the planner says."""
    level_budgets: tuple[int, int, int, int, int] = LEVEL_BUDGETS
    """B, tokens for the solve at each level; a smaller user budget wins."""
    max_steps: int = Field(default=4, ge=1, le=MOST_STEPS)
    """m, the most sub-questions asked for."""
    floor: int = Field(default=24, ge=1)
    """Least tokens for a sub-question; shrinks where the budget cannot pay it."""
    p: float = Field(default=2, ge=0)
    """Exponent of the polynomial schedule."""
    gamma: float = Field(default=0.9, gt=0, le=1)
    """Base of the exponential schedule."""
    cosine_offset: float = Field(default=0.1, ge=0)
    """What the cosine schedule keeps for the last step."""
    beta: tuple[float, ...] = ()
    """Exponents of `bam` by step, above 0; the last one holds for all further steps, none means 1."""
    tokens_per_word: float = Field(default=4 / 3, gt=0)
    """Rate at which `single` turns tokens into words."""
    plan_tokens: int = Field(default=120, gt=0)
    """Most tokens of a plan."""
    assess: bool = True
    """Ask for credits and a level; if not, credits are equal."""
    assess_tokens: int = Field(default=48, gt=0)
    """Most tokens of an assessment."""
    synthesis_tokens: int = Field(default=32, gt=0)
    """Set aside for the final answer, out of the solve's total."""
    min_answer_tokens: int = Field(default=96, gt=0)
    """What planning must leave for the answer; where it cannot, the answer is given directly."""
    cache_plans: bool = False
    """Keep plans and assessments in this object, by model and question."""
    temperature: float = Field(default=0.0, ge=0)
    """Sampling temperature; 0 is greedy."""
    seed: int | None = None
    """Sampling seed, where the provider honours one."""
