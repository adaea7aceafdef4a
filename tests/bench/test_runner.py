from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from sums import number_in, reply, sums

from outlay.bench.directory import Directory
from outlay.bench.measuring import Plan, measure
from outlay.bench.sweep import Sweep, budgets_of, conditions
from outlay.budget import Budget, Price
from outlay.errors import ModelUnavailableError
from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from outlay.bench.trial import Trial

SPECS = ("direct", "self-consistency:n=3")
OUTPUT = 17
"""Tokens of a whole reply."""


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")


@pytest.fixture
def server() -> Iterator[CountingServer]:
    with CountingServer(reply) as counting:
        yield counting


def plan(server: CountingServer, out: Path, **changes: Any) -> Plan:
    sweep = Sweep(conditions(SPECS, budgets_of(output_tokens=(60, 12))), sums(4))
    made: dict[str, Any] = {
        "sweep": sweep,
        "source": "sums",
        "scorer": "numeric",
        "out": out,
        "model": "openai/test",
        "api_base": server.url,
        "price": Price(input=1, output=2),
    }
    return Plan(**made | changes)


def run(asked: Plan) -> tuple[str, list[Trial]]:
    heard: list[Trial] = []
    ending = asyncio.run(measure(asked, lambda *_: None, lambda trial, _: heard.append(trial)))
    return ending, heard


def keys(trials: list[Trial]) -> list[tuple[str, str, int]]:
    return sorted((trial.condition.label, trial.item, trial.seed) for trial in trials)


def test_every_condition_item_and_seed_is_one_record(server: CountingServer, tmp_path: Path) -> None:
    asked = plan(server, tmp_path, sweep=Sweep(plan(server, tmp_path).sweep.conditions, sums(4), seeds=2))
    ending, heard = run(asked)
    written = list(Directory(tmp_path).trials())
    assert ending == "finished"
    assert len(written) == len(set(keys(written))) == 2 * 2 * 4 * 2
    assert keys(written) == keys(heard)


def test_records_hold_what_was_found(server: CountingServer, tmp_path: Path) -> None:
    run(plan(server, tmp_path))
    direct = {
        t.item: t for t in Directory(tmp_path).trials() if t.condition.label == "direct @ output_tokens=60"
    }
    assert [direct[f"sum-{n}"].score for n in range(4)] == [0, 1, 1, 0]
    assert (direct["sum-1"].value, direct["sum-1"].stop_reason) == ("2", "finished")
    assert direct["sum-1"].usage.output_tokens == OUTPUT
    assert direct["sum-1"].usage.usd is not None
    assert [entry.node for entry in direct["sum-1"].trace] == ["answer"]
    assert not any(t.overshoot for t in Directory(tmp_path).trials())


def test_a_cut_answer_is_no_right_one(server: CountingServer, tmp_path: Path) -> None:
    run(plan(server, tmp_path))
    cut = [t for t in Directory(tmp_path).trials() if t.budget == Budget(output_tokens=12)]
    assert {t.stop_reason for t in cut} == {"budget"}
    assert {t.score for t in cut} == {0.0}


def test_without_replay_every_record_pays_for_itself(server: CountingServer, tmp_path: Path) -> None:
    _, heard = run(plan(server, tmp_path, replay=False))
    assert sum(t.usage.output_tokens for t in heard) == server.usage.output_tokens
    assert not any(t.replayed.calls for t in heard)


def test_a_run_that_is_there_is_not_paid_again(server: CountingServer, tmp_path: Path) -> None:
    run(plan(server, tmp_path, replay=False))
    before = server.requests
    ending, heard = run(plan(server, tmp_path, replay=False))
    assert (ending, heard, server.requests) == ("finished", [], before)


def test_more_budgets_add_only_what_is_missing(server: CountingServer, tmp_path: Path) -> None:
    run(plan(server, tmp_path))
    wider = Sweep(conditions(SPECS, budgets_of(output_tokens=(60, 30, 12))), sums(5))
    _, heard = run(plan(server, tmp_path, sweep=wider))
    assert len(heard) == 2 * 3 * 5 - 2 * 2 * 4


def test_a_failed_run_is_a_record_without_a_score_and_is_made_again(tmp_path: Path) -> None:
    def broken(body: Any) -> Fault | None:
        return Fault.BAD_REQUEST if number_in(body) == 2 else None

    with CountingServer(reply, faults=broken) as server:
        _, heard = run(plan(server, tmp_path))
        failed = [t for t in heard if t.failure]
        assert {t.item for t in failed} == {"sum-2"}
        assert {(t.score, t.failure.stage, t.failure.kind) for t in failed if t.failure} == {
            (None, "run", "ModelRefusedError")
        }
    with CountingServer(reply) as server:
        _, heard = run(plan(server, tmp_path, api_base=server.url))
    assert keys(heard) == keys(failed)
    assert not any(t.failure for t in Directory(tmp_path).trials())


def test_a_run_whose_calls_all_time_out_is_no_wrong_answer(tmp_path: Path) -> None:
    with CountingServer(reply, delay=3.0) as server:
        _, heard = run(
            plan(
                server,
                tmp_path,
                timeout=0.2,
                sweep=Sweep(conditions(["direct"], budgets_of(output_tokens=(60,))), sums(1)),
            )
        )
    assert [(t.score, t.failure.kind if t.failure else None) for t in heard] == [
        (None, "ModelUnavailableError")
    ]
    assert heard[0].unconfirmed.output_tokens == 60


def test_a_server_that_is_not_there_ends_the_bench(tmp_path: Path) -> None:
    with CountingServer(reply, faults=lambda _: Fault.BAD_REQUEST) as server:
        with pytest.raises(ModelUnavailableError, match="the last 10 runs failed"):
            run(plan(server, tmp_path, concurrency=1))
        assert server.requests == 10


@pytest.mark.parametrize(
    ("totals", "unit"),
    [(Budget(output_tokens=150), "output_tokens"), (Budget(usd=0.0006), "usd")],
    ids=["in the unit of the budgets", "in dollars"],
)
@pytest.mark.parametrize("concurrency", [1, 4])
def test_the_total_holds_and_a_higher_one_goes_on(
    server: CountingServer, tmp_path: Path, totals: Budget, unit: str, concurrency: int
) -> None:
    asked = plan(server, tmp_path, totals=totals, replay=False, concurrency=concurrency)
    ending, heard = run(asked)
    usage = server.usage
    dollars = (usage.prompt_tokens + 2 * usage.output_tokens) / 1e6
    assert {"output_tokens": usage.output_tokens, "usd": dollars}[unit] <= getattr(totals, unit)
    assert ending == "budget"
    assert 0 < len(heard) < len(asked.sweep)
    ending, more = run(plan(server, tmp_path, totals=Budget(), replay=False))
    assert ending == "finished"
    assert keys([*heard, *more]) == keys(list(Directory(tmp_path).trials()))


def test_a_total_does_not_change_the_records_it_pays_for(server: CountingServer, tmp_path: Path) -> None:
    _, free = run(plan(server, tmp_path / "free"))
    _, held = run(plan(server, tmp_path / "held", totals=Budget(output_tokens=500, usd=0.01)))
    assert {_lasting(t) for t in held} <= {_lasting(t) for t in free}
    assert held


def test_a_total_is_over_all_runs_on_a_directory(server: CountingServer, tmp_path: Path) -> None:
    totals = Budget(output_tokens=150)
    endings = [run(plan(server, tmp_path, totals=totals, replay=False))[0] for _ in range(3)]
    assert endings == ["budget"] * 3
    assert server.usage.output_tokens <= 150


@pytest.mark.parametrize("concurrency", [1, 3])
def test_replay_and_no_replay_give_the_same_records_for_a_seeded_model(
    tmp_path: Path, concurrency: int
) -> None:
    sweep = Sweep(
        conditions(
            [*SPECS, "self-consistency:n=5", "plan-and-budget"], budgets_of(output_tokens=(400, 150, 60))
        ),
        sums(6),
        seeds=2,
    )
    both = []
    for replay in (True, False):
        asked = Plan(
            sweep=sweep, source="sums", scorer="numeric", out=tmp_path / str(replay), replay=replay,
            model="simulated:ability=0.6,seed=3", concurrency=concurrency,
        )  # fmt: skip
        both.append(run(asked)[1])
    shared, alone = both
    assert {_lasting(t) for t in shared} == {_lasting(t) for t in alone}
    assert sum(t.replayed.output_tokens for t in shared) > 0
    assert len(shared) == len(alone) == len(sweep)


def _lasting(trial: Trial) -> str:
    """What of a record does not depend on when, and from where, its generations came."""
    return trial.model_dump_json(exclude={"seconds", "replayed", "trace"})


def test_a_run_that_the_store_serves_whole_ends_under_any_total(
    server: CountingServer, tmp_path: Path
) -> None:
    sweep = Sweep(conditions(["direct"], budgets_of(calls=(5,))), sums(2))
    run(plan(server, tmp_path, sweep=sweep))
    (tmp_path / "records.jsonl").unlink()
    (tmp_path / "fence.json").unlink()
    before = server.usage.output_tokens
    ending, heard = run(plan(server, tmp_path, sweep=sweep, totals=Budget(output_tokens=4 * OUTPUT)))
    assert (ending, len(heard)) == ("finished", 2)
    assert server.usage.output_tokens - before <= 4 * OUTPUT


def test_what_runs_without_a_total_paid_counts_in_a_later_total(
    server: CountingServer, tmp_path: Path
) -> None:
    one = Sweep(plan(server, tmp_path).sweep.conditions, sums(1))
    run(plan(server, tmp_path, sweep=one, replay=False))
    spent = server.usage.output_tokens
    ending, heard = run(plan(server, tmp_path, replay=False, totals=Budget(output_tokens=spent)))
    assert (ending, heard, server.usage.output_tokens) == ("budget", [], spent)


def test_half_a_character_in_an_answer_is_kept_as_a_question_mark(tmp_path: Path) -> None:
    with CountingServer(lambda *_: "so \ud83d \\boxed{2}") as server:
        run(plan(server, tmp_path, sweep=Sweep(conditions(["direct"], ()), sums(2))))
    assert {trial.text for trial in Directory(tmp_path).trials()} == {"so ? \\boxed{2}"}
