"""Standard output kept for one JSON object."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TextIO

if TYPE_CHECKING:
    from types import TracebackType


@dataclass
class CleanOutput:
    """Sends to standard error, while entered, whatever libraries print: native ones too."""

    wanted: bool = True
    _kept: int | None = None
    _ours: TextIO | None = None

    def __enter__(self) -> Self:
        if self.wanted:
            sys.stdout.flush()
            self._ours, sys.stdout = sys.stdout, sys.stderr
            self._kept = os.dup(1)
            os.dup2(2, 1)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Restore standard output; a second time does nothing."""
        if self._kept is None or self._ours is None:
            return
        sys.stdout = self._ours
        os.dup2(self._kept, 1)
        os.close(self._kept)
        self._kept = None
