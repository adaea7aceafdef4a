"""Every kind of file that Outlay reads, damaged in every way: a typed error, never a raw exception."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from zlib import crc32

import pytest
from bench_records import items, manifest, trials
from routers.tiers.worlds import designed

from outlay.bench.directory import Directory
from outlay.bench.sources import load
from outlay.bench.tiers.facts import LogFacts, keep_facts
from outlay.bench.tiers.learnt import read_learnt
from outlay.bench.tiers.logs import open_log
from outlay.budget import Budget, Usage
from outlay.errors import ConfigurationError, PolicyError, RetrievalError
from outlay.ledger import Ledger
from outlay.memory.conversations import Memory, Utterance
from outlay.memory.demonstrations import Bank, Query, read_trajectories
from outlay.model.records import Choice
from outlay.replay import Replay
from outlay.routers.tiers import LearnedRouter, write_log
from outlay.testing import HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]

TYPED = (ConfigurationError, PolicyError, RetrievalError)
EMBEDDER = HashEmbedder(64)
ROW = {
    "task": "mug",
    "goal": "put the mug away",
    "plan": "find it",
    "steps": [{"observation": "You see a mug.", "action": "take mug"}],
    "success": True,
    "teacher": "expert",
}
ITEM = {"question": "What is 2 + 2?", "answer": "4"}


def make_rows(path: Path, row: dict[str, Any], number: int = 3) -> Path:
    path.write_text("".join(json.dumps({**row, "task": f"t{n}"}) + "\n" for n in range(number)))
    return path


def make(root: Path) -> None:
    """Write a sound file of each kind into `root`."""
    with Memory.create(root / "memory", EMBEDDER) as memory:
        memory.append(*(Utterance(text=f"thing number {n}", speaker="Ann") for n in range(30)))
        memory.retrieve("thing", 3)
        memory._chunks._open[0].save()  # type: ignore[index]
    rows = make_rows(root / "rows.jsonl", ROW)
    with Bank.create(root / "bank", EMBEDDER) as bank:
        bank.add(read_trajectories(rows))
        bank.index.save()  # type: ignore[attr-defined]
    with Replay(root / "journal.sqlite") as replay:
        replay.record("key", 0, 10, Choice(text="four"), Usage(calls=1, output_tokens=1), pieces=("four",))
    (root / "log").mkdir()
    facts = LogFacts(embedder="hash-8", model="a-model", simulated=True, scorer="exact")
    keep_facts(root / "log", facts)
    write_log(root / "log" / "log.jsonl", designed(range(8)))
    directory = Directory(root / "bench")
    with directory.written():
        directory.begin(manifest(), items(3))
        with directory.appending() as appender:
            for trial in trials([1.0, 0.0, 1.0]):
                appender.append(trial)
        with Ledger(Budget(usd=1)) as ledger:
            directory.keep("fence", ledger.snapshot())
    (root / "data.jsonl").write_text((json.dumps(ITEM) + "\n") * 3)
    (root / "data.json").write_text(json.dumps([ITEM] * 3))
    (root / "data.csv").write_text("question,answer\nWhat is 2 + 2?,4\n")


def use_memory(root: Path) -> None:
    with Memory.open(root / "memory", EMBEDDER) as memory:
        memory.stats()
        memory.utterances()
        memory.documents()
        memory.retrieve("thing number 4", 3)
        memory.vectors([1])
        memory.append("more")
        memory.retrieve("more", 3)


def use_bank(root: Path) -> None:
    with Bank.open(root / "bank") as bank:
        bank.stats()
        bank.runs()
        bank.trajectories()
        bank.retrieve(Query(goal="put the mug away", observation="You see a mug."), 2)


def use_journal(root: Path) -> None:
    with Replay(root / "journal.sqlite") as replay:
        replay.lookup("key", 0, 10)
        replay.lookup("key", 0, 5)
        len(replay)


def use_bench(root: Path) -> None:
    directory = Directory(root / "bench")
    directory.manifest()
    directory.items()
    list(directory.trials())
    directory.snapshot("fence")
    with directory.written():
        directory.begin(manifest(), items(3))


@dataclass(frozen=True)
class Kind:
    """A file, what reads it in Python, and the commands that do."""

    file: str
    use: Callable[[Path], object]
    commands: tuple[tuple[str, ...], ...] = ()
    may_pass: bool = False
    """Whether it can be made again from other files, or is only a part of what is read."""
    sound: frozenset[str] = frozenset()
    """The damages that leave a file of this kind."""


ASK = ("ask", "direct", "what?", "--model", "openai/none", "--api-base", "http://127.0.0.1:9/v1")
RUN = ("bench", "run", "--strategy", "direct", "--baselines", "none", "--model", "openai/none", "--dry-run")
READ_BANK = tuple(("bank", word, "{root}/bank") for word in ("list", "stats", "export"))
REPORT = (("bench", "report", "{root}/bench"),)
KINDS = {
    "memory": Kind(
        "memory/turns.sqlite", use_memory, (("ask", "budget-mem:memory={root}/memory", "what?", *ASK[3:]),)
    ),
    "memory's chunks": Kind("memory/chunks/records.sqlite", use_memory, may_pass=True),
    "memory's neighbours": Kind("memory/chunks/*.faiss", use_memory, may_pass=True),
    "bank": Kind("bank/records.sqlite", use_bank, READ_BANK),
    "bank's neighbours": Kind("bank/neighbours-0-*.faiss", use_bank, READ_BANK[:1]),
    "journal": Kind(
        "journal.sqlite",
        use_journal,
        ((*ASK, "--journal", "{root}/journal.sqlite", "--calls", "0"),),
        sound=frozenset({"empty"}),  # a new one
    ),
    "log": Kind(
        "log/log.jsonl",
        lambda root: open_log(root / "log"),
        (("train-router", "fit", "{root}/log", "--out", "{root}/new.pt", "--updates", "1"),),
    ),
    "log's facts": Kind(
        "log/facts.json", lambda root: open_log(root / "log"), sound=frozenset({"an object"})
    ),
    "policy": Kind("policy.pt", lambda root: LearnedRouter.load(root / "policy.pt")),
    "policy's report": Kind("policy.json", lambda root: read_learnt(root / "policy.pt")),
    "bench": Kind("bench/bench.json", use_bench, REPORT),
    "bench's items": Kind("bench/items.jsonl", use_bench, REPORT, sound=frozenset({"empty"})),
    "bench's records": Kind("bench/records.jsonl", use_bench, REPORT, may_pass=True),
    "bench's fence": Kind("bench/fence.json", use_bench),
    "items of JSON lines": Kind(
        "data.jsonl", lambda root: load(str(root / "data.jsonl")), ((*RUN, "--data", "{root}/data.jsonl"),)
    ),
    "items of JSON": Kind(
        "data.json", lambda root: load(str(root / "data.json")), ((*RUN, "--data", "{root}/data.json"),)
    ),
    "items of CSV": Kind(
        "data.csv",
        lambda root: load(str(root / "data.csv")),
        ((*RUN, "--data", "{root}/data.csv"),),
        may_pass=True,  # any text is a cell
    ),
    "trajectories": Kind(
        "rows.jsonl",
        lambda root: read_trajectories(root / "rows.jsonl"),
        (("bank", "import", "{root}/new", "{root}/rows.jsonl", "--embedder", "hash"),),
        sound=frozenset({"empty"}),
    ),
}


class Payload:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.folder,)


def other_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE moz_places (id INTEGER)")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "random": lambda path: path.write_bytes(Random(7).randbytes(5000)),  # noqa: S311
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3]),
    "a picture": lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)),
    "a database": other_database,
    "a directory": folder,
    "a pickle": lambda path: path.write_bytes(pickle.dumps(Payload(path.with_name("ran")))),
    "zeros": lambda path: path.write_bytes(bytes(8192)),
    "a list": lambda path: path.write_text("[[1], {}]\n"),
    "a number": lambda path: path.write_text("1\n"),
    "null": lambda path: path.write_text("null\n"),
    "an object": lambda path: path.write_text("{}\n"),
    "numbers for texts": lambda path: path.write_text(
        '{"question": {"a": 1}, "answer": [[]], "steps": 3, "task": {}, "strategy": 1, "budget": [], '
        '"item": {}, "seed": "x", "version": "new", "outlay": 1, "id": 1, "failure": 3}\n'
    ),
    "brackets": lambda path: path.write_text("[" * 100_000 + "\n"),
    "a long number": lambda path: path.write_text('{"seed": ' + "9" * 5000 + "}\n"),
    "not UTF-8": lambda path: path.write_bytes(b'{"question": "\xff\xfe", "answer": "\xe9"}\n'),
}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from outlay.cli import main  # noqa: PLC0415

    root = tmp_path_factory.mktemp("sound")
    make(root)
    fit = ("train-router", "fit", str(root / "log"), "--out", str(root / "policy.pt"), "--updates", "1")
    assert main([*fit, "--json", "--hidden", "8", "--trade-offs", "0.3,0"]) == 0
    return root


@pytest.fixture
def root(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "root"))


def damaged(root: Path, kind: Kind, damage: Callable[[Path], object]) -> None:
    [path] = root.glob(kind.file)
    for beside in path.parent.glob(f"{path.name}-*"):
        beside.unlink()
    damage(path)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_sound_file_is_read(root: Path, kind: Kind) -> None:
    kind.use(root)


def tried(use: Callable[[Path], object], root: Path) -> str | None:
    try:
        use(root)
    except TYPED as exc:
        return str(exc)
    return None


TABLES = {
    "memory": ("memory/turns.sqlite", ("turns", "facts"), False),
    "memory's chunks": (
        "memory/chunks/records.sqlite",
        ("facts", "entries", "texts", "vectors", "removals", "snapshots"),
        True,
    ),
    "bank": ("bank/records.sqlite", ("facts", "entries", "texts", "vectors", "removals", "snapshots"), False),
    "journal": ("journal.sqlite", (), False),
}
SCHEMA = [
    (name, statement)
    for name, (_, tables, _) in TABLES.items()
    for statement in (
        "PRAGMA user_version = 999",
        "PRAGMA application_id = 7",
        *(f"DROP TABLE {table}" for table in tables),
    )
]
INDEX = (
    "UPDATE entries SET record = 'nonsense'",
    "UPDATE entries SET record = '[1]'",
    "UPDATE entries SET record = '{}'",
    "UPDATE entries SET record = x'00ff'",
    "UPDATE entries SET record = CAST(x'ff' AS TEXT)",
    "DELETE FROM entries WHERE id = 1",
    "DELETE FROM texts WHERE row = 1",
    "DELETE FROM vectors WHERE row = 1",
    "UPDATE vectors SET vector = x'00'",
    "UPDATE vectors SET vector = 'text'",
    "UPDATE vectors SET key = 7",
    "UPDATE texts SET key = 7 WHERE row = 1",
    "UPDATE facts SET dimension = 32",
    "UPDATE facts SET dimension = 'many'",
    "UPDATE facts SET dimension = -64",
    "UPDATE facts SET records = 7",
    "UPDATE facts SET records = 'many'",
    "UPDATE facts SET keys = '{'",
    "UPDATE facts SET keys = '7'",
    "UPDATE facts SET keys = '[7]'",
    "UPDATE facts SET kind = 'round'",
    "UPDATE facts SET embedder = x'00'",
    "UPDATE snapshots SET kind = 'round'",
    "UPDATE snapshots SET file = '../other'",
    "UPDATE snapshots SET checksum = 7",
    "UPDATE snapshots SET last_row = 1",
    "DELETE FROM facts",
)
CONTENT = [
    ("journal", "ALTER TABLE completions RENAME COLUMN choice TO other"),
    *(
        ("memory", statement)
        for statement in (
            "ALTER TABLE turns RENAME COLUMN text TO words",
            "UPDATE turns SET text = x'00ff'",
            "UPDATE turns SET text = CAST(x'ff' AS TEXT)",
            "UPDATE facts SET chunk_tokens = 'many'",
            "UPDATE facts SET embedder = x'00'",
            "DELETE FROM facts",
        )
    ),
    *((name, statement) for name in ("memory's chunks", "bank") for statement in INDEX),
]


@pytest.mark.parametrize(
    ("name", "statement"), [*SCHEMA, *CONTENT], ids=[f"{name}: {what}" for name, what in [*SCHEMA, *CONTENT]]
)
def test_a_database_with_other_content_is_a_typed_error(root: Path, name: str, statement: str) -> None:
    file, _, can_be_made_again = TABLES[name]
    with closing(sqlite3.connect(root / file)) as connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(statement)
        connection.commit()
    said = tried(KINDS[name].use, root)
    assert said is not None or can_be_made_again
    assert "\n" not in (said or "")


def test_a_snapshot_of_other_vectors_is_noticed(root: Path) -> None:
    with Bank.create(root / "other", EMBEDDER) as bank:
        bank.add(read_trajectories(make_rows(root / "more.jsonl", ROW, 5)))
        bank.index.save()  # type: ignore[attr-defined]
    [mine] = (root / "bank").glob("neighbours-0-*.faiss")
    [theirs] = (root / "other").glob("neighbours-0-*.faiss")
    shutil.copy(theirs, mine)
    with closing(sqlite3.connect(root / "bank/records.sqlite")) as connection:
        connection.execute("UPDATE snapshots SET checksum = ? WHERE key = 0", (crc32(mine.read_bytes()),))
        connection.commit()
    with pytest.raises(RetrievalError, match="of other vectors"):
        use_bank(root)
    with Bank.open(root / "bank", rebuild=True) as bank:
        assert len(bank.retrieve(Query(goal="put the mug away"), 5)) == 3


def may_pass(kind: Kind, damage: str) -> bool:
    return kind.may_pass or damage == "cut" or damage in kind.sound


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())
def test_a_damaged_file_is_a_typed_error(root: Path, kind: Kind, damage: str) -> None:
    damaged(root, kind, DAMAGES[damage])
    said = tried(kind.use, root)
    assert said is not None or may_pass(kind, damage)
    assert "\n" not in (said or "")
    assert not list(root.rglob("ran"))


COMMANDS = [(name, command) for name, kind in KINDS.items() for command in kind.commands]


@pytest.mark.parametrize("damage", ["random", "a directory", "a number", "numbers for texts", "brackets"])
@pytest.mark.parametrize(
    ("name", "command"), COMMANDS, ids=[f"{name}: {' '.join(command[:2])}" for name, command in COMMANDS]
)
def test_a_damaged_file_is_one_sentence_and_status_2(
    outlay: Outlay, root: Path, name: str, command: tuple[str, ...], damage: str
) -> None:
    damaged(root, KINDS[name], DAMAGES[damage])
    ran = outlay(*(word.format(root=root) for word in command))
    assert ran.status == 2 or may_pass(KINDS[name], damage)
    if ran.status:
        assert (ran.status, ran.err.count("\n")) == (2, 1), ran.err
        assert "Traceback" not in ran.err
        assert "unexpected" not in ran.err
