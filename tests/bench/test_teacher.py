"""A bench with a teacher: what it costs, what its conditions share, and what is refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sums import number_in, sums

from outlay.bench.directory import Directory
from outlay.bench.measuring import Plan, measure
from outlay.bench.playing import asked
from outlay.bench.sweep import Sweep, budgets_of, conditions
from outlay.budget import Budget, Price, Usage
from outlay.errors import ConfigurationError, RetrievalError
from outlay.memory.demonstrations import Bank, Step, Trajectory
from outlay.retrieval import SentenceEmbedder
from outlay.testing import CountingServer, HashEmbedder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from outlay.bench.trial import Trial

CHEAP, DEAR = Price(input=0.4, output=1.6), Price(input=3, output=15)
ICD = "in-context-distillation"
ALONE = f"{ICD}:k=0,n=1,defer=always"
ZERO = f"{ICD}:k=0,n=1,defer=never"
CASCADE = f"{ICD}:k=0"
MIXED = f"{ICD}:k=0,n=1,defer=0.5"
ITEMS = sums(6)


def student(body: Mapping[str, Any], index: int) -> str:
    """Of one mind on even sums only."""
    number = number_in(body)
    return f"it is \\boxed{{{number + 1 + (index if number % 2 else 0)}}}"


def teacher(body: Mapping[str, Any], index: int) -> str:
    return f"one two \\boxed{{{number_in(body) + 1}}}"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")


@pytest.fixture
def cheap() -> Iterator[CountingServer]:
    with CountingServer(student) as server:
        yield server


@pytest.fixture
def dear() -> Iterator[CountingServer]:
    with CountingServer(teacher) as server:
        yield server


def plan(out: Path, *specs: str, **changes: Any) -> Plan:
    made: dict[str, Any] = {
        "sweep": Sweep(conditions(specs or [CASCADE], budgets_of()), ITEMS),
        "source": "sums",
        "scorer": "numeric",
        "out": out,
        "model": "openai/small",
        "teacher": "openai/large",
        "price": CHEAP,
        "teacher_price": DEAR,
    }
    return Plan(**made | changes)


def measured(asked: Plan) -> dict[str, list[Trial]]:
    asyncio.run(measure(asked))
    found: dict[str, list[Trial]] = {}
    for trial in Directory(asked.out).trials():
        found.setdefault(trial.strategy, []).append(trial)
    return found


def test_each_is_asked_at_its_own_server_and_billed_at_its_own_price(
    cheap: CountingServer, dear: CountingServer, tmp_path: Path
) -> None:
    found = measured(plan(tmp_path, ALONE, CASCADE, api_base=cheap.url, teacher_api_base=dear.url))
    alone, cascade = found[ALONE], found[CASCADE]
    for trial in [*alone, *cascade]:
        assert trial.episode is not None
        assert trial.usage == trial.episode.student + trial.episode.teacher
        assert trial.episode.student.usd == pytest.approx(priced(trial.episode.student, CHEAP), abs=1e-12)
        assert trial.episode.teacher.usd == pytest.approx(priced(trial.episode.teacher, DEAR), abs=1e-12)
    assert [trial.episode and trial.episode.deferred for trial in alone] == [1] * 6
    by_item = {trial.item: trial.episode and trial.episode.deferred for trial in cascade}
    assert by_item == {f"sum-{n}": n % 2 for n in range(6)}


def priced(usage: Usage, price: Price) -> float:
    return (usage.prompt_tokens * price.input + usage.output_tokens * price.output) / 1e6


def test_conditions_share_samples_and_the_teachers_answers_and_each_is_billed_its_own(
    cheap: CountingServer, dear: CountingServer, tmp_path: Path
) -> None:
    servers = {"api_base": cheap.url, "teacher_api_base": dear.url}
    found = measured(plan(tmp_path / "all", ALONE, ZERO, CASCADE, MIXED, **servers))
    # One request for three samples serves the single one too, and one answer of the teacher every deferral.
    assert (cheap.requests, dear.requests) == (6, 6)
    apart = measured(plan(tmp_path / "apart", ZERO, **servers))
    (zero,) = (trials for spec, trials in found.items() if "never" in spec)
    (zero_apart,) = apart.values()
    assert {t.item: t.usage for t in zero} == {t.item: t.usage for t in zero_apart}
    agreed = [t.usage for t in found[CASCADE] if t.episode and not t.episode.deferred]
    assert [(usage.calls, usage.generations) for usage in agreed] == [(1, 3)] * 3


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"teacher_price": None}, "--teacher-price"),
        ({"price": None}, "--price"),
        ({"teacher_price": None, "teacher": "simulated:ability=0.9"}, "--teacher-price"),
        ({"teacher": None}, "give --teacher"),
        ({"teacher": "alfworld-expert"}, "nothing but games"),
        ({"scorer": "success"}, "is for games"),
    ],
    ids=["no teacher's price", "no price", "a free teacher", "no teacher", "an expert", "success"],
)
def test_what_does_not_fit_is_refused_before_anything_is_asked(
    cheap: CountingServer, dear: CountingServer, tmp_path: Path, changes: dict[str, Any], says: str
) -> None:
    sweep = Sweep(conditions([ALONE, CASCADE], budgets_of(usd=(0.01,))), ITEMS)
    servers = {"api_base": cheap.url, "teacher_api_base": dear.url}
    with pytest.raises(ConfigurationError, match=says):
        measured(plan(tmp_path / "b", **{"sweep": sweep, **servers, **changes}))
    assert (cheap.requests, dear.requests, (tmp_path / "b").exists()) == (0, 0, False)


def test_a_total_in_dollars_needs_the_teachers_price_too(cheap: CountingServer, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--teacher-price"):
        measured(plan(tmp_path, CASCADE, teacher_price=None, totals=Budget(usd=1), api_base=cheap.url))


def test_a_bank_that_is_not_there_is_refused_before_anything_is_asked(
    cheap: CountingServer, tmp_path: Path
) -> None:
    with pytest.raises(RetrievalError):
        measured(plan(tmp_path / "b", f"{ICD}:bank={tmp_path / 'none'}", ZERO, api_base=cheap.url))
    assert cheap.requests == 0


def test_what_collecting_a_bank_cost_is_in_the_record(cheap: CountingServer, tmp_path: Path) -> None:
    usage = Usage(calls=1, prompt_tokens=100, output_tokens=10, usd=0.002)
    with Bank.create(tmp_path / "bank", Unloaded()) as bank:
        bank.add(
            Trajectory(
                task=task,
                goal=f"{task}?",
                steps=(Step(observation="", action=task),),
                success=True,
                usage=usage,
            )
            for task in ("one", "two")
        )
    spec = f"{ICD}:k=0,n=1,bank={tmp_path / 'bank'},defer=never"
    found = measured(plan(tmp_path / "b", spec, teacher=None, teacher_price=None, api_base=cheap.url))
    (trials,) = found.values()
    assert trials[0].episode is not None
    assert (trials[0].episode.collecting, trials[0].episode.teacher_alone) == (0.004, 0.002)


def test_a_strategy_that_acts_is_told_which_item_a_question_is() -> None:
    async def task(spec: str) -> Any:
        async with asked(spec, ITEMS[3], None) as question:
            return question if isinstance(question, str) else question.task

    assert asyncio.run(task(CASCADE)) == ITEMS[3].id
    assert asyncio.run(task("direct")) == ITEMS[3].asked


class Unloaded:
    """Signs as the packaged embedder does, without its seconds of loading."""

    name = SentenceEmbedder().name
    dimension = 384
    embed = HashEmbedder().embed
