"""The page of a bench: one HTML file that opens offline and asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outlay.bench.analysis.findings import AXES
from outlay.bench.report import traces
from outlay.bench.report.grid import grid_of
from outlay.bench.report.phrases import budget_words, condition_words, counted, dollars, p_words
from outlay.bench.report.picture import draw_svg
from outlay.bench.report.traces import Packed, compact, measured, pack, pack_traces
from outlay.bench.report.words import sentences, title
from outlay.private_files import write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from outlay.bench.analysis.findings import Findings
    from outlay.bench.items import Item
    from outlay.bench.trial import Trial

SCRIPTS: Final = ("elements", "unpack", "tables", "pairs", "items", "records", "start")
STYLES: Final = ("page", "figures", "items", "records")

LISTED_LIMIT: Final = 20_000
"""Items that the page lists; more would make it slow to open."""

LISTED_TEXT: Final = 160
"""Characters of a question in the list."""

VERDICTS: Final = {
    "better": "better",
    "worse": "worse",
    "noise": "inside the noise",
    "too few": "too few items to say",
}


@dataclass(frozen=True)
class Blobs:
    """What the page carries packed, decoded when it is looked at."""

    index: str
    """Conditions and items."""
    scores: str
    """The bytes of the grid, condition by condition."""
    pairs: str
    chunks: tuple[str, ...]


def write_page(
    findings: Findings, items: Sequence[Item], trials: Callable[[], Iterable[Trial]], path: Path
) -> None:
    """Write the page of `findings` to `path`.

    Args:
        findings: What the page says.
        items: Those asked.
        trials: Gives the records; called twice, so that they need not be held.
        path: The file to write.
    """
    sizes: Counter[str] = Counter()
    conditions = [figures.condition for figures in findings.figures]
    grid = grid_of(conditions, items, measured(trials(), sizes))
    packed = pack_traces(items[:LISTED_LIMIT], grid.by_disagreement(LISTED_LIMIT), sizes, trials())
    blobs = Blobs(
        index=pack(compact(_index(findings, items, packed)).encode(errors="replace")),
        scores=pack(grid.cells[:, :LISTED_LIMIT].tobytes()),
        pairs=pack(compact(_pairs(findings)).encode()),
        chunks=packed.chunks,
    )
    page = _render(findings, blobs, items=len(items), traced=len(packed.chunk_of))
    write(path, page)


def _render(findings: Findings, blobs: Blobs, *, items: int, traced: int) -> str:
    script = '(() => {\n"use strict";\n' + "\n".join(_asset(f"{name}.js") for name in SCRIPTS) + "})();\n"
    environment = Environment(
        loader=PackageLoader("outlay.bench.report", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= FILTERS
    return environment.get_template("page.html.jinja").render(
        findings=findings,
        title=title(findings),
        sentences=sentences(findings),
        # Drawn by matplotlib, which escapes the names in it.
        pictures={width: Markup(draw_svg(findings, width=width)) for width in ("wide", "narrow")},  # noqa: S704
        acting=any(figures.acting for figures in findings.figures),
        shown_pair=_shown_pair(findings),
        manifest=findings.manifest,
        blobs=blobs,
        items=items,
        listed=min(items, LISTED_LIMIT),
        traced=traced,
        traces=traces,
        axes={frontier.axis: AXES[frontier.axis] for frontier in findings.frontiers},
        verdicts=VERDICTS,
        version=version("outlay"),
        style=Markup("\n".join(_asset(f"{name}.css") for name in STYLES)),  # noqa: S704 - our own files
        script=Markup(script),  # noqa: S704 - our own files
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _asset(name: str) -> str:
    return (files("outlay.bench.report") / "html" / name).read_text(encoding="utf-8")


def _index(findings: Findings, items: Sequence[Item], packed: Packed) -> dict[str, object]:
    listed = items[:LISTED_LIMIT]
    return {
        "conditions": [
            {
                "strategy": figures.condition.name,
                "budget": budget_words(figures.condition.budget),
                "name": condition_words(figures.condition),
            }
            for figures in findings.figures
        ],
        "listed": len(listed),
        "items": [
            {
                "id": item.id,
                "question": item.question[:LISTED_TEXT],
                "answer": item.answers[0][:LISTED_TEXT],
                "level": item.level,
                "chunk": packed.chunk_of.get(i),
            }
            for i, item in enumerate(listed)
        ],
    }


def _pairs(findings: Findings) -> list[dict[str, object]]:
    place = {f.condition: i for i, f in enumerate(findings.figures)}
    return [
        {
            "first": place[pair.first],
            "second": place[pair.second],
            "difference": pair.difference.value,
            "low": pair.difference.low,
            "high": pair.difference.high,
            **pair.model_dump(include={"items", "wins", "losses", "test", "p", "p_holm", "verdict"}),
        }
        for pair in findings.pairs
    ]


def _shown_pair(findings: Findings) -> tuple[int, int]:
    """Choose the pair that the page opens with: the best strategy beside the best baseline."""

    def best(places: Iterable[int]) -> int | None:
        accuracies = [(figures[i].accuracy, -i) for i in places]
        return -max((a.value, i) for a, i in accuracies if a)[1] if any(a for a, _ in accuracies) else None

    figures = findings.figures
    first = best(i for i, f in enumerate(figures) if not f.baseline)
    second = best(i for i, f in enumerate(figures) if f.baseline)
    return (first, second) if first is not None and second is not None else (0, min(1, len(figures) - 1))


def _breakable(text: str) -> Markup:
    """Let a long name go on in the next line after a mark."""
    return Markup("").join(Markup("%s<wbr>") % part for part in re.findall(r"[^:,=]*[:,=]|[^:,=]+", text))


FILTERS: Final[dict[str, Callable[..., str]]] = {
    "breakable": _breakable,
    "budget": budget_words,
    "condition": condition_words,
    "counted": counted,
    "dollars": dollars,
    "fixed": lambda value, digits=0: "" if value is None else f"{value:,.{digits}f}",
    "money": lambda found: f"{dollars(found.low)} to {dollars(found.high)}" if found else "",
    "interval": lambda estimate: f"{estimate.low:.1f} to {estimate.high:.1f}",
    "p": lambda p: p_words(p).removeprefix("p = ").removeprefix("p "),
    "over": lambda largest: ", ".join(f"{by:,g} {unit.replace('_', ' ')}" for unit, by in largest.items()),
}
"""How the templates write figures."""
