"""Logs as they are opened: a file or the directory of a collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from routers.tiers.worlds import designed

from outlay.bench.tiers.facts import LogFacts
from outlay.bench.tiers.logs import open_log
from outlay.errors import ConfigurationError
from outlay.routers.tiers import write_log

if TYPE_CHECKING:
    from pathlib import Path


def test_a_directory_is_its_log_and_its_facts(tmp_path: Path) -> None:
    write_log(tmp_path / "log.jsonl", designed(range(2)))
    (tmp_path / "facts.json").write_text(
        '{"embedder": "e", "simulated": true, "vectors": [[0, 0, 0, 0, 0]], "mine": 1}'
    )
    opened = open_log(tmp_path)
    assert opened.facts == LogFacts(embedder="e", simulated=True, vectors=((0, 0, 0, 0, 0),))
    assert (opened.name, opened.questions, len(opened.episodes)) == (tmp_path.name, ("q0", "q1"), 24)
    assert open_log(tmp_path / "log.jsonl").facts == opened.facts


def test_a_log_without_facts_has_none(tmp_path: Path) -> None:
    write_log(tmp_path / "mine.jsonl", designed(range(1)))
    assert open_log(tmp_path / "mine.jsonl").facts == LogFacts()


@pytest.mark.parametrize("facts", ["{", '{"simulated": "perhaps"}', "[]"])
def test_facts_that_are_none_are_refused(tmp_path: Path, facts: str) -> None:
    write_log(tmp_path / "log.jsonl", designed(range(1)))
    (tmp_path / "facts.json").write_text(facts)
    with pytest.raises(ConfigurationError, match="says how the log was made"):
        open_log(tmp_path)


def test_an_empty_or_missing_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        open_log(tmp_path)
    (tmp_path / "log.jsonl").touch()
    with pytest.raises(ConfigurationError, match="holds no episode"):
        open_log(tmp_path)
