"""What an injection asks and finds, item by item, and the file that keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pydantic import Field, ValidationError

from outlay.bench.trial import Failure
from outlay.budget import Record, Settings, Usage
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE: Final = "anchoring.jsonl"
"""The cases in a bench's directory; of several lines for one case the last counts."""


class Injection(Settings):
    """How drafts are drawn and refined; a case found under other values is another case."""

    drafts: int = Field(default=8, ge=1)
    """n, drafts in an item's pool."""
    k: int = Field(default=2, ge=1)
    """Drafts in a workspace; fewer, at least 1, where the pool has no more of the kind."""
    max_output_tokens: int = Field(default=512, ge=1)
    """Most tokens of a draft, and of a refinement."""
    temperature: float = Field(default=0.7, ge=0)
    """Sampling temperature."""
    seed: int = 0
    """Sampling seed; also draws what enters a workspace."""

    @property
    def most_output_tokens(self) -> int:
        """The most that an item can take: its pool, a draft beside it, and two refinements."""
        return (self.drafts + 3) * self.max_output_tokens


class Said(Record):
    """What a model said once."""

    text: str = ""
    value: str | None = None
    """The final answer in `text`."""
    cut: bool = False
    """Whether it was cut short at its cap; such a draft never enters a workspace."""
    right: bool | None = None
    """What the scorer said of it; `None` where there is a failure, which is not wrong."""
    failure: Failure | None = None
    """Why there is no text, or no score."""


class Refined(Said):
    """A refinement."""

    drafts: int
    """How many drafts stood in its workspace."""


class Case(Record):
    """An item, its pool of drafts, and what became of them."""

    key: str
    """Of everything that was asked: model, scorer, item and `Injection`."""
    item: str
    """The item's id."""
    drafts: tuple[Said, ...]
    """The pool."""
    fresh: Said
    """A draft that is not in the pool: how hard the item is, seen apart from how it was picked."""
    right: Refined | None = None
    """From right drafts only (C+); `None` where the pool has none."""
    wrong: Refined | None = None
    """From wrong drafts only (C-); `None` where the pool has none."""
    usage: Usage = Usage()
    """What the model's calls were billed, replayed ones as if they had been paid."""

    @property
    def said(self) -> tuple[Said, ...]:
        """Everything that was asked for."""
        return (*self.drafts, self.fresh, *(one for one in (self.right, self.wrong) if one is not None))

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed; a case without any is not asked again."""
        return tuple(one.failure for one in self.said if one.failure is not None)

    @property
    def answered(self) -> bool:
        """Whether any call brought an answer."""
        return any(one.failure is None or one.failure.stage == "score" for one in self.said)


def read_cases(file: Path) -> dict[str, Case]:
    """Give the cases of a file by their keys; a last line that a kill cut off is left out.

    Raises:
        ConfigurationError: A line is no case.
    """
    lines = file.read_bytes().split(b"\n")[:-1] if file.exists() else []
    cases: dict[str, Case] = {}
    for place, line in enumerate(lines, 1):
        try:
            case = Case.model_validate_json(line)
        except ValidationError as exc:
            said = exc.errors()[0]["msg"]
            raise ConfigurationError(
                f"{file}, line {place} cannot be read ({said}): mend or remove the line"
            ) from exc
        cases[case.key] = case
    return cases


@contextmanager
def appending(file: Path) -> Iterator[Callable[[Case], None]]:
    """Give what writes a case to the file, on the disk as far as a kill of this process goes."""
    with file.open("ab+") as lines:
        lines.seek(0)
        lines.truncate(lines.read().rfind(b"\n") + 1)

        def append(case: Case) -> None:
            lines.write(case.model_dump_json(exclude_defaults=True).encode() + b"\n")
            lines.flush()

        yield append
