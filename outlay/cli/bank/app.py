"""The commands of `outlay bank`, and their options."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Final

import typer

from outlay.cli.bank.options import ASKED, EPISODES, LIMITS, Directory, DryRun, Embedder, RetryFailed
from outlay.cli.bank.order import CalibrateOrder, CollectOrder, ModelOrder, check_one
from outlay.cli.options import (
    DATA,
    HOW,
    MODELS,
    ApiBase,
    Concurrency,
    Data,
    Fields,
    Json,
    Limit,
    ModelName,
    Price,
    Scorer,
    Split,
    Subset,
    Timeout,
    TotalOutputTokens,
    TotalUsd,
)
from outlay.cli.questions import QuestionsOrder

app: Final = typer.Typer(
    name="bank",
    help="Store what a strong model does, and show it to a cheaper model as examples.",
    no_args_is_help=True,
)


@app.command(no_args_is_help=True)
def collect(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    bank: Directory,
    data: Annotated[
        str | None,
        typer.Option(
            help="Questions with answers: a .jsonl, .csv or .json file, or what else `outlay bench` takes.",
            rich_help_panel=DATA,
        ),
    ] = None,
    games: Annotated[
        Path | None,
        typer.Option(
            help="Instead: a folder, a list, or a file of ALFWorld's (.tw-pddl) or TextWorld's (.z8) games.",
            rich_help_panel=DATA,
        ),
    ] = None,
    limit: Limit = None,
    fields: Fields = None,
    subset: Subset = None,
    split: Split = "test",
    scorer: Scorer = None,
    model: ModelName = "local",
    api_base: ApiBase = None,
    price: Price = None,
    timeout: Timeout = 600.0,
    max_output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of one reply.", rich_help_panel=MODELS)
    ] = None,
    max_steps: Annotated[int, typer.Option(min=1, help="Most steps.", rich_help_panel=EPISODES)] = 30,
    plan: Annotated[
        bool, typer.Option("--plan", help="Have a plan made first.", rich_help_panel=EPISODES)
    ] = False,
    reasoning: Annotated[
        bool,
        typer.Option("--reasoning", help="Have a thought said before each action.", rich_help_panel=EPISODES),
    ] = False,
    usd: Annotated[float | None, typer.Option(help="Dollars, at most.", rich_help_panel=LIMITS)] = None,
    total_tokens: Annotated[
        int | None, typer.Option(help="Prompt and generated tokens, at most.", rich_help_panel=LIMITS)
    ] = None,
    output_tokens: Annotated[
        int | None, typer.Option(help="Generated tokens, at most.", rich_help_panel=LIMITS)
    ] = None,
    calls: Annotated[
        int | None, typer.Option(help="Requests, retries included, at most.", rich_help_panel=LIMITS)
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Seconds, at most.", rich_help_panel=LIMITS)] = None,
    embedder: Embedder = None,
    concurrency: Concurrency = 8,
    retry_failed: RetryFailed = False,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> int:
    """Have the teacher (--model) do tasks, and keep what it did; tasks the bank has are not done again."""
    check_one(data, games)
    questions = None
    if data is not None:
        questions = QuestionsOrder(
            data=data, limit=limit, fields=fields, subset=subset, split=split, scorer=scorer
        )
    order = CollectOrder(
        bank=bank,
        questions=questions,
        games=games,
        most_games=limit,
        teacher=ModelOrder(name=model, price=price, api_base=api_base, timeout=timeout),
        config={
            "max_steps": max_steps,
            "max_output_tokens": max_output_tokens,
            "plan": plan,
            "reasoning": reasoning,
        },
        embedder=embedder,
        limits={
            "usd": usd,
            "total_tokens": total_tokens,
            "output_tokens": output_tokens,
            "calls": calls,
            "seconds": seconds,
        },
        concurrency=concurrency,
        retry_failed=retry_failed,
        as_json=as_json,
    )
    from outlay.cli.bank.collecting import rehearse, run_collection  # noqa: PLC0415

    return rehearse(order) if dry_run else run_collection(order)


@app.command(name="import", no_args_is_help=True)
def import_(
    *,
    bank: Directory,
    file: Annotated[
        Path,
        typer.Argument(help="JSON lines: trajectories with steps, or question, solution and answer."),
    ],
    teacher: Annotated[str, typer.Option(help="Who did them, where the file does not say.")] = "",
    embedder: Embedder = None,
    as_json: Json = False,
) -> int:
    """Add what others did, all of the file or nothing; makes the bank if there is none."""
    from outlay.cli.bank.importing import import_file  # noqa: PLC0415

    return import_file(bank, file, teacher=teacher, embedder=embedder, as_json=as_json)


@app.command(name="list", no_args_is_help=True)
def list_(
    *,
    bank: Directory,
    failed: Annotated[
        bool, typer.Option("--failed", help="The runs that failed, which are never shown to a student.")
    ] = False,
    as_json: Json = False,
) -> int:
    """List the demonstrations: task, goal, steps, teacher, dollars."""
    from outlay.cli.bank.showing import list_runs  # noqa: PLC0415

    return list_runs(bank, failed=failed, as_json=as_json)


@app.command(no_args_is_help=True)
def show(
    *, bank: Directory, task: Annotated[str, typer.Argument(help="As in the list.")], as_json: Json = False
) -> int:
    """Show what was done in a task, step by step."""
    from outlay.cli.bank.showing import show_task  # noqa: PLC0415

    return show_task(bank, task, as_json=as_json)


@app.command(no_args_is_help=True)
def stats(
    *,
    bank: Directory,
    method_usd: Annotated[
        float | None,
        typer.Option(min=0.0, help="Dollars of a task with these demonstrations: says when they have paid."),
    ] = None,
    teacher_usd: Annotated[
        float | None,
        typer.Option(min=0.0, help="Dollars of a task of the teacher alone. None: as collecting cost."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say what the bank holds, what collecting it cost, and when that is earned back."""
    from outlay.cli.bank.statistics import show_stats  # noqa: PLC0415

    return show_stats(bank, method_usd=method_usd, teacher_usd=teacher_usd, as_json=as_json)


@app.command(no_args_is_help=True)
def export(
    *,
    bank: Directory,
    file: Annotated[Path | None, typer.Argument(help="Where to. None: standard output.")] = None,
    as_json: Json = False,
) -> int:
    """Write all runs, failed ones too, as JSON lines that `import` makes the same bank of."""
    from outlay.cli.bank.importing import export_file  # noqa: PLC0415

    return export_file(bank, file, as_json=as_json)


@app.command(no_args_is_help=True)
def calibrate(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    bank: Directory,
    data: Data,
    teacher: Annotated[str, typer.Option(help="The dear model.", rich_help_panel=MODELS)],
    model: ModelName = "local",
    accuracy: Annotated[
        float | None,
        typer.Option(
            help="The share of right answers to reach, 0 to 1, at the lowest cost.", rich_help_panel=ASKED
        ),
    ] = None,
    usd: Annotated[
        float | None,
        typer.Option(help="The most dollars for a question, at the highest accuracy.", rich_help_panel=ASKED),
    ] = None,
    confidence: Annotated[
        float, typer.Option(help="Of the intervals, between 0 and 1.", rich_help_panel=ASKED)
    ] = 0.95,
    n: Annotated[
        int, typer.Option("--n", min=1, max=20, help="Samples of the student.", rich_help_panel=HOW)
    ] = 5,
    temperature: Annotated[float, typer.Option(min=0.0, help="Of the samples.", rich_help_panel=HOW)] = 0.7,
    k: Annotated[int, typer.Option("--k", min=0, help="Demonstrations shown.", rich_help_panel=HOW)] = 6,
    seed: Annotated[int | None, typer.Option(help="Sampling seed.", rich_help_panel=HOW)] = None,
    max_output_tokens: Annotated[
        int | None, typer.Option(min=1, help="Most tokens of one answer.", rich_help_panel=MODELS)
    ] = None,
    api_base: ApiBase = None,
    price: Price = None,
    teacher_api_base: Annotated[
        str | None, typer.Option(help="URL of the teacher's server.", rich_help_panel=MODELS)
    ] = None,
    teacher_price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="The teacher's price.", rich_help_panel=MODELS)
    ] = None,
    timeout: Timeout = 600.0,
    limit: Limit = None,
    fields: Fields = None,
    subset: Subset = None,
    split: Split = "test",
    scorer: Scorer = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory of what is generated, where a run that was cut off goes on; frontier.png, too.",
            rich_help_panel=HOW,
        ),
    ] = None,
    total_usd: TotalUsd = None,
    total_output_tokens: TotalOutputTokens = None,
    concurrency: Concurrency = 8,
    as_json: Json = False,
) -> int:
    """Find out on labelled questions how many samples must agree, and whether a cascade pays at all.

    A question with an answer that was cut at its token limit is left out. Where more than a fifth are,
    nothing is advised: raise --max-output-tokens.
    """
    order = CalibrateOrder(
        bank=bank,
        questions=QuestionsOrder(
            data=data, limit=limit, fields=fields, subset=subset, split=split, scorer=scorer
        ),
        student=ModelOrder(name=model, price=price, api_base=api_base, timeout=timeout),
        teacher=ModelOrder(name=teacher, price=teacher_price, api_base=teacher_api_base, timeout=timeout),
        accuracy=accuracy,
        usd=usd,
        config={
            "n": n,
            "temperature": temperature,
            "k": k,
            "seed": seed,
            "max_output_tokens": max_output_tokens,
        },
        confidence=confidence,
        out=out,
        limits={"usd": total_usd, "output_tokens": total_output_tokens},
        concurrency=concurrency,
        as_json=as_json,
    )
    from outlay.cli.bank.calibrating import run_calibration  # noqa: PLC0415

    return run_calibration(order)
