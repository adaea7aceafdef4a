"""TextWorld's games, and small ones made on the spot."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from outlay.environments.protocol import Turn
from outlay.environments.text_games import REFUSAL, TextGame, on_games_thread, textworld, unplayable
from outlay.errors import ConfigurationError

_STATUS_LINE: Final = re.compile(r"\n>[^\n]*\Z")
_EPILOGUE: Final = re.compile(r"\n[ \t]*\*\*\* [^\n]* \*\*\*.*\Z", re.DOTALL)
_ROOM: Final = re.compile(r"^-= .+ =-", re.MULTILINE)
_END: Final = re.compile(r"^[ \t]*\*\*\* (.+) \*\*\*[ \t]*$", re.MULTILINE)
_WON: Final = ("the end", "you have won")
_BLANK_LINES: Final = re.compile(r"\n\s*\n")
_SENTENCES: Final = re.compile(r"[.,;]|\b(?:then|and)\b")
_BESIDE: Final = re.compile(
    r"\s*(?:save|restore|restart|quit|q|undo|replay|(?:un|no)script"
    r"|(?:script|transcript|recording)(?: on| off)?)\s*"
)
"""What is said to the interpreter, not in the game: it would write files, or begin anew."""
_HEADER: Final = 64
_LAST_SHORT, _LAST_MIDDLE = 3, 5
_MOST_ROOMS: Final = 50


class TextWorldGame(TextGame):
    """A game that TextWorld made, or any game for the Z-machine.

    The welcome banner and the status line are left out of what is seen, and the goal, which TextWorld
    puts into the first text, stands apart. A game that has no `.json` file beside it tells no goal and
    no admissible actions.

    Args:
        path: A `.z1` to `.z8` file.
        max_steps: After how many steps the episode is over, lost.
        goal: What is to be reached, for games that do not say.
        task: What tells this game from others; else the file's name without its ending.

    Raises:
        ConfigurationError: There is no such file; on `reset`, it is no game, or TextWorld is not installed.
    """

    instructions = "An action is a short command, e.g. `go east`, `take key from box`, `open door`, `look`."

    def __init__(
        self, path: Path | str, *, max_steps: int | None = 50, goal: str = "", task: str = ""
    ) -> None:
        super().__init__(Path(path), max_steps)
        self.task = task or self.path.stem
        self.goal = goal
        self._score = 0

    def _load(self) -> Any:
        engine = textworld()
        _check(self.path)
        made = self.path.with_suffix(".json").is_file()
        asked = {"won", "lost", "score", "objective"} | ({"admissible_commands"} if made else set())
        return engine.start(str(self.path), engine.EnvInfos(**dict.fromkeys(asked, True)))

    def _first(self, state: Any) -> Turn:
        objective = " ".join((state.get("objective") or "").split())
        self.goal = self.goal or objective
        self._score = 0
        return self._turn(_introduction(state["feedback"]), state)

    def _play(self, command: str) -> Turn:
        if self._last and any(map(_BESIDE.fullmatch, _SENTENCES.split(command.casefold()))):
            return self._last.model_copy(update={"observation": REFUSAL, "reward": 0.0})
        return super()._play(command)

    def _next(self, command: str, state: Any, *, done: bool) -> Turn:  # noqa: ARG002 - only ALFWorld's matters
        gained = (state.get("score") or 0) - self._score
        self._score += gained
        end = _END.search(state["feedback"])
        won = state.get("won") or (end is not None and end[1].lower() in _WON)
        turn = self._turn(_seen(state["feedback"]), state)
        return turn.model_copy(
            update={"done": done or end is not None, "success": bool(won), "reward": float(gained)}
        )

    def _turn(self, observation: str, state: Any) -> Turn:
        commands = state.get("admissible_commands")
        return Turn(
            observation=observation,
            admissible=None if commands is None else tuple(commands),
            success=False,
        )


async def make_game(
    path: Path | str, *, rooms: int = 2, objects: int = 3, quest_length: int = 3, seed: int = 0
) -> Path:
    """Make a game of TextWorld's own, in a few seconds, and give its path.

    The same numbers make the same game. Beside it stand its source (`.ni`) and facts (`.json`).

    Args:
        path: Where it goes; `.z8` is added where it is missing. What is there is replaced.
        rooms: Rooms of the house.
        objects: Objects in it, at least; a quest brings what it needs.
        quest_length: Actions of the shortest way to the goal.
        seed: Of map, objects, quest and words.

    Raises:
        ConfigurationError: A number is out of range, or TextWorld is not installed.
    """
    if not 1 <= rooms <= _MOST_ROOMS or objects < 1 or quest_length < 1:
        raise ConfigurationError(
            f"a game has 1 to {_MOST_ROOMS} rooms, and at least 1 object and 1 action: "
            f"not {rooms}, {objects} and {quest_length}"
        )
    target = Path(path)
    target = target if target.suffix == ".z8" else target.with_name(f"{target.name}.z8")
    await on_games_thread(_make, target, rooms, objects, quest_length, seed)
    return target


def _make(path: Path, rooms: int, objects: int, quest_length: int, seed: int) -> None:
    with unplayable(path):
        options = textworld().GameOptions()
        options.seeds, options.path, options.force_recompile = seed, str(path), True
        options.nb_rooms, options.nb_objects, options.quest_length = rooms, objects, quest_length
        game = textworld().generator.make_game(options)
        textworld().generator.compile_game(game, options)


def walkthrough(path: Path | str) -> tuple[str, ...]:
    """Give the commands that win the game at `path`, as whoever made it wrote them down.

    Of TextWorld's games and of ALFWorld's: a planner's shortest way, which knows where everything is.

    Raises:
        ConfigurationError: The file, or the `.json` beside a `.z8`, is missing or has no walkthrough.
    """
    source = Path(path)
    source = source.with_suffix(".json") if re.fullmatch(r"\.z\d", source.suffix) else source
    with unplayable(source):
        facts = json.loads(source.read_text("utf-8"))
        commands = facts.get("walkthrough") or facts.get("metadata", {}).get("walkthrough")
    if not commands:
        raise ConfigurationError(
            f"{source} has no walkthrough: let a policy or a model play the game instead"
        )
    return tuple(commands)


def _check(path: Path) -> None:
    """Pass if `path` is a whole story file: the interpreter ends the process on any other.

    Section 11 of the Z-machine's standard says what stands in its header.

    Raises:
        ConfigurationError: It is none.
    """
    story = path.read_bytes()
    version = int(path.suffix[2:]) if re.fullmatch(r"\.z[1-8]", path.suffix) else 0
    if not version:
        raise ConfigurationError(f"{path} is no game for the Z-machine: name a file that ends with .z8")
    unit = 2 if version <= _LAST_SHORT else 4 if version <= _LAST_MIDDLE else 8
    length = int.from_bytes(story[26:28]) * unit
    checksum = int.from_bytes(story[28:30])
    whole = len(story) >= max(length, _HEADER) and story[0] == version
    if not whole or (checksum and sum(story[_HEADER:length]) % 2**16 != checksum):
        raise ConfigurationError(f"{path} is damaged, or no game for the Z-machine: make or copy it again")


def _introduction(feedback: str) -> str:
    """Give the first text from the first room's name on, behind banner and goal."""
    text = _STATUS_LINE.sub("", feedback)
    room = _ROOM.search(text)
    return _seen(text[room.start() :] if room else text)


def _seen(feedback: str) -> str:
    text = _EPILOGUE.sub("", _STATUS_LINE.sub("", feedback))
    return _BLANK_LINES.sub("\n", text).strip()
