"""The text games in a folder, as tasks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from outlay.environments import AlfWorldGame, TextWorldGame
from outlay.environments.alf_world import ENDING
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.environments import Environment

_TEXT_WORLD: Final = re.compile(r"\.z\d")


def games_in(path: Path, *, limit: int | None, max_steps: int) -> tuple[Environment, ...]:
    """Give the games of a folder and those below, in the order of their names; or the one of a file.

    Args:
        path: A folder of ALFWorld's or TextWorld's games, or one of them.
        limit: The first so many.
        max_steps: After which a game is lost.

    Raises:
        ConfigurationError: There is no game.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    games = [file for file in files if file.is_file() and _is_game(file)]
    if not games:
        raise ConfigurationError(
            f"there is no game in {path}: name a file or folder of ALFWorld's ({ENDING}) or TextWorld's (.z8)"
        )
    return tuple(_game(file, folder, max_steps) for file in games[:limit])


def _is_game(file: Path) -> bool:
    return file.name.endswith(ENDING) or _TEXT_WORLD.fullmatch(file.suffix) is not None


def _game(file: Path, folder: Path, max_steps: int) -> Environment:
    if file.name.endswith(ENDING):
        return AlfWorldGame(file, max_steps=max_steps)
    task = file.relative_to(folder).with_suffix("").as_posix()
    return TextWorldGame(file, max_steps=max_steps, task=task)
