"""The baseline of every cascade: as many deferrals, at steps that a die picks."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from pydantic import Field

from outlay.budget import Settings

_BYTES: Final = 8


class RandomDeferral(Settings):
    """Defers a share of steps at random; the same step, share and seed always fare the same.

    Steps that are deferred at one share are deferred at every larger one.
    """

    share: float = Field(ge=0, le=1)
    """Of the steps that are deferred: the rate of the cascade it is set beside."""
    seed: int = 0

    def defers(self, step: str) -> bool:
        """Whether a step is the teacher's.

        Args:
            step: What tells it from every other, e.g. task, episode and place in it.
        """
        drawn = blake2b(f"{self.seed}/{step}".encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
        return int.from_bytes(drawn) < self.share * 256**_BYTES
