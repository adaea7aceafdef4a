"""Where the command begins: before anything that takes time is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, and give its exit status."""
    try:
        from outlay.cli.app import run  # noqa: PLC0415

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:
        print("outlay: interrupted", file=sys.stderr)  # noqa: T201
        return 130
