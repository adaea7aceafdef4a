"""Opening a bank to look things up in it, or, without an embedder, to read it; making one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from outlay.errors import ConfigurationError
from outlay.memory.demonstrations import Bank
from outlay.retrieval.embedders import HASH, USUAL, embedder_named
from outlay.retrieval.store import FILE, Store

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outlay.retrieval.store import Facts


@dataclass(frozen=True)
class Unloaded:
    """Stands for the embedder that a bank was made with: its model is not loaded, so nothing is embedded."""

    name: str
    dimension: int

    def embed(self, texts: Sequence[str]) -> NoReturn:  # noqa: ARG002 - as every embedder
        """Refuse."""
        raise ConfigurationError(f"the embedder {self.name} is not loaded here: open the bank with it")


def open_bank(path: Path) -> Bank:
    """Open a bank to look things up in it, or to add to it.

    Raises:
        ConfigurationError: There is none, or it is empty.
        RetrievalError: It is damaged, or its embedder has changed.
    """
    _there(path)
    return Bank.open(path)


def open_to_read(path: Path) -> Bank:
    """Open a bank whose records are read and nothing else: no model is loaded. Raises as `open_bank` does."""
    facts = _there(path)
    return Bank.open(path, Unloaded(facts.embedder, facts.dimension))


def open_or_create(path: Path, embedder: str | None) -> Bank:
    """Open a bank, or make it where there is none.

    Args:
        path: Its directory.
        embedder: As it is named on the command line; `None`: the bank's own, of a new one the usual one.

    Raises:
        ConfigurationError: The bank has another embedder.
        RetrievalError: It cannot be read or made.
    """
    facts = _facts(path)
    if facts is None:
        return Bank.create(path, embedder_named(embedder or USUAL))
    own = facts.embedder.rpartition("@")[0] or facts.embedder
    if embedder not in {None, own} and not (embedder == HASH and own.startswith(HASH)):
        raise ConfigurationError(
            f"the bank {path} was made with the embedder {own!r}, not {embedder!r}: leave --embedder out, or "
            "export it and import it into a new one"
        )
    return Bank.open(path)


def _there(path: Path) -> Facts:
    facts = _facts(path)
    if facts is None:
        raise ConfigurationError(
            f"there is no bank in {path}, or nothing in it yet: fill one with outlay bank collect or import"
        )
    return facts


def _facts(path: Path) -> Facts | None:
    """Read what a bank was made with; `None`: there is none, or nothing in it."""
    if not (path / FILE).is_file():
        return None
    store = Store(path)
    try:
        return store.facts if store.count() else None
    finally:
        store.file.close()
