"""The commands of `outlay train-router`, and their options."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import Annotated, Final

import typer

from outlay.cli.options import (
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
from outlay.cli.train_router.order import CollectOrder

app: Final = typer.Typer(
    name="train-router",
    help="Learn for which questions the modules of a memory are worth their price.",
    no_args_is_help=True,
)

TIERS: Final = "At which tiers"
LIMITS: Final = "Limits of the whole log, over all the commands it takes"


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
        int,
        typer.Option(
            min=3,
            max=29,
            help="How many: all LOW, all MID, all HIGH, and mixed ones. From 11 on, what each module adds "
            "can be told apart.",
            rich_help_panel=TIERS,
        ),
    ] = 11,
    turn: Annotated[
        int, typer.Option(min=0, help="Which of the mixed ones: another turn, others.", rich_help_panel=TIERS)
    ] = 0,
    total_usd: Annotated[
        float | None, typer.Option(help="Dollars really paid, at most.", rich_help_panel=LIMITS)
    ] = None,
    total_output_tokens: Annotated[
        int | None, typer.Option(help="Tokens really generated, at most.", rich_help_panel=LIMITS)
    ] = None,
    concurrency: Concurrency = 4,
    as_json: Json = False,
) -> int:
    """Run every question at every tier vector, and log what each came to and cost."""
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
        turn=turn,
        limits={"usd": total_usd, "output_tokens": total_output_tokens},
        concurrency=concurrency,
        as_json=as_json,
    )
    from outlay.cli.train_router.collecting import run_collection  # noqa: PLC0415

    return run_collection(order)
