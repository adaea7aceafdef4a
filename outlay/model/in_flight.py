"""The reservations of one caller, so that it can give them up from its own thread."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from outlay.ledger import Reservation


class InFlight:
    """Reservations that are not settled yet.

    Calls live on the calls loop, and their caller may be cancelled on another: when it sees its
    `CancelledError` the ledger must be settled, whatever the calls loop has got to by then.
    """

    def __init__(self) -> None:
        # Re-entrant, because an abandoned stream can be collected inside these very methods; so
        # each of them notes first and looks whether it was abandoned afterwards.
        self._lock = threading.RLock()
        self._abandoned = False
        self._held: dict[int, tuple[Reservation, bool]] = {}

    def admit(self, reservation: Reservation) -> None:
        """Take a reservation in."""
        with self._lock:
            self._held[id(reservation)] = (reservation, False)
            abandoned = self._abandoned
        if abandoned:
            self.end(reservation)
            raise asyncio.CancelledError

    def send(self, reservation: Reservation) -> None:
        """Note that its request is handed to the transport now."""
        with self._lock:
            if not self._abandoned:
                self._held[id(reservation)] = (reservation, True)
            abandoned = self._abandoned
        if abandoned:
            raise asyncio.CancelledError

    def end(self, reservation: Reservation) -> None:
        """Let it go; what was not settled is given back if it was not sent, else stays spent."""
        with self._lock:
            entry = self._held.pop(id(reservation), None)
        if entry is not None:
            _give_up(*entry)

    def abandon(self) -> None:
        """Give up all of them, and any that comes later."""
        with self._lock:
            self._abandoned = True
            entries = list(self._held.values())
            self._held.clear()
        for entry in entries:
            _give_up(*entry)


def _give_up(reservation: Reservation, sent: bool) -> None:  # noqa: FBT001 - a pair, unpacked
    if sent:
        reservation.forfeit()
    else:
        reservation.release()
