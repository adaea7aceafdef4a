"""Embeddings that are known already, by model and content."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import blake2b
from threading import Lock
from typing import TYPE_CHECKING, Final

from outlay.retrieval.following import packed, unpacked
from outlay.retrieval.sqlite_file import SQLiteFile

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

MOST: Final = 20_000
"""Embeddings kept in memory: 30 MB of 384 numbers each."""
VERSION: Final = 101
TABLES: Final = """
CREATE TABLE IF NOT EXISTS embeddings (digest BLOB PRIMARY KEY, vector BLOB NOT NULL)
"""
_DIGEST_BYTES: Final = 16


class Embeddings:
    """The latest in memory, all of them at `path` if there is one.

    Raises:
        RetrievalError: The file cannot be used.
    """

    def __init__(self, path: Path | None) -> None:
        cure = "delete it, it only saves embedding again"
        self._file = None if path is None else SQLiteFile(path, make=TABLES, version=VERSION, cure=cure)
        self._recent: OrderedDict[bytes, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def find(self, model: str, texts: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Give the embeddings of those of `texts` that are known."""
        asked = {text: _digest(model, text) for text in texts}
        with self._lock:
            found = {text: self._recent[digest] for text, digest in asked.items() if digest in self._recent}
            for text in found:
                self._recent.move_to_end(asked[text])
        if self._file is None or len(found) == len(asked):
            return found
        kept = {}
        with self._file.reading() as view:
            for text in asked.keys() - found.keys():
                query = "SELECT vector FROM embeddings WHERE digest = ?"
                if row := view.execute(query, (asked[text],)).fetchone():
                    kept[text] = unpacked([row[0]])[0]
        self._remember(model, kept)
        return found | kept

    def keep(self, model: str, vectors: dict[str, NDArray[np.float32]]) -> None:
        """Keep the embeddings `vectors` of texts."""
        self._remember(model, vectors)
        if self._file is not None:
            rows = [(_digest(model, text), packed(vector[None])[0]) for text, vector in vectors.items()]
            with self._file.writing() as connection:
                connection.executemany("INSERT OR IGNORE INTO embeddings VALUES (?, ?)", rows)

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _remember(self, model: str, vectors: dict[str, NDArray[np.float32]]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                self._recent[_digest(model, text)] = vector
            while len(self._recent) > MOST:
                self._recent.popitem(last=False)


def _digest(model: str, text: str) -> bytes:
    return blake2b(f"{model}\0{text}".encode(errors="surrogatepass"), digest_size=_DIGEST_BYTES).digest()
