"""Data sets, from a folder and by name, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from outlay.bench.sources import load
from outlay.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

datasets = pytest.importorskip("datasets")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "sums"
    folder.mkdir()
    (folder / "test.jsonl").write_text(
        '{"problem": "9 * 8?", "answer": "9 * 8 = 72\\n#### 72"}\n{"problem": "1 + 1?", "answer": "#### 2"}\n'
    )
    (folder / "train.jsonl").write_text('{"problem": "", "answer": "1"}\n')
    return folder


def test_a_folder_loads_as_a_data_set(folder: Path) -> None:
    items = load(str(folder), fields={"question": "problem"})
    assert [(item.id, item.question, item.answers) for item in items] == [
        ("row-1", "9 * 8?", ("72",)),
        ("row-2", "1 + 1?", ("2",)),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"split": "validation"}, r"split validation.* cannot be loaded \(Unknown split .*: check its name"),
        ({"subset": "main"}, r"subset main, split test\) cannot be loaded \(BuilderConfig 'main' not found"),
        ({"split": "train"}, "sums train, row 1: no field `question` among `problem`, `answer`: add it"),
        (
            {"split": "train", "fields": {"question": "problem"}},
            "sums train, row 1: the question is empty: write one",
        ),
    ],
    ids=["no split", "no subset", "no field", "empty"],
)
def test_what_is_wrong_with_a_data_set_is_one_sentence(
    folder: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        load(str(folder), **options)
    assert "\n" not in str(caught.value)


def test_a_folder_without_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"cannot be loaded \(The directory at .* doesn't contain any data"
    ):
        load(str(tmp_path))


def test_a_file_of_a_data_set_that_does_not_parse_says_why(folder: Path) -> None:
    (folder / "test.jsonl").write_text("{not JSON\n")
    with pytest.raises(
        ConfigurationError, match=r"cannot be loaded \((?!An error occurred).*: check its name"
    ):
        load(str(folder))


def test_a_name_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(
        ConfigurationError, match=r"not a name .split test. cannot be loaded \(Repo id must use"
    ):
        load("not a name")


def test_a_name_without_a_network_says_what_to_check() -> None:
    code = (
        "from outlay.bench.sources import load\n"
        "from outlay import ConfigurationError\n"
        "try:\n    load('someone/some-questions')\n"
        "except ConfigurationError as error:\n    print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    assert done.stdout.startswith("someone/some-questions (split test) cannot be loaded (")
    assert done.stdout.endswith(
        "): check its name, subset, split and the network, or give a .jsonl, .csv or .json file\n"
    )


def test_loading_a_file_imports_no_datasets(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"question": "?", "answer": 1}')
    code = (
        "import sys\nfrom outlay.bench.sources import load\n"
        f"load({str(path)!r})\nprint('datasets' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
