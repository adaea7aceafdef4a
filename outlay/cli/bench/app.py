"""The commands of `outlay bench`, and their options."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Final

import typer

from outlay.cli.bench.order import AnchoringOrder, BenchOrder
from outlay.cli.options import (
    DATA,
    HOW,
    MODELS,
    ApiBase,
    Concurrency,
    Data,
    Fields,
    ItemEmbedder,
    Json,
    Limit,
    ModelName,
    Only,
    Price,
    PriceOf,
    Sample,
    SampleSeed,
    Scorer,
    Split,
    Subset,
    Timeout,
    TotalOutputTokens,
    TotalUsd,
)

app: Final = typer.Typer(
    name="bench",
    help="Measure the accuracy and cost of strategies, beside one call and majority votes.",
    no_args_is_help=True,
)

SWEEP: Final = "What is compared (every strategy under every budget)"
INJECTION: Final = "What is injected"
LIST: Final = "N,N,..."


Tasks = Annotated[
    str,
    typer.Option(
        help="As for `anchoring`: a file, a dataset or simulated:COUNT; or games:DIR, a folder of ALFWorld's "
        "or TextWorld's games, or games:FILE, which lists some.",
        rich_help_panel=DATA,
    ),
]


@app.command(no_args_is_help=True)
def run(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    data: Tasks,
    out: Annotated[Path, typer.Option(help="Directory of the records; an earlier run there goes on.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            "-m",
            help="As for `outlay ask`; or simulated:ability=0.7,seed=1, which is no model but a formula. "
            "May be given several times: every strategy is measured with each. --api-base and --price are "
            "then of all; --price-of names one model's price. None: local.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    teacher: Annotated[
        str | None,
        typer.Option(
            help="The dearer model, where a strategy has one; or, in ALFWorld's games, "
            "alfworld-expert:prompt_tokens=1200,output_tokens=80, its rules, billed so much a step.",
            rich_help_panel=MODELS,
        ),
    ] = None,
    api_base: ApiBase = None,
    price: Price = None,
    teacher_api_base: Annotated[
        str | None, typer.Option(help="URL of the teacher's server.", rich_help_panel=MODELS)
    ] = None,
    teacher_price: Annotated[
        str | None, typer.Option(metavar="IN,OUT", help="The teacher's price.", rich_help_panel=MODELS)
    ] = None,
    price_of: PriceOf = None,
    embedder: ItemEmbedder = "minilm",
    timeout: Timeout = 600.0,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="A strategy with its parameters; may be given several times. None: all of them.",
            rich_help_panel=SWEEP,
        ),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar=LIST,
            help="Also measure `direct`, and self-consistency with so many samples; `none`: neither. "
            "Not given: 3,5, and for games none.",
            rich_help_panel=SWEEP,
        ),
    ] = None,
    output_tokens: Annotated[
        str | None, typer.Option(metavar=LIST, help="Budgets in generated tokens.", rich_help_panel=SWEEP)
    ] = None,
    total_tokens: Annotated[
        str | None,
        typer.Option(metavar=LIST, help="Budgets in prompt and generated tokens.", rich_help_panel=SWEEP),
    ] = None,
    usd: Annotated[
        str | None, typer.Option(metavar=LIST, help="Budgets in dollars.", rich_help_panel=SWEEP)
    ] = None,
    calls: Annotated[
        str | None, typer.Option(metavar=LIST, help="Budgets in requests.", rich_help_panel=SWEEP)
    ] = None,
    seconds: Annotated[
        str | None, typer.Option(metavar=LIST, help="Budgets in seconds.", rich_help_panel=SWEEP)
    ] = None,
    seeds: Annotated[
        int, typer.Option(min=1, help="Repetitions of each, with other seeds.", rich_help_panel=SWEEP)
    ] = 1,
    limit: Limit = None,
    only: Only = None,
    sample: Sample = None,
    sample_seed: SampleSeed = 0,
    fields: Fields = None,
    subset: Subset = None,
    split: Split = "test",
    scorer: Scorer = None,
    total_usd: TotalUsd = None,
    total_output_tokens: TotalOutputTokens = None,
    concurrency: Concurrency = 8,
    replay: Annotated[
        bool,
        typer.Option(
            help="Share generations between conditions, each billed as if it had paid.", rich_help_panel=HOW
        ),
    ] = True,
    traces: Annotated[
        bool, typer.Option(help="Keep what each node did in the records.", rich_help_panel=HOW)
    ] = True,
    engine: Annotated[
        str, typer.Option(help="asyncio (this process) or ray.", rich_help_panel=HOW)
    ] = "asyncio",
    workers: Annotated[int, typer.Option(min=1, help="Ray's worker processes.", rich_help_panel=HOW)] = 2,
    ray_address: Annotated[
        str | None, typer.Option(help="The Ray cluster; none: one on this machine.", rich_help_panel=HOW)
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be measured and at most spent; call nothing.")
    ] = False,
    as_json: Json = False,
) -> int:
    """Measure strategies on questions with known answers; what is there already is not measured again."""
    order = BenchOrder(
        data=data,
        out=out,
        models=tuple(model or ("local",)),
        teacher=teacher,
        api_base=api_base,
        price=price,
        teacher_api_base=teacher_api_base,
        teacher_price=teacher_price,
        prices=tuple(price_of or ()),
        embedder=embedder,
        timeout=timeout,
        strategies=tuple(strategy or ()),
        baselines=baselines,
        limits={
            "output_tokens": output_tokens,
            "total_tokens": total_tokens,
            "usd": usd,
            "calls": calls,
            "seconds": seconds,
        },
        seeds=seeds,
        limit=limit,
        only=tuple(only or ()),
        sample=sample,
        sample_seed=sample_seed,
        fields=fields,
        subset=subset,
        split=split,
        scorer=scorer,
        totals={"usd": total_usd, "output_tokens": total_output_tokens},
        concurrency=concurrency,
        replay=replay,
        traces=traces,
        engine=engine,
        workers=workers,
        ray_address=ray_address,
        as_json=as_json,
    )
    from outlay.cli.bench.running import rehearse, run_bench  # noqa: PLC0415

    return rehearse(order) if dry_run else run_bench(order)


@app.command(no_args_is_help=True)
def report(
    *,
    directory: Annotated[Path, typer.Argument(help="Where `outlay bench run --out` wrote its records.")],
    as_json: Json = False,
) -> int:
    """Write summary.csv, frontier.png and report.html into the directory, and print the table."""
    from outlay.cli.bench.reporting import write_report  # noqa: PLC0415

    return write_report(directory, as_json=as_json)


@app.command(no_args_is_help=True)
def anchoring(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(help="Directory of what is generated: a run that was cut off goes on there."),
    ] = None,
    model: ModelName = "local",
    api_base: ApiBase = None,
    price: Price = None,
    timeout: Timeout = 600.0,
    drafts: Annotated[int, typer.Option(min=1, help="Drafts of a question.", rich_help_panel=INJECTION)] = 8,
    k: Annotated[
        int, typer.Option("--k", min=1, help="Drafts that a refinement sees.", rich_help_panel=INJECTION)
    ] = 2,
    max_output_tokens: Annotated[
        int, typer.Option(min=1, help="Most tokens of one answer.", rich_help_panel=INJECTION)
    ] = 512,
    temperature: Annotated[
        float, typer.Option(min=0.0, help="Sampling temperature.", rich_help_panel=INJECTION)
    ] = 0.7,
    seed: Annotated[int, typer.Option(help="Sampling seed.", rich_help_panel=INJECTION)] = 0,
    limit: Limit = None,
    only: Only = None,
    sample: Sample = None,
    sample_seed: SampleSeed = 0,
    fields: Fields = None,
    subset: Subset = None,
    split: Split = "test",
    scorer: Scorer = None,
    total_usd: TotalUsd = None,
    total_output_tokens: TotalOutputTokens = None,
    concurrency: Concurrency = 8,
    as_json: Json = False,
) -> int:
    """Find out whether a model should refine: what it makes of right, of wrong and of all drafts."""
    order = AnchoringOrder(
        data=data,
        out=out,
        model=model,
        api_base=api_base,
        price=price,
        timeout=timeout,
        injection={
            "drafts": drafts,
            "k": k,
            "max_output_tokens": max_output_tokens,
            "temperature": temperature,
            "seed": seed,
        },
        limit=limit,
        only=tuple(only or ()),
        sample=sample,
        sample_seed=sample_seed,
        fields=fields,
        subset=subset,
        split=split,
        scorer=scorer,
        totals={"usd": total_usd, "output_tokens": total_output_tokens},
        concurrency=concurrency,
        as_json=as_json,
    )
    from outlay.cli.bench.anchoring import run_anchoring  # noqa: PLC0415

    return run_anchoring(order)
