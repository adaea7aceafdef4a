"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated, Final

import typer

DATA: Final = "Questions"
MODELS: Final = "Models"
TOTAL: Final = "Limits of the whole bench, earlier runs with the same --out included"
HOW: Final = "How it runs"

Data = Annotated[
    str,
    typer.Option(
        help="A .jsonl, .csv or .json file, the name of a Hugging Face dataset, or simulated:COUNT.",
        rich_help_panel=DATA,
    ),
]
Limit = Annotated[
    int | None, typer.Option(min=1, help="Use only the first N questions.", rich_help_panel=DATA)
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        metavar="LABEL=VALUE,...",
        help="Use only questions with one of these values of a label, such as category=1,4. May be repeated.",
        rich_help_panel=DATA,
    ),
]
Sample = Annotated[
    int | None, typer.Option(min=1, help="Use N questions, drawn at random.", rich_help_panel=DATA)
]
SampleSeed = Annotated[int, typer.Option(help="Seed of the random draw.", rich_help_panel=DATA)]
Fields = Annotated[
    str | None,
    typer.Option(
        metavar="OURS=THEIRS,...",
        help="Names of the fields in the source, such as question=problem,answer=solution.",
        rich_help_panel=DATA,
    ),
]
Subset = Annotated[str | None, typer.Option(help="Subset of a Hugging Face dataset.", rich_help_panel=DATA)]
Split = Annotated[str, typer.Option(help="Split of a Hugging Face dataset.", rich_help_panel=DATA)]
Scorer = Annotated[
    str | None,
    typer.Option(
        help="numeric, exact, choice, math, f1, exact-match, locomo, rouge-l, or judge:model=NAME,usd=N. "
        "Not given: chosen by what the answers look like.",
        rich_help_panel=DATA,
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        help="As for outlay ask; or simulated:ability=0.7,seed=1, a formula that stands for a model.",
        rich_help_panel=MODELS,
    ),
]
ApiBase = Annotated[
    str | None,
    typer.Option(help="The model's server, such as http://localhost:8000/v1.", rich_help_panel=MODELS),
]
Price = Annotated[
    str | None,
    typer.Option(
        metavar="IN,OUT",
        help="Dollars per million prompt and output tokens, such as 0.4,1.6.",
        rich_help_panel=MODELS,
    ),
]
PriceOf = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL=IN,OUT",
        help="The same for a model that a strategy names. May be repeated.",
        rich_help_panel=MODELS,
    ),
]
ItemEmbedder = Annotated[
    str,
    typer.Option(
        "--embedder",
        help="What makes the vectors of a text: minilm (packaged), hash (no model), or a "
        "sentence-transformers name.",
        rich_help_panel=MODELS,
    ),
]
Timeout = Annotated[
    float,
    typer.Option(help="Seconds to wait for a reply to one request.", rich_help_panel=MODELS),
]
TotalUsd = Annotated[float | None, typer.Option(help="Most dollars really paid.", rich_help_panel=TOTAL)]
TotalOutputTokens = Annotated[
    int | None, typer.Option(help="Most tokens really generated.", rich_help_panel=TOTAL)
]
Concurrency = Annotated[
    int, typer.Option(min=1, help="Questions worked on at the same time.", rich_help_panel=HOW)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")]
