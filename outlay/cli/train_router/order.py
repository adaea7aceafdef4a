"""What was asked of `outlay train-router`: values, read but not yet acted on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from outlay.cli.questions import QuestionsOrder
    from outlay.routers.tiers import Fitting


@dataclass(frozen=True, kw_only=True)
class CollectOrder:
    """What is to be logged, and what that may cost."""

    out: Path
    questions: QuestionsOrder
    model: str = "local"
    api_base: str | None = None
    price: str | None = None
    prices: tuple[str, ...] = ()
    """Of the models that the strategy names, `MODEL=IN,OUT` each."""
    embedder: str = "minilm"
    timeout: float = 600.0
    strategy: str = "budget-mem"
    vectors: str | None = None
    """How many, or which; `None`: eleven, or with a policy none."""
    policy: Path | None = None
    """Whose tiers are collected, too."""
    trade_offs: str | None = None
    """At which it is asked; `None`: those it was trained for."""
    limits: Mapping[str, float | None] = field(default_factory=dict)
    """The fields of the `Budget` of all runs on `out`."""
    concurrency: int = 4
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class FitOrder:
    """What to learn from, and how."""

    log: Path
    out: Path
    """Of the policy."""
    trade_offs: str | None = None
    """Lambdas, with commas between; `None`: the paper's sweep."""
    updates: int = 600
    policies: int = 1
    held_out: float = 0.25
    hidden: int = 256
    seed: int = 0
    whole_total_tokens: int | None = None
    whole_usd: float | None = None
    learning_rate: float | None = None
    """`None`: the paper's."""
    entropy: float | None = None
    """Its coefficient; `None`: the paper's."""
    embedder: str | None = None
    """As it is named on the command line, where the log does not say."""
    as_json: bool = False


@dataclass(frozen=True, kw_only=True)
class ReportOrder:
    """What to report on."""

    log: Path
    policy: Path
    test: Path | None = None
    out: Path
    as_json: bool = False


def read_fitting(order: FitOrder) -> Fitting:
    """Read how to learn.

    Raises:
        ConfigurationError: Something in the order is wrong, or torch is missing.
    """
    from outlay.budget import Budget  # noqa: PLC0415
    from outlay.routers.tiers import SWEEP, Fitting  # noqa: PLC0415 - an extra

    whole = {"total_tokens": order.whole_total_tokens, "usd": order.whole_usd}
    return Fitting(
        trade_offs=SWEEP if order.trade_offs is None else read_trade_offs(order.trade_offs),
        whole=Budget(**whole) if any(limit is not None for limit in whole.values()) else None,
        updates=order.updates,
        policies=order.policies,
        held_out=order.held_out,
        hidden=order.hidden,
        seed=order.seed,
    )


def read_trade_offs(written: str) -> tuple[float, ...]:
    """Read lambdas, the least first.

    Raises:
        ConfigurationError: One is no number.
    """
    try:
        return tuple(sorted({float(part) for part in written.split(",") if part.strip()}))
    except ValueError as exc:
        raise ConfigurationError(f"--trade-offs takes numbers with commas between, not {written!r}") from exc
