"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Final

import typer

DATA: Final = "Questions"
MODELS: Final = "Models"
TOTAL: Final = "The whole bench (with all earlier runs on the same --out)"
HOW: Final = "How it runs"

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
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL=VALUE,...",
        help="Those with one of these values of a label: category=1,4. Several: of each.",
        rich_help_panel=DATA,
    ),
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="So many of them, drawn at random.", rich_help_panel=DATA)
]
SampleSeed = Annotated[int, typer.Option(help="Of that draw.", rich_help_panel=DATA)]
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
PriceOf = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL=IN,OUT",
        help="The price of a model that a strategy names, dollars per million tokens.",
        rich_help_panel=MODELS,
    ),
]
ItemEmbedder = Annotated[
    str,
    typer.Option(
        "--embedder",
        help="Of the memories that are made for questions about a text: minilm (packaged), hash (no model), "
        "or any sentence-transformers name.",
        rich_help_panel=MODELS,
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
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output, nothing else there.")]
