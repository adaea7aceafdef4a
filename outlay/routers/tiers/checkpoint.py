"""A policy on the disk, and what it may be used with."""

from __future__ import annotations

import warnings
from io import BytesIO
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any, Final

import torch
from pydantic import Field, ValidationError

from outlay.budget import Record
from outlay.errors import ConfigurationError, PolicyError
from outlay.memory.modules.routing import DESCRIPTIONS, MODULES, Tiering
from outlay.private_files import replace
from outlay.routers.tiers.features import Features
from outlay.routers.tiers.policy import HIDDEN, Policy

if TYPE_CHECKING:
    from os import PathLike

    from outlay.retrieval import Embedder

VERSION: Final = 1
_SLACK: Final = 1e-9
_CURE: Final = "train one with these, or use it with what it was trained with"


class Card(Record):
    """What a policy was trained with, and therefore what it fits."""

    features: Features
    embedder: str
    """Name of what made the vectors."""
    tiering: Tiering | None = None
    """What a higher tier bought in training; `None`: not known, and any is let pass."""
    modules: tuple[str, ...] = MODULES
    """In the order of their descriptions."""
    hidden: int = Field(default=HIDDEN, gt=0)
    """Width of the network."""
    seed: int = 0
    """Of its weights and its training."""
    trade_offs: tuple[float, float] = (0.0, 0.0)
    """The least and the greatest lambda it was trained for."""
    version: int = VERSION

    def new(self, descriptions: torch.Tensor) -> Policy:
        """Give an untrained policy of this kind; `descriptions` are `(5, d)`."""
        return Policy(descriptions, context=self.features.context, hidden=self.hidden, seed=self.seed)


def descriptions_of(embedder: Embedder) -> torch.Tensor:
    """Give what an untrained policy knows of the modules: their descriptions as vectors, `(5, d)`."""
    return torch.from_numpy(embedder.embed([DESCRIPTIONS[module] for module in MODULES]))


def save(path: str | PathLike[str], policy: Policy, card: Card) -> None:
    """Write a policy and its card, all or nothing.

    Raises:
        ConfigurationError: It cannot be written there.
    """
    whole = BytesIO()
    torch.save({"card": card.model_dump_json(), "weights": policy.state_dict()}, whole)
    try:
        replace(path, whole.getvalue(), durable=True)
    except OSError as exc:
        cure = "check that its folder exists and has room"
        raise ConfigurationError(f"the policy cannot be written to {path} ({exc.strerror}): {cure}") from exc


def load(
    path: str | PathLike[str], *, embedder: Embedder | None = None, tiering: Tiering | None = None
) -> tuple[Policy, Card]:
    """Read a policy and its card; nothing in the file is run.

    Args:
        path: As it was saved.
        embedder: What will make the vectors; it must be the one that the policy was trained with.
        tiering: What a higher tier will buy; it must be what it bought in training, where that is known.

    Raises:
        PolicyError: The file is missing, damaged or no policy, or the policy does not fit these modules,
            this embedder or this tiering.
    """
    whole = _read(path)
    try:
        card = Card.model_validate_json(whole["card"])
        _check(card, path)
        check_fit(card, embedder, tiering, f"{path}")
        policy = card.new(torch.zeros(len(card.modules), card.features.dimension))
        policy.load_state_dict(whole["weights"])
    except (KeyError, TypeError, ValidationError, RuntimeError, AttributeError) as exc:
        raise PolicyError(f"{path} does not hold a policy that can be read: train it again") from exc
    return policy.eval(), card


def check_trade_off(card: Card, trade_off: float) -> None:
    """Refuse a trade-off that a policy was not trained for.

    Raises:
        PolicyError: It is outside of those.
    """
    least, greatest = card.trade_offs
    if not least - _SLACK <= trade_off <= greatest + _SLACK:
        raise PolicyError(
            f"a trade-off of {trade_off:g} for a policy that was trained for {least:g} to {greatest:g}: keep "
            "to these, or train one for it"
        )


def check_fit(card: Card, embedder: Embedder | None, tiering: Tiering | None, policy: str) -> None:
    """Refuse an embedder, or a tiering, that a policy was not trained with.

    Args:
        card: The policy's.
        embedder: What will make the vectors; `None`: not known yet.
        tiering: What a higher tier will buy; `None`: not known yet.
        policy: What the message calls it.

    Raises:
        PolicyError: It is another one.
    """
    if tiering is not None and card.tiering not in {None, tiering}:
        raise PolicyError(
            f"{policy} was trained with the tiering {card.tiering}, not with {tiering}: {_CURE}"
        )
    if embedder is None:
        return
    trained, used = (card.embedder, card.features.dimension), (embedder.name, embedder.dimension)
    if trained != used:
        raise PolicyError(
            f"{policy} was trained with {trained[0]!r} of {trained[1]} dimensions, not with {used[0]!r} of "
            f"{used[1]}: {_CURE}"
        )


def _read(path: str | PathLike[str]) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a pickle that is about to be refused
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as exc:
        raise PolicyError(f"the policy {path} cannot be read ({exc.strerror}): check its path") from exc
    except (UnpicklingError, RuntimeError, EOFError, ValueError, KeyError) as exc:
        raise PolicyError(f"{path} is damaged or no policy: train it again") from exc


def _check(card: Card, path: str | PathLike[str]) -> None:
    if card.version != VERSION:
        raise PolicyError(f"{path} was written by another version of Outlay ({card.version}): train it again")
    if card.modules != MODULES:
        raise PolicyError(
            f"{path} decides for {', '.join(card.modules)}, not for {', '.join(MODULES)}: {_CURE}"
        )
