"""What an injection is to be made on, and the model it is about."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from outlay.bench.anchoring.cases import Injection
from outlay.bench.simulation import is_simulated, known_questions
from outlay.budget import Budget
from outlay.model import Model
from outlay.testing import simulated_from_spec

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.items import Item
    from outlay.budget import Price
    from outlay.replay import Replay


@dataclass(frozen=True, kw_only=True)
class AnchoringPlan:
    """Everything that was asked for."""

    items: tuple[Item, ...]
    source: str
    """What the items are called in reports."""
    scorer: str
    out: Path
    """The directory of the generations and the cases; a bench's may be shared."""
    model: str
    injection: Injection = field(default_factory=Injection)
    price: Price | None = None
    api_base: str | None = None
    timeout: float = 600.0
    totals: Budget = field(default_factory=Budget)
    """What all runs on the directory may spend together, in output tokens and dollars."""
    concurrency: int = 8

    def key(self, item: Item) -> str:
        """Tell cases apart by everything that was asked."""
        asked = [self.model, self.scorer, self.injection.model_dump(mode="json"), item.digest]
        return sha256(json.dumps(asked).encode()).hexdigest()[:16]


def model_named(plan: AnchoringPlan, replay: Replay) -> Model:
    """Make the model that a plan names."""
    if is_simulated(plan.model):
        price = {} if plan.price is None else {"price": plan.price}
        return simulated_from_spec(plan.model, known_questions(plan.items), replay=replay, **price)
    return Model(plan.model, price=plan.price, api_base=plan.api_base, replay=replay, timeout=plan.timeout)
