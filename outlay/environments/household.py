"""What a game of ALFWorld asks for."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal

from outlay.budget import Record
from outlay.environments.text_games import unplayable
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

TaskType = Literal[
    "pick_and_place_simple",
    "look_at_obj_in_light",
    "pick_clean_then_place_in_recep",
    "pick_heat_then_place_in_recep",
    "pick_cool_then_place_in_recep",
    "pick_two_obj_and_place",
]

_GOAL: Final = "(:goal"
_KIND: Final = re.compile(r"\((objectType|receptacleType)\s+(\?\w+)\s+(\w+?)Type\)", re.IGNORECASE)
_TOGGLED: Final = re.compile(r"\(isToggled\s+(\?\w+)\)", re.IGNORECASE)
_STATES: Final[dict[str, TaskType]] = {
    "(isclean ": "pick_clean_then_place_in_recep",
    "(ishot ": "pick_heat_then_place_in_recep",
    "(iscool ": "pick_cool_then_place_in_recep",
}


class Household(Record):
    """A task in a house: what is handled, where it goes, or under which lamp it is looked at."""

    type: TaskType
    """Which of ALFWorld's six kinds of task."""
    thing: str
    """The kind of thing, as the game spells it, e.g. `AlarmClock`."""
    place: str = ""
    """The kind of place; empty where the thing is looked at."""
    lamp: str = ""
    """The kind of lamp; empty where the thing goes somewhere."""


def household(path: Path) -> Household:
    """Read the goal of the game at `path` from its planning problem.

    Raises:
        ConfigurationError: It is no game of ALFWorld, or asks for something else than its six kinds do.
    """
    with unplayable(path):
        problem = json.loads(path.read_text("utf-8"))["pddl_problem"]
    goal = problem.partition(_GOAL)[2]
    kinds = _KIND.findall(goal)
    things = {variable: kind for which, variable, kind in kinds if which.lower() == "objecttype"}
    places = {kind for which, _, kind in kinds if which.lower() == "receptacletype"}
    toggled = _TOGGLED.search(goal)
    lamp = things.pop(toggled[1], "") if toggled else ""
    if len(set(things.values())) != 1 or len(places) + bool(lamp) != 1:
        raise ConfigurationError(f"{path} asks for none of ALFWorld's six kinds of task")
    return Household(
        type=_type(goal.lower(), twice=len(things) > 1, lamp=lamp),
        thing=next(iter(things.values())),
        place=next(iter(places), ""),
        lamp=lamp,
    )


def _type(goal: str, *, twice: bool, lamp: str) -> TaskType:
    if lamp:
        return "look_at_obj_in_light"
    if twice:
        return "pick_two_obj_and_place"
    return next((kind for state, kind in _STATES.items() if state in goal), "pick_and_place_simple")
