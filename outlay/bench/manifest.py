"""What a bench directory was made of."""

from __future__ import annotations

from pathlib import PurePath

from outlay.budget import Price, Record
from outlay.retrieval.embedders import USUAL

VERSION = 1
"""Of the directory's files."""


class Manifest(Record):
    """What stays the same over all runs on one directory, and the commands that made it."""

    version: int = VERSION
    outlay: str
    """The version of Outlay that began it."""
    model: str
    models: tuple[str, ...] = ()
    """Every model that is compared; empty: `model` alone."""
    teacher: str | None = None
    price: Price | None = None
    """Of the model; `None`: LiteLLM's."""
    teacher_price: Price | None = None
    """Of the teacher; `None`: LiteLLM's."""
    prices: dict[str, Price] = {}  # noqa: RUF012 - pydantic copies it
    """Of further models; LiteLLM's for those that are not in it."""
    embedder: str = USUAL
    """Of the memories that were made for items."""
    simulated: bool = False
    """Whether the answers are a simulation's, which every report says in its title."""
    source: str
    """Where the items came from, without the folders of this machine."""
    scorer: str
    """As on the command line."""
    replay: bool = True
    """Whether conditions share generations."""
    commands: tuple[str, ...] = ()
    """The command of each run, in order."""
    started: str = ""
    """When the first run began, ISO 8601."""

    @property
    def shown_models(self) -> str:
        """The models, as people are told."""
        return " and ".join(map(shown_model, self.models or (self.model,)))


def shown_model(name: str) -> str:
    """Name a model for people: a GGUF file without the folders it lies in."""
    kind, colon, path = name.partition(":")
    return f"{kind}:{PurePath(path).name}" if colon and kind == "gguf" else name
