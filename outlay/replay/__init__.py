"""A store of completions, so that what was paid for once is not paid for again."""

from outlay.replay.store import Recorded, Replay

__all__ = ["Recorded", "Replay"]
