"""Logs of the toy, with vectors: what a router is trained from and tried on."""

from __future__ import annotations

from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from routers.tiers.toy import KINDS, SUMMARY, TEMPORAL, TIER_USD, VECTORS

from outlay.budget import Usage
from outlay.memory.modules.routing import MODULES, Choice, Decision, Tier
from outlay.routers.tiers import Episode, tier_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

DIMENSION = 8
TIER_TOKENS = (0, 100, 400)
DESIGN = tier_vectors(12)


class Vectors(NamedTuple):
    """An embedder that only has to say who it is, and embed descriptions."""

    name: str = "toy"
    dimension: int = DIMENSION

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.random.default_rng(5).standard_normal((len(texts), self.dimension)).astype(np.float32)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def earned(kind: str, tiers: Sequence[int]) -> float:
    return 1.0 if kind == "easy" else 0.2 + 0.5 * (tiers[TEMPORAL] == 2) + 0.3 * (tiers[SUMMARY] >= 1)


def question_vector(number: int, kind: str) -> NDArray[np.float32]:
    """Questions of a kind lie together."""
    noise = np.random.default_rng(number).standard_normal(DIMENSION) * 0.2
    noise[KINDS.index(kind)] += 1.0
    return (noise / np.linalg.norm(noise)).astype(np.float32)


def given_vector(number: int, place: int, tiers: Sequence[int]) -> NDArray[np.float32]:
    """What a module is given depends on the tiers before it: on the filter's, and the summary's on all."""
    before = 0 if place == 0 else tiers[0] if place < SUMMARY else 10 + sum(tiers[:place])
    made = np.random.default_rng((number, before)).standard_normal(DIMENSION)
    return (made / np.linalg.norm(made)).astype(np.float32)


def episode(number: int, tiers: Sequence[int], *, behaviour: float | None = None) -> Episode:
    kind = KINDS[number % 2]
    asked = question_vector(number, kind)
    return Episode.of(
        f"q{number}",
        [Decision(module, asked, given_vector(number, place, tiers)) for place, module in enumerate(MODULES)],
        [Choice(Tier(tier), 1 / 3) for tier in tiers],
        task=earned(kind, tiers),
        usage=[Usage(calls=1, prompt_tokens=TIER_TOKENS[t], usd=float(TIER_USD[t])) for t in tiers],
        kind=kind,
        behaviour=behaviour,
    )


def designed(numbers: Iterable[int], design: Sequence[Sequence[int]] = DESIGN) -> tuple[Episode, ...]:
    """Every question at every vector of a design."""
    return tuple(episode(number, tiers, behaviour=1 / len(design)) for number in numbers for tiers in design)


def lived(numbers: Iterable[int]) -> tuple[Episode, ...]:
    """Every question once, at tiers drawn by dice."""
    dice = np.random.default_rng(11)
    return tuple(
        episode(number, VECTORS[dice.integers(len(VECTORS))], behaviour=1 / len(VECTORS))
        for number in numbers
    )


UNIFORM = log(1 / 3)
