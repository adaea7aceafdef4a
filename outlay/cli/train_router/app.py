"""The commands of `outlay train-router`, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from outlay.cli.options import HOW, Json
from outlay.cli.train_router.order import FitOrder, ReportOrder

app: Final = typer.Typer(
    name="train-router",
    help="Learn which tiers of a memory to pay for, and see what that is worth.",
    no_args_is_help=True,
)

LEARNING: Final = "What is learnt"
Log = Annotated[
    Path, typer.Argument(metavar="LOG", help="A log of episodes, or the directory that `collect` wrote.")
]


@app.command(no_args_is_help=True)
def fit(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    log: Log,
    out: Annotated[Path, typer.Option(help="File of the policy; beside it, a .json says how it was learnt.")],
    trade_offs: Annotated[
        str | None,
        typer.Option(
            metavar="L,L,...",
            help="What cheapness counts beside quality: one policy that is told serves all. "
            "None: 0,0.05,0.1,0.3,0.5,0.7,0.9.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    whole_total_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens that pay for every module at its dearest: the policy is told what is left, as a "
            "share of them.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    updates: Annotated[int, typer.Option(min=1, help="Of 32 questions each.", rich_help_panel=HOW)] = 600,
    policies: Annotated[
        int, typer.Option(min=1, help="Learnt side by side; the best is kept.", rich_help_panel=HOW)
    ] = 1,
    held_out: Annotated[
        float, typer.Option(help="The share of questions to choose the policy by.", rich_help_panel=HOW)
    ] = 0.25,
    hidden: Annotated[int, typer.Option(min=2, help="Width of the network.", rich_help_panel=HOW)] = 256,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.", rich_help_panel=HOW)] = 0,
    embedder: Annotated[
        str | None,
        typer.Option(
            help="What made the vectors, where the log does not say: minilm, hash, or a name of "
            "sentence-transformers.",
            rich_help_panel=HOW,
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Learn a policy from a log, without calling a model."""
    order = FitOrder(
        log=log,
        out=out,
        trade_offs=trade_offs,
        updates=updates,
        policies=policies,
        held_out=held_out,
        hidden=hidden,
        seed=seed,
        whole_total_tokens=whole_total_tokens,
        embedder=embedder,
        as_json=as_json,
    )
    from outlay.cli.train_router.fitting import run_fit  # noqa: PLC0415

    return run_fit(order)


@app.command(no_args_is_help=True)
def report(
    *,
    log: Log,
    policy: Annotated[Path, typer.Option(help="File of the policy, as `fit` wrote it from this log.")],
    out: Annotated[Path, typer.Option(help="Directory of the pictures, the page and the table.")],
    test: Annotated[
        Path | None,
        typer.Option(
            help="A log of other questions to try all on. None: those held out in fitting, which flatters."
        ),
    ] = None,
    as_json: Json = False,
) -> int:
    """Draw how a policy was learnt, and what it comes to beside constants, dice, LinUCB and an oracle."""
    order = ReportOrder(log=log, policy=policy, test=test, out=out, as_json=as_json)
    from outlay.cli.train_router.reporting import write_report  # noqa: PLC0415

    return write_report(order)
