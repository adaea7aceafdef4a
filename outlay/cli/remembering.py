"""Memories made, filled and shown by `outlay memory`."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING, Any, Final

from rich import box
from rich.table import Table

from outlay.bench.sources import locomo
from outlay.bench.sources.reading import parsed
from outlay.cli.exits import ANSWERED, INTERRUPTED, print_json, say_error
from outlay.cli.live import paper, say
from outlay.cli.output import CleanOutput
from outlay.cli.progress import working
from outlay.errors import ConfigurationError
from outlay.memory.conversations import Document, Memory, Utterance
from outlay.memory.conversations.packing import CHUNK_TOKENS
from outlay.memory.conversations.spoken import spoken
from outlay.memory.conversations.turns import FILE, Turns
from outlay.retrieval.embedders import HASH, USUAL, embedder_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Said = Utterance | Document

JSON: Final = frozenset({".json", ".jsonl", ".ndjson"})
"""Endings of files that are not taken for a text."""


def create_memory(directory: Path, embedder: str | None, chunk_tokens: int | None, *, as_json: bool) -> int:
    """Make an empty memory. Gives the exit status."""
    if (directory / FILE).is_file():
        raise ConfigurationError(
            f"there is a memory in {directory}: add to it with outlay memory append, or give another DIR"
        )
    with CleanOutput(wanted=as_json), _created(directory, embedder, chunk_tokens) as memory:
        facts = {"memory": str(directory), "embedder": memory.embedder.name}
    if as_json:
        print_json(facts)
    else:
        say(f"{directory} is an empty memory; fill it with outlay memory append, or import")
    return ANSWERED


def append_file(directory: Path, file: Path, unsaid: Mapping[str, str], *, as_json: bool) -> int:
    """Add messages to a memory, without embedding them. Gives the exit status."""
    turns = _turns(directory)
    try:
        said = _read(file, unsaid, lines=True, conversation=None)
        turns.append(said)
        return _say_added(directory, said, turns.counts(), as_json=as_json)
    finally:
        turns.close()


def import_file(
    directory: Path,
    file: Path,
    unsaid: Mapping[str, str],
    *,
    conversation: str | None,
    new: tuple[str | None, int | None],
    as_json: bool,
) -> int:
    """Add a file to a memory, made if there is none, and embed it. Gives the exit status."""
    said = _read(file, unsaid, lines=False, conversation=conversation)
    with CleanOutput(wanted=as_json) as output, _opened(directory, *new) as memory:
        memory.append(*said)
        try:
            with working(f"embedding {_counted(said)}"):
                found = memory.stats()
        except KeyboardInterrupt:
            output.give_back()
            message = f"interrupted: all of {file} is in the memory, and is embedded when that is next asked"
            say_error("Interrupted", message, as_json=as_json)
            return INTERRUPTED
    counts = {"utterance": found.utterances, "document": found.documents}
    return _say_added(directory, said, counts, as_json=as_json)


def show_memory(directory: Path, session: str | None, *, with_text: bool, as_json: bool) -> int:
    """Say what a memory holds; no model is loaded. Gives the exit status.

    Raises:
        ConfigurationError: There is no memory, or no such session.
    """
    turns = _turns(directory)
    try:
        sessions, facts = turns.sessions(), turns.facts
        utterances = turns.utterances(session)
        documents = turns.documents() if session is None else ()
    finally:
        turns.close()
    if session is not None and session not in sessions:
        raise ConfigurationError(f"no session {session!r}: known: {', '.join(map(repr, sessions)) or 'none'}")
    if as_json:
        print_json({
            "memory": str(directory),
            **facts._asdict(),
            "sessions": sessions,
            "utterances": [one.model_dump() for one in utterances],
            "documents": [one.model_dump() for one in documents],
        })
        return ANSWERED
    if with_text or session is not None:
        for line in _lines(utterances, documents):
            say(line)
        return ANSWERED
    if utterances or documents:
        paper().print(_table(utterances, documents))
    held = _counted([*utterances, *documents])
    say(f"{held}; chunks of {facts.chunk_tokens} tokens, embedded by {facts.embedder}")
    return ANSWERED


def _read(file: Path, unsaid: Mapping[str, str], *, lines: bool, conversation: str | None) -> list[Said]:
    """Read a file of messages, or a text: one message a line, or one document.

    Raises:
        ConfigurationError: It cannot be read, or there is nothing in it.
    """
    place, text = _text(file)
    records = _records(place, text, must=file.suffix.lower() in JSON)
    if records is not None:
        said = _told(records, conversation)
    elif conversation is not None:
        raise ConfigurationError(f"{place} is a text and no file of LoCoMo's: leave --conversation out")
    elif lines:
        said = [Utterance(text=line.strip()) for line in text.splitlines() if line.strip()]
    else:
        said = [Document(text=text, title="" if str(file) == "-" else file.stem)] * bool(text.strip())
    if not said:
        raise ConfigurationError(f"there is nothing in {place}: give messages or a text")
    return [_completed(one, unsaid) for one in said]


def _text(file: Path) -> tuple[str, str]:
    place = "standard input" if str(file) == "-" else str(file)
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as exc:
        raise ConfigurationError(f"{place} cannot be read ({exc.strerror}): give another FILE") from exc
    except UnicodeDecodeError as exc:
        raise ConfigurationError(f"{place} is no text in UTF-8 (byte {exc.start + 1}): convert it") from exc
    if "\0" in text:
        raise ConfigurationError(f"{place} is no text: give a text, or messages as JSON")
    return place, text


def _records(place: str, text: str, *, must: bool) -> list[tuple[str, Any]] | None:
    """Give the JSON values in a text with their places; `None`: it is no JSON, and need not be."""
    whole = _json(text)
    if isinstance(whole, list):
        return [(f"{place}, record {number}", one) for number, one in enumerate(whole, 1)]
    if isinstance(whole, dict):
        return [(place, whole)]
    rows = [(f"{place}, line {number}", row) for number, row in enumerate(text.split("\n"), 1) if row.strip()]
    if not must and not (rows and isinstance(_json(rows[0][1]), dict)):
        return None
    return [(where, parsed(where, row)) for where, row in rows]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _told(records: list[tuple[str, Any]], conversation: str | None) -> list[Said]:
    samples = [locomo.sample_of(where, one) for where, one in records if _is_locomo(one)]
    if samples or conversation is not None:
        names = [sample.sample_id for sample in samples]
        chosen = [sample for sample in samples if conversation in {None, sample.sample_id}]
        if len(chosen) != 1:
            raise ConfigurationError(
                f"name one conversation of the file by --conversation: known: {', '.join(names) or 'none'}"
            )
        return list(locomo.history_of(chosen[0]))
    said: list[Said] = []
    for where, one in records:
        messages = one.get("messages") if isinstance(one, dict) else None
        try:
            said += map(spoken, messages if isinstance(messages, list) else [one])
        except ConfigurationError as exc:
            raise ConfigurationError(f"{where}: {exc}") from exc
    return said


def _is_locomo(record: Any) -> bool:
    return isinstance(record, dict) and locomo.knows(record)


def _completed(one: Said, unsaid: Mapping[str, str]) -> Said:
    """Give a record with what it does not say itself."""
    missing = {name: said for name, said in unsaid.items() if said and getattr(one, name, None) == ""}
    return type(one)(**{**one.model_dump(), **missing})


def _turns(directory: Path) -> Turns:
    if not (directory / FILE).is_file():
        raise ConfigurationError(f"there is no memory in {directory}: make one with outlay memory create DIR")
    return Turns(directory)


def _created(directory: Path, embedder: str | None, chunk_tokens: int | None) -> Memory:
    return Memory.create(
        directory, embedder_named(embedder or USUAL), chunk_tokens=chunk_tokens or CHUNK_TOKENS
    )


def _opened(directory: Path, embedder: str | None, chunk_tokens: int | None) -> Memory:
    if not (directory / FILE).is_file():
        return _created(directory, embedder, chunk_tokens)
    turns = _turns(directory)
    made, most = turns.facts
    turns.close()
    own = made.rpartition("@")[0] or made
    is_own = embedder in {None, own} or (embedder == HASH and own.startswith(HASH))
    if not is_own or chunk_tokens not in {None, most}:
        raise ConfigurationError(
            f"the memory {directory} has chunks of {most} tokens and the embedder {own!r}: leave --embedder "
            "and --chunk-tokens out, or give another DIR"
        )
    return Memory.open(directory)


def _say_added(directory: Path, said: list[Said], counts: Mapping[str, int], *, as_json: bool) -> int:
    if as_json:
        held = {f"{kind}s": counts.get(kind, 0) for kind in ("utterance", "document")}
        print_json({"memory": str(directory), "added": len(said), **held})
    else:
        spec = f"budget-mem:memory={directory},router=mid"
        say(f"added {_counted(said)}; ask with outlay ask {shlex.quote(spec)} QUESTION")
    return ANSWERED


def _counted(said: list[Said]) -> str:
    documents = sum(isinstance(one, Document) for one in said)
    counts = {"utterance": len(said) - documents, "document": documents}
    written = [f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in counts.items() if count]
    return " and ".join(written) or "nothing"


def _table(utterances: tuple[Utterance, ...], documents: tuple[Document, ...]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("session or title", "time", "holds"):
        table.add_column(heading)
    sessions: dict[str, list[Utterance]] = {}
    for one in utterances:
        sessions.setdefault(one.session, []).append(one)
    for session, said in sessions.items():
        table.add_row(
            session or "(no session)", next((u.time for u in said if u.time), ""), _counted([*said])
        )
    for document in documents:
        table.add_row(document.title or "(no title)", document.time, f"{len(document.text):,} characters")
    return table


def _lines(utterances: tuple[Utterance, ...], documents: tuple[Document, ...]) -> Iterator[str]:
    head = None
    for one in utterances:
        if head != (head := (one.session, one.time)) and any(head):
            yield f"[{', '.join(filter(None, (one.session and f'session {one.session}', one.time)))}]"
        yield f"{one.speaker}: {one.text}" if one.speaker else one.text
    for document in documents:
        yield f"[{', '.join(filter(None, ('document', document.title, document.time)))}]"
        yield document.text
