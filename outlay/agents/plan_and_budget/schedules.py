"""How a plan's budget is divided over its sub-questions.

Plan-and-Budget (arXiv 2505.16122) weighs each sub-question's credit by a decay over its position
(Eq. 7), and derives an optimum from a theory of uncertainty (BAM). The schedules of the paper are
rows of one table; `bam` is the exact optimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import cos, exp, isfinite, log, pi
from typing import TYPE_CHECKING, Final, Literal, get_args

from outlay.budget import apportion
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Schedule = Literal["uniform", "weighted", "linear", "polynomial", "exponential", "cosine", "bam"]

DIGITS: Final = 9
"""Decays and real budgets are rounded to so many, so that a share of 40 does not become 39.99."""


@dataclass(frozen=True)
class Shape:
    """The hyper-parameters of the schedules."""

    p: float = 2
    """Exponent of `polynomial`."""
    gamma: float = 0.9
    """Base of `exponential`."""
    cosine_offset: float = 0.1
    """Keeps the last step of `cosine` above zero."""
    beta: Sequence[float] = ()
    """Rate at which tokens reduce the uncertainty of each step, for `bam`; empty means 1."""


if TYPE_CHECKING:
    Decay = Callable[[int, int, Shape], float]
    Weighing = Callable[[Sequence[float], int, Shape], Sequence[Fraction]]


def allocate(
    credits: Sequence[float],
    total: int,
    schedule: Schedule,
    *,
    floor: int = 0,
    p: float = 2,
    gamma: float = 0.9,
    cosine_offset: float = 0.1,
    beta: Sequence[float] = (),
) -> tuple[int, ...]:
    """Divide `total` over the sub-questions, losing nothing.

    Local budgets follow Eq. 7, rounded as `apportion` says; what `total` cannot pay of the floor
    is taken off every step's.

    Args:
        credits: The planner's weight of each sub-question, in order; all zero means equal.
        total: Tokens (or words) to hand out.
        schedule: The decay over positions, or `bam`.
        floor: Least units for a sub-question.
        p: Exponent of `polynomial`.
        gamma: Base of `exponential`.
        cosine_offset: Added to the cosine, so that the last step keeps something.
        beta: Exponents of `bam`, one per sub-question; empty means 1 for each.

    Raises:
        ConfigurationError: The schedule is unknown, or a number is out of range.
    """
    if schedule not in SCHEDULES:
        raise ConfigurationError(f"unknown schedule {schedule!r}: known: {', '.join(get_args(Schedule))}")
    if not credits or not all(isfinite(c) and c >= 0 for c in credits):
        raise ConfigurationError("credits must be finite, at least 0, and one at least")
    if not any(credits):
        credits = [1] * len(credits)
    weights = SCHEDULES[schedule](credits, total, Shape(p, gamma, cosine_offset, beta))
    return apportion(total, weights, floor)


def bam(credits: Sequence[float], total: int, beta: Sequence[float] = ()) -> tuple[float, ...]:
    """Give the real budgets that minimise the sum of c_j / b_j^beta_j under sum b_j = `total`.

    Stationarity gives b_j = (c_j beta_j / lambda)^(1 / (beta_j + 1)); lambda follows from the total,
    by bisection on its logarithm. The paper's closed form (Eq. 6) cancels lambda, which is right
    only where all beta are equal.

    Args:
        credits: c_j, the initial uncertainty of each sub-question; zero gets nothing.
        total: The budget.
        beta: One per sub-question, above 0; empty means 1 for each.

    Raises:
        ConfigurationError: `beta` does not fit the credits.
    """
    rates = tuple(beta) or (1.0,) * len(credits)
    if len(rates) != len(credits) or not all(isfinite(rate) and rate > 0 for rate in rates):
        raise ConfigurationError("bam needs one finite beta above 0 per credit")
    if total <= 0 or not any(credits):
        return (0.0,) * len(credits)
    steps = [(log(c * rate), rate + 1) for c, rate in zip(credits, rates, strict=True) if c]
    log_lambda = _bisect(steps, total)
    return tuple(
        exp((log(c * rate) - log_lambda) / (rate + 1)) if c else 0.0
        for c, rate in zip(credits, rates, strict=True)
    )


def _bisect(steps: Sequence[tuple[float, float]], total: int) -> float:
    # At `low` one step alone takes the total; at `high` each takes an equal part of it or less.
    low = max(weight - order * log(total) for weight, order in steps)
    high = max(weight - order * log(total / len(steps)) for weight, order in steps)
    while low < (middle := (low + high) / 2) < high:
        if sum(exp((weight - middle) / order) for weight, order in steps) > total:
            low = middle
        else:
            high = middle
    return high


def _decayed(decay: Decay) -> Weighing:
    def weigh(credits: Sequence[float], _total: int, shape: Shape) -> Sequence[Fraction]:
        steps = len(credits)
        return [Fraction(c) * _exact(decay(i, steps, shape)) for i, c in enumerate(credits)]

    return weigh


def _uniform(credits: Sequence[float], _total: int, _shape: Shape) -> Sequence[Fraction]:
    return [Fraction(1)] * len(credits)


def _bam(credits: Sequence[float], total: int, shape: Shape) -> Sequence[Fraction]:
    return [_exact(share) for share in bam(credits, total, shape.beta)]


def _cosine(i: int, steps: int, shape: Shape) -> float:
    if steps == 1:
        return 1
    return (1 + cos(pi * i / (steps - 1))) / 2 + shape.cosine_offset


def _exact(value: float) -> Fraction:
    return Fraction(f"{value:.{DIGITS}f}")


SCHEDULES: Final[Mapping[Schedule, Weighing]] = {
    "uniform": _uniform,
    "weighted": _decayed(lambda _i, _steps, _shape: 1),
    "linear": _decayed(lambda i, steps, _shape: steps - i),
    "polynomial": _decayed(lambda i, steps, shape: (steps - i) ** shape.p),
    "exponential": _decayed(lambda i, _steps, shape: shape.gamma**i),
    "cosine": _decayed(_cosine),
    "bam": _bam,
}
