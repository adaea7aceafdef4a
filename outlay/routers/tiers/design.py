"""At which tier vectors to run the questions of a log, so that there is something to learn from it.

The three constants, which policies are compared with, and mixed vectors out of an orthogonal array of
strength 2 (27 runs, Rao 1947), in which any two modules are at any two tiers equally often. What each
module adds can be told apart from 11 vectors on; from fewer, no model can.
"""

from __future__ import annotations

from itertools import product
from typing import Final

from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import Tier

FEWEST: Final = 11
"""Vectors with which the tiers of five modules can be told apart: 1 + 5 x 2 numbers."""
_STRIDE: Final = 19
"""Coprime to the 26 mixed rows, and such that the first few already tell the modules apart."""

Vector = tuple[Tier, Tier, Tier, Tier, Tier]


def tier_vectors(count: int = 12, *, turn: int = 0) -> tuple[Vector, ...]:
    """Give all LOW, all MID, all HIGH, and `count - 3` mixed vectors.

    Args:
        count: From 3 to 29.
        turn: Which of the mixed vectors: questions that are given different turns see more of them between
            them, but then only the constants were run for all.

    Raises:
        ConfigurationError: There are not so many.
    """
    rows = [(a, b, c, (a + b) % 3, (a + c) % 3) for a, b, c in product(range(len(Tier)), repeat=3)][1:]
    mixed = count - len(Tier)
    if not 0 <= mixed <= len(rows):
        raise ConfigurationError(
            f"a design has {len(Tier)} to {len(Tier) + len(rows)} tier vectors, not {count}"
        )
    chosen = [rows[_STRIDE * (turn * mixed + number) % len(rows)] for number in range(mixed)]
    constants = [(tier,) * 5 for tier in Tier]
    return tuple(_vector(row) for row in (*constants, *chosen))


def _vector(row: tuple[int, ...]) -> Vector:
    first, second, third, fourth, fifth = (Tier(tier) for tier in row)
    return first, second, third, fourth, fifth
