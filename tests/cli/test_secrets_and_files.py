"""What the commands write and print: no key, nothing that steers a terminal, and files for the owner only."""

from __future__ import annotations

import json
import os
import stat
import sys
from typing import TYPE_CHECKING

import pytest
from cli.train_router.conftest import collected
from test_redaction import error, serving

from outlay.bench.directory import Directory
from outlay.memory.conversations import Memory
from outlay.memory.demonstrations import Bank, Trajectory
from outlay.replay import Replay
from outlay.testing import CountingServer, HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

KEY = "correct-horse-battery-staple-9"
PASSWORD = "s3cr3t-passw0rd"  # noqa: S105 - a test's
QUERY = "q1w2e3r4t5"
SECRETS = (KEY, PASSWORD, QUERY)
EVIL = "\x1b[2J[red]4[/] [/nothing] \x1b]0;title\x07\x9b31m\u202e24\u2066 #### 4"
STEERING = ("\x1b", "\x9b", "\x07", "\u202e", "\u2066")
FIT = ("--updates", "1", "--hidden", "8", "--trade-offs", "0.3,0")


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch, outlay: Outlay) -> Outlay:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)  # after the fixture that sets another
    return outlay


def options(url: str) -> tuple[str, ...]:
    return ("--model", "openai/test", "--api-base", url, "--price", "1,2")


def bench(data: str, out: Path, url: str) -> tuple[str, ...]:
    chosen = ("--data", data, "--strategy", "direct", "--baselines", "none", "--out", str(out))
    return ("bench", "run", *chosen, *options(url))


@pytest.fixture
def data(tmp_path: Path) -> str:
    path = tmp_path / "data.jsonl"
    path.write_text("".join(json.dumps({"question": f"2 + {n}?", "answer": "4"}) + "\n" for n in range(2)))
    return str(path)


def leaks(folder: Path) -> list[tuple[Path, str]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [(path, secret) for path in files for secret in SECRETS if secret.encode() in path.read_bytes()]


def test_no_key_of_an_echoing_server_is_printed_or_recorded(key: Outlay, data: str, tmp_path: Path) -> None:
    out = tmp_path / "bench"
    with CountingServer(reply=f"Your key is {KEY}.") as server:
        ask = ("ask", "direct", "hello", *options(server.url), "--journal", str(tmp_path / "journal.sqlite"))
        commands = (ask, bench(data, out, server.url), ("bench", "report", str(out)))
        ran = [key(*command, *more) for command in commands for more in ((), ("--json",))]
    assert [one.status for one in ran] == [0] * 6
    assert "Your key is ***." in ran[0].out
    assert ran[1].json["answer"] == "Your key is ***."
    assert not [one for one in ran for secret in SECRETS if secret in one.out + one.err]
    assert not leaks(tmp_path)


@pytest.mark.parametrize(("user", "query"), [("", ""), (f"ann:{PASSWORD}@", ""), ("", f"?api_key={QUERY}")])
def test_no_key_of_a_refusing_server_is_printed_or_recorded(
    key: Outlay, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: str, query: str
) -> None:
    out = tmp_path / "bench"
    said = json.dumps({"error": {"message": f"\x1b[2Jno KEY and {PASSWORD}\u202e"}}).encode()
    with serving(error(401, said)) as plain:
        url = plain.replace("http://", f"http://{user}") + query
        ask = ("ask", "direct", "hello", *options(url))
        commands = (ask, bench(data, out, url))
        monkeypatch.setattr(sys, "argv", ["outlay", *commands[1]])
        ran = [key(*command, *more) for command in commands for more in ((), ("--json",))]
        ran.append(key("bench", "report", str(out)))
    assert all(one.status for one in ran[:2])
    secrets = (KEY, *([PASSWORD] if user else []), QUERY)
    assert not [one for one in ran for secret in secrets if secret in one.out + one.err]
    assert not [sign for sign in STEERING if sign in ran[0].err]
    assert not [(path, secret) for path, secret in leaks(tmp_path) if secret in secrets]
    if user or query:
        assert "***" in Directory(out).manifest().commands[0]


def test_a_models_text_neither_steers_the_terminal_nor_is_markup(
    outlay: Outlay, data: str, tmp_path: Path
) -> None:
    bank, out = str(tmp_path / "bank"), tmp_path / "bench"
    with CountingServer(reply=EVIL) as server:
        ran = [outlay("ask", name, "hello", *options(server.url)) for name in ("direct", "self-consistency")]
        told = outlay("ask", "direct", "hello", *options(server.url), "--json")
        ran += [outlay(*bench(data, out, server.url)), outlay("bench", "report", str(out))]
    with Bank.create(bank, HashEmbedder(8)) as opened:
        step = {"observation": EVIL, "reasoning": EVIL, "action": EVIL}
        run = {"task": "t" + EVIL, "goal": EVIL, "plan": EVIL, "steps": [step], "success": True}
        opened.add([Trajectory.model_validate({**run, "teacher": EVIL})])
    ran += [outlay("bank", word, bank) for word in ("list", "stats")]
    ran += [outlay("bank", "show", bank, "t" + EVIL), outlay("bank", "show", bank, EVIL)]
    assert not [(one, sign) for one in ran for sign in STEERING if sign in one.out + one.err]
    assert "[red]4[/] [/nothing]" in ran[0].out
    assert "[red]4[/] [/nothing]" in ran[-2].out
    assert told.json["answer"] == EVIL


@pytest.fixture
def umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder)} {stat.filemode(path.stat().st_mode)}"
        for path in folder.rglob("*")
        if path.stat().st_mode & 0o077
    ]


@pytest.mark.usefixtures("umask")
def test_new_files_are_their_owners_alone(outlay: Outlay, data: str, tmp_path: Path) -> None:
    new = tmp_path / "new" / "deep"
    log = collected(tmp_path / "log", range(8))
    rows = tmp_path / "rows.jsonl"
    step = {"observation": "You see a mug.", "action": "take mug"}
    rows.write_text(json.dumps({"task": "t", "goal": "g", "steps": [step], "success": True}) + "\n")
    with CountingServer(reply="#### 4") as server:
        asked = options(server.url)
        commands = [
            bench(data, new / "bench", server.url),
            ("ask", "direct", "hello", *asked, "--journal", f"{new}/journal.sqlite"),
            ("bench", "report", f"{new}/bench"),
            ("bank", "import", f"{new}/bank", str(rows), "--embedder", "hash"),
            ("bank", "export", f"{new}/bank", f"{new}/exported.jsonl"),
            ("bank", "collect", f"{new}/collected", "--data", data, *asked, "--embedder", "hash"),
            ("train-router", "fit", str(log), "--out", f"{new}/policy.pt", *FIT),
            ("train-router", "report", str(log), "--policy", f"{new}/policy.pt", "--out", f"{new}/tiers"),
        ]
        assert [(command[:2], ran.err) for command in commands if (ran := outlay(*command)).status] == []
    with Memory.create(new / "memory" / "of" / "ann", HashEmbedder(8)) as memory, Replay(new / "j") as replay:
        memory.append("hello")
        memory.retrieve("hello")
        memory._chunks._open[0].save()  # type: ignore[index]
        len(replay)
        assert {path.name for path in new.rglob("*-wal")} >= {
            "turns.sqlite-wal",
            "records.sqlite-wal",
            "j-wal",
        }
        assert open_to_others(tmp_path / "new") == []
    made = {path.name for path in new.rglob("*")}
    assert made >= {"bench.json", "report.html", "frontier.png", "summary.csv", "fence.json", "policy.json"}
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o700


@pytest.mark.usefixtures("umask")
def test_files_that_are_there_keep_their_mode(outlay: Outlay, data: str, tmp_path: Path) -> None:
    journal, out = tmp_path / "journal.sqlite", tmp_path / "bench"
    with CountingServer(reply="#### 4") as server:
        asked = options(server.url)
        commands = [
            ("ask", "direct", "hello", *asked, "--journal", str(journal)),
            bench(data, out, server.url),
            ("bench", "report", str(out)),
        ]
        for command in commands:
            assert outlay(*command).status == 0
        files = [journal, *(path for path in out.iterdir() if path.is_file() and path.name != "lock")]
        for path in (*files, out):
            path.chmod(path.stat().st_mode | 0o040)
        for command in commands:
            assert outlay(*command).status == 0
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}
    assert stat.S_IMODE(out.stat().st_mode) == 0o740
