"""Whether collecting demonstrations pays: exact arithmetic over decimal dollars."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, inf, isfinite

from outlay.errors import ConfigurationError


def break_even(
    c_teacher: float, c_method: float, tasks: float | None = None, *, c_demo: float | None = None
) -> float:
    """Give the episodes after which the method has earned back its demonstrations.

    `N* = ceil(C_demo / (c_teacher - c_method))` of arXiv 2512.02543. Infinite where an episode costs no
    less than the teacher's; 0 where the demonstrations cost nothing and an episode costs no more.

    Args:
        c_teacher: Dollars per episode of the teacher alone.
        c_method: Dollars per episode of the method.
        tasks: How many the teacher was run on, at `c_teacher` each: the paper's estimate of `C_demo`.
        c_demo: Instead of `tasks`, the dollars that collecting did cost, e.g. `bank.stats().usage.usd`.

    Raises:
        ConfigurationError: A number is negative or not finite, or not just one of `tasks` and `c_demo` is
            given.
    """
    if (tasks is None) == (c_demo is None):
        raise ConfigurationError(
            "break_even needs either `tasks`, or `c_demo`: a bank whose usage has no dollars was collected "
            "by a model without a price; give the model one"
        )
    teacher, method = _exact(c_teacher), _exact(c_method)
    cost = _exact(c_demo) if c_demo is not None else _exact(tasks or 0) * teacher
    gain = teacher - method
    if not cost and gain >= 0:
        return 0
    return ceil(cost / gain) if gain > 0 else inf


def net_saving(episodes: float, *, c_teacher: float, c_method: float, c_demo: float) -> float:
    """Give the dollars saved against the teacher alone after so many episodes; negative: lost.

    Raises:
        ConfigurationError: A number is negative or not finite.
    """
    gain = _exact(c_teacher) - _exact(c_method)
    return float(_exact(episodes) * gain - _exact(c_demo))


def _exact(number: float) -> Fraction:
    """Read a number as the decimal it is written as, so that 0.59 - 0.171 is 0.419."""
    if not isfinite(number) or number < 0:
        raise ConfigurationError(f"{number} is no cost or count: give a finite number of at least 0")
    return Fraction(str(number))
