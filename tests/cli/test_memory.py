"""`outlay memory create | append | import | show`."""

from __future__ import annotations

import io
import json
import stat
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

MESSAGES = [{"role": "user", "content": "I bought a cat."}, {"speaker": "Bob", "text": "What is its name?"}]
LOCOMO = [
    {
        "sample_id": name,
        "conversation": {
            "session_1_date_time": "8 May, 2023",
            "session_1": [{"speaker": "Ann", "text": f"I live in {town}.", "blip_caption": "a river"}],
        },
        "qa": [],
    }
    for name, town in (("conv-1", "Lisbon"), ("conv-2", "Oslo"))
]


@pytest.fixture
def memory(outlay: Outlay, tmp_path: Path) -> str:
    directory = str(tmp_path / "memory")
    assert outlay("memory", "create", directory, "--embedder", "hash").status == 0
    return directory


def put(path: Path, value: Any) -> str:
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return str(path)


def held(outlay: Outlay, memory: str, *options: str) -> list[tuple[str, ...]]:
    told = outlay("memory", "show", memory, "--json", *options).json
    said = [(one["speaker"], one["text"], one["time"], one["session"]) for one in told["utterances"]]
    return said + [(one["title"], one["text"]) for one in told["documents"]]


CAT = [("user", "I bought a cat.", "", ""), ("Bob", "What is its name?", "", "")]


@pytest.mark.parametrize(
    ("name", "content", "kept"),
    [
        ("a.jsonl", "\n".join(map(json.dumps, MESSAGES)), CAT),
        ("a.jsonl", "\n".join(map(json.dumps, MESSAGES)) + "\r\n\n", CAT),
        ("a.json", json.dumps(MESSAGES, indent=1), CAT),
        ("a.json", json.dumps({"messages": MESSAGES}, indent=1), CAT),
        ("a.log", "\n".join(map(json.dumps, MESSAGES)), CAT),
        ("a.txt", "[10:32] Hi\n\n{so}\n", [("", "[10:32] Hi", "", ""), ("", "{so}", "", "")]),
    ],
)
def test_append_keeps_messages_and_lines(
    outlay: Outlay, tmp_path: Path, memory: str, name: str, content: str, kept: list[tuple[str, ...]]
) -> None:
    assert outlay("memory", "append", memory, put(tmp_path / name, content)).status == 0
    assert held(outlay, memory) == kept


def test_append_reads_standard_input(outlay: Outlay, memory: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Hi\n")))
    outlay("memory", "append", memory, "--speaker", "Ann", "--time", "May", "--session", "1")
    assert held(outlay, memory) == [("Ann", "Hi", "May", "1")]


def test_what_a_message_says_itself_counts(outlay: Outlay, tmp_path: Path, memory: str) -> None:
    outlay("memory", "append", memory, put(tmp_path / "a.json", MESSAGES), "--speaker", "Ann")
    assert held(outlay, memory) == CAT


def test_import_makes_a_memory_of_a_document(outlay: Outlay, tmp_path: Path) -> None:
    file = put(tmp_path / "manual.txt", "Press it.\nThen wait.\n")
    ran = outlay("memory", "import", str(tmp_path / "new"), file, "--embedder", "hash")
    assert (ran.status, ran.err) == (0, "")
    assert held(outlay, str(tmp_path / "new")) == [("manual", "Press it.\nThen wait.\n")]
    assert (tmp_path / "new" / "chunks").is_dir()


def test_import_takes_one_conversation_of_locomo(outlay: Outlay, tmp_path: Path, memory: str) -> None:
    file = put(tmp_path / "locomo.json", LOCOMO)
    which = outlay("memory", "import", memory, file)
    assert which.status == 2
    assert "--conversation: known: conv-1, conv-2" in which.err
    assert outlay("memory", "import", memory, file, "--conversation", "conv-2").status == 0
    assert held(outlay, memory) == [("Ann", "I live in Oslo. [shares a river]", "8 May, 2023", "1")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["append", "{new}", "{good}"], "make one with outlay memory create", id="no memory"),
        pytest.param(["show", "{new}"], "make one with outlay memory create", id="nothing to show"),
        pytest.param(["create", "{memory}"], "outlay memory append, or give another DIR", id="there already"),
        pytest.param(["create", "{folder}"], "holds something else", id="another directory"),
        pytest.param(["append", "{memory}", "{new}"], "cannot be read (No such file", id="no file"),
        pytest.param(["append", "{memory}", "{folder}"], "cannot be read (Is a directory", id="a directory"),
        pytest.param(["append", "{memory}", "{empty}"], "there is nothing in", id="empty"),
        pytest.param(["append", "{memory}", "{broken}"], "line 2: not JSON at column 2", id="broken line"),
        pytest.param(["append", "{memory}", "{odd}"], "record 2: {'a': 1} is no message", id="no message"),
        pytest.param(["import", "{memory}", "{bytes}"], "is no text in UTF-8 (byte 2)", id="bytes"),
        pytest.param(["import", "{new}", "{broken}"], "line 2: not JSON", id="import of a broken line"),
        pytest.param(
            ["import", "{memory}", "{good}", "--embedder", "minilm"], "leave --embedder", id="embedder"
        ),
        pytest.param(["import", "{memory}", "{good}", "--conversation", "x"], "known: none", id="no LoCoMo"),
        pytest.param(["show", "{memory}", "--session", "x"], "no session 'x'", id="no session"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_changes_nothing(
    outlay: Outlay, tmp_path: Path, memory: str, arguments: list[str], said: str
) -> None:
    (tmp_path / "bytes").write_bytes(b"a\xff")
    paths = {
        "memory": memory,
        "new": str(tmp_path / "new"),
        "folder": str(tmp_path),
        "bytes": str(tmp_path / "bytes"),
        "good": put(tmp_path / "good.json", MESSAGES),
        "empty": put(tmp_path / "empty.txt", " \n"),
        "broken": put(tmp_path / "broken.jsonl", '{"text": "x"}\n{oops\n'),
        "odd": put(tmp_path / "odd.json", [*MESSAGES[:1], {"a": 1}]),
    }
    ran = outlay("memory", *(one.format(**paths) if "{" in one else one for one in arguments))
    assert (ran.status, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err
    assert held(outlay, memory) == []
    assert not (tmp_path / "new").exists()


def test_what_was_said_does_not_steer_the_terminal(outlay: Outlay, tmp_path: Path, memory: str) -> None:
    hostile = {"speaker": "[red]Ann", "text": "a\x1b]0;title\x07b\x1b[2J", "session": "s\x1b[1m"}
    outlay("memory", "append", memory, put(tmp_path / "a.json", [hostile]))
    for options in ([], ["--text"]):
        shown = outlay("memory", "show", memory, *options).out
        assert "\x1b" not in shown
    assert "[red]Ann: ab" in shown


def test_new_files_are_private(outlay: Outlay, tmp_path: Path) -> None:
    outlay("memory", "import", str(tmp_path / "m"), put(tmp_path / "a.txt", "Hi"), "--embedder", "hash")
    made = [tmp_path / "m", *(tmp_path / "m").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in made} == {0}


def test_a_memory_made_so_is_asked(outlay: Outlay, tmp_path: Path, served: tuple[str, ...]) -> None:
    outlay("memory", "import", str(tmp_path / "m"), put(tmp_path / "a.json", MESSAGES), "--embedder", "hash")
    spec = f"budget-mem:memory={tmp_path / 'm'},router=low"
    ran = outlay("ask", spec, "What did I buy?", *served, "--json")
    assert (ran.status, ran.json["value"]) == (0, "42")
