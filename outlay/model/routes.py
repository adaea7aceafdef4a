"""From a model's name to what stands behind it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from outlay.budget import FREE
from outlay.errors import ConfigurationError
from outlay.model.litellm_provider import LiteLLMProvider
from outlay.model.llama_cpp import LlamaCppServer
from outlay.model.provider import Provider
from outlay.plugins import blamed_on, described, installed, loaded

if TYPE_CHECKING:
    from collections.abc import Callable
    from importlib.metadata import EntryPoint

    from outlay.model.tokenizers import Tokenizer

LOCAL: Final = "local"
GGUF: Final = "gguf:"
LLAMA_CPP: Final = "llama.cpp/"


def provider_for(
    name: str,
    *,
    api_base: str | None,
    api_key: str | None,
    timeout: float,
    tokenizer: Tokenizer | None = None,
) -> Provider:
    """Give the provider of the model called `name`.

    An entry point `acme` in the group `outlay.models` names a function, or a class, that makes the provider
    of `acme` and of every `acme/...` and `acme:...`. It is called with the whole name and the keywords
    `api_base`, `api_key` and `timeout`.

    Raises:
        ConfigurationError: The name is empty, or names a GGUF file that cannot be read; `api_base` is no
            URL, or it or a tokenizer is given for a model that has its own; or an entry point fails.
    """
    _check(name, api_base=api_base, tokenizer=tokenizer)
    if name == LOCAL:
        return _in_process("openai/SmolLM2-135M-Instruct", name, _embedded, timeout)
    if name.startswith(GGUF):
        path = _gguf(name.removeprefix(GGUF))
        return _in_process(f"openai/{path.stem}", name, lambda: path, timeout)
    if name.startswith(LLAMA_CPP):
        return _llama_cpp(name, api_base, api_key, timeout)
    if entry := _plugin(name):
        return _from_plugin(entry, name, tokenizer, api_base=api_base, api_key=api_key, timeout=timeout)
    return LiteLLMProvider(name, api_base=api_base, api_key=api_key, timeout=timeout, tokenizer=tokenizer)


def _check(name: str, *, api_base: str | None, tokenizer: Tokenizer | None) -> None:
    if not isinstance(name, str) or not name.strip():
        raise ConfigurationError("a model needs a name, e.g. 'local' or 'openai/gpt-4.1-mini'")
    if api_base is not None and not _is_url(api_base):
        raise ConfigurationError(f"api_base={api_base!r} is no URL: begin it with http:// or https://")
    if api_base is not None and (name == LOCAL or name.startswith(GGUF)):
        raise ConfigurationError(f"{name} runs in this process and asks no server: leave api_base= out")
    if tokenizer is not None and (name == LOCAL or name.startswith((GGUF, LLAMA_CPP))):
        raise ConfigurationError(f"{name} counts its prompts exactly: leave tokenizer= out")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _from_plugin(entry: EntryPoint, name: str, tokenizer: Tokenizer | None, **options: Any) -> Provider:
    if tokenizer is not None:
        raise ConfigurationError(f"{name} counts its prompts itself: leave tokenizer= out")
    make = loaded(entry)
    with blamed_on(described(entry)):
        provider = make(name, **options)
    if not isinstance(provider, Provider):
        raise ConfigurationError(f"{described(entry)} gave {type(provider).__name__}, which is no Provider")
    return provider


def _plugin(name: str) -> EntryPoint | None:
    """Give the entry point whose name stands before the first slash or colon of a model's name."""
    prefix = re.split("[/:]", name, maxsplit=1)[0]
    return installed("outlay.models").get(prefix)


def _in_process(model: str, name: str, weights: Callable[[], Path], timeout: float) -> Provider:
    def locate() -> tuple[str, str]:
        from outlay.local import serve  # noqa: PLC0415 - starts nothing, but brings llama.cpp

        server = serve(weights())
        return server.url, server.api_key

    return LiteLLMProvider(model, timeout=timeout, server=LlamaCppServer(locate), price=FREE, name=name)


def _llama_cpp(name: str, api_base: str | None, api_key: str | None, timeout: float) -> Provider:
    if api_base is None:
        raise ConfigurationError("a llama.cpp/ model needs api_base=, the server's URL")
    root = api_base.rstrip("/").removesuffix("/v1")
    # LiteLLM's client insists on a key, whether the server wants one or not.
    place = (root, api_key or "none")
    model = f"openai/{name.removeprefix(LLAMA_CPP)}"
    return LiteLLMProvider(model, timeout=timeout, server=LlamaCppServer(lambda: place), name=name)


def _embedded() -> Path:
    from outlay.local import embedded_weights  # noqa: PLC0415

    return embedded_weights()


def _gguf(name: str) -> Path:
    from outlay.local import check_gguf  # noqa: PLC0415

    path = Path(name).expanduser()
    check_gguf(path)
    return path
