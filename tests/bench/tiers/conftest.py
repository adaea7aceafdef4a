from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from bench.tiers import sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A policy's file; what was learnt is beside it."""
    path = tmp_path_factory.mktemp("policy") / "policy.pt"
    sample.learnt(path)
    return path


@pytest.fixture(scope="session")
def learnt(policy: Path) -> Learnt:
    return sample.learnt(policy)


@pytest.fixture(scope="session")
def by_kind(learnt: Learnt) -> Findings:
    """A router that is right at the least that was run, tried on a test log."""
    return sample.by_kind(learnt)


@pytest.fixture(scope="session")
def constant(learnt: Learnt) -> Findings:
    """A router that does not look at the question."""
    return sample.constant(learnt)
