"""The commands of `outlay memory`, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from outlay.cli.options import Json  # noqa: TC001 - typer reads the annotations

app: Final = typer.Typer(
    name="memory",
    help="Keep conversations and documents, for `outlay ask budget-mem:memory=DIR`.",
    no_args_is_help=True,
)

UNSAID: Final = "Where the file does not say"
LINES: Final = Path("-")

Directory = Annotated[Path, typer.Argument(metavar="DIR", help="The memory's directory.")]
Embedder = Annotated[
    str | None,
    typer.Option(
        help="Of a new memory: minilm (packaged), hash (no model), or a sentence-transformers name."
    ),
]
ChunkTokens = Annotated[
    int | None, typer.Option(min=16, help="Of a new memory: most tokens of a chunk. None: 256.")
]
Time = Annotated[str, typer.Option(help="When it was said or written.", rich_help_panel=UNSAID)]
Session = Annotated[str, typer.Option(help="The conversation it belongs to.", rich_help_panel=UNSAID)]


@app.command(no_args_is_help=True)
def create(
    *, memory: Directory, embedder: Embedder = None, chunk_tokens: ChunkTokens = None, as_json: Json = False
) -> int:
    """Make an empty memory."""
    from outlay.cli.remembering import create_memory  # noqa: PLC0415

    return create_memory(memory, embedder, chunk_tokens, as_json=as_json)


@app.command(no_args_is_help=True)
def append(
    *,
    memory: Directory,
    file: Annotated[
        Path, typer.Argument(help="Messages as JSON, or a text with one on each line; - is standard input.")
    ] = LINES,
    speaker: Annotated[str, typer.Option(help="Who said it.", rich_help_panel=UNSAID)] = "",
    time: Time = "",
    session: Session = "",
    as_json: Json = False,
) -> int:
    """Add what was said to a memory, all of the file or nothing; embedded when the memory is next asked."""
    from outlay.cli.remembering import append_file  # noqa: PLC0415

    unsaid = {"speaker": speaker, "time": time, "session": session}
    return append_file(memory, file, unsaid, as_json=as_json)


@app.command(name="import", no_args_is_help=True)
def import_(
    *,
    memory: Directory,
    file: Annotated[
        Path,
        typer.Argument(
            help="Messages as JSON or JSON lines, LoCoMo's file, or a text, which is one document; - is "
            "standard input."
        ),
    ],
    conversation: Annotated[str | None, typer.Option(help="Which one of LoCoMo's file.")] = None,
    embedder: Embedder = None,
    chunk_tokens: ChunkTokens = None,
    time: Time = "",
    session: Session = "",
    as_json: Json = False,
) -> int:
    """Add a whole file and embed it; makes the memory if there is none."""
    from outlay.cli.remembering import import_file  # noqa: PLC0415

    unsaid = {"time": time, "session": session}
    new = (embedder, chunk_tokens)
    return import_file(memory, file, unsaid, conversation=conversation, new=new, as_json=as_json)


@app.command(no_args_is_help=True)
def show(
    *,
    memory: Directory,
    session: Annotated[str | None, typer.Option(help="Print what was said in one session.")] = None,
    text: Annotated[bool, typer.Option("--text", help="Print all that was said and written.")] = False,
    as_json: Json = False,
) -> int:
    """Say what a memory holds; --json gives all of it."""
    from outlay.cli.remembering import show_memory  # noqa: PLC0415

    return show_memory(memory, session, with_text=text, as_json=as_json)
