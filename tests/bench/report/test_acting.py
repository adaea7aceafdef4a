"""What a report says of episodes, of who acted in them and of what a bank saves."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pytest
from bench_records import items, manifest, right, trial, trials
from rich.console import Console

from outlay.bench.analysis import analyse
from outlay.bench.report.page import write_page
from outlay.bench.report.summary import write_summary
from outlay.bench.report.table import table
from outlay.bench.report.words import sentences
from outlay.bench.trial import Played
from outlay.budget import Price, Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outlay.bench.analysis import Findings
    from outlay.bench.analysis.findings import Acting
    from outlay.bench.trial import Trial

ICD = "in-context-distillation"
ALONE, ZERO, CASCADE = f"{ICD}:k=0,n=1,defer=always", f"{ICD}:k=0,n=1,defer=never", f"{ICD}:bank=some/bank"
TAUGHT = manifest(teacher="dear", price=Price(input=0.4, output=1.6), teacher_price=Price(input=3, output=15))


def spent(usd: float, cached: int = 0) -> Usage:
    calls = int(usd > 0)
    return Usage(
        calls=calls, prompt_tokens=90 * calls, cached_tokens=cached, output_tokens=10 * calls, usd=usd
    )


def played(
    scores: Sequence[float],
    strategy: str,
    *,
    student: float,
    teacher: float,
    steps: int,
    deferred: int,
    **more: Any,
) -> list[Trial]:
    acted = Played(steps=steps, deferred=deferred, student=spent(student, 45), teacher=spent(teacher), **more)
    return trials(scores, strategy=strategy, usage=spent(student) + spent(teacher), episode=acted)


def study(*, method: float = 0.024, collecting: float | None = 29.5, steps: int = 10) -> list[Trial]:
    bank = {"collecting": collecting, "teacher_alone": None if collecting is None else 0.1}
    return [
        *played(right(36, 40), ALONE, student=0, teacher=0.059, steps=steps, deferred=steps),
        *played(right(8, 40), ZERO, student=0.018, teacher=0, steps=steps, deferred=0),
        *played(right(38, 40), CASCADE, student=method, teacher=0, steps=steps, deferred=steps // 5, **bank),
    ]


def found(records: Sequence[Trial], **changes: Any) -> Findings:
    return analyse(TAUGHT.model_copy(update=changes), items(40), records)


def acting(findings: Findings, strategy: str) -> Acting:
    (row,) = [row for row in findings.figures if row.condition.strategy == strategy]
    assert row.acting is not None
    return row.acting


def printed(findings: Findings, width: int = 100) -> str:
    console = Console(width=width)
    with console.capture() as captured:
        console.print(table(findings))
    return captured.get()


def headings(findings: Findings) -> str:
    """Give the words above the columns, from the lowest line up."""
    lines = printed(findings).splitlines()
    rule = next(place for place, line in enumerate(lines) if "──" in line)
    return " ".join(" ".join(reversed(lines[1:rule])).split())


def test_a_bank_has_paid_for_itself_after_the_papers_number_of_episodes() -> None:
    # What the teacher alone costs was measured here, and goes before what collecting says of it.
    cascade = acting(found(study()), CASCADE)
    assert (cascade.break_even, cascade.teacher_alone) == (843, 0.059)


def test_without_the_teacher_alone_its_cost_is_that_of_collecting() -> None:
    cascade = acting(found(study()[40:]), CASCADE)
    assert (cascade.break_even, cascade.teacher_alone) == (389, 0.1)


def test_a_bank_that_does_not_pay_never_does_and_one_without_a_price_says_nothing() -> None:
    never = found(study(method=0.06))
    assert acting(never, CASCADE).break_even == "never"
    assert any("never pays for itself" in said for said in sentences(never))
    assert json.loads(json.dumps(never.model_dump(mode="json"), allow_nan=False))
    assert acting(found(study(collecting=None)), CASCADE).break_even is None


def test_deferral_is_of_steps_and_dollars_have_intervals_over_items() -> None:
    def record(place: int) -> Trial:
        steps, deferred = (10, 1) if place % 2 else (2, 2)
        usage = spent(0.01 * (1 + place % 2))
        return trial(
            place,
            1.0,
            strategy=CASCADE,
            usage=usage,
            episode=Played(steps=steps, deferred=deferred, student=usage),
        )

    (row,) = found([record(place) for place in range(40)]).figures
    assert row.acting is not None
    assert row.acting.deferral.value == pytest.approx(25)
    assert row.acting.deferral.low < 25 < row.acting.deferral.high
    assert row.dollars is not None
    assert row.dollars.value == pytest.approx(0.015)
    assert 0.012 < row.dollars.low < 0.015 < row.dollars.high < 0.018
    assert row.acting.steps == 6


def test_an_unknown_price_has_no_dollars() -> None:
    unknown = Usage(calls=1, output_tokens=9, usd=None)
    (row,) = found([trial(0, 1.0, usage=unknown, episode=Played(steps=1, student=unknown))]).figures
    assert (row.dollars, row.acting and row.acting.student_usd) == (None, None)


def test_the_table_says_who_acted_and_fits_100_columns() -> None:
    findings = found([*trials(right(20, 40)), *study()])
    rows = printed(findings, width=300).partition("accuracy in %")[0].splitlines()
    assert max(len(row.rstrip()) for row in rows) <= 100
    said = " ".join(printed(findings).split())
    assert all(part in said for part in ("$0.059 100%", "[0.059,0.059]", "20%", "843", "10.0"))
    assert "at the same dollars" in said


def test_columns_are_there_only_where_something_is_in_them() -> None:
    question = headings(found(study(collecting=None, steps=1)))
    assert question == "strategy accuracy tokens dollars teacher total to"
    game = headings(found(study()))
    assert game == "strategy accuracy tokens dollars teacher steps even total to"
    plain = headings(analyse(manifest(), items(40), trials(right(20, 40), usage=spent(0.1))))
    assert "E3" in plain.split()
    assert not {"teacher", "steps", "even"} & set(plain.split())


def test_it_says_what_part_of_the_teachers_cost_each_has_and_what_was_cached() -> None:
    said = " ".join(sentences(found(study(), scorer="success")))
    assert f"The teacher alone ({ALONE} at 100 output tokens) costs $0.059 an item" in said
    assert f"{ZERO} costs 31% and {CASCADE} costs 41%" in said
    assert "has paid for itself after 843 items" in said
    assert "Games have no baseline" in said


def test_with_a_teacher_the_baseline_is_set_beside_at_equal_dollars() -> None:
    findings = found([*trials(right(20, 40), usage=spent(0.03)), *study()])
    assert findings.axis == "usd"
    assert any(CASCADE in said and "dollars" in said for said in sentences(findings))
    assert analyse(manifest(), items(40), trials(right(20, 40))).axis == "total_tokens"


def test_summary_and_page_have_the_figures(tmp_path: Path) -> None:
    records = study()
    findings = found(records)
    write_summary(findings, tmp_path / "summary.csv")
    with (tmp_path / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["strategy"]: row for row in csv.DictReader(file)}
    cascade = rows[CASCADE]
    assert (cascade["usd_low"], cascade["usd_mean"], cascade["deferred_percent"]) == (
        "0.024",
        "0.024",
        "20.0",
    )
    assert (cascade["steps_mean"], cascade["break_even_items"], cascade["student_usd_mean"]) == (
        "10.0",
        "843",
        "0.024",
    )
    write_page(findings, items(40), lambda: records, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert all(
        part in page for part in ("To the teacher", "Break-even", "$0.059 to $0.059", "s price, per million")
    )
