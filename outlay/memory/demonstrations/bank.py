"""The demonstration bank: what a teacher did, found again by where a student stands.

From arXiv 2512.02543, with the retrieval of its predecessor, arXiv 2505.00234: each key (goal, plan,
observation) names candidates, every candidate gets its exact similarity under every key, their mean ranks
the trajectories, and of each the steps around the one closest to the observation are shown. What collecting
cost is kept with the demonstrations, failures included.
"""

from __future__ import annotations

from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Self

from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.demonstrations.catalogue import Catalogue
from outlay.memory.demonstrations.demonstration import Demonstration, Query, shown
from outlay.memory.demonstrations.embedders import embedder_of
from outlay.memory.demonstrations.filing import KEYS, Added, Filed, Filing, filed
from outlay.memory.demonstrations.scoring import Similarities, averaged, breadth, nearest
from outlay.memory.demonstrations.statistics import BankStats, counted
from outlay.memory.demonstrations.turns import in_turn
from outlay.retrieval import Entry, Index
from outlay.retrieval.embedders import shared_embedder
from outlay.retrieval.store import FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from types import TracebackType

    from outlay.memory.demonstrations.trajectory import Trajectory
    from outlay.retrieval import Embedder, Searchable


class Bank:
    """Trajectories that succeeded, and what all runs of the teacher cost.

    Any number of threads may use one bank. Its methods block: call them through `asyncio.to_thread`.

    Args:
        index: Where they lie. It needs the key `goal`; `plan` and `observation` are compared where it has
            them.
        close: Called by `close`.

    Raises:
        RetrievalError: The index has no key `goal`.
    """

    def __init__(self, index: Searchable, *, close: Callable[[], None] | None = None) -> None:
        self.keys = tuple(key for key in KEYS if key in index.keys)
        if "goal" not in self.keys:
            raise RetrievalError(
                f"the index has the keys {', '.join(index.keys)}, so it is no demonstration bank: "
                f"make one with the keys {', '.join(KEYS)}, or with Bank.create"
            )
        self.index = index
        self._close = close
        self._catalogue = Catalogue(index)
        self._adding = RLock()
        self._counted: tuple[int, BankStats] | None = None

    @classmethod
    def create(cls, path: Path | str, embedder: Embedder | None = None) -> Self:
        """Make an empty bank in a new directory.

        Args:
            path: The directory.
            embedder: Makes the vectors; the packaged MiniLM unless given.

        Raises:
            RetrievalError: There is something already.
        """
        index = Index.create(path, embedder or shared_embedder(), keys=KEYS)
        return cls(index, close=index.close)

    @classmethod
    def open(cls, path: Path | str, embedder: Embedder | None = None, *, rebuild: bool = False) -> Self:
        """Open a bank.

        Args:
            path: Its directory.
            embedder: The one it was made with, which is found by its name unless given: MiniLM, a
                `HashEmbedder`, or a sentence-transformers model. Banks opened so share it.
            rebuild: Make anew what can be made from its records, as the errors of damage advise; with another
                `embedder`, also its vectors.

        Raises:
            RetrievalError: There is none, it is damaged, it was made with another embedder or with one of
                somebody's own that is not given, or it is another kind of index.
            ConfigurationError: The model of its embedder, or FAISS, is not there.
        """
        if not (Path(path) / FILE).is_file():
            raise RetrievalError(
                f"there is no bank in {path}: fill one with `outlay bank collect` or `outlay bank import`"
            )
        index = Index.open(path, embedder or embedder_of(path), rebuild=rebuild)
        try:
            return cls(index, close=index.close)
        except RetrievalError:
            index.close()
            raise

    def add(self, trajectories: Iterable[Trajectory]) -> Added:
        """File runs, all of them or, should anything fail, none; durable on return.

        Successes are cleaned and can be found from then on; of failures only the record and its cost are
        kept. Adding what is there already changes nothing, nor does it where several processes add at once:
        in a directory one adds after the other.

        Raises:
            RetrievalError: The index cannot be written.
        """
        given = tuple(trajectories)
        with self._adding, in_turn(self.index):
            known = self._catalogue.all().values()
            filing = Filing(
                (run.run for run in known), (run.shows for run in known if run.role == "demonstration")
            )
            for trajectory in given:
                filing.take(trajectory)
            if filing.filed:
                self.index.add([self._entry(one) for one in filing.filed])
            return filing.added

    def retrieve(
        self, query: Query, k: int = 6, *, window: int = 5, exclude: Collection[str] = ()
    ) -> tuple[Demonstration, ...]:
        """Give the parts of up to `k` trajectories that fit best, each trajectory at most once, best first.

        The score is the mean similarity over the keys of the query. A trajectory without text under one of
        them scores as its like with such a text does on average (`scoring.averaged`). Without an
        observation the window begins at the first step.

        Args:
            query: Where the student stands.
            k: At most how many; a smaller bank gives what it has, an empty one nothing.
            window: How many steps to show on either side of the best one.
            exclude: Tasks never shown: the student's own.

        Raises:
            ConfigurationError: `k` or `window` is negative.
            RetrievalError: The index is damaged.
        """
        if k < 0 or window < 0:
            raise ConfigurationError(f"k={k} and window={window}: both must be at least 0")
        texts: dict[str, str] = {key: text for key, text in query.texts.items() if key in self.keys}
        hidden = frozenset([exclude] if isinstance(exclude, str) else exclude)
        candidates = self._candidates(texts, k, hidden)
        if not candidates:
            return ()
        found = {key: self.index.similarities(key, text, candidates) for key, text in texts.items()}
        scores = averaged(_highest(found))
        best = sorted(scores, key=lambda id_: (-scores[id_], id_))[:k]
        observed = found.get("observation", {})
        runs = self._filed(best)
        return tuple(
            shown(runs[id_].trajectory, _closest(runs[id_], observed.get(id_, ())), window, scores[id_])
            for id_ in best
            if id_ in runs
        )

    def trajectories(self) -> tuple[Trajectory, ...]:
        """Give the demonstrations, cleaned, in the order they were added."""
        return self._read(id_ for id_, run in self._catalogue.all().items() if run.role == "demonstration")

    def runs(self) -> tuple[Trajectory, ...]:
        """Give all that was collected, failures too: added to an empty bank, they make this one again."""
        return self._read(self._catalogue.all())

    def get(self, task: str) -> tuple[Trajectory, ...]:
        """Give all runs of a task, failures too, in the order they were added."""
        return self._read(id_ for id_, run in self._catalogue.all().items() if run.task == task)

    def stats(self) -> BankStats:
        """Say what the bank holds, and what collecting it cost: as quick as counting its records.

        Runs are added up again only where the number of records has changed, in this process or another.
        """
        size = len(self.index)  # first: what comes meanwhile is then counted the next time
        known = self._counted
        if known is None or known[0] != size:
            known = (size, counted(self._catalogue.all().values(), self.index.embedder.name))
            self._counted = known
        return known[1]

    def close(self) -> None:
        """Close the index, if this bank opened it."""
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _entry(self, one: Filed) -> Entry:
        return Entry(record=one.model_dump(mode="json"), keys=one.texts(self.keys))

    def _candidates(self, texts: dict[str, str], k: int, hidden: frozenset[str]) -> list[int]:
        """Give the union of each key's nearest trajectories."""

        def allowed(ids: Collection[int]) -> list[int]:
            runs = self._catalogue.of(list(ids))
            return [
                id_ for id_, run in runs.items() if run.role == "demonstration" and run.task not in hidden
            ]

        wanted = breadth(k, texts)
        if not wanted:
            return []
        return sorted({
            id_ for key, text in texts.items() for id_ in nearest(self.index, key, text, wanted, allowed)
        })

    def _read(self, ids: Iterable[int]) -> tuple[Trajectory, ...]:
        wanted = list(ids)
        runs = self._filed(wanted)
        return tuple(runs[id_].trajectory for id_ in wanted if id_ in runs)

    def _filed(self, ids: list[int]) -> dict[int, Filed]:
        return {id_: filed(id_, record) for id_, record in self.index.records(ids).items()}


def _highest(found: dict[str, dict[int, tuple[float, ...]]]) -> Similarities:
    """Take each record's most similar text under each key."""
    return {key: {id_: max(of) for id_, of in there.items() if of} for key, there in found.items()}


def _closest(one: Filed, similarities: tuple[float, ...]) -> int:
    """Give the step whose observation is the most similar, the earliest of equals; without any, the first."""
    if not similarities:
        return 0
    return one.observed[similarities.index(max(similarities))]
