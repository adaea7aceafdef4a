"""Where an actor acts: a goal, what is seen, and what is done about it."""

from outlay.environments.alf_world import AlfWorldGame, GameFile, other_wording, tasks
from outlay.environments.alf_world_expert import AlfWorldExpert
from outlay.environments.episode import Episode, Taken
from outlay.environments.episodic import Episodic
from outlay.environments.household import Household, TaskType, household
from outlay.environments.one_step import OneStep
from outlay.environments.playing import play, replay
from outlay.environments.protocol import Environment, Policy, Turn
from outlay.environments.text_world import TextWorldGame, make_game, walkthrough
from outlay.environments.tools import ToolEnvironment

__all__ = [
    "AlfWorldExpert",
    "AlfWorldGame",
    "Environment",
    "Episode",
    "Episodic",
    "GameFile",
    "Household",
    "OneStep",
    "Policy",
    "Taken",
    "TaskType",
    "TextWorldGame",
    "ToolEnvironment",
    "Turn",
    "household",
    "make_game",
    "other_wording",
    "play",
    "replay",
    "tasks",
    "walkthrough",
]
