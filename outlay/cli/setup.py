"""`outlay setup`: what the embedded model needs, installed and tried."""

from __future__ import annotations

import time
from importlib.util import find_spec
from typing import Final

from outlay.cli.exits import ANSWERED, WRONG
from outlay.cli.live import paper, say
from outlay.cli.running import interruptible
from outlay.errors import ConfigurationError
from outlay.local import embedded_weights, install_weights
from outlay.model import Completion, Model

EXTRAS: Final = (
    ("xllamacpp", "local", "runs the embedded model and any GGUF file"),
    ("math_verify", "bench", "tells that two mathematical answers are the same"),
)
"""A package, the extra that brings it, and what it is for."""


def set_up() -> int:
    """Install the weights, say what is there and what is missing, try a call. Gives the exit status."""
    console = paper()
    for package, extra, purpose in EXTRAS:
        cure = "there" if find_spec(package) else f"missing: pip install 'outlay[{extra}]'"
        say(f"{package} ({purpose}): {cure}")
    say(f"embedded weights: {_weights()}")
    if not find_spec("xllamacpp"):
        console.print("The embedded model needs xllamacpp; a model behind an API works without it.")
        return WRONG
    started = time.monotonic()
    interruptible(_trial(), lambda: console.print("interrupted"))
    console.print(f"a call of one token: {time.monotonic() - started:.1f} s. Ready: outlay demo")
    return ANSWERED


def _weights() -> str:
    try:
        return str(embedded_weights())
    except ConfigurationError:
        install_weights()
    return f"installed, {embedded_weights()}"


async def _trial() -> Completion:
    return await Model("local").complete("Say yes.", max_output_tokens=1)
