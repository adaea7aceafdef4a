"""The page stands alone, lets nothing that a model wrote become markup, and says what it leaves out."""

from __future__ import annotations

import base64
import gzip
import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from outlay.bench.analysis.analyse import analyse
from outlay.bench.items import Item
from outlay.bench.manifest import Manifest
from outlay.bench.report.page import write_page
from outlay.bench.trial import Failure, Trial
from outlay.budget import Budget, Usage
from outlay.outcome import TraceEntry

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
STRATEGIES = ("direct", "self-consistency:n=3", f"plan-and-budget:{HOSTILE}")
VOID = {"br", "hr", "img", "input", "link", "meta", "wbr"}

ITEMS = tuple(
    Item(id=f"{HOSTILE}-{i}", question=f"{HOSTILE} and {i}?", answers=(HOSTILE, "2"), level=i)
    for i in range(4)
)


class Outline(HTMLParser):
    """Every tag, that they close in order, and what stands between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, str] = {}
        self.blobs: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open += [tag] if tag not in VOID else []

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts[self.open[-1] if self.open else ""] = (
            self.texts.get(self.open[-1] if self.open else "", "") + data
        )
        last = self.tags[-1] if self.tags else ("", {})
        if last[0] == "script" and last[1].get("id"):
            self.blobs[str(last[1]["id"])] = self.blobs.get(str(last[1]["id"]), "") + data


def _trial(strategy: str, item: Item, *, right: bool) -> Trial:
    entry = TraceEntry(
        node="answer",
        started=0.0,
        ended=0.5,
        usage=Usage(calls=1, output_tokens=9),
        update={"outcome": HOSTILE},
    )
    return Trial(
        strategy=strategy,
        budget=Budget(output_tokens=64),
        item=item.id,
        seed=0,
        score=float(right),
        text=f"{HOSTILE} é 答",
        value=HOSTILE,
        stop_reason="finished",
        degraded=HOSTILE,
        usage=Usage(calls=1, prompt_tokens=20, output_tokens=9, usd=None),
        seconds=0.5,
        trace=(entry,),
    )


def _rows_of_figures(page: str) -> list[list[str]]:
    table = page.partition('id="figures-table">')[2].partition("</table>")[0]
    return [re.findall(r"<t[hd][ >].*?</t[hd]>", row, re.DOTALL) for row in table.split("<tr>")[1:]]


def _failed(strategy: str, item: Item) -> Trial:
    failure = Failure(stage="run", kind="ModelRefusedError", message=HOSTILE)
    return Trial(strategy=strategy, budget=Budget(output_tokens=64), item=item.id, seed=0, failure=failure)


TRIALS = (
    *(
        _trial(strategy, item, right=i != c)
        for c, strategy in enumerate(STRATEGIES)
        for i, item in enumerate(ITEMS[:3])
    ),
    _trial("direct", ITEMS[3], right=True),
    _failed(STRATEGIES[2], ITEMS[3]),
)


def _page(folder: Path, *, simulated: bool = False) -> str:
    manifest = Manifest(
        outlay="0.1.0",
        model=f"model {HOSTILE}",
        source=f"source {HOSTILE}",
        scorer="numeric",
        simulated=simulated,
        commands=(f"outlay bench run {HOSTILE}",),
    )
    path = folder / "report.html"
    write_page(analyse(manifest, ITEMS, TRIALS, draws=100), ITEMS, lambda: TRIALS, path)
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _page(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    outline = Outline()
    outline.feed(page)
    outline.close()
    return outline


def _unpacked(blob: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(blob)))


def test_page_is_well_formed(outline: Outline) -> None:
    assert outline.open == []
    assert {"html", "head", "body", "main", "svg", "table"} <= {tag for tag, _ in outline.tags}


def test_page_asks_nobody_for_anything(page: str, outline: Outline) -> None:
    fetched = [
        value
        for _, attributes in outline.tags
        for name, value in attributes.items()
        if name in {"src", "srcset", "href", "xlink:href", "data", "action"}
        and not (value or "").startswith("#")
    ]
    assert fetched == []
    assert "@import" not in page
    assert re.findall(r"url\((?!#)", page) == []
    assert not {"link", "iframe", "object", "embed", "base"} & {tag for tag, _ in outline.tags}


def test_browser_is_told_to_load_nothing_and_to_run_only_the_page_s_script(outline: Outline) -> None:
    policy = next(a["content"] for tag, a in outline.tags if tag == "meta" and "http-equiv" in a)
    assert "default-src 'none'" in str(policy)
    assert re.search(r"script-src 'sha256-[\w+/=]+';", str(policy))


def test_nothing_foreign_becomes_markup(page: str, outline: Outline) -> None:
    assert [tag for tag, _ in outline.tags if tag == "img"] == []
    assert [name for _, a in outline.tags for name in a if name.startswith("on")] == []
    assert [a for tag, a in outline.tags if tag == "script" and a.get("type") != "application/gzip"] == [{}]
    assert "alert(1)</script>" not in page


def test_scripts_read_no_html(page: str) -> None:
    assert (
        re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|\bfetch\(", page) == []
    )


@pytest.mark.parametrize(("simulated", "said"), [(True, True), (False, False)], ids=["simulated", "real"])
def test_simulation_is_in_the_title_and_above_it(tmp_path: Path, *, simulated: bool, said: bool) -> None:
    page = _page(tmp_path, simulated=simulated)
    titles = re.findall(r"<(title|h1)>(.*?)</", page)
    assert ["SIMULATED MODEL" in text for _, text in titles] == [said, said]
    assert ("<strong>SIMULATED MODEL</strong>" in page) is said


def test_sections_come_in_order(page: str) -> None:
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", page)
    assert headings == [
        "What it says",
        "The frontier",
        "Every condition",
        "Beside the baseline, at equal spend",
        "Any two, on the same items",
        "The items",
        "How it was made",
    ]


def test_sortable_columns_are_buttons_and_say_how_they_are_sorted(outline: Outline) -> None:
    sortable = [a for tag, a in outline.tags if tag == "th" and "aria-sort" in a]
    assert {a["aria-sort"] for a in sortable} == {"none"}
    assert len(sortable) > 20


def test_every_condition_has_a_cell_in_every_column(tmp_path: Path) -> None:
    manifest = Manifest(outlay="0.1.0", model="m", source="s", scorer="exact")
    waited = Usage(calls=1, prompt_tokens=20, output_tokens=4, usd=None)
    trials = [
        _trial("direct", ITEMS[0], right=True).model_copy(update={"sequential": waited}),
        _failed(STRATEGIES[1], ITEMS[0]),
    ]
    path = tmp_path / "report.html"
    write_page(analyse(manifest, ITEMS, trials, draws=100), ITEMS, lambda: trials, path)
    heads, direct, failed = _rows_of_figures(path.read_text(encoding="utf-8"))
    place = next(i for i, head in enumerate(heads) if "Sequential tokens" in head)
    assert len(heads) == len(direct) == len(failed)
    assert direct[place] == '<td data-value="24.0">24.0<small>4.0</small></td>'
    assert failed[place].startswith('<td data-value="">')


def test_index_lists_items_and_conditions(outline: Outline) -> None:
    index = _unpacked(outline.blobs["index"])
    assert [item["id"] for item in index["items"]] == [item.id for item in ITEMS]
    assert {condition["strategy"] for condition in index["conditions"]} == set(STRATEGIES)


def test_scores_are_a_byte_for_each_condition_and_item(outline: Outline) -> None:
    cells = gzip.decompress(base64.b64decode(outline.blobs["scores"]))
    assert list(cells) == [0, 250, 250, 250, 250, 0, 250, 255, 250, 250, 0, 254]


def test_records_come_out_as_they_went_in(outline: Outline) -> None:
    held = _unpacked(outline.blobs["chunk-0"])
    record = held["0"]["records"][0]
    assert held["0"]["item"]["question"] == ITEMS[0].question
    assert (record["text"], record["value"], record["degraded"]) == (f"{HOSTILE} é 答", HOSTILE, HOSTILE)
    assert record["usage"]["usd"] is None
    assert record["trace"][0]["update"] == {"outcome": HOSTILE}
    assert held["3"]["records"][1]["failure"]["message"] == HOSTILE


def test_every_pair_is_looked_up_by_its_conditions(outline: Outline) -> None:
    pairs = _unpacked(outline.blobs["pairs"])
    assert {(pair["first"], pair["second"]) for pair in pairs} == {(0, 1), (0, 2), (1, 2)}


def test_same_records_give_the_same_page(page: str, tmp_path: Path) -> None:
    assert _page(tmp_path) == page


def test_one_condition_is_a_page_too(tmp_path: Path) -> None:
    manifest = Manifest(outlay="0.1.0", model="m", source="s", scorer="exact")
    alone = [_failed("direct", ITEMS[0])]
    path = tmp_path / "report.html"
    write_page(analyse(manifest, ITEMS, alone, draws=100), ITEMS, lambda: alone, path)
    assert "There are no two conditions to compare." in path.read_text(encoding="utf-8")
