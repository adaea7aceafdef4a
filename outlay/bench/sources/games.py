"""Games as items: the files in a folder, or those that a list names."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from outlay.bench.items import Item
from outlay.bench.sources.reading import lines
from outlay.bench.sources.rows import wrong
from outlay.environments import household
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

GAMES: Final = "games:"
"""What stands before the folder, or the list, where items are games."""
REACHED: Final = "success"
"""The one right answer to a game, for people."""

_ALFWORLD: Final = ".tw-pddl"
_GAME: Final = re.compile(r"\.(?:tw-pddl|z[1-8])")


@dataclass(frozen=True)
class Games:
    """Games that are to be played."""

    root: Path
    """What the items' ids are relative to."""
    items: tuple[Item, ...]
    name: str
    """For reports: the folder, or the list, without the folders around it."""


def load_games(source: str, *, limit: int | None = None) -> Games:
    """Give the games of a source; an item's id is the path of its file, its question what it is called.

    A game of ALFWorld has the label `type`, every game a `digest` of its file.

    Args:
        source: `games:` and a folder, whose games are taken in the order of their paths; or a text file
            with a path on each line, relative to the file's folder; or one game.
        limit: The first so many.

    Raises:
        ConfigurationError: There is no such folder, list or game, or a game twice.
    """
    path = Path(source.removeprefix(GAMES))
    if not path.exists() or not source.removeprefix(GAMES).strip():
        raise ConfigurationError(f"{source!r}: there is no folder, list or game at {path}: check the path")
    root = path if path.is_dir() else path.parent
    items = tuple(_item(root, place, name) for place, name in islice(_named(path), limit))
    if not items:
        raise ConfigurationError(f"{path} holds no games: their names end with {_ALFWORLD} or .z1 to .z8")
    taken: set[str] = set()
    for item in items:
        if item.id in taken:
            raise wrong(str(path), f"the game {item.id} is there twice: leave one out")
        taken.add(item.id)
    return Games(root=root.resolve(), items=items, name=f"{GAMES}{path.resolve().name}")


def is_alfworld(item: Item) -> bool:
    """Whether a game is one of ALFWorld's."""
    return item.id.endswith(_ALFWORLD)


def _named(path: Path) -> Iterator[tuple[str, str]]:
    """Give the places and the names of the games, relative to their root."""
    if path.is_dir():
        for game in sorted(path.rglob("*")):
            if _GAME.fullmatch(game.suffix) and game.is_file():
                yield str(path), game.relative_to(path).as_posix()
    elif _GAME.fullmatch(path.suffix):
        yield str(path.parent), path.name
    else:
        for number, line in lines(path):
            if name := line.strip():
                yield f"{path}, line {number}", name


def _item(root: Path, place: str, name: str) -> Item:
    path = root / name
    if not path.is_file() or not _GAME.fullmatch(path.suffix):
        raise wrong(place, f"{name} is no game: name a file that ends with {_ALFWORLD} or .z1 to .z8")
    labels: dict[str, Any] = {"type": household(path).type} if path.suffix == _ALFWORLD else {}
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    called = Path(name).parent.as_posix() if path.stem == "game" and "/" in name else path.stem
    return Item(id=name, question=called, answers=(REACHED,), labels={**labels, "digest": digest})
