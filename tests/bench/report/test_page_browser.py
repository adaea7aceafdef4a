"""A browser opens the page and lists its items, where there is a browser."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from outlay.bench.analysis.analyse import analyse
from outlay.bench.items import Item
from outlay.bench.manifest import Manifest
from outlay.bench.report.page import write_page
from outlay.bench.trial import Trial
from outlay.budget import Budget

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--virtual-time-budget=10000",
)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium to open the page with")
def test_page_unpacks_itself_and_shows_what_models_wrote_as_text(tmp_path: Path) -> None:
    items = [Item(id="one", question="<b>1</b> + 1?", answers=("2",))]
    trials = [
        Trial(strategy=strategy, budget=Budget(output_tokens=64), item="one", seed=0, score=1.0)
        for strategy in ("direct", "self-consistency:n=3")
    ]
    manifest = Manifest(outlay="0.1.0", model="m", source="s", scorer="exact")
    path = tmp_path / "report.html"
    write_page(analyse(manifest, items, trials, draws=100), items, lambda: trials, path)
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    opened = subprocess.run(
        [str(CHROMIUM), *FLAGS, profile, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    ).stdout
    assert 'data-ready="yes"' in opened
    assert '<span class="item-question">&lt;b&gt;1&lt;/b&gt; + 1?</span>' in opened
    assert 'aria-label="2 of 2 conditions right"' in opened
