"""A bank of what a teacher did, and the steps of it that fit where a student stands."""

from outlay.memory.demonstrations.bank import Bank
from outlay.memory.demonstrations.demonstration import Demonstration, Query
from outlay.memory.demonstrations.filing import Added
from outlay.memory.demonstrations.jsonl import read_trajectories, write_trajectories
from outlay.memory.demonstrations.saving import break_even, net_saving
from outlay.memory.demonstrations.statistics import BankStats, Collected
from outlay.memory.demonstrations.trajectory import Step, Trajectory

__all__ = [
    "Added",
    "Bank",
    "BankStats",
    "Collected",
    "Demonstration",
    "Query",
    "Step",
    "Trajectory",
    "break_even",
    "net_saving",
    "read_trajectories",
    "write_trajectories",
]
