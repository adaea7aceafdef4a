"""Any LangChain `VectorStore` as an index, for those who outgrow one machine: one store per key.

    index = VectorStoreIndex({"goal": PGVectorStore(...), "observation": PGVectorStore(...)}, embedder)

Everything lives in the stores. Each text is a document; a record travels in the metadata of its first one,
its head, which is written last: without a head the rest of a record, left behind by a kill, does not count.
A record without texts is a head alone, with a placeholder for a text: no search gives it.
The stores find the candidates; similarities are always computed anew from the texts, so that it does not
matter on which scale a store reports its own. Of LangChain nothing is imported, only called.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID, uuid5

from outlay.errors import ConfigurationError
from outlay.retrieval.records import Hit
from outlay.retrieval.store import as_json
from outlay.retrieval.vectors import cosine, embedded

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langchain_core.documents import Document
    from langchain_core.vectorstores import VectorStore

    from outlay.retrieval.records import Embedder, Entry

NAMESPACE: Final = UUID("6f75746c-6179-5265-8472-696576616c21")
"""Documents have UUIDs made of their place, which every store takes as ids."""
PLACEHOLDER: Final = "a record without texts"
"""The text of a head that stands alone; told from a text of the same words by the head's counts."""
PROBE: Final = 256
"""Ids asked for at a time when records are counted."""


class _Text(NamedTuple):
    """What becomes a document."""

    id: str
    key: str
    text: str
    metadata: dict[str, Any]

    @property
    def is_head(self) -> bool:
        return "outlay_record" in self.metadata


class _Head(NamedTuple):
    """What the first document of a record says about all of them."""

    token: str
    """In each of them: tells them from what an earlier attempt left."""
    record: dict[str, Any]
    counts: dict[str, int]
    """Texts by key; none for a record without texts, whose head is a placeholder."""


class VectorStoreIndex:
    """A `Searchable` over LangChain stores.

    Many may read at once; one may write. `add` is whole or not at all for each record, whatever happens,
    and for all of them unless the process is killed meanwhile.

    Args:
        stores: A store for each key, each with a place of its own (table, collection), each able to look
            documents up by id (`get_by_ids`). Made with
            `outlay.langchain.OutlayEmbeddings(embedder)`, or with another embedding of the same texts.
        embedder: Computes the similarities.

    Raises:
        ConfigurationError: No store; a store that cannot look up by id.
    """

    def __init__(self, stores: Mapping[str, VectorStore], embedder: Embedder) -> None:
        if not stores:
            raise ConfigurationError("an index needs at least one key, and a store for each")
        self.embedder = embedder
        self._stores = dict(stores)
        self._known: tuple[int, ...] = ()
        for store in self._stores.values():
            _documents(store, [_document_id(0, "", 0)])

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys under which entries may have texts."""
        return tuple(self._stores)

    def __len__(self) -> int:
        return len(self.ids())

    def add(self, entries: Iterable[Entry]) -> tuple[int, ...]:
        """Keep `entries`, all of them or none, and give their ids.

        Raises:
            ConfigurationError: A key without a store, or a record that is no JSON.
        """
        kept = tuple(entries)
        first = max(self.ids(), default=0) + 1
        ids = tuple(range(first, first + len(kept)))
        token = secrets.token_hex(8)
        texts = [
            text
            for number, entry in zip(ids, kept, strict=True)
            for text in self._texts_of(number, entry, token)
        ]
        self._write(texts)
        return ids

    def search(self, key: str, queries: Sequence[str], k: int) -> tuple[tuple[Hit, ...], ...]:
        """Give for each query the `k` texts under `key` that its store finds nearest, best first.

        Raises:
            ConfigurationError: An unknown key, or `k` below 1.
        """
        self._store(key)
        if k < 1:
            raise ConfigurationError("k is the number of texts to find: give at least 1")
        return tuple(self._ranked(key, query, self._nearest(key, query, k)) for query in queries)

    def similarities(self, key: str, query: str, ids: Sequence[int]) -> dict[int, tuple[float, ...]]:
        """Give the exact cosine of `query` with every text under `key` of each record in `ids`.

        In the order of positions; empty where a record has no text there. Unknown ids are left out.
        """
        store = self._store(key)
        heads = self._heads(ids)
        places = [
            _document_id(number, key, position)
            for number, head in heads.items()
            for position in range(head.counts.get(key, 0))
        ]
        texts: dict[int, list[Document]] = {number: [] for number in heads}
        for document in _documents(store, places):
            texts[_number(document)].append(document)
        return {
            number: tuple(self._cosines(query, sorted(documents, key=_position)))
            for number, documents in texts.items()
        }

    def records(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Give the records of `ids`; unknown ids are left out."""
        return {number: head.record for number, head in self._heads(ids).items()}

    def ids(self) -> tuple[int, ...]:
        """Give the ids of all records, oldest first."""
        known = self._known
        last = known[-1] if known else 0
        while more := tuple(self._heads(range(last + 1, last + PROBE + 1))):
            known += more
            last = known[-1]
        self._known = known
        return known

    def _store(self, key: str) -> VectorStore:
        try:
            return self._stores[key]
        except KeyError:
            names = ", ".join(self._stores)
            raise ConfigurationError(f"this index has no key {key!r}: its keys are {names}") from None

    def _texts_of(self, number: int, entry: Entry, token: str) -> list[_Text]:
        counts = {key: len(texts) for key, texts in entry.keys.items() if texts}
        for key in counts:
            self._store(key)
        texts = [
            _text(number, key, position, text, token)
            for key in self._stores
            for position, text in enumerate(entry.keys.get(key, ()))
        ] or [_text(number, self.keys[0], 0, PLACEHOLDER, token)]
        head = {"outlay_record": as_json(entry.record), "outlay_counts": json.dumps(counts)}
        return [texts[0]._replace(metadata=texts[0].metadata | head), *texts[1:]]

    def _write(self, texts: list[_Text]) -> None:
        heads = [text for text in texts if text.is_head]
        rest = [text for text in texts if not text.is_head]
        try:
            for key, store in self._stores.items():
                _add(store, [text for text in rest if text.key == key])
            for key, store in self._stores.items():
                _add(store, [text for text in heads if text.key == key])
        except BaseException:
            self._forget(texts)
            raise

    def _forget(self, texts: list[_Text]) -> None:
        for key, store in self._stores.items():
            if ids := [text.id for text in texts if text.key == key]:
                store.delete(ids)

    def _heads(self, ids: Iterable[int]) -> dict[int, _Head]:
        missing, heads = sorted(set(ids)), {}
        for key, store in self._stores.items():
            for document in _documents(store, [_document_id(number, key, 0) for number in missing]):
                if "outlay_record" in document.metadata:
                    heads[_number(document)] = _head(document)
            missing = [number for number in missing if number not in heads]
        return dict(sorted(heads.items()))

    def _nearest(self, key: str, query: str, k: int) -> list[Document]:
        """Give `k` texts that count: the store is asked for more until there are, or it has no more."""
        depth = k
        while True:
            near = self._stores[key].similarity_search(query, depth)
            heads = self._heads({_number(document) for document in near})
            texts = [document for document in near if _counts(document, key, heads)]
            if len(texts) >= k or len(near) < depth:
                return texts[:k]
            depth *= 4

    def _ranked(self, key: str, query: str, documents: list[Document]) -> tuple[Hit, ...]:
        hits = [
            Hit(id=_number(document), key=key, position=_position(document), similarity=similarity)
            for document, similarity in zip(documents, self._cosines(query, documents), strict=True)
        ]
        return tuple(sorted(hits, key=lambda hit: (-hit.similarity, hit.id, hit.position)))

    def _cosines(self, query: str, documents: list[Document]) -> list[float]:
        if not documents:
            return []
        vectors = embedded(self.embedder, [query, *(document.page_content for document in documents)])
        return [cosine(product) for product in (vectors[1:] @ vectors[0]).tolist()]


def _text(number: int, key: str, position: int, text: str, token: str) -> _Text:
    metadata = {"outlay_id": number, "outlay_position": position, "outlay_token": token}
    return _Text(_document_id(number, key, position), key, text, metadata)


def _add(store: VectorStore, texts: list[_Text]) -> None:
    if texts:
        store.add_texts(
            [text.text for text in texts],
            metadatas=[text.metadata for text in texts],
            ids=[text.id for text in texts],
        )


def _document_id(number: int, key: str, position: int) -> str:
    return str(uuid5(NAMESPACE, f"{number}/{position}/{key}"))


def _documents(store: VectorStore, ids: list[str]) -> list[Document]:
    if not ids:
        return []
    try:
        return store.get_by_ids(ids)
    except NotImplementedError as exc:
        name = type(store).__name__
        raise ConfigurationError(
            f"{name} has no get_by_ids: give a store that finds documents by id"
        ) from exc


def _head(document: Document) -> _Head:
    metadata = document.metadata
    return _Head(
        metadata["outlay_token"],
        json.loads(metadata["outlay_record"]),
        json.loads(metadata["outlay_counts"]),
    )


def _counts(document: Document, key: str, heads: Mapping[int, _Head]) -> bool:
    """Whether a document is a text of a record: neither left behind nor a placeholder."""
    head = heads.get(_number(document))
    if head is None or head.token != document.metadata["outlay_token"]:
        return False
    return _position(document) < head.counts.get(key, 0)


def _number(document: Document) -> int:
    return int(document.metadata["outlay_id"])


def _position(document: Document) -> int:
    return int(document.metadata["outlay_position"])
