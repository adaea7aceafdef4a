"""What a question's answer was worth, once what it cost is weighed in (BudgetMem, arXiv 2602.06025).

    dollars -> CostNormaliser -> r_cost in [0, 1], 1 is cheapest
    r = r_task + lambda alpha r_cost, alpha = std(r_task) / std(r_cost)

Arrays have the batch first; any axes after it are runs that do not know of each other, as in `SideBySide`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, Protocol

import numpy as np

from outlay.budget import Record
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

WINDOW: Final = 2_000
"""Questions whose costs the newest are compared with."""
ALIGNED_OVER: Final = 20_000
"""Questions over which the two parts of a reward are brought to one scale."""
LOW_QUANTILE: Final = 0.05
HIGH_QUANTILE: Final = 0.95
FLOOR: Final = 1e-5
"""The least standard deviation."""
_NO_SPREAD: Final = 1e-6
"""What running sums make of a deviation of 0, at most."""
_SHRUNK: Final = 0.9
"""Where all costs of a window are the same, the low end of its scale is this much of the high one."""

Form = Literal["paper", "code"]
"""The two published rewards: `paper` scales the cost, `code` the task. They differ by the factor alpha."""


@dataclass(frozen=True)
class Scale:
    """Between which costs one is cheap or dear."""

    low: Array
    """The square root of dollars that earns 1, one per run."""
    high: Array
    """The square root of dollars that earns 0."""

    def r_cost(self, usd: ArrayLike) -> Array:
        """Give 1 for what is cheap, down to 0 for what is dear; `usd` in dollars, the batch first."""
        roots = np.sqrt(np.asarray(usd, dtype=float))
        width = self.high - self.low
        share = np.where(width > 0, (roots - self.low) / np.where(width > 0, width, 1.0), roots > self.high)
        return np.asarray(1.0 - np.clip(share, 0.0, 1.0))

    @classmethod
    def of(cls, usd: ArrayLike) -> Scale:
        """Give the scale of the 5th to the 95th percentile of the square roots of `usd`.

        All zero: nothing spent earns 1, anything else 0. All equal and not zero: they earn 0.
        """
        roots = np.sqrt(np.asarray(usd, dtype=float))
        low, high = np.quantile(roots, [LOW_QUANTILE, HIGH_QUANTILE], axis=0)
        return cls(low=np.where(low < high, low, _SHRUNK * high), high=high)


class CostNormaliser:
    """Compares costs with those of the last `window` questions, the newest among them."""

    def __init__(self, window: int = WINDOW) -> None:
        if window < 1:
            raise ConfigurationError("a cost normaliser needs a window of at least 1 question")
        self._window = window
        self._usd: Array | None = None

    def add(self, usd: ArrayLike) -> Scale:
        """Take in the costs of a batch, in dollars, and give the scale of the window.

        Raises:
            ConfigurationError: A cost is negative or no number.
        """
        self._usd = _latest(self._usd, checked("cost", usd, least=0.0), self._window)
        return Scale.of(self._usd)


class Alignment:
    """Brings task reward and cost reward to one scale.

    Over the last `window` questions; before there are two, and while no cost differs, there is nothing to
    align and alpha is 1.
    """

    def __init__(self, window: int = ALIGNED_OVER) -> None:
        if window < 1:
            raise ConfigurationError("an alignment needs a window of at least 1 question")
        self._task = _Spread(window)
        self._r_cost = _Spread(window)

    def add(self, task: ArrayLike, r_cost: ArrayLike) -> Array:
        """Take in a batch and give alpha, one per run."""
        spread = self._task.add(np.asarray(task, dtype=float))
        return _alpha(spread, self._r_cost.add(np.asarray(r_cost, dtype=float)))


class _Spread:
    """The population deviation of the latest values, by running sums: windows are long, batches short."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._batches: deque[Array] = deque()
        self._count = 0
        self._sums: Array | None = None

    def add(self, values: Array) -> Array:
        self._batches.append(values)
        self._count += len(values)
        self._sums = _moments(values) if self._sums is None else self._sums + _moments(values)
        while self._count > self._window:
            self._sums = self._sums - self._forgotten(self._count - self._window)
        mean, square = self._sums / self._count
        return np.asarray(np.sqrt(np.maximum(square - mean**2, 0.0)))

    def _forgotten(self, most: int) -> Array:
        """Forget up to `most` of the oldest values, and give what they added to the sums."""
        oldest = self._batches.popleft()
        if len(oldest) > most:
            self._batches.appendleft(oldest[most:])
        self._count -= min(most, len(oldest))
        return _moments(oldest[:most])


class Rewarding(Protocol):
    """Turns what happened into rewards: `(B, ...)` each."""

    def __call__(self, task: ArrayLike, usd: ArrayLike, trade_off: ArrayLike) -> Array:
        """Give the rewards of a batch."""
        ...


class MovingReward:
    """The reward of the paper, on scales that follow what is being spent.

    Args:
        aligned: Whether the parts are brought to one scale; if not, alpha is 1.
        form: Which of the published rewards.
    """

    def __init__(self, *, aligned: bool = True, form: Form = "paper") -> None:
        self._costs = CostNormaliser()
        self._alignment = Alignment() if aligned else None
        self._form: Form = form

    def __call__(self, task: ArrayLike, usd: ArrayLike, trade_off: ArrayLike) -> Array:
        task = checked("task reward", task)
        r_cost = self._costs.add(usd).r_cost(usd)
        factor = np.ones(()) if self._alignment is None else self._alignment.add(task, r_cost)
        return reward(task, r_cost, trade_off, factor, form=self._form)


class FixedReward(Record):
    """A reward on a scale that stays, so that rewards can be compared across policies and trade-offs."""

    low: float
    """The square root of dollars that earns 1."""
    high: float
    """The square root of dollars that earns 0."""
    alpha: float
    """What a whole cost reward counts beside a whole task reward, at a trade-off of 1."""

    @classmethod
    def of(cls, task: ArrayLike, usd: ArrayLike) -> FixedReward:
        """Give the scale and the alpha of what was logged.

        Raises:
            ConfigurationError: A task reward is not finite, or a cost negative or not finite.
        """
        scale = Scale.of(checked("cost", usd, least=0.0))
        factor = alpha(checked("task reward", task), scale.r_cost(usd))
        return cls(low=float(scale.low), high=float(scale.high), alpha=float(factor))

    def r_cost(self, usd: ArrayLike) -> Array:
        """Give 1 for what is cheap, down to 0 for what is dear; `usd` in dollars."""
        return Scale(low=np.asarray(self.low), high=np.asarray(self.high)).r_cost(usd)

    def __call__(self, task: ArrayLike, usd: ArrayLike, trade_off: ArrayLike) -> Array:
        """Give `task + lambda alpha r_cost`."""
        usd = checked("cost", usd, least=0.0)
        return reward(checked("task reward", task), self.r_cost(usd), trade_off, self.alpha)


def alpha(task: ArrayLike, r_cost: ArrayLike) -> Array:
    """Give std(task) / std(r_cost): population deviations of at least 1e-5; 1 where no cost differs."""
    return _alpha(
        np.std(np.asarray(task, dtype=float), axis=0), np.std(np.asarray(r_cost, dtype=float), axis=0)
    )


def reward(
    task: ArrayLike, r_cost: ArrayLike, trade_off: ArrayLike, alpha: ArrayLike, *, form: Form = "paper"
) -> Array:
    """Give `task + lambda alpha r_cost` (`paper`), or the same divided by alpha (`code`).

    Raises:
        ConfigurationError: A reward or a trade-off is not finite.
    """
    task, r_cost = checked("task reward", task), checked("cost reward", r_cost)
    trade_off, factor = checked("trade-off", trade_off, least=0.0), checked("alpha", alpha)
    if form == "paper":
        return np.asarray(task + trade_off * factor * r_cost)
    return np.asarray(task / factor + trade_off * r_cost)


def checked(what: str, values: ArrayLike, *, least: float = -np.inf) -> Array:
    """Give `values` as an array of numbers.

    Raises:
        ConfigurationError: One is below `least` or not finite.
    """
    array = np.asarray(values, dtype=float)
    if not (np.isfinite(array) & (array >= least)).all():
        wrong = array[~(np.isfinite(array) & (array >= least))].flat[0]
        raise ConfigurationError(f"a {what} of {wrong} cannot be learnt from: leave such questions out")
    return array


def _alpha(task: Array, r_cost: Array) -> Array:
    factor = np.maximum(task, FLOOR) / np.maximum(r_cost, FLOOR)
    return np.where(r_cost > _NO_SPREAD, factor, 1.0)


def _moments(values: Array) -> Array:
    return np.stack([values.sum(0), (values**2).sum(0)])


def _latest(known: Array | None, new: Array, most: int) -> Array:
    return (new if known is None else np.concatenate([known, new]))[-most:]
