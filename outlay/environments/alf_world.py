"""ALFWorld's text games of household tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from outlay.budget import Record
from outlay.environments.household import TaskType, household
from outlay.environments.protocol import Turn
from outlay.environments.text_games import TextGame, alfworld, give_back, planner, textworld
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

ENDING: Final = ".tw-pddl"
_TYPES: Final[tuple[TaskType, ...]] = get_args(TaskType)
_TASK: Final = re.compile(r"\s*Your task is to:\s*(.+?)\.?\s*\Z", re.DOTALL)
_PUT: Final = re.compile(r"(?:put|place) (.+?) (?:in/on|into|onto|in|on) (.+)", re.IGNORECASE)
_MOVE: Final = re.compile(r"move (.+?) to (.+)", re.IGNORECASE)
_BANNER: Final = re.compile(r"\A-=.*?=-\s*")


class GameFile(Record):
    """A game in a folder of games."""

    path: Path
    task: str
    """What tells it from others: the names of the two folders it lies in, or of the file."""
    type: TaskType


class Moment(Record):
    """A state of the game, as ALFWorld's expert wants it."""

    command: str
    """What led here; empty at the beginning."""
    feedback: str
    facts: tuple[Any, ...]
    admissible: tuple[str, ...]
    won: bool


class AlfWorldGame(TextGame):
    """A game of ALFWorld: a household task in a room, done by text.

    Args:
        path: A `game.tw-pddl` file.
        max_steps: After how many steps the episode is over, lost.

    Raises:
        ConfigurationError: There is no such file; on `reset`, it is no game, or ALFWorld is not installed.
    """

    instructions = (
        "An action is one of: go to PLACE; open PLACE; close PLACE; take THING from PLACE; "
        "move THING to PLACE; use THING; heat THING with PLACE; cool THING with PLACE; "
        "clean THING with PLACE; examine THING or PLACE; look; inventory. "
        "Things and places have a name and a number, e.g. `go to shelf 2`."
    )

    def __init__(self, path: Path | str, *, max_steps: int | None = 50) -> None:
        super().__init__(Path(path), max_steps)
        self.task = _name(self.path)
        self.goal = ""
        self.moments: list[Moment] = []
        """The states of this episode, in order; a new list at every `reset`."""

    def _load(self) -> Any:
        asked = textworld().EnvInfos(won=True, admissible_commands=True, facts=True)
        planner()
        demangler = alfworld("agents.environment.alfred_tw_env").AlfredDemangler
        game = demangler(textworld().envs.PddlEnv(asked))
        # TextWorld would leave the file open.
        game.load(json.loads(self.path.read_text("utf-8")))
        return game

    def _spelled(self, command: str, admissible: Sequence[str]) -> str:
        spelled = super()._spelled(command, admissible)
        if spelled not in admissible and (other := other_wording(command)):
            other = super()._spelled(other, admissible)
            return other if other in admissible else spelled
        return spelled

    def _end(self) -> None:
        if self._game is not None:
            give_back(self._game.unwrapped.downward_lib)
        super()._end()

    def _first(self, state: Any) -> Turn:
        text = _BANNER.sub("", state["feedback"])
        asked = _TASK.search(text)
        self.goal = asked.group(1) if asked else ""
        self.moments = []
        return self._turn("", state, text[: asked.start()] if asked else text)

    def _next(self, command: str, state: Any, *, done: bool) -> Turn:
        turn = self._turn(command, state, state["feedback"])
        return turn.model_copy(update={"done": done, "reward": float(done)})

    def _turn(self, command: str, state: Any, seen: str) -> Turn:
        moment = Moment(
            command=command,
            feedback=state["feedback"],
            facts=tuple(state["facts"]),
            admissible=tuple(state["admissible_commands"]),
            won=state["won"],
        )
        self.moments.append(moment)
        return Turn(observation=seen.strip(), admissible=moment.admissible, success=moment.won)


def other_wording(action: str) -> str | None:
    """Return the wording that another version of ALFWorld has for an action; `None` if there is none.

    Since version 0.4 it is `move X to Y`; before, it was `put X in/on Y`.
    """
    if found := _PUT.fullmatch(action):
        return f"move {found[1]} to {found[2]}"
    if found := _MOVE.fullmatch(action):
        return f"put {found[1]} in/on {found[2]}"
    return None


def tasks(folder: Path | str, *, split: str = "", types: Collection[TaskType] = ()) -> tuple[GameFile, ...]:
    """List the games in `folder` and below, in the order of their names.

    Args:
        folder: E.g. ALFWorld's `json_2.1.1`.
        split: A folder in it, e.g. `train` or `valid_seen`; empty: all.
        types: The kinds of task that are wanted; empty: all.

    Raises:
        ConfigurationError: There is no such folder, no game in it, or no such type.
    """
    root = Path(folder) / split
    if unknown := set(types) - set(_TYPES):
        raise ConfigurationError(
            f"ALFWorld has no tasks {sorted(unknown)}: its types are {', '.join(_TYPES)}"
        )
    if not root.is_dir():
        raise ConfigurationError(f"there is no folder {root}: name one that holds ALFWorld's games")
    paths = sorted(root.rglob(f"*{ENDING}"))
    if not paths:
        raise ConfigurationError(f"no file in {root} ends with {ENDING}: name a folder of ALFWorld's games")
    found = (GameFile(path=path, task=_name(path), type=_type(path)) for path in paths)
    return tuple(game for game in found if not types or game.type in types)


def _name(path: Path) -> str:
    # ALFWorld keeps every game in a folder of its own, and calls all of them `game.tw-pddl`.
    if path.stem != "game":
        return path.stem
    trial = path.resolve().parent
    return f"{trial.parent.name}/{trial.name}"


def _type(path: Path) -> TaskType:
    told = path.resolve().parent.parent.name.partition("-")[0]
    return next((kind for kind in _TYPES if kind == told), None) or household(path).type
