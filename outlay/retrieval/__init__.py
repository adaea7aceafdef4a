"""From a text to the nearest records.

    SentenceEmbedder -> Index (SQLite and FAISS) -> Hit

Nothing heavy is imported before something is embedded or an index opened: the extra is `outlay[retrieval]`.
"""

from outlay.retrieval.index import Index
from outlay.retrieval.records import Embedder, Entry, Hit, Kind, Searchable
from outlay.retrieval.sentences import SentenceEmbedder
from outlay.retrieval.vector_stores import VectorStoreIndex

__all__ = [
    "Embedder",
    "Entry",
    "Hit",
    "Index",
    "Kind",
    "Searchable",
    "SentenceEmbedder",
    "VectorStoreIndex",
]
