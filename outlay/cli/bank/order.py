"""What was asked of `outlay bank`: values, read but not yet acted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from outlay.cli.order import read_price, refuse_policy
from outlay.cli.questions import QuestionsOrder, read_items
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from outlay.bench.items import Item
    from outlay.model import Model
    from outlay.replay import Replay


@dataclass(frozen=True, kw_only=True)
class ModelOrder:
    """A model as it is named on the command line."""

    name: str = "local"
    price: str | None = None
    api_base: str | None = None
    timeout: float = 600.0


@dataclass(frozen=True, kw_only=True)
class CollectOrder:
    """What the teacher is to do, and what that may cost."""

    bank: Path
    questions: QuestionsOrder | None = None
    games: Path | None = None
    most_games: int | None = None
    teacher: ModelOrder
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the strategy's `Config`."""
    embedder: str | None = None
    limits: Mapping[str, float | None] = field(default_factory=dict)
    """The fields of the `Budget` of the whole collection."""
    concurrency: int = 8
    retry_failed: bool = False
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class CalibrateOrder:
    """Which items a rule is chosen on, and what is asked of it."""

    bank: Path
    questions: QuestionsOrder
    student: ModelOrder
    teacher: ModelOrder
    accuracy: float | None = None
    usd: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    """Fields of the strategy's `Config`."""
    confidence: float = 0.95
    out: Path | None = None
    """`None`: what is generated is kept only as long as the command lasts."""
    limits: Mapping[str, float | None] = field(default_factory=dict)
    """The fields of the `Budget` of all runs on `out`."""
    concurrency: int = 8
    as_json: bool = False


def read_model(order: ModelOrder, items: Sequence[Item], replay: Replay | None) -> Model:
    """Make a model; a simulated one knows the items.

    Raises:
        ConfigurationError: It cannot be made of what was asked for, or is no model.
    """
    refuse_policy(order.name)
    from outlay.bench.simulation import is_simulated, known_questions  # noqa: PLC0415
    from outlay.model import Model  # noqa: PLC0415
    from outlay.testing import simulated_from_spec  # noqa: PLC0415

    price = read_price(order.price)
    if is_simulated(order.name):
        given = {} if price is None else {"price": price}
        return simulated_from_spec(order.name, known_questions(items), replay=replay, **given)
    return Model(order.name, price=price, api_base=order.api_base, timeout=order.timeout, replay=replay)


def read_questions(order: QuestionsOrder) -> tuple[tuple[Item, ...], str]:
    """Load the questions, and name the scorer that says which answers are right.

    Raises:
        ConfigurationError: There are none, or the scorer cannot judge one.
    """
    from outlay.bench.scoring import check_items  # noqa: PLC0415
    from outlay.bench.sources import default_scorer  # noqa: PLC0415

    items = read_items(order)
    scorer = order.scorer or default_scorer(items)
    check_items(items, scorer)
    return items, scorer


def check_one(data: str | None, games: Path | None) -> None:
    """Refuse an order that names neither questions nor games, or both.

    Raises:
        ConfigurationError: It does.
    """
    if (data is None) == (games is None):
        raise ConfigurationError("collecting needs --data FILE, or --games FOLDER, and not both")
