"""How the command ends: its exit status, and what it says when something went wrong."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import traceback
import warnings
from functools import partial
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


_OPTIONS: Final = tuple(
    (re.compile(said), option)
    for said, option in (
        # What no option gives: what to do instead.
        (r"give Model\(\.\.\., attachment_tokens=\).*", "limit --output-tokens or --calls instead"),
        (
            r"give Model\(\.\.\., price=Price\((?!input).*",
            "limit --output-tokens or --calls instead of --usd",
        ),
        (r", or pass Model\(\.\.\., api_key=\.\.\.\)", ""),
        (r"api_key= or ", ""),
        (r"Model\(\.\.\., api_key=\)", "the provider's key variable"),
        (r"leave tokenizer= out", "its prompts need no tokenizer"),
        (r"rebuild=True", "rebuild=True in Python"),
        # Whole phrases, then parameters by themselves.
        (
            r"Model\(\.\.\., price=Price\(input=\.\.\., output=\.\.\.\)\)",
            "--price IN,OUT (--teacher-price for a teacher)",
        ),
        (r"its model `price=Price\(\.\.\.\)`", "--price IN,OUT or --price-of MODEL=IN,OUT"),
        (r"raise Model\(\.\.\., timeout=([^()]*)\)", r"raise --timeout (now \1)"),
        (r"Model\(\.\.\., (\w+=[^()\s]*)\)", r"\1"),
        (r"`(\w+)` in the Budget", r"--\1"),
        (r"the budget's seconds", "--seconds"),
        (r"accuracy= or usd=", "--accuracy or --usd"),
        (r"^Budget: (\w+): (.*) \(fields: .*", r"--\1: \2"),
        (r"^Price: (.*) \(fields: .*", r"--price IN,OUT: \1"),
        (r"^Config: ", "parameters of the strategy: "),
        (r"leave the teacher out", "leave --teacher out"),
        (r"replay=", "--journal"),
        (r"`api_base`", "--api-base"),
        (r"api_base=\.\.\.", "--api-base URL"),
        (r"`held_out`", "--held-out"),
        (r"`whole`", "--whole-total-tokens or --whole-usd"),
        (r"max_output_tokens=(?=\W|$)", "max_output_tokens=N, a parameter of the strategy"),
        (r"(?<![\w:,-])(api_base|timeout|retries|teacher)=(?=[\w'\"-])", r"--\1 "),
        (r"(?<![\w:,-])(api_base|timeout|retries|teacher)=", r"--\1"),
    )
)
"""What messages of the library say of Python's parameters, and what the command line says instead."""


def status_of(error: OutlayError) -> int:
    """Give the exit status of a run that ended with `error`."""
    return WRONG if isinstance(error, _CALLERS_MISTAKES) else FAILED


def with_options(message: str) -> str:
    """Write a message of the library with the options of the command line, not Python's parameters."""
    for said, option in _OPTIONS:
        message = said.sub(partial(_option, option), message)
    return message


def _option(template: str, found: re.Match[str]) -> str:
    return re.sub(r"--[a-z_]+", lambda name: name[0].replace("_", "-"), found.expand(template))


def say_error(kind: str, message: str, *, as_json: bool, **facts: Any) -> None:
    """Tell what went wrong: a sentence on standard error, or an object on standard output."""
    message = with_options(message)
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
        return printable(mask(with_options(super().format(record))))


def _stay_silent(failure: threading.ExceptHookArgs) -> None:
    """Say nothing: what a background thread could not do, the main thread reports."""
