"""What must not exist twice: a copy of a fence would be a second budget of the same size."""

from __future__ import annotations

import os
from typing import NoReturn

from outlay.errors import ConfigurationError

process = os.getpid()
"""The process that runs this."""

ADVICE = (
    "split the budget and make a Ledger with its share in each process, or move the fence with "
    "`ledger.snapshot()` and `Ledger.restore(snapshot)` and stop using it here"
)


class Uncopyable:
    """Something of a ledger that `copy`, `deepcopy` and `pickle` refuse."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise ConfigurationError(
            f"a copy of a {type(self).__name__} would be a second full fence, so it cannot be copied or "
            f"pickled, nor can what holds it, e.g. a Model(..., ledger=): {ADVICE}"
        )


def foreign(name: str, owner: int) -> ConfigurationError:
    """Return the error of using a fence in a process that was forked from its own."""
    return ConfigurationError(
        f"fence {name!r} belongs to process {owner}, which forked this one; used here it would be a second "
        f"full fence: {ADVICE}"
    )


def _forked() -> None:
    global process  # noqa: PLW0603 - it is one of the process
    process = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
