"""The tier of each module of a memory: a policy that learns what to pay, and what it must beat.

    Episode -> FixedReward -> PPO -> Policy -> LearnedRouter

The only home of torch. Names are loaded when they are first used; what learns needs `outlay[routers]`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from outlay.routers.tiers.bandit import LinUCB
    from outlay.routers.tiers.checkpoint import Card
    from outlay.routers.tiers.design import tier_vectors
    from outlay.routers.tiers.episode import Episode, read_log, write_log
    from outlay.routers.tiers.features import Features
    from outlay.routers.tiers.fixed import FixedRouter, RandomRouter
    from outlay.routers.tiers.information import Awareness, awareness
    from outlay.routers.tiers.learned import LearnedRouter
    from outlay.routers.tiers.off_policy import SWEEP, Course, Fitted, Fitting, Trial, fit_from_log
    from outlay.routers.tiers.policy import ActorCritic, Policy, States
    from outlay.routers.tiers.ppo import PPO, Batch, Diagnostics, adam, ppo_update
    from outlay.routers.tiers.rewards import (
        Alignment,
        CostNormaliser,
        FixedReward,
        MovingReward,
        Rewarding,
        Scale,
        reward,
    )
    from outlay.routers.tiers.side_by_side import SideBySide
    from outlay.routers.tiers.training import Played, Progress, Rollout, played, train
    from outlay.routers.tiers.weighing import Support, support

_HOMES: Final = {
    "ActorCritic": "policy",
    "Alignment": "rewards",
    "Awareness": "information",
    "Batch": "ppo",
    "Card": "checkpoint",
    "CostNormaliser": "rewards",
    "Diagnostics": "ppo",
    "Episode": "episode",
    "Features": "features",
    "Course": "off_policy",
    "Fitted": "off_policy",
    "Fitting": "off_policy",
    "FixedReward": "rewards",
    "FixedRouter": "fixed",
    "LearnedRouter": "learned",
    "LinUCB": "bandit",
    "MovingReward": "rewards",
    "PPO": "ppo",
    "Played": "training",
    "Policy": "policy",
    "Progress": "training",
    "RandomRouter": "fixed",
    "Rewarding": "rewards",
    "Rollout": "training",
    "SWEEP": "off_policy",
    "Scale": "rewards",
    "SideBySide": "side_by_side",
    "States": "policy",
    "Support": "weighing",
    "Trial": "off_policy",
    "adam": "ppo",
    "awareness": "information",
    "fit_from_log": "off_policy",
    "played": "training",
    "ppo_update": "ppo",
    "read_log": "episode",
    "reward": "rewards",
    "support": "weighing",
    "tier_vectors": "design",
    "train": "training",
    "write_log": "episode",
}

__all__ = [  # noqa: RUF022 - as `sorted` has it
    "ActorCritic",
    "Alignment",
    "Awareness",
    "Batch",
    "Card",
    "CostNormaliser",
    "Course",
    "Diagnostics",
    "Episode",
    "Features",
    "Fitted",
    "Fitting",
    "FixedReward",
    "FixedRouter",
    "LearnedRouter",
    "LinUCB",
    "MovingReward",
    "PPO",
    "Played",
    "Policy",
    "Progress",
    "RandomRouter",
    "Rewarding",
    "Rollout",
    "SWEEP",
    "Scale",
    "SideBySide",
    "States",
    "Support",
    "Trial",
    "adam",
    "awareness",
    "fit_from_log",
    "played",
    "ppo_update",
    "read_log",
    "reward",
    "support",
    "tier_vectors",
    "train",
    "write_log",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    except ModuleNotFoundError as exc:
        if exc.name not in {"torch", "numpy"}:
            raise
        raise ConfigurationError(f"{name} needs {exc.name}: run `pip install 'outlay[routers]'`") from exc


def __dir__() -> list[str]:
    return __all__
