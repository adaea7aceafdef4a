"""An embedder without a model: signed feature hashing of words (Weinberger et al. 2009, arXiv 0902.2206).

Texts that share words are near each other, texts that share none are nearly orthogonal; nothing is learnt,
nothing is loaded, and the same text gives the same vector on every machine.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

_WORD: Final = re.compile(r"\w+")
_PAIR_WEIGHT: Final = 0.5


@dataclass(frozen=True)
class HashEmbedder:
    """Words, and pairs of neighbouring words at half the weight, hashed into `dimension` signed counts.

    Raises:
        ConfigurationError: `dimension` is below 1, or numpy is not installed (when a text is embedded).
    """

    dimension: int = 384

    def __post_init__(self) -> None:
        if self.dimension < 1:
            raise ConfigurationError("a HashEmbedder needs a dimension of at least 1")

    @property
    def name(self) -> str:
        """What an index that was made with it keeps."""
        return f"hash-{self.dimension}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give one row of length 1 per text: `(len(texts), dimension)`."""
        try:
            import numpy as np  # noqa: PLC0415
        except ModuleNotFoundError as exc:
            raise ConfigurationError("embeddings need numpy: run `pip install 'outlay[retrieval]'`") from exc
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for vector, text in zip(vectors, texts, strict=True):
            for feature, weight in _features(text):
                place, sign = _hashed(feature, self.dimension)
                vector[place] += sign * weight
            if not vector.any():
                vector[_hashed("", self.dimension)[0]] = 1
        lengths: NDArray[np.float32] = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / lengths


def _features(text: str) -> Iterator[tuple[str, float]]:
    words = _WORD.findall(text.casefold())
    yield from Counter(words).items()
    yield from ((f"{first} {second}", _PAIR_WEIGHT) for first, second in pairwise(words))


def _hashed(feature: str, dimension: int) -> tuple[int, int]:
    number = int.from_bytes(blake2b(feature.encode(errors="surrogatepass"), digest_size=8).digest())
    return (number >> 1) % dimension, 1 if number & 1 else -1
