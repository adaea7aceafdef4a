"""What an injection asks and finds, item by item, and the file that keeps it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from pydantic import Field, ValidationError

from outlay.answers import tally
from outlay.bench.trial import Failure
from outlay.budget import Record, Settings, Usage
from outlay.errors import ConfigurationError
from outlay.private_files import create

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
    """Drafts in a workspace; fewer, at least 1, where the pool has no more of its kind."""
    max_output_tokens: int = Field(default=512, ge=1)
    """Most tokens of a draft, and of a refinement."""
    temperature: float = Field(default=0.7, ge=0)
    """Sampling temperature."""
    seed: int = 0
    """Sampling seed; also draws what enters a workspace."""

    @property
    def most_output_tokens(self) -> int:
        """The most that an item can take: its pool, a draft beside it, and three refinements."""
        return (self.drafts + 4) * self.max_output_tokens


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

    @property
    def usable(self) -> bool:
        """Whether it may enter a workspace."""
        return bool(self.text.strip()) and not self.cut

    @property
    def missing(self) -> bool:
        """Whether it never came back."""
        return self.failure is not None and self.failure.stage == "run"


class Refined(Said):
    """A refinement."""

    drafts: int
    """How many drafts stood in its workspace."""


class Drawn(Refined):
    """A refinement of drafts drawn from all of the pool."""

    places: tuple[int, ...]
    """Which of the pool they are, counted from 0."""


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
    came: Drawn | None = None
    """From drafts as they come, right and wrong (C); `None` where none can be used, or it was not asked."""
    usage: Usage = Usage()
    """What the model's calls were billed, replayed ones as if they had been paid."""

    @property
    def said(self) -> tuple[Said, ...]:
        """Everything that was asked for."""
        return (*self.drafts, self.fresh, *self.refined)

    @property
    def refined(self) -> tuple[Refined, ...]:
        """The refinements there are."""
        return tuple(one for one in (self.right, self.wrong, self.came) if one is not None)

    @property
    def back(self) -> tuple[Said, ...]:
        """The drafts of the pool that came back."""
        return tuple(draft for draft in self.drafts if not draft.missing)

    @property
    def leading(self) -> int:
        """How many of these have the answer that most have."""
        votes = tally([draft.value for draft in self.back])
        return votes[0].count if votes else 0

    @property
    def vote(self) -> Said | None:
        """The first of these with the answer that most have; the first, where none has any."""
        votes = tally([draft.value for draft in self.back])
        return self.back[votes[0].first if votes else 0] if self.back else None

    @property
    def refinement(self) -> Said | None:
        """What refining answers: `came`; where that has no answer, the vote, as in the strategy."""
        return self.vote if self.came and self.came.value is None and self.leading else self.came

    @property
    def failures(self) -> tuple[Failure, ...]:
        """What failed."""
        return tuple(one.failure for one in self.said if one.failure is not None)

    @property
    def complete(self) -> bool:
        """Whether nothing of it need be asked again, or was never asked."""
        return not self.failures and (self.came is not None or not any(one.usable for one in self.drafts))

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
    with create(file).open("ab+") as lines:
        lines.seek(0)
        lines.truncate(lines.read().rfind(b"\n") + 1)

        def append(case: Case) -> None:
            lines.write(case.model_dump_json(exclude_defaults=True).encode() + b"\n")
            lines.flush()

        yield append
