"""A lock that many readers hold at once, or one writer."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Condition
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class ReadersWriter:
    """Whoever wants to write goes before readers that come later. Not reentrant."""

    def __init__(self) -> None:
        self._turn = Condition()
        self._readers = 0
        self._writers = 0
        self._is_written = False

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold it together with other readers."""
        with self._turn:
            self._turn.wait_for(lambda: not self._writers)
            self._readers += 1
        try:
            yield
        finally:
            with self._turn:
                self._readers -= 1
                self._turn.notify_all()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold it alone."""
        with self._turn:
            self._writers += 1
            try:
                self._turn.wait_for(lambda: not self._readers and not self._is_written)
            except BaseException:
                self._writers -= 1
                self._turn.notify_all()
                raise
            self._is_written = True
        try:
            yield
        finally:
            with self._turn:
                self._is_written = False
                self._writers -= 1
                self._turn.notify_all()
