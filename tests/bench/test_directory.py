from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from outlay.bench.directory import Directory
from outlay.bench.items import Item
from outlay.bench.manifest import Manifest
from outlay.bench.trial import Failure, Trial
from outlay.budget import Budget
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = Manifest(outlay="1", model="m", source="easy.jsonl", scorer="exact", commands=("first",))
ITEM = Item(id="a", question="?", answers=("1",), context="a long book")
TRIAL = Trial(strategy="direct", budget=Budget(output_tokens=5), item="a", seed=0, score=1.0)
FAILED = TRIAL.model_copy(update={"score": None, "failure": Failure(stage="run", kind="E", message="down")})


def fill(path: Path, *trials: Trial) -> Directory:
    directory = Directory(path)
    with directory.written():
        directory.begin(MANIFEST, (ITEM,))
        with directory.appending() as appender:
            for trial in trials:
                appender.append(trial)
    return directory


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    other = TRIAL.model_copy(update={"seed": 1, "score": 0.0})
    directory = fill(tmp_path / "new" / "bench", TRIAL, other)
    assert list(directory.trials()) == [TRIAL, other]
    assert directory.manifest() == MANIFEST
    assert directory.items() == (ITEM.model_copy(update={"context": None}),)


def test_the_last_line_of_a_record_counts(tmp_path: Path) -> None:
    assert list(fill(tmp_path, FAILED, TRIAL).trials()) == [TRIAL]


def test_a_line_cut_off_by_a_kill_is_not_read_and_is_dropped_by_the_next_run(tmp_path: Path) -> None:
    directory = fill(tmp_path, TRIAL)
    with directory.records.open("ab") as file:
        file.write(b'{"strategy":"direct","bud')
    assert list(directory.trials()) == [TRIAL]
    other = TRIAL.model_copy(update={"item": "b"})
    with directory.appending() as appender:
        appender.append(other)
    assert list(directory.trials()) == [TRIAL, other]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        Directory(tmp_path).written(),
        pytest.raises(ConfigurationError, match="another run is writing"),
        Directory(tmp_path).written(),
    ):
        pass


def test_a_further_run_adds_its_command_and_its_items(tmp_path: Path) -> None:
    directory = fill(tmp_path, TRIAL)
    more = Item(id="b", question="??", answers=("2",))
    again = MANIFEST.model_copy(update={"commands": ("second",), "outlay": "2"})
    kept = directory.begin(again, (ITEM, more))
    assert kept.commands == ("first", "second")
    assert kept.outlay == "1"
    assert [item.id for item in directory.items()] == ["a", "b"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": "other"}, "made with model m, not other"),
        ({"source": "x.jsonl"}, "made with source easy.jsonl, not x.jsonl"),
        ({"scorer": "f1"}, "made with scorer exact, not f1"),
        ({"replay": False}, "made with replay True, not False"),
    ],
    ids=["model", "source", "scorer", "replay"],
)
def test_another_bench_is_refused_in_the_same_directory(
    tmp_path: Path, change: dict[str, object], says: str
) -> None:
    directory = fill(tmp_path, TRIAL)
    with pytest.raises(ConfigurationError, match=says):
        directory.begin(MANIFEST.model_copy(update=change), (ITEM,))


def test_an_item_that_changed_is_refused_even_where_only_its_context_did(tmp_path: Path) -> None:
    directory = fill(tmp_path, TRIAL)
    with pytest.raises(ConfigurationError, match="item 'a' is not the one"):
        directory.begin(MANIFEST, (ITEM.model_copy(update={"context": "another book"}),))


def test_a_directory_without_a_record_is_anybodys(tmp_path: Path) -> None:
    directory = fill(tmp_path)
    other = MANIFEST.model_copy(update={"model": "other", "commands": ("second",)})
    changed = ITEM.model_copy(update={"question": "else?"})
    assert directory.begin(other, (changed,)) == other
    assert [item.question for item in directory.items()] == ["else?"]


def test_an_empty_directory_is_no_bench(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no bench"):
        Directory(tmp_path).manifest()


def test_records_without_a_manifest_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "records.jsonl").write_text("mine\n")
    with pytest.raises(ConfigurationError, match=r"no bench\.json"):
        Directory(tmp_path).begin(MANIFEST, ())
    assert (tmp_path / "records.jsonl").read_text() == "mine\n"


@pytest.mark.parametrize(
    "line", ["nonsense", "[]", '{"strategy": "direct"}'], ids=["no json", "list", "half"]
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    directory = fill(tmp_path, TRIAL)
    with directory.records.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(ConfigurationError, match="line 2 is no record"):
        list(directory.trials())


def test_a_bench_of_another_version_is_refused(tmp_path: Path) -> None:
    directory = fill(tmp_path)
    (tmp_path / "bench.json").write_text(MANIFEST.model_copy(update={"version": 99}).model_dump_json())
    with pytest.raises(ConfigurationError, match="another version"):
        directory.manifest()


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be written"), Directory(tmp_path / "file").written():
        pass
