"""The page of a comparison: one HTML file that opens offline and asks nobody for anything."""

from __future__ import annotations

import base64
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from outlay.bench.report.phrases import counted, p_words
from outlay.bench.tiers.words import THOUSAND, sentences, signed, title
from outlay.memory.modules.routing import MODULES
from outlay.private_files import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from outlay.bench.analysis.findings import Estimate
    from outlay.bench.tiers.findings import Findings
    from outlay.bench.tiers.learnt import Learnt


def write_page(findings: Findings, learnt: Learnt, pictures: Mapping[str, bytes], path: Path) -> None:
    """Write the page.

    Args:
        findings: What it says.
        learnt: How the policy was learnt.
        pictures: PNG by file name.
        path: The file to write.
    """
    environment = Environment(
        loader=PackageLoader("outlay.bench.tiers", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": counted,
        "interval": _interval,
        "p": lambda p: p_words(p).removeprefix("p = ").removeprefix("p "),
        "percent": lambda share: f"{100 * share:.0f}",
        "signed": signed,
        "thousand": lambda usd: f"{THOUSAND * usd:.4g}",
    }
    page = environment.get_template("page.html.jinja").render(
        findings=findings,
        learnt=learnt,
        title=title(findings),
        sentences=sentences(findings),
        pictures={name: _uri(picture) for name, picture in pictures.items()},
        modules=MODULES,
        whole=_whole(learnt),
        version=version("outlay"),
        style=Markup("\n".join(_styles())),  # noqa: S704 - our own files
    )
    write(path, page)


def _whole(learnt: Learnt) -> str:
    whole = learnt.fitting.whole
    if whole is None:
        return "nothing: not told"
    return f"{whole.total_tokens:,} total tokens" if whole.total_tokens else f"${whole.usd:g}"


def _uri(picture: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(picture).decode()}"


def _styles() -> Iterator[str]:
    for package, name in (("report", "page"), ("report", "figures"), ("tiers", "tiers")):
        yield (files(f"outlay.bench.{package}") / "html" / f"{name}.css").read_text(encoding="utf-8")


def _interval(found: Estimate, digits: int = 3, times: float = 1.0) -> str:
    return f"{found.low * times:.{digits}f} to {found.high * times:.{digits}f}"
