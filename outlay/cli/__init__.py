"""The command line."""

from outlay.cli.app import main

__all__ = ["main"]
