"""The commands of `outlay bench`, and their options."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Final

import typer

from outlay.cli.bench.order import AnchoringOrder, BenchOrder
from outlay.cli.options import Json  # noqa: TC001 - typer reads the annotations

app: Final = typer.Typer(
    name="bench",
    help="Measure strategies: accuracy against cost, beside one call and majority votes.",
    no_args_is_help=True,
)

DATA = "Questions"
MODELS = "Models"
SWEEP = "What is compared (every strategy under every budget)"
TOTAL = "The whole bench (with all earlier runs on the same --out)"
HOW = "How it runs"
INJECTION = "What is injected"
LIST = "N,N,..."

Data = Annotated[
    str,
    typer.Option(
        help="A .jsonl, .csv or .json file, the name of a Hugging Face dataset, or simulated:COUNT.",
        rich_help_panel=DATA,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="The first so many questions only.", rich_help_panel=DATA)
]
Fields = Annotated[
    str | None,
    typer.Option(
        metavar="OURS=THEIRS,...",
        help="What the source calls it: question=problem,answer=solution.",
        rich_help_panel=DATA,
    ),
]
Subset = Annotated[str | None, typer.Option(help="Of a Hugging Face dataset.", rich_help_panel=DATA)]
Split = Annotated[str, typer.Option(help="Of a Hugging Face dataset.", rich_help_panel=DATA)]
Scorer = Annotated[
    str | None,
    typer.Option(
        help="numeric, exact, choice, math, f1, exact-match, locomo, rouge-l, or judge:model=NAME,usd=N. "
        "None: as the answers look.",
        rich_help_panel=DATA,
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="As for `outlay ask`; or simulated:ability=0.7,seed=1, which is no model but a formula.",
        rich_help_panel=MODELS,
    ),
]
ApiBase = Annotated[str | None, typer.Option(help="URL of the model's server.", rich_help_panel=MODELS)]
Price = Annotated[
    str | None,
    typer.Option(
        metavar="IN,OUT", help="The model's price, dollars per million tokens.", rich_help_panel=MODELS
    ),
]
Timeout = Annotated[
    float,
    typer.Option(help="Seconds without an answer until a call is given up.", rich_help_panel=MODELS),
]
TotalUsd = Annotated[float | None, typer.Option(help="Dollars really paid, at most.", rich_help_panel=TOTAL)]
TotalOutputTokens = Annotated[
    int | None, typer.Option(help="Tokens really generated, at most.", rich_help_panel=TOTAL)
]
Concurrency = Annotated[
    int, typer.Option(min=1, help="Questions worked on side by side.", rich_help_panel=HOW)
]


@app.command(no_args_is_help=True)
def run(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    data: Data,
    out: Annotated[Path, typer.Option(help="Directory of the records; an earlier run there goes on.")],
    model: ModelName = "local",
    teacher: Annotated[
        str | None, typer.Option(help="The dearer model, where a strategy has one.", rich_help_panel=MODELS)
    ] = None,
    api_base: ApiBase = None,
    price: Price = None,
    timeout: Timeout = 600.0,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="A strategy with its parameters; may be given several times. None: all of them.",
            rich_help_panel=SWEEP,
        ),
    ] = None,
    baselines: Annotated[
        str,
        typer.Option(
            metavar=LIST,
            help="Also measure `direct`, and self-consistency with so many samples; `none`: neither.",
            rich_help_panel=SWEEP,
        ),
    ] = "3,5",
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
        model=model,
        teacher=teacher,
        api_base=api_base,
        price=price,
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
