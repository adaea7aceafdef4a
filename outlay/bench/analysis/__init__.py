"""The statistics of a bench: figures, frontiers, comparisons."""

from outlay.bench.analysis.analyse import analyse
from outlay.bench.analysis.findings import Findings

__all__ = ["Findings", "analyse"]
