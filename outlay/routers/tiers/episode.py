"""A question that was answered: what was decided for it, what that came to, and a log of many.

A log is JSON lines, one episode each; vectors are float32, little-endian, in base64.
"""

from __future__ import annotations

from math import exp
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from pydantic import ConfigDict, Field, ValidationError, model_validator

from outlay.budget import Amount, Record, Tokens
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES, Decision, Tier
from outlay.private_files import create

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from os import PathLike

    from numpy.typing import NDArray

    from outlay.budget import Usage
    from outlay.memory.modules.routing import Choice

FIVE = len(MODULES)

Vector = bytes
"""float32, little-endian."""


class Episode(Record):
    """Five decisions, in the order of `MODULES`, and one reward."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", allow_inf_nan=False)

    id: str
    """Of the question; the same for every tier vector it was run at."""
    kind: str = ""
    """The type of the question, where one is known; no policy sees it."""
    group: str = ""
    """What it shares with others, such as its conversation: questions of one group are held out together, and
    are no independent evidence. Empty: it shares nothing that is known."""
    question: Vector
    """The question's vector: d numbers."""
    given: tuple[Vector, ...] = Field(min_length=FIVE, max_length=FIVE)
    """The vector of what each module was given: d numbers each."""
    tiers: tuple[Tier, ...] = Field(min_length=FIVE, max_length=FIVE)
    """Chosen, not as fallen back to."""
    log_probs: tuple[Annotated[float, Field(le=0)], ...] = Field(min_length=FIVE, max_length=FIVE)
    """Of each tier, when it was chosen."""
    behaviour: float = Field(gt=0, le=1)
    """How likely this question was to be run at these tiers: the product of the choices' probabilities, or,
    when it was written, 1/K where it was run at each of K tier vectors; see `behaviours`."""
    task: float = Field(ge=0, le=1)
    """What the answer earned."""
    usd: tuple[Amount, ...] = Field(min_length=FIVE, max_length=FIVE)
    """Dollars of each module; answering and judging are not among them."""
    tokens: tuple[Tokens, ...] = Field(min_length=FIVE, max_length=FIVE)
    """Prompt and output tokens of each module."""
    trade_off: Amount = 0.0
    """Lambda, as the router was told."""
    left: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (1.0,) * FIVE
    """What each decision was told of what is left of the budget, as a share."""

    @model_validator(mode="after")
    def _of_one_dimension(self) -> Self:
        if (
            not self.question
            or len(self.question) % 4
            or {len(v) for v in self.given} != {len(self.question)}
        ):
            raise ValueError("question and given must be vectors of float32 of one dimension")
        return self

    @classmethod
    def of(  # noqa: PLR0913 - all of it but two is named
        cls,
        id: str,  # noqa: A002 - its field's name
        decisions: Sequence[Decision],
        choices: Sequence[Choice],
        *,
        task: float,
        usage: Sequence[Usage],
        kind: str = "",
        group: str = "",
        behaviour: float | None = None,
        left: Sequence[float] | None = None,
    ) -> Episode:
        """Give the episode of one question.

        Args:
            id: The question's.
            decisions: As the router was asked, one per module, in the order of `MODULES`.
            choices: What it said.
            task: What the answer earned, 0 to 1.
            usage: What each module was billed.
            kind: The type of the question.
            group: What it shares with other questions.
            behaviour: Of the tier vector; `None`: the product of the choices' probabilities.
            left: Shares that the router was told; `None`: all was left.

        Raises:
            ConfigurationError: Modules are missing or in another order, the task reward is no number from 0
                to 1, or a price is unknown.
        """
        asked = tuple(decision.module for decision in decisions)
        if asked != MODULES or len(choices) != FIVE or len(usage) != FIVE:
            raise ConfigurationError(
                f"an episode is one decision, choice and usage for each of {', '.join(MODULES)}, in this "
                f"order: there are {len(choices)} choices and {len(usage)} usages for {', '.join(asked)}"
            )
        log_probs = [float(np.log(choice.probability)) for choice in choices]
        values = {
            "question": packed(decisions[0].question),
            "given": [packed(decision.given) for decision in decisions],
            "tiers": [choice.tier for choice in choices],
            "log_probs": log_probs,
            "behaviour": exp(sum(log_probs)) if behaviour is None else behaviour,
            "usd": [_priced(part) for part in usage],
            "tokens": [part.total_tokens for part in usage],
            "trade_off": decisions[0].trade_off,
            "left": (1.0,) * FIVE if left is None else tuple(left),
        }
        try:
            return cls(id=id, kind=kind, group=group, task=task, **values)
        except ValidationError as exc:
            raise ConfigurationError(f"question {id!r} cannot be learnt from: {_first(exc)}") from exc

    @property
    def total_usd(self) -> float:
        """Dollars of all modules together."""
        return sum(self.usd)

    @property
    def total_tokens(self) -> int:
        """Tokens of all modules together."""
        return sum(self.tokens)

    @property
    def is_stated(self) -> bool:
        """Whether its tiers were stated, and not drawn."""
        return not any(self.log_probs)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return len(self.question) // 4

    @property
    def cluster(self) -> str:
        """What is drawn as one: its group, or where none is known, the question alone."""
        return f"group {self.group}" if self.group else f"question {self.id}"

    def decision(self, place: int, trade_off: float) -> Decision:
        """Give the decision for the module at `place`, as a router would be asked at that trade-off."""
        return Decision(
            module=MODULES[place],
            question=unpacked(self.question),
            given=unpacked(self.given[place]),
            trade_off=trade_off,
        )


def behaviours(episodes: Sequence[Episode]) -> NDArray[np.float64]:
    """Give how likely each question of a log was to be run at the tiers of each episode: `(r,)`.

    Where tiers were stated and not drawn, that is 1/K, with the K tier vectors that the whole log has of the
    question: more of them may have been collected since an episode was written.
    """
    stated: dict[str, set[tuple[Tier, ...]]] = {}
    for episode in episodes:
        if episode.is_stated:
            stated.setdefault(episode.id, set()).add(episode.tiers)
    return np.array([1 / len(stated[e.id]) if e.is_stated else e.behaviour for e in episodes])


def packed(vector: NDArray[np.float32]) -> Vector:
    """Give a vector as it is logged."""
    return np.ascontiguousarray(vector, dtype="<f4").tobytes()


def unpacked(vector: Vector) -> NDArray[np.float32]:
    """Give a logged vector: `(d,)`."""
    return np.frombuffer(vector, dtype="<f4").astype(np.float32)


def write_log(path: str | PathLike[str], episodes: Iterable[Episode]) -> None:
    """Append episodes to a log, making it if it is not there."""
    with create(path).open("a", encoding="utf-8") as file:
        file.writelines(episode.model_dump_json() + "\n" for episode in episodes)


def read_log(path: str | PathLike[str]) -> tuple[Episode, ...]:
    """Give the episodes of a log. A last line that was cut off by a kill is left out.

    Raises:
        ConfigurationError: It cannot be read, or a line is no episode.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"the log {path} cannot be read: {exc}") from exc
    return tuple(_episodes(path, [line for line in lines if line.endswith("\n")]))


def _episodes(path: str | PathLike[str], lines: Sequence[str]) -> Iterator[Episode]:
    for number, line in enumerate(lines, start=1):
        try:
            yield Episode.model_validate_json(line)
        except ValidationError as exc:
            raise ConfigurationError(f"{path}, line {number} is no episode: {_first(exc)}") from exc


def _priced(usage: Usage) -> float:
    if usage.usd is None:
        raise ConfigurationError(
            "a module's price is unknown, and an unknown price is not 0: give its model `price=Price(...)`"
        )
    return usage.usd


def _first(error: ValidationError) -> str:
    fault = error.errors()[0]
    return ": ".join(part for part in (".".join(map(str, fault["loc"])), fault["msg"]) if part)
