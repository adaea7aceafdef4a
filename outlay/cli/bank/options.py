"""Options that the commands of `outlay bank` share, and the headings they stand under."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from outlay.cli.options import HOW

LIMITS: Final = "Limits of the whole collection, over all the commands it takes"
EPISODES: Final = "Episodes"
ASKED: Final = "What is asked for (one of the two)"

Directory = Annotated[Path, typer.Argument(metavar="BANK", help="The bank's directory.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be done and at most spent; call nothing.")
]
RetryFailed = Annotated[
    bool,
    typer.Option(
        "--retry-failed",
        help="Do failed tasks again, as with another cap: the same call would only be replayed.",
        rich_help_panel=HOW,
    ),
]
Embedder = Annotated[
    str | None,
    typer.Option(
        help="Of a new bank: minilm (packaged), hash (no model), or any sentence-transformers name.",
        rich_help_panel=HOW,
    ),
]
