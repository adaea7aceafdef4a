"""The command `outlay`: its commands and their options.

What a command does is imported when it runs, so that `outlay --help` stays quick.
"""

from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer.main import get_command

from outlay.cli.bank.app import app as bank
from outlay.cli.bench.app import app as bench
from outlay.cli.exits import ANSWERED, FAILED, INTERRUPTED, quiet_failures, say_error, status_of
from outlay.cli.memory import app as memory
from outlay.cli.options import Json  # noqa: TC001 - typer reads the annotations
from outlay.cli.order import Order
from outlay.cli.train_router.app import app as train_router
from outlay.errors import OutlayError

if TYPE_CHECKING:
    from collections.abc import Sequence

app: Final = typer.Typer(
    name="outlay",
    help="Get the best answer that a fixed budget of tokens, dollars, calls or seconds can buy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(bench)
app.add_typer(bank)
app.add_typer(memory)
app.add_typer(train_router)

Strategy = Annotated[
    str,
    typer.Argument(
        help="A strategy (see outlay strategies) or module:Class, with parameters: 'self-consistency:n=3'."
    ),
]
Limits = "Limits of the whole run (not given: no limit)"


def run(arguments: Sequence[str]) -> int:
    """Run the command, and give its exit status."""
    as_json = "--json" in arguments
    quiet_failures(as_json=as_json)
    try:
        # Not `app(...)`: that would put typer's own excepthook in place of ours.
        status = get_command(app)(arguments, prog_name="outlay", standalone_mode=False)
        sys.stdout.flush()
    except OutlayError as exc:
        say_error(type(exc).__name__, str(exc), as_json=as_json)
        return status_of(exc)
    except typer.TyperException as exc:
        if exc.format_message():
            hint = "" if as_json else " (--help lists what there is)"
            say_error("UsageError", exc.format_message().rstrip(".") + hint, as_json=as_json)
        return exc.exit_code
    except BrokenPipeError:
        # What is still buffered would fail once more when the interpreter flushes it.
        sys.stdout = None
        return FAILED
    # Typer takes an interruption that comes before the run for an ordinary end.
    if status == INTERRUPTED:
        say_error("Interrupted", "interrupted before anything was spent", as_json=as_json)
    return status if isinstance(status, int) else ANSWERED


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer calls it so
    if wanted:
        typer.echo(f"outlay {_version()}")
        raise typer.Exit


def _version() -> str:
    try:
        return metadata.version("outlay")
    except metadata.PackageNotFoundError:
        return "(run from its sources, not installed)"


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option("--version", help="Say which version this is.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Read the options that stand before a command."""


@app.command(no_args_is_help=True)
def ask(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    strategy: Strategy,
    question: Annotated[str, typer.Argument(help="The question, or - to read it from standard input.")],
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="local (the embedded model), gguf:PATH, or a LiteLLM name, such as openai/gpt-4.1-mini.",
        ),
    ] = "local",
    teacher: Annotated[
        str | None, typer.Option(help="Stronger model, if the strategy has a teacher.")
    ] = None,
    api_base: Annotated[
        str | None, typer.Option(help="The model's server, such as http://localhost:8000/v1.")
    ] = None,
    price: Annotated[
        str | None,
        typer.Option(metavar="IN,OUT", help="Dollars per million prompt and output tokens, such as 0.4,1.6."),
    ] = None,
    teacher_price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="The same for the teacher.")
    ] = None,
    teacher_api_base: Annotated[str | None, typer.Option(help="The same for the teacher.")] = None,
    journal: Annotated[
        Path | None,
        typer.Option(help="File to keep completions in; the same command run again does not pay twice."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed for sampling, if the provider supports it.")] = None,
    retries: Annotated[
        int, typer.Option(min=0, help="Attempts after a failed request that may succeed if repeated.")
    ] = 2,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for a reply to one request.")] = 600.0,
    output_tokens: Annotated[
        int | None, typer.Option(help="Most generated tokens.", rich_help_panel=Limits)
    ] = None,
    total_tokens: Annotated[
        int | None, typer.Option(help="Most prompt and generated tokens.", rich_help_panel=Limits)
    ] = None,
    usd: Annotated[float | None, typer.Option(help="Most dollars.", rich_help_panel=Limits)] = None,
    calls: Annotated[
        int | None, typer.Option(help="Most requests, retries included.", rich_help_panel=Limits)
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Most seconds.", rich_help_panel=Limits)] = None,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what the run would call and cost at most; call nothing."),
    ] = False,
    as_json: Json = False,
) -> int:
    """Answer a question with a strategy, within limits, and show what it cost."""
    order = Order(
        strategy=strategy,
        question=question,
        model=model,
        teacher=teacher,
        api_base=api_base,
        teacher_api_base=teacher_api_base,
        price=price,
        teacher_price=teacher_price,
        journal=journal,
        seed=seed,
        retries=retries,
        timeout=timeout,
        limits={
            "output_tokens": output_tokens,
            "total_tokens": total_tokens,
            "usd": usd,
            "calls": calls,
            "seconds": seconds,
        },
        as_json=as_json,
    )
    if dry_run:
        from outlay.cli.rehearsal import rehearse  # noqa: PLC0415

        return rehearse(order)
    from outlay.cli.asking import answer  # noqa: PLC0415

    return answer(order)


@app.command()
def demo(*, as_json: Json = False) -> int:
    """Run every strategy on easy questions with the embedded model; takes a minute or two."""
    from outlay.cli.demo import demonstrate  # noqa: PLC0415

    return demonstrate(as_json=as_json)


@app.command()
def setup() -> int:
    """Install the embedded model, say what else is missing, and try a call."""
    from outlay.cli.setup import set_up  # noqa: PLC0415

    return set_up()


@app.command()
def strategies(*, as_json: Json = False) -> int:
    """List the strategies, with their papers and parameters."""
    from outlay.cli.catalogue import list_strategies  # noqa: PLC0415

    return list_strategies(as_json=as_json)


@app.command(no_args_is_help=True)
def graph(
    *,
    strategy: Strategy,
    ascii_: Annotated[bool, typer.Option("--ascii", help="Draw it with characters instead.")] = False,
) -> int:
    """Draw a strategy's graph, as Mermaid text."""
    from outlay.cli.drawing import draw  # noqa: PLC0415

    return draw(strategy, in_ascii=ascii_)
