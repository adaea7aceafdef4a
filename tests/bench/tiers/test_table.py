from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from outlay.bench.tiers.table import table, write_table

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.bench.tiers.findings import Findings


def test_the_file_has_every_figure_of_every_router(by_kind: Findings, tmp_path: Path) -> None:
    write_table(by_kind, tmp_path / "routers.csv")
    with (tmp_path / "routers.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 * 2 + 12
    own = rows[1]
    assert (own["router"], own["trade_off"], own["task"], own["tokens"]) == ("learned", "0.3", "1.0", "500.0")
    assert float(own["usd"]) == pytest.approx(5e-4)
    assert float(own["gain_over_mixed_constants"]) == pytest.approx(0.15625)
    assert (own["tiers_bits"], own["temporal_high"], own["foreseen_task"]) == ("1.0", "0.5", "")
    assert own["verdict"] == "better"
    last = rows[-1]
    assert (last["router"], last["constant_tiers"], last["reward"]) == ("constant", "all HIGH", "")


def test_the_table_fits_its_columns(by_kind: Findings) -> None:
    console = Console(width=112, file=None, record=True, quiet=False)
    with console.capture() as said:
        console.print(table(by_kind))
    lines = said.get().splitlines()
    assert "…" not in said.get()
    [own] = [line for line in lines if line.strip().startswith("learned")]
    assert own.split()[:4] == ["learned", "0", "1.000", "[1.00,1.00]"]
    assert any(line.split()[:2] == ["all", "HIGH"] for line in lines)
