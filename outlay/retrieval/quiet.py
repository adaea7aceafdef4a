"""Loading a model without bars and reports on the terminal."""

from __future__ import annotations

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers and its hub silent, but for errors, until this ends."""
    speech = import_module("transformers.utils.logging")
    hub = import_module("huggingface_hub.utils")
    had_bars, had_hub_bars = speech.is_progress_bar_enabled(), not hub.are_progress_bars_disabled()
    verbosity = speech.get_verbosity()
    speech.set_verbosity_error()
    speech.disable_progress_bar()
    hub.disable_progress_bars()
    try:
        yield
    finally:
        speech.set_verbosity(verbosity)
        if had_bars:
            speech.enable_progress_bar()
        if had_hub_bars:
            hub.enable_progress_bars()
