"""Tokenizers that count a prompt before it is sent, without network access.

A tokenizer is a name and a function from a text to a number of tokens. LiteLLM's package contains
tiktoken's encodings. Where nothing is known of a model, UTF-8 bytes are counted instead.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

ENCODINGS: Final = {
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
}
"""tiktoken's encodings of OpenAI's chat models, and the SHA-256 of their files."""
PIECE: Final = 20_000
"""Characters that are encoded at once: the time of tiktoken's matcher and its stack are limited."""


@dataclass(frozen=True)
class Margins:
    """Tokens that a prompt's template may add to its texts."""

    request: int
    """Once, a default system prompt included."""
    message: int
    """Per message."""
    call: int
    """Per tool call and per tool result among the messages."""
    parallel: int
    """How often a message's tool calls and their results count, where it has several."""
    tool: int
    """Per tool."""
    tools: int
    """Once, where there are tools: the instructions for calling them."""
    schema: int
    """Per JSON schema that the reply must fit."""
    field: int
    """Per further field of the request."""
    node: int
    """Per key or value of a JSON document: quotes, separators, indentation."""


UNKNOWN_TEMPLATE: Final = Margins(
    request=128, message=16, call=32, parallel=1, tool=64, tools=832, schema=512, field=64, node=8
)
"""For any chat template.

A default system prompt that is longer is not covered: send a system message of your own. Of the tool
instructions that providers publish, Claude's are the longest: 530 tokens, and more for newer models.
"""
OPENAI_TEMPLATE: Final = Margins(
    request=32, message=6, call=24, parallel=2, tool=16, tools=128, schema=64, field=32, node=3
)
"""For OpenAI's API.

OpenAI's cookbook gives 3 tokens per message, 1 per name and 3 for the start of the reply. Tools become
a TypeScript namespace: 9 tokens and a few per property. A tool call among the messages, with its
result, takes up to 49 tokens, and parallel ones are billed about twice, by users' measurements.
"""


@dataclass(frozen=True)
class Tokenizer:
    """A way to count a text's tokens, from above where it is not exact."""

    name: str
    """What it is, for people; `Model.tokenizer` shows it."""
    count: Callable[[str], int]
    margins: Margins = UNKNOWN_TEMPLATE
    """What the model's template may add."""


def byte_count(text: str) -> int:
    """Return the bytes of `text` in the longest form that a tokenizer may see.

    No tokenizer in use gives more tokens than bytes. Some normalise the text first, which can lengthen
    it, and some templates write it as JSON.
    """
    size = len(json.dumps(text, ensure_ascii=False).encode("utf-8", "surrogatepass")) - 2
    if text.isascii():
        return size
    forms = (unicodedata.normalize(form, text) for form in ("NFC", "NFKC"))
    return max(size, *(len(form.encode("utf-8", "surrogatepass")) for form in forms))


BYTES: Final = Tokenizer("UTF-8 bytes + margin", byte_count)


def tokenizer_of(given: str | Callable[[str], int]) -> Tokenizer:
    """Return the tokenizer that a user names, or gives as a function.

    Raises:
        ConfigurationError: The name is unknown, or its file is missing.
    """
    if callable(given):
        name = getattr(given, "__name__", type(given).__name__)
        return Tokenizer(f"{name} + margin", _checked(given, name))
    if given == "bytes":
        return BYTES
    found = tiktoken_encoding(given) if given in ENCODINGS else None
    if found is None:
        raise ConfigurationError(
            f"there is no tokenizer {given!r}: give one of {', '.join((*ENCODINGS, 'bytes'))}, or a function "
            "from a text to its number of tokens"
        )
    return found


def openai_tokenizer(model: str) -> Tokenizer | None:
    """Return the tokenizer of a model of OpenAI's by its name; `None`: it is not known."""
    from tiktoken.model import encoding_name_for_model  # noqa: PLC0415 - LiteLLM brings it

    try:
        encoding = encoding_name_for_model(model)
    except KeyError:
        return None
    return tiktoken_encoding(encoding) if encoding in ENCODINGS else None


@cache
def tiktoken_encoding(name: str) -> Tokenizer | None:
    """Load an encoding of tiktoken's, which takes a third of a second; `None`: its file is missing.

    tiktoken downloads a file that is missing or damaged, so both are checked first.
    """
    import tiktoken  # noqa: PLC0415 - LiteLLM brings it

    if not _is_on_disk(name):
        return None
    encoding = tiktoken.get_encoding(name)

    def count(text: str) -> int:
        pieces = (text[start : start + PIECE] for start in range(0, len(text), PIECE))
        return sum(len(encoding.encode_ordinary(piece)) for piece in pieces) + len(text) // PIECE

    return Tokenizer(f"tiktoken {name} + margin", count, OPENAI_TEMPLATE)


def _is_on_disk(name: str) -> bool:
    spec = importlib.util.find_spec("litellm")
    inside = [str(Path(p) / "litellm_core_utils" / "tokenizers") for p in _locations(spec)]
    # Where tiktoken looks; LiteLLM sets it to its own folder, but may not have been imported.
    folder = os.environ.setdefault("TIKTOKEN_CACHE_DIR", *inside) if inside else ""
    url = f"https://openaipublic.blob.core.windows.net/encodings/{name}.tiktoken"
    file = Path(folder) / hashlib.sha1(url.encode(), usedforsecurity=False).hexdigest()
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == ENCODINGS[name]


def _locations(spec: object) -> list[str]:
    return list(getattr(spec, "submodule_search_locations", None) or ())


def _checked(count: Callable[[str], int], name: str) -> Callable[[str], int]:
    def checked(text: str) -> int:
        # What is sent has no lone surrogates, and a tokenizer's library may refuse them.
        tokens = count(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        if isinstance(tokens, bool) or not isinstance(tokens, int) or tokens < 0:
            raise ConfigurationError(
                f"tokenizer {name} gave {tokens!r} for a text: it must give a number of tokens, an int of at "
                "least 0"
            )
        return tokens

    return checked
