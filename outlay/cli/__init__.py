"""The command line."""

from outlay.cli.entry import main

__all__ = ["main"]
