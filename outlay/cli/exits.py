"""How the command ends: its exit status, and what it says when something went wrong."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import (
    ConfigurationError,
    ContextOverflowError,
    ModelRefusedError,
    OutlayError,
    PolicyError,
    RetrievalError,
)
from outlay.redaction import mask, masked, printable

if TYPE_CHECKING:
    from types import TracebackType

ANSWERED: Final = 0
"""An answer, or a budget that ran out."""
FAILED: Final = 1
"""The run failed: trying again may help."""
WRONG: Final = 2
"""The call or its configuration is wrong: trying again helps only after a change."""
INTERRUPTED: Final = 130
"""Ctrl-C."""

TRACEBACK: Final = "OUTLAY_TRACEBACK"
"""Environment variable: set to 1, unexpected errors show their traceback."""

_CALLERS_MISTAKES: Final = (
    ConfigurationError,
    ModelRefusedError,
    ContextOverflowError,
    RetrievalError,
    PolicyError,
)


def status_of(error: OutlayError) -> int:
    """Give the exit status of a run that ended with `error`."""
    return WRONG if isinstance(error, _CALLERS_MISTAKES) else FAILED


def say_error(kind: str, message: str, *, as_json: bool, **facts: Any) -> None:
    """Tell what went wrong: a sentence on standard error, or an object on standard output."""
    if as_json:
        print_json({"error": {"type": kind, "message": mask(message)}, **facts})
    else:
        print(printable(f"outlay: {mask(message)}"), file=sys.stderr)  # noqa: T201


def print_json(value: Any) -> None:
    """Print one JSON object on standard output; ASCII, so that no terminal's encoding can break it."""
    print(json.dumps(masked(value), indent=2))  # noqa: T201
    sys.stdout.flush()


def quiet_failures(*, as_json: bool) -> None:
    """Let an unexpected error, in any thread, be one sentence instead of a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if os.environ.get(TRACEBACK) == "1":
        return
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_SafeFormatter())

    def unexpected(kind: type[BaseException], error: BaseException, _: TracebackType | None) -> None:
        said = traceback.format_exception_only(kind, error)[-1].strip()
        message = f"unexpected error, please report it: {said} ({TRACEBACK}=1 shows the traceback)"
        say_error(kind.__name__, message, as_json=as_json)

    sys.excepthook = unexpected
    threading.excepthook = _stay_silent


class _SafeFormatter(logging.Formatter):
    """What libraries log at warning or above, where nobody has set up logging."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(mask(super().format(record)))


def _stay_silent(failure: threading.ExceptHookArgs) -> None:
    """Say nothing: what a background thread could not do, the main thread reports."""
