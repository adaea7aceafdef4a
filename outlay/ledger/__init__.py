"""Fences: the only thing that counts, and the only one that changes."""

from outlay.ledger.booking import Report, Snapshot
from outlay.ledger.claim import Allowance, Claim
from outlay.ledger.ledger import Ledger
from outlay.ledger.reservation import Reservation
from outlay.ledger.scope import current_ledger, require_fence
from outlay.ledger.set_aside import SetAside

__all__ = [
    "Allowance",
    "Claim",
    "Ledger",
    "Report",
    "Reservation",
    "SetAside",
    "Snapshot",
    "current_ledger",
    "require_fence",
]
