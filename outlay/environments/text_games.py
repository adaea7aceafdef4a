"""Where TextWorld and ALFWorld are loaded and run: one at a time, quietly.

TextWorld's logic, its translator of planning problems and ALFWorld's expert keep state in their modules,
so that all of it runs on one thread; any number of games may be open, and their steps take turns. Loading
a game takes seconds there, and no time of the event loop's.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from asyncio import get_running_loop
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from outlay.environments.episodic import Episodic
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from outlay.environments.protocol import Turn

T = TypeVar("T")

_BAD_FILE: Final = (OSError, ValueError, TypeError, LookupError, AttributeError, AssertionError, SystemExit)
"""What TextWorld and its planner make of a file that is damaged, or no game: the planner would exit."""

_PARSERS: Final = {
    "tatsu.exceptions": "ParseException",
    "fast_downward.translate.pddl_parser.lisp_parser": "ParseError",
    "textworld.generator.inform7.world2inform7": "CouldNotCompileGameError",
}
"""Their own errors, by the modules that define them."""

REFUSAL: Final = "That is no action in this game."
LONGEST_COMMAND: Final = 190
"""Bytes. The interpreter cuts a longer command, in the middle of a character if need be."""

_IDLE: Final[list[Any]] = []
_THREAD: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="outlay-games")


async def on_games_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Run `function` where games run, after everything that was asked for before."""
    return await get_running_loop().run_in_executor(_THREAD, function, *arguments)


class TextGame(Episodic):
    """A game of TextWorld's engine, loaded at the first `reset` and kept until `close`."""

    def __init__(self, path: Path, max_steps: int | None) -> None:
        super().__init__(max_steps)
        if not path.is_file():
            raise ConfigurationError(f"there is no game {path}: check the path of the file")
        self.path = path
        self._game: Any = None
        self._last: Turn | None = None

    async def _begin(self) -> Turn:
        return await on_games_thread(self._start)

    async def _advance(self, action: str) -> Turn:
        return await on_games_thread(self._play, " ".join(action.split()))

    async def _release(self) -> None:
        await on_games_thread(self._end)

    def _start(self) -> Turn:
        with unplayable(self.path):
            if self._game is None:
                self._game = self._load()
            return self._noted(self._first(self._game.reset()))

    def _play(self, command: str) -> Turn:
        """Do `command`; what the game cannot be given is refused.

        A NUL ends the interpreter, and with it the process; half a surrogate cannot be sent.
        """
        spelled = self._spelled(command, (self._last and self._last.admissible) or ())
        if self._last and not (spelled.isprintable() and len(spelled.encode()) <= LONGEST_COMMAND):
            return self._last.model_copy(update={"observation": REFUSAL, "reward": 0.0})
        state, _, done = self._game.step(spelled)
        return self._noted(self._next(spelled, state, done=done))

    def _spelled(self, command: str, admissible: Sequence[str]) -> str:
        """Return the admissible action that `command` is, whatever its case; else `command`."""
        return next((action for action in admissible if action.casefold() == command.casefold()), command)

    def _noted(self, turn: Turn) -> Turn:
        self._last = turn
        return turn

    def _end(self) -> None:
        if self._game is not None:
            self._game.close()
            self._game = None

    @abstractmethod
    def _load(self) -> Any:
        """Give TextWorld's environment with the game in it."""

    @abstractmethod
    def _first(self, state: Any) -> Turn:
        """Give the first turn, and take the goal from it."""

    @abstractmethod
    def _next(self, command: str, state: Any, *, done: bool) -> Turn:
        """Give the turn after `command`."""


@cache
def textworld() -> Any:
    """Give TextWorld, made quiet; on the games' thread only.

    Raises:
        ConfigurationError: It is not installed.
    """
    return _imported("textworld")


@cache
def alfworld(name: str) -> Any:
    """Give ALFWorld's module `name`; on the games' thread only.

    Raises:
        ConfigurationError: It is not installed.
    """
    return _imported(f"alfworld.{name}")


@cache
def planner() -> Any:
    """Give Fast Downward: silent, and not doing again what it has just done; on the games' thread only.

    Raises:
        ConfigurationError: It is not installed.
    """
    library, interface = _imported("fast_downward"), _imported("fast_downward.interface")
    with _restored_arguments():
        sys.argv = ["translate", "domain", "task"]  # its options are read from here, on import
        for name in ("translate", "normalize", "pddl_parser"):
            _imported(f"fast_downward.translate.{name}")
    for name in [name for name in sys.modules if name.startswith("fast_downward.translate.")]:
        vars(sys.modules[name])["print"] = _print_to_files
    interface.CapturingStdout = _Nothing
    translate = library.pddl2sas

    # A game is translated when it is loaded and again when it is reset, which is most of the time it takes.
    @lru_cache(maxsize=2)
    def once(domain: str, problem: str, verbose: bool = False, optimize: bool = False) -> Any:  # noqa: FBT001, FBT002 - the planner's names
        with _restored_arguments():
            return translate(domain, problem, verbose, optimize)

    # Every load copies 33 MB into a temporary file that stays as long as the process, since unloading
    # crashes at exit.
    load = library.load_lib
    library.load_lib = lambda: _IDLE.pop() if _IDLE else load()
    library.pddl2sas = once
    return library


def give_back(engine: Any) -> None:
    """Let the next game use the planner's `engine`."""
    _IDLE.append(engine)


class _Nothing(list[str]):
    # The planner's own would take the whole process's standard output while it works.
    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def _print_to_files(*values: object, file: Any = None, **options: Any) -> None:
    if file not in {None, sys.stdout, sys.stderr}:
        print(*values, file=file, **options)


@contextmanager
def _restored_arguments() -> Iterator[None]:
    arguments = sys.argv
    try:
        yield
    finally:
        sys.argv = arguments


def _imported(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as exc:
        raise ConfigurationError(
            f"text games need TextWorld and ALFWorld ({exc}): run `pip install 'outlay[alfworld]'`"
        ) from exc


@contextmanager
def unplayable(path: Path) -> Iterator[None]:
    """Say of what goes wrong with a file that it cannot be played."""
    try:
        yield
    except _of_a_bad_file() as exc:
        raise ConfigurationError(f"{path} cannot be played ({type(exc).__name__}: {exc})") from exc


def _of_a_bad_file() -> tuple[type[BaseException], ...]:
    loaded = [(module, name) for module, name in _PARSERS.items() if module in sys.modules]
    return (*_BAD_FILE, *(getattr(sys.modules[module], name) for module, name in loaded))
