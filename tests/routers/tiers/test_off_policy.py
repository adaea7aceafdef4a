"""Learning from a log: what the table of outcomes says, and what is learnt in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from routers.tiers.toy import CHEAPEST, KINDS, TIER_USD, VECTORS
from routers.tiers.worlds import DESIGN, Vectors, designed, earned, given_vector, lived

from outlay.budget import Budget
from outlay.errors import ConfigurationError
from outlay.memory.modules.routing import MODULES
from outlay.routers.tiers import PPO, Fitted, Fitting, fit_from_log
from outlay.routers.tiers.episode import behaviours
from outlay.routers.tiers.outcomes import Outcomes, codes, fitted
from outlay.routers.tiers.taken import by_router
from outlay.routers.tiers.walking import walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from outlay.routers.tiers import Episode, Progress

QUICK = PPO(learning_rate=3e-3)
QUESTIONS = range(32)
UNSEEN = range(100, 130)


def truth(number: int) -> NDArray[np.float64]:
    return np.array([earned(KINDS[number % 2], tiers) for tiers in VECTORS])


@cache
def outcomes_of_a_design() -> Outcomes:
    episodes = designed(QUESTIONS)
    return Outcomes.of(episodes, fitted(episodes))


def test_what_was_run_stands_in_the_table_as_it_was() -> None:
    table = outcomes_of_a_design()
    run = codes(np.array(DESIGN))
    assert table.run.sum(axis=1).tolist() == [len(DESIGN)] * len(QUESTIONS)
    for row, number in enumerate(QUESTIONS):
        assert table.run[row, run].all()
        assert table.task[row, run] == pytest.approx(truth(number)[run])
        assert table.usd[row, run] == pytest.approx(
            [TIER_USD[list(tiers)].sum() for tiers in DESIGN], abs=1e-9
        )


def test_what_was_not_run_is_foreseen_by_kind() -> None:
    table = outcomes_of_a_design()
    for row, number in enumerate(QUESTIONS):
        assert np.abs(table.task[row] - truth(number)).mean() < 0.1
        assert table.usd[row] == pytest.approx(TIER_USD[np.array(VECTORS)].sum(1), abs=1e-4)


def test_unseen_questions_are_foreseen_too() -> None:
    model = fitted(designed(QUESTIONS))
    one_run_each = designed(UNSEEN, DESIGN[:1])
    table = Outcomes.of(one_run_each, model)
    errors = [np.abs(table.task[row] - truth(number)).mean() for row, number in enumerate(UNSEEN)]
    assert float(np.mean(errors)) < 0.15


def test_modules_are_shown_what_they_were_given_after_those_tiers() -> None:
    table = outcomes_of_a_design()
    for number, tiers in ((4, DESIGN[1]), (5, DESIGN[5]), (6, DESIGN[-1])):
        [code] = codes(np.array([tiers]))
        for place in range(len(MODULES)):
            shown = table.given[table.donors[number, place, code], place]
            assert shown == pytest.approx(given_vector(number, place, tiers))


def test_where_tiers_were_not_run_the_filter_decides_what_is_shown() -> None:
    table = outcomes_of_a_design()
    [code] = codes(np.array([(2, 2, 0, 0, 0)]))
    for place in (1, 2, 3):
        shown = table.given[table.donors[0, place, code], place]
        assert shown == pytest.approx(given_vector(0, place, (2,)))


def test_rare_runs_are_corrected_by_clipped_weights() -> None:
    """Once per question, drawn from all vectors: unclipped, a run weighs 243 times what it shows."""
    episodes = lived(QUESTIONS)
    model = fitted(episodes)
    plain, tenfold = (Outcomes.of(episodes, model, most_weight=weight) for weight in (1.0, 10.0))
    run = plain.run
    seen = np.array([e.task for e in episodes])
    assert plain.task[run] == pytest.approx(seen)
    levelled = Outcomes.of(episodes, model, most_weight=1e-12).task[run]
    assert tenfold.task[run] - levelled == pytest.approx(10 * (seen - levelled))
    assert tenfold.task[~run] == pytest.approx(plain.task[~run])


def test_runs_at_the_same_tiers_count_as_their_mean() -> None:
    """Six vectors are drawn twice of many, and earned 1 and then 0.5: the table has the mean, not 1."""
    design = DESIGN[:6]
    assert not any(e.is_stated for e in designed(range(8), design))
    drawn = [e.model_copy(update={"behaviour": 1 / len(VECTORS)}) for e in designed(range(8), design)]
    twice = [e.model_copy(update={"task": task}) for task in (1.0, 0.5) for e in drawn]
    table = Outcomes.of(twice, fitted(designed(range(8))))
    assert table.task[:, codes(np.array(design))] == pytest.approx(np.full((8, 6), 0.75))


def test_vectors_that_were_collected_later_make_all_of_them_likelier_to_be_there() -> None:
    """Six vectors, then the rest of the design, each written as if it was all there is."""
    first, then = designed(range(8), DESIGN[:6]), designed(range(8), DESIGN[6:])
    stated = [e.model_copy(update={"log_probs": (0.0,) * 5}) for e in (*first, *then)]
    assert {e.behaviour for e in stated} == {1 / 6}
    assert behaviours(stated) == pytest.approx(np.full(len(stated), 1 / 12))
    assert behaviours(designed(range(2))) == pytest.approx(np.full(24, 1 / 12))
    table = Outcomes.of(stated, fitted(stated))
    seen = np.array([e.task for e in stated]).reshape(2, 8, 6)
    assert table.task[:, codes(np.array(DESIGN))] == pytest.approx(np.concatenate([*seen], axis=1))


def test_what_never_cost_anything_is_predicted_to_cost_nothing() -> None:
    """LOW is free in the toy: all LOW was not run here, and each of its parts was."""
    episodes = designed(range(8), [vector for vector in DESIGN if any(vector)])
    table = Outcomes.of(episodes, fitted(episodes))
    nothing, something = codes(np.array([(0, 0, 0, 0, 0), (0, 0, 1, 0, 0)]))
    assert not table.run[:, [nothing, something]].any()
    assert not table.usd[:, nothing].any()
    assert (table.usd[:, something] > 0).all()


def test_tokens_are_shares_of_what_the_dearest_tiers_take() -> None:
    assert outcomes_of_a_design().spent == pytest.approx(np.array([[0.0, 0.05, 0.2]] * 5))


def test_what_modules_take_is_a_share_of_the_whole_in_its_own_unit() -> None:
    """At their dearest they take 2,000 tokens and 0.002 dollars; the whole is more."""
    episodes = designed(QUESTIONS)
    model = fitted(episodes)
    tokens, dollars = (
        Outcomes.of(episodes, model, whole=whole).spent
        for whole in (Budget(total_tokens=8000), Budget(usd=0.004))
    )
    assert tokens == pytest.approx(np.array([[0.0, 0.0125, 0.05]] * 5))
    assert dollars == pytest.approx(np.array([[0.0, 0.025, 0.1]] * 5))
    free = [e.model_copy(update={"usd": (0.0,) * 5}) for e in episodes]
    with pytest.raises(ConfigurationError, match="give it in another unit"):
        Outcomes.of(free, model, whole=Budget(usd=0.004))


@pytest.mark.parametrize(
    "whole",
    [Budget(), Budget(output_tokens=9), Budget(total_tokens=0), Budget(total_tokens=9, usd=0.1)],
    ids=["none", "a unit that no log has", "nothing", "two units"],
)
def test_a_whole_that_no_log_can_be_measured_by_is_refused(whole: Budget) -> None:
    with pytest.raises(ConfigurationError, match="in total_tokens or in usd"):
        Fitting(whole=whole)


def test_a_policy_that_is_told_what_is_left_is_chosen_under_fences_too() -> None:
    """The same weights are tried where the same share of the whole pays for little, and for everything."""
    narrow, wide = (
        fit_from_log(
            designed(range(8)),
            Vectors(),
            Fitting(trade_offs=(0.0,), whole=Budget(total_tokens=tokens), updates=1, hidden=8),
        ).course.trials[0]
        for tokens in (200, 2_000_000)
    )
    assert narrow.task == wide.task
    assert narrow.reward != wide.reward


@cache
def learnt(trade_offs: tuple[float, ...], *, fenced: bool = False) -> Fitted:
    return fit_from_log(
        designed(QUESTIONS),
        Vectors(),
        Fitting(
            trade_offs=trade_offs,
            whole=Budget(total_tokens=2000) if fenced else None,
            updates=120,
            every=30,
            hidden=32,
            policies=2,
        ),
        QUICK,
    )


def taken(found: Fitted, trade_off: float, vectors: Sequence[Sequence[int]] = DESIGN) -> tuple[float, float]:
    """Give mean task reward and dollars of what is taken of questions that were never seen."""
    episodes = by_router(found.router, designed(UNSEEN, vectors), trade_off, name="learned").episodes
    return float(np.mean([e.task for e in episodes])), float(np.mean([e.total_usd for e in episodes]))


def test_a_router_learns_from_a_log_to_pay_for_what_helps() -> None:
    found = learnt((0.3,))
    task, usd = taken(found, 0.3, [*DESIGN, CHEAPEST["hard"]])
    assert task > 0.95
    assert usd < 4e-4
    hard = [e for e in designed(UNSEEN, [CHEAPEST["hard"]]) if e.kind == "hard"]
    tiers = [tuple(found.router.choose(e.decision(p, 0.3)).tier for p in range(5)) for e in hard]
    assert sum(t[2] == 2 and t[4] >= 1 for t in tiers) > 0.8 * len(hard)


def test_what_was_kept_is_the_best_on_questions_held_out() -> None:
    found = learnt((0.3,))
    assert found.course.chosen in found.course.trials
    assert found.course.chosen.reward == max(trial.reward for trial in found.course.trials)
    assert [t.update for t in found.course.trials] == [0, 0, 30, 30, 60, 60, 90, 90, 120, 120]
    assert len(found.course.held_out) == len(QUESTIONS) // 4
    assert [step.update for step in found.course.progress] == list(range(1, 121))
    assert found.course.progress[-1].diagnostics.entropy < found.course.progress[0].diagnostics.entropy


def test_the_card_says_what_was_learnt_and_the_support_what_speaks_for_it() -> None:
    found = learnt((0.3,))
    assert found.router.card.trade_offs == (0.3, 0.3)
    assert not found.router.card.features.trade_off
    [told] = found.course.support
    assert (told.trade_off, told.questions) == (0.3, len(QUESTIONS))
    assert 0 < told.effective_sample_size <= told.episodes == len(QUESTIONS) * len(DESIGN)


def test_one_policy_serves_every_trade_off() -> None:
    found = learnt((0.0, 3.0))
    assert found.router.card.features.trade_off
    (task, free), (_, dear) = taken(found, 0.0), taken(found, 3.0)
    assert task > 0.95
    assert dear < 0.6 * free


def test_a_policy_that_is_told_what_is_left_saves_it_for_what_helps() -> None:
    """A quarter of what all modules take at their dearest pays for what is needed, and for little else."""
    table, count = outcomes_of_a_design(), len(QUESTIONS)
    asked, fence = np.arange(count), np.full(count, 0.26, dtype=np.float32)
    earned_by = []
    for found in (learnt((0.0,), fenced=True), learnt((0.0,))):
        card = found.router.card
        with torch.no_grad():
            way = walk(found.router.policy, table, card.features, asked, np.zeros_like(fence), fence=fence)
        earned_by.append(table.task[asked, way.codes].mean())
    told, not_told = earned_by
    assert told > 0.8
    assert told > not_told + 0.05


def test_the_same_log_and_seed_learn_the_same() -> None:
    fitting = Fitting(trade_offs=(0.3,), updates=3, every=1, hidden=8)
    twice = [fit_from_log(designed(range(8)), Vectors(), fitting, QUICK) for _ in range(2)]
    assert twice[0].course.trials == twice[1].course.trials
    assert twice[0].course.progress == twice[1].course.progress


def test_every_update_is_told_of() -> None:
    told: list[Progress] = []
    fitting = Fitting(trade_offs=(0.3,), updates=3, hidden=8)
    found = fit_from_log(designed(range(8)), Vectors(), fitting, tell=told.append)
    assert tuple(told) == found.course.progress


def test_questions_to_choose_by_can_be_named() -> None:
    fitting = Fitting(trade_offs=(0.3,), updates=1, hidden=8)
    found = fit_from_log(designed(range(8)), Vectors(), fitting, held_out={"q1", "q2"})
    assert set(found.course.held_out) == {"q1", "q2"}
    for held_out in (set(), {f"q{n}" for n in range(8)}):
        with pytest.raises(ConfigurationError, match="held out"):
            fit_from_log(designed(range(8)), Vectors(), fitting, held_out=held_out)


def in_conversations(numbers: range, size: int) -> list[Episode]:
    return [
        e.model_copy(update={"group": f"c{int(e.id[1:]) // size}"}) for e in designed(numbers, DESIGN[:2])
    ]


@pytest.mark.parametrize(("size", "held_out"), [(4, 4), (8, 8), (16, 4)], ids=["four", "two", "a single one"])
def test_questions_of_one_conversation_are_held_out_together(size: int, held_out: int) -> None:
    log = in_conversations(range(16), size)
    found = fit_from_log(log, Vectors(), Fitting(trade_offs=(0.3,), updates=1, hidden=8))
    groups = {e.id: e.group for e in log}
    kept = {groups[name] for name in found.course.held_out}
    assert len(found.course.held_out) == held_out
    assert len(kept) == 1


def test_a_log_too_small_or_of_another_embedder_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 questions is too small"):
        fit_from_log(designed(range(3)), Vectors())
    with pytest.raises(ConfigurationError, match="holds: none"):
        fit_from_log([], Vectors())
    with pytest.raises(ConfigurationError, match="the embedder it was made with"):
        fit_from_log(designed(range(8)), Vectors(dimension=9))
