"""A log of episodes, and what is known of how it was made."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from outlay.bench.tiers.facts import LOG, LogFacts, read_facts
from outlay.errors import ConfigurationError
from outlay.routers.tiers.episode import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.routers.tiers.episode import Episode


class Log(NamedTuple):
    """A log that was read."""

    path: Path
    """As it was given: a file, or the directory of a collection."""
    episodes: tuple[Episode, ...]
    facts: LogFacts

    @property
    def name(self) -> str:
        """What to call it: the last parts of its path."""
        return self.path.name or str(self.path)

    @property
    def digest(self) -> str:
        """Tells whether two logs hold the same episodes, wherever they are and in whatever order."""
        lines = sorted(e.model_dump_json() for e in self.episodes)
        return blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()

    @property
    def questions(self) -> tuple[str, ...]:
        """Ids, in the order of the log."""
        return tuple(dict.fromkeys(e.id for e in self.episodes))


def open_log(path: Path) -> Log:
    """Read a log, and `facts.json` beside it where there is one.

    Args:
        path: JSON lines of episodes, or the directory that `outlay train-router collect` wrote.

    Raises:
        ConfigurationError: It, or how it was made, cannot be read, or it holds no episode.
    """
    file = path / LOG if path.is_dir() else path
    episodes = read_log(file)
    if not episodes:
        raise ConfigurationError(f"the log {file} holds no episode: collect some first")
    return Log(path, episodes, read_facts(file.parent) or LogFacts())
