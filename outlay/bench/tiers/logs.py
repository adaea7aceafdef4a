"""A log of episodes, and what is known of how it was made."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import ConfigDict, ValidationError

from outlay.budget import Price, Record
from outlay.errors import ConfigurationError
from outlay.routers.tiers.episode import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.routers.tiers.episode import Episode

LOG: Final = "log.jsonl"
FACTS: Final = "facts.json"


class LogFacts(Record):
    """How a log was made; empty where that is not known."""

    model_config = ConfigDict(extra="ignore")  # who collects may note more

    embedder: str = ""
    """Name of what made the vectors."""
    model: str = ""
    price: Price | None = None
    """Of the model; `None`: not known, or LiteLLM's."""
    prices: dict[str, Price] = {}  # noqa: RUF012 - pydantic copies it
    """Of further models."""
    strategy: str = ""
    source: str = ""
    """Of the questions."""
    scorer: str = ""
    """What says the task reward."""
    simulated: bool = False
    """Whether answers are drawn from a formula, and say nothing of a language model."""


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
        ConfigurationError: It cannot be read, or holds no episode.
    """
    file = path / LOG if path.is_dir() else path
    episodes = read_log(file)
    if not episodes:
        raise ConfigurationError(f"the log {file} holds no episode: collect some first")
    return Log(path, episodes, _facts(file.with_name(FACTS)))


def _facts(path: Path) -> LogFacts:
    try:
        return LogFacts.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return LogFacts()
    except (OSError, ValidationError) as exc:
        said = str(exc).splitlines()[0]
        raise ConfigurationError(f"{path}, which says how the log was made, cannot be read: {said}") from exc
