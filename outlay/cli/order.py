"""What was asked for on the command line: values, read but not yet acted on."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from outlay.budget import Price


@dataclass(frozen=True, kw_only=True)
class Order:
    """One question, and everything said about how to answer it."""

    strategy: str
    question: str
    model: str = "local"
    teacher: str | None = None
    api_base: str | None = None
    teacher_api_base: str | None = None
    price: str | None = None
    """Dollars per million tokens, as `IN,OUT`."""
    teacher_price: str | None = None
    journal: Path | None = None
    seed: int | None = None
    retries: int = 2
    timeout: float = 600.0
    limits: dict[str, Any] = field(default_factory=dict)
    """The fields of the `Budget`."""
    as_json: bool = False


def read_question(question: str) -> str:
    """Give the question, read from standard input where it is `-`.

    Raises:
        ConfigurationError: It is empty, or not text.
    """
    try:
        text = sys.stdin.read() if question == "-" else question
        text.encode()
    except UnicodeError as exc:
        raise ConfigurationError("the question is not valid text: write it in UTF-8") from exc
    if not text.strip():
        raise ConfigurationError("the question is empty: write one, or - to read it from standard input")
    return text


def refuse_policy(name: str | None) -> None:
    """Refuse a teacher that is no model where questions are asked.

    Raises:
        ConfigurationError: It plays games, and answers no question.
    """
    if name is None:
        return
    from outlay.bench.teachers import EXPERT, is_policy  # noqa: PLC0415

    if is_policy(name):
        raise ConfigurationError(
            f"{EXPERT} plays games of ALFWorld and answers no question: give a model, or use it in "
            "outlay bank collect --games or outlay bench run"
        )


def refuse_simulation(name: str) -> None:
    """Refuse a simulated model where a question is asked whose answer nobody knows.

    Raises:
        ConfigurationError: It is one.
    """
    from outlay.bench.simulation import is_simulated  # noqa: PLC0415

    if is_simulated(name):
        raise ConfigurationError(
            f"{name} answers only questions whose answers are given: use it in outlay bench run, or in "
            "outlay train-router collect"
        )


def read_prices(written: Iterable[str]) -> dict[str, Price]:
    """Read the prices of further models, `MODEL=IN,OUT` each.

    Raises:
        ConfigurationError: One is not of that form, or a model has two.
    """
    prices: dict[str, Price] = {}
    for text in written:
        name, _, price = text.rpartition("=")
        if not name:
            raise ConfigurationError(
                f"cannot read --price-of {text}: write MODEL=IN,OUT, e.g. gguf:a.gguf=0.4,1.6"
            )
        if name in prices:
            raise ConfigurationError(f"--price-of {name} is given twice: write it once")
        prices[name] = _price(price, f"--price-of {name}=")
    return prices


def read_price(price: str | None) -> Price | None:
    """Read `IN,OUT`.

    Raises:
        ConfigurationError: It is not of that form.
    """
    return None if price is None else _price(price, "--price ")


def _price(price: str, option: str) -> Price:
    from outlay.budget import Price  # noqa: PLC0415

    try:
        paid_in, paid_out = (float(part) for part in price.split(","))
    except ValueError as exc:
        raise ConfigurationError(
            f"cannot read the price {price!r}: write {option}IN,OUT, dollars per million tokens, e.g. 0.4,1.6"
        ) from exc
    return Price(input=paid_in, output=paid_out)
