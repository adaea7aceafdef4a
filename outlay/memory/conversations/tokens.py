"""How many tokens a text has for its embedder, so that no chunk is longer than what is embedded of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError
from outlay.retrieval import SentenceEmbedder
from outlay.retrieval.sentences import PACKAGED, packaged_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from outlay.retrieval import Embedder

_WORD: Final = re.compile(r"\w+")


def counter(embedder: Embedder) -> Callable[[str], int]:
    """Give what counts the tokens of a text.

    For a `SentenceEmbedder` with its model's own tokenizer (MiniLM's are wordpieces), the marks that it puts
    before and behind the text included; for any other embedder, words.

    Raises:
        ConfigurationError: The model's tokenizer is not there.
    """
    if not isinstance(embedder, SentenceEmbedder):
        return _words
    return _wordpieces() if embedder.model == PACKAGED else _tokens_of(embedder.model)


def _words(text: str) -> int:
    return len(_WORD.findall(text))


def _wordpieces() -> Callable[[str], int]:
    """Read the packaged model's tokenizer alone: everything else about a model takes seconds to import."""
    from tokenizers import Tokenizer  # noqa: PLC0415 - LiteLLM brings it

    tokenizer = Tokenizer.from_file(str(packaged_weights() / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return lambda text: len(tokenizer.encode(text).ids)


def _tokens_of(model: str) -> Callable[[str], int]:
    try:
        from transformers import AutoTokenizer  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            "an embedding model needs transformers: run `pip install 'outlay[retrieval]'`"
        ) from exc
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
    except (OSError, ValueError) as exc:
        raise ConfigurationError(
            f"there is no tokenizer for {model!r}: check its name or path, and the network"
        ) from exc
    return lambda text: len(tokenizer(text, truncation=False, verbose=False)["input_ids"])
