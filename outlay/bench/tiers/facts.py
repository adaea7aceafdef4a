"""How a log was made, beside it: what is learnt from it holds for that and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import ConfigDict, ValidationError

from outlay.budget import Price, Record
from outlay.errors import ConfigurationError
from outlay.private_files import replace

if TYPE_CHECKING:
    from pathlib import Path

FACTS: Final = "facts.json"
LOG: Final = "log.jsonl"
GROWING: Final = frozenset({"vectors", "questions"})
"""What may be added to a log."""


class LogFacts(Record):
    """How a log was made, the same for all of its episodes; empty where that is not known."""

    model_config = ConfigDict(extra="ignore")  # who collects in Python may note more

    embedder: str = ""
    """Whose vectors are in the log, as an `Embedder` calls itself."""
    model: str = ""
    """What answered."""
    price: Price | None = None
    """Of the model; `None`: not known, or LiteLLM's."""
    prices: dict[str, Price] = {}  # noqa: RUF012 - pydantic copies it
    """Of further models."""
    strategy: str = ""
    """In its canonical form."""
    vectors: tuple[tuple[int, ...], ...] = ()
    """The tier vectors at which questions were to be run; a policy's choices are not among them."""
    source: str = ""
    """Where the questions came from, without the folders of this machine."""
    scorer: str = ""
    """What said how right an answer was, as on the command line."""
    simulated: bool = False
    """Whether answers are drawn from a formula, and say nothing of a language model."""
    questions: dict[str, str] = {}  # noqa: RUF012 - pydantic copies it
    """The digest of each question that was to be logged, by its id."""


def read_facts(directory: Path) -> LogFacts | None:
    """Give how the log in a directory was made; `None` where nothing says so.

    Raises:
        ConfigurationError: What says so cannot be read.
    """
    path = directory / FACTS
    try:
        return LogFacts.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as exc:
        first = exc.errors()[0]
        said = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except OSError as exc:
        said = str(exc)
    raise ConfigurationError(
        f"{path}, which says how the log was made, cannot be read ({said}): mend it, or collect anew"
    )


def keep_facts(directory: Path, facts: LogFacts) -> None:
    """Write down how a log is made, or see that it goes on as it began.

    Raises:
        ConfigurationError: It was made otherwise, or nothing says how.
    """
    log = directory / LOG
    if log.exists() and log.stat().st_size:
        before = read_facts(directory)
        if before is None:
            raise ConfigurationError(
                f"nothing says how the log in {directory} was made ({FACTS} is missing): give another OUT"
            )
        _check_same(directory, before, facts)
        vectors = tuple(dict.fromkeys((*before.vectors, *facts.vectors)))
        questions = before.questions | facts.questions
        facts = facts.model_copy(update={"vectors": vectors, "questions": questions})
    replace(directory / FACTS, facts.model_dump_json(indent=2) + "\n")


def _check_same(directory: Path, before: LogFacts, now: LogFacts) -> None:
    for name in LogFacts.model_fields:
        was, is_now = getattr(before, name), getattr(now, name)
        if name not in GROWING and was != is_now:
            raise ConfigurationError(
                f"{directory} was made with {name} {was}, not {is_now}: go on as before, or give another OUT"
            )
    for question, digest in now.questions.items():
        if before.questions.get(question, digest) != digest:
            raise ConfigurationError(
                f"question {question!r} is not the one that {directory} was made with: give another OUT"
            )
