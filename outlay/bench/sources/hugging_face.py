"""A data set that the `datasets` library can load: a name on the Hugging Face hub, or a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from outlay.bench.sources.rows import Row
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


def rows(name: str, subset: str | None, split: str) -> Iterator[Row]:
    """Give the records of one split, called `row-7` after their places in it, from 1."""
    for number, record in enumerate(_records(name, subset, split), 1):
        yield Row(place=f"{name} {split}, row {number}", id=f"row-{number}", values=record)


def _records(name: str, subset: str | None, split: str) -> Iterable[Mapping[str, object]]:
    try:
        from datasets import load_dataset  # type: ignore[import-untyped]  # noqa: PLC0415  (an extra, and seconds to import)
        from datasets.exceptions import DatasetsError  # type: ignore[import-untyped]  # noqa: PLC0415
        from httpx import HTTPError  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigurationError(
            f"{name} is no file, and data sets need an extra: pip install 'outlay[datasets]'"
        ) from exc
    try:
        return cast("Iterable[Mapping[str, object]]", load_dataset(name, subset, split=split))
    # What it raises for a wrong subset or split (ValueError), a data set that is a script (RuntimeError),
    # no network and no such name (OSError); nothing of its own covers these.
    except (DatasetsError, HTTPError, OSError, RuntimeError, ValueError) as exc:
        part = f"subset {subset}, split {split}" if subset else f"split {split}"
        raise ConfigurationError(
            f"{name} ({part}) cannot be loaded ({_reason(exc)}): "
            "check its name, subset, split and the network, or give a .jsonl, .csv or .json file"
        ) from exc


def _reason(exc: BaseException) -> str:
    """Give the first line of what went wrong; a failed generation says it only in its cause."""
    from datasets.exceptions import DatasetGenerationError  # noqa: PLC0415

    said = exc.__cause__ if isinstance(exc, DatasetGenerationError) and exc.__cause__ else exc
    return (str(said).strip() or type(said).__name__).splitlines()[0].rstrip(".: ")
