"""What a LangChain `VectorStore` needs of Outlay to stand in for an index: the embedder, LangChain's way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

if TYPE_CHECKING:
    from outlay.retrieval import Embedder


class OutlayEmbeddings(Embeddings):
    """An embedder as LangChain's `Embeddings`, to make a store with.

    VectorStoreIndex({"goal": InMemoryVectorStore(OutlayEmbeddings(embedder))}, embedder)
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector.tolist() for vector in self._embedder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
