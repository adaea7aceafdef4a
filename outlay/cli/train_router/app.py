"""The commands of `outlay train-router`, and their options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from outlay.cli.options import (
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
)
from outlay.cli.questions import QuestionsOrder
from outlay.cli.train_router.order import CollectOrder, FitOrder, ReportOrder
from outlay.errors import ConfigurationError

app: Final = typer.Typer(
    name="train-router",
    help="Train the router of budget-mem, and measure what it gains.",
    no_args_is_help=True,
)

TIERS: Final = "At which tiers"
LIMITS: Final = "Limits of the whole log, over all the commands it takes"
LEARNING: Final = "What is learnt"
Log = Annotated[
    Path, typer.Argument(metavar="LOG", help="A log of episodes, or the directory that `collect` wrote.")
]


@app.command(no_args_is_help=True)
def collect(  # noqa: PLR0913 - typer reads the options off the signature
    *,
    out: Annotated[Path, typer.Argument(help="Directory of the log; an earlier run there goes on.")],
    data: Data,
    limit: Limit = None,
    only: Only = None,
    sample: Sample = None,
    sample_seed: SampleSeed = 0,
    fields: Fields = None,
    subset: Subset = None,
    split: Split = "test",
    scorer: Scorer = None,
    model: ModelName = "local",
    api_base: ApiBase = None,
    price: Price = None,
    price_of: PriceOf = None,
    embedder: ItemEmbedder = "minilm",
    timeout: Timeout = 600.0,
    strategy: Annotated[
        str,
        typer.Option(
            help="budget-mem with its parameters: budget-mem:high=gguf:small.gguf,k=6. --model answers, and "
            "does the work of modules that have no model of their own.",
            rich_help_panel=MODELS,
        ),
    ] = "budget-mem",
    vectors: Annotated[
        str | None,
        typer.Option(
            metavar="N|V,V,...",
            help="How many: all LOW, all MID, all HIGH, and mixed ones; from 11 on, what each module adds "
            "can be told apart. Or which: 20012,00222. None: 11, or with --policy none.",
            rich_help_panel=TIERS,
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            help="What this policy takes, too: what a log does not have can only be predicted.",
            rich_help_panel=TIERS,
        ),
    ] = None,
    trade_offs: Annotated[
        str | None,
        typer.Option(
            metavar="L,L,...",
            help="At which the policy is asked. None: those of the paper that it was trained for.",
            rich_help_panel=TIERS,
        ),
    ] = None,
    total_usd: Annotated[
        float | None, typer.Option(help="Dollars really paid, at most.", rich_help_panel=LIMITS)
    ] = None,
    total_output_tokens: Annotated[
        int | None, typer.Option(help="Tokens really generated, at most.", rich_help_panel=LIMITS)
    ] = None,
    concurrency: Concurrency = 4,
    as_json: Json = False,
) -> int:
    """Run every question at every tier vector, or as a policy says, and log what each came to and cost."""
    order = CollectOrder(
        out=out,
        questions=QuestionsOrder(
            data=data,
            limit=limit,
            only=tuple(only or ()),
            sample=sample,
            sample_seed=sample_seed,
            fields=fields,
            subset=subset,
            split=split,
            scorer=scorer,
        ),
        model=model,
        api_base=api_base,
        price=price,
        prices=tuple(price_of or ()),
        embedder=embedder,
        timeout=timeout,
        strategy=strategy,
        vectors=vectors,
        policy=policy,
        trade_offs=trade_offs,
        limits={"usd": total_usd, "output_tokens": total_output_tokens},
        concurrency=concurrency,
        as_json=as_json,
    )
    from outlay.cli.train_router.collecting import run_collection  # noqa: PLC0415

    return run_collection(order)


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
            "share of them. Fences in another unit say nothing to it.",
            rich_help_panel=LEARNING,
        ),
    ] = None,
    whole_usd: Annotated[
        float | None,
        typer.Option(
            help="The same in dollars, for runs inside fences in dollars.", rich_help_panel=LEARNING
        ),
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option(help="Of Adam. None: the paper's, 0.0003.", rich_help_panel=HOW)
    ] = None,
    entropy: Annotated[
        float | None,
        typer.Option(
            help="What the entropy of choices counts in learning. None: the paper's, 0.01; 0.03 keeps more "
            "policies from getting stuck.",
            rich_help_panel=HOW,
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
        whole_usd=whole_usd,
        learning_rate=learning_rate,
        entropy=entropy,
        embedder=embedder,
        as_json=as_json,
    )
    try:
        from outlay.cli.train_router.fitting import run_fit  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise missing("learning a policy", exc) from exc
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
    try:
        from outlay.cli.train_router.reporting import write_report  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        raise missing("a report", exc) from exc
    return write_report(order)


def missing(what: str, exc: ModuleNotFoundError) -> ConfigurationError:
    """Say which extra installs a library that is not there; what is ours must be."""
    if exc.name is None or exc.name.startswith("outlay"):
        raise exc
    return ConfigurationError(f"{what} needs {exc.name}: pip install 'outlay[bench,routers]'")
