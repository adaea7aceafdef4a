"""Writing the report of a bench, and showing what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from outlay.bench.directory import Directory
from outlay.cli.exits import ANSWERED, print_json
from outlay.cli.live import paper, say
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.analysis.findings import Findings


LEAST_WIDTH: Final = 100
"""Columns that the table takes."""


def write_report(path: Path, *, as_json: bool) -> int:
    """Write summary.csv, frontier.png and report.html; print the table and the sentences."""
    directory = Directory(path)
    # A run that is still going on adds records meanwhile: all of the report is about the same ones.
    size = directory.size()
    found = findings(directory, size)
    try:
        from outlay.bench.report.page import write_page  # noqa: PLC0415 - an extra
        from outlay.bench.report.picture import draw_png  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise _missing(exc) from exc
    from outlay.bench.report.summary import write_summary  # noqa: PLC0415

    write_summary(found, path / "summary.csv")
    draw_png(found, path / "frontier.png")
    write_page(found, directory.items(), lambda: directory.trials(size), path / "report.html")
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        show(found)
        say(f"written: {path / 'report.html'}, {path / 'frontier.png'}, {path / 'summary.csv'}")
    return ANSWERED


def findings(directory: Directory, size: int) -> Findings:
    """Analyse what a directory has.

    Raises:
        ConfigurationError: There is no bench, or no record, or a library is missing.
    """
    manifest = directory.manifest()
    try:
        from outlay.bench.analysis import analyse  # noqa: PLC0415 - an extra, and seconds to import
    except ModuleNotFoundError as exc:
        raise _missing(exc) from exc
    return analyse(manifest, directory.items(), directory.trials(size))


def show(found: Findings) -> None:
    """Print the table, and what it says in words."""
    from outlay.bench.report.table import table  # noqa: PLC0415
    from outlay.bench.report.words import sentences  # noqa: PLC0415

    console = paper()
    # In a narrower terminal its lines are folded by the terminal, which loses nothing.
    console.print(table(found), width=max(console.width, LEAST_WIDTH), crop=False, soft_wrap=False)
    for sentence in sentences(found):
        say(sentence)


def _missing(error: ModuleNotFoundError) -> ConfigurationError:
    return ConfigurationError(f"a report needs {error.name}: pip install 'outlay[bench]'")
