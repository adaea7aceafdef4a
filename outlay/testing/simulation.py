"""What a simulated model's answers are drawn from: stated odds, and dice that depend on the prompt alone."""

from __future__ import annotations

from bisect import bisect
from hashlib import blake2b
from itertools import accumulate
from json import JSONEncoder
from math import exp, log
from random import Random
from statistics import NormalDist
from struct import Struct
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import Field

from outlay.budget import Settings
from outlay.errors import ConfigurationError
from outlay.testing.questions import WRONG_ODDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from outlay.model import Message
    from outlay.testing.questions import SimulatedQuestion

    Accuracy = Callable[["Sight"], float]

SHORTEST: Final = 8
"""Tokens of the shortest generation."""
STEEPEST: Final = 500.0
"""Beyond this the logistic function is 0 or 1."""

_NORMAL: Final = NormalDist()
_FOUR: Final = Struct(">4Q")
_WRITTEN: Final = JSONEncoder(sort_keys=True, default=str)
_ODDS: Final = tuple(accumulate(odds / sum(WRONG_ODDS) for odds in WRONG_ODDS[:-1]))


class Sight(NamedTuple):
    """What the chance of a right answer depends on."""

    difficulty: float
    """Of the question, 0 to 1."""
    tokens: int
    """Of this generation, and of the model's own words that its prompt holds."""
    right: int
    """Right answers that the prompt shows beside the question."""
    wrong: int
    """Wrong ones."""


class Simulation(Settings):
    """The parameters of a simulated model; `SimulatedModel` has the formulas."""

    ability: float = 0.6
    """a: the difficulty at which, unhelped, it is right half of the time."""
    sharpness: float = Field(default=6.0, ge=0)
    """k: how fast its chance falls with difficulty."""
    guess: float = Field(default=0.0, ge=0, le=1)
    """g: its chance at questions that are far too hard."""
    anchoring: float = 2.0
    """c: how much the answers in its prompt draw it."""
    discernment: float = Field(default=1.0, ge=0)
    """b: how much more a right answer in its prompt draws it than a wrong one."""
    effort: float = 0.3
    """e: how much longer thinking helps."""
    short: float = Field(default=40.0, gt=0)
    """s: median tokens at difficulty 0."""
    long: float = Field(default=240.0, gt=0)
    """l: median tokens at difficulty 1."""
    spread: float = Field(default=0.4, ge=0, le=3)
    """v: standard deviation of the logarithm of its tokens."""
    seed: int = 0
    """Models of one seed draw alike: give a second model a seed of its own."""

    def accuracy(self, sight: Sight) -> float:
        """Give p."""
        right = self.discernment * sight.right
        logit = (
            self.sharpness * (self.ability - sight.difficulty)
            + self.effort * log(sight.tokens / self.median(sight.difficulty))
            + self.anchoring * (right - sight.wrong) / (right + sight.wrong + 1)
        )
        logit = max(-STEEPEST, min(STEEPEST, logit))
        return self.guess + (1 - self.guess) / (1 + exp(-logit))

    def median(self, difficulty: float) -> float:
        """Give m."""
        return float(self.short * (self.long / self.short) ** difficulty)

    def tokens(self, difficulty: float, share: float) -> int:
        """Give the length below which `share` of the generations are."""
        length = self.median(difficulty) * exp(self.spread * _NORMAL.inv_cdf(share))
        return max(SHORTEST, round(length))


class Draw(NamedTuple):
    """The dice of one generation: independent, uniform, above 0 and below 1."""

    length: float
    right: float
    wrong: float
    verdict: float

    def answer(self, question: SimulatedQuestion, p: float) -> str:
        """Give the right answer with probability p, else a wrong one by its odds."""
        if self.right < p:
            return question.answer
        return question.wrong[bisect(_ODDS, self.wrong)]

    def dice(self) -> Random:
        """Give further dice."""
        return Random(f"{self}")  # noqa: S311 - a simulation's dice


class Dice:
    """Draws that depend on the model's seed, the messages and the sample, and on nothing else.

    Args:
        seed: The model's.
        messages: The prompt.
    """

    def __init__(self, seed: int, messages: Sequence[Message]) -> None:
        self._prompt = blake2b(str(seed).encode(), digest_size=_FOUR.size)
        for message in messages:
            self._prompt.update(_WRITTEN.encode(dict(message)).encode())

    @property
    def prompt(self) -> bytes:
        """What tells this prompt from others."""
        return self._prompt.digest()

    def draw(self, sample: str) -> Draw:
        """Give the draw of the sample of that name."""
        dice = self._prompt.copy()
        dice.update(sample.encode())
        # 52 bits and a half are exact in a float, so that no draw is rounded to 1.
        return Draw(*[((bits >> 12) + 0.5) / 2**52 for bits in _FOUR.unpack(dice.digest())])


def checked(accuracy: float) -> float:
    """Give a probability, or say that it is none.

    Raises:
        ConfigurationError: It is not between 0 and 1.
    """
    if not 0 <= accuracy <= 1:
        raise ConfigurationError(f"the accuracy of a simulated model is {accuracy}: it must lie in 0 to 1")
    return accuracy
