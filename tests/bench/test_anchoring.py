from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from sums import sums

from outlay.agents.parallel_distill_refine.rounds import agree
from outlay.agents.parallel_distill_refine.workspace import Draft
from outlay.agents.spec import strategy_from_spec
from outlay.bench.anchoring import AnchoringPlan, Case, Injection, Refined, Said, inject
from outlay.bench.anchoring.cases import FILE, Drawn, read_cases
from outlay.bench.anchoring.findings import Anchoring, anchoring
from outlay.bench.anchoring.words import sentences, title
from outlay.bench.simulation import simulated_items
from outlay.bench.trial import Failure
from outlay.budget import Budget, Price
from outlay.calls import calls_loop
from outlay.errors import (
    ConfigurationError,
    ModelRefusedError,
    ModelUnavailableError,
    OutlayError,
)
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from outlay.bench.anchoring import Injections
    from outlay.model import Model, Request
    from outlay.replay import Replay

    Answers = Callable[[Request], Any]

SMALL = Injection(drafts=4, k=2, max_output_tokens=20)
CAP = f"max_output_tokens={SMALL.max_output_tokens}"
REFINING = "parallel-distill-refine:widths=[4,1],distill=random-k,k=2,agreement"
EVERY = 4 + 1 + 3
"""Calls about an item that has right and wrong drafts."""


def number(request: Request) -> int:
    """Which of the sums is asked."""
    found = re.search(r"What is (\d+) plus 1", prompt(request))
    assert found is not None
    return int(found[1])


def refines(request: Request) -> bool:
    return "attempt" in prompt(request).lower()


def shown(request: Request) -> list[str]:
    """The answers of the drafts in a prompt."""
    return re.findall(r"boxed{(-?\d+)}", prompt(request))


def boxed(value: int | str) -> str:
    return f"It is \\boxed{{{value}}}"


def drafted(request: Request) -> str:
    """Right under even seeds, else wrong, each seed in its own way."""
    seed = request.seed or 0
    return boxed(number(request) + 1 if seed % 2 == 0 else -seed)


def copycat(request: Request) -> str:
    return boxed(shown(request)[0]) if refines(request) else drafted(request)


def unmoved(request: Request) -> str:
    return boxed(number(request) + number(request) % 2) if refines(request) else drafted(request)


def as_they_come(request: Request) -> bool:
    """Whether it refines drafts of both kinds: its sample is the second of a prompt."""
    return refines(request) and request.seed == 1


def plan(out: Path, count: int = 24, **changes: Any) -> AnchoringPlan:
    made: dict[str, Any] = {
        "items": sums(count),
        "source": "sums",
        "scorer": "numeric",
        "out": out,
        "model": "scripted",
        "injection": SMALL,
    }
    return AnchoringPlan(**made | changes)


class Asked:
    """Runs plans with a script, and keeps the requests of all runs."""

    def __init__(self, script: Answers, **options: Any) -> None:
        self.script = script
        self.options = options
        self.requests: list[Request] = []

    def model(self, _: AnchoringPlan, replay: Replay) -> Model:
        def line(request: Request) -> Any:
            self.requests.append(request)
            return self.script(request)

        return ScriptedModel(line, replay=replay, **self.options)

    def run(self, asked: AnchoringPlan) -> Injections:
        return asyncio.run(inject(asked, model_of=self.model))

    @property
    def keys(self) -> list[tuple[str, int | None]]:
        return [(prompt(request), request.seed) for request in self.requests]


def found(script: Answers, out: Path, **changes: Any) -> Anchoring:
    asked = plan(out, **changes)
    return anchoring(asked, Asked(script).run(asked).cases)


def shares(of: Anchoring) -> tuple[float | None, ...]:
    return tuple(
        round(figure.estimate.value, 1) if figure else None for figure in (of.right, of.wrong, of.paired)
    )


def test_a_copycat_has_everything_and_nothing(tmp_path: Path) -> None:
    come_to = found(copycat, tmp_path)
    assert shares(come_to) == (100, 0, 100)
    assert come_to.difference is not None
    assert (come_to.difference.value, come_to.break_even, come_to.verdict) == (100, None, "vote")
    assert any("alone changes nothing" in sentence for sentence in sentences(come_to))


def test_a_model_that_ignores_its_context_has_the_same_in_both(tmp_path: Path) -> None:
    come_to = found(unmoved, tmp_path)
    assert shares(come_to) == (50, 50, 0)
    assert come_to.break_even is not None
    assert come_to.break_even.value == 50
    assert (come_to.difference and come_to.difference.high) == 0


def test_drafts_are_asked_for_as_for_a_vote_and_refinements_by_the_strategy(tmp_path: Path) -> None:
    asked = Asked(copycat)
    asked.run(plan(tmp_path, 1))
    plain = [request for request in asked.requests if not refines(request)]
    assert len(asked.requests) == EVERY
    assert {request.seed for request in plain} == {0, 1, 2, 3, 4}
    assert {prompt(request) for request in plain} == {
        "What is 0 plus 1?\n\nPut the final answer inside \\boxed{}."
    }


def test_a_workspace_holds_k_drafts_of_one_kind_and_never_what_is_beside_the_pool(tmp_path: Path) -> None:
    asked = Asked(copycat)
    asked.run(plan(tmp_path, 3, injection=SMALL.model_copy(update={"drafts": 5})))
    seen = {
        (number(request), tuple(sorted(shown(request))))
        for request in asked.requests
        if refines(request) and not as_they_come(request)
    }
    assert seen == {(n, kind) for n in range(3) for kind in ((str(n + 1),) * 2, ("-1", "-3"))}


def test_drafts_as_they_come_are_drawn_from_all_and_composed_by_the_strategy(tmp_path: Path) -> None:
    asked = Asked(copycat)
    cases = asked.run(plan(tmp_path)).cases
    seen = {number(request): shown(request) for request in asked.requests if as_they_come(request)}
    drawn = {
        int(case.item[4:]): [case.drafts[place].value for place in case.came.places]
        for case in cases
        if case.came
    }
    assert {n: sorted(map(str, values)) for n, values in drawn.items()} == {
        n: sorted(values) for n, values in seen.items()
    }
    assert len(seen) == 24
    kinds = {tuple(value == str(n + 1) for value in values) for n, values in seen.items()}
    assert kinds == {(True, True), (True, False), (False, True), (False, False)}


def test_a_workspace_is_smaller_where_the_pool_has_fewer(tmp_path: Path) -> None:
    come_to = found(copycat, tmp_path, injection=SMALL.model_copy(update={"drafts": 3, "k": 2}))
    assert (come_to.workspaces, come_to.short) == (72, 24)
    assert any("24 of 72 workspaces had fewer than 2 drafts" in sentence for sentence in sentences(come_to))


def test_drafts_that_are_cut_short_enter_no_workspace(tmp_path: Path) -> None:
    def wordy(request: Request) -> str:
        return drafted(request) + " and so on" * 9 if request.seed in {0, 1} else copycat(request)

    asked = Asked(lambda request: copycat(request) if refines(request) else wordy(request))
    cases = asked.run(plan(tmp_path, 2)).cases
    assert [(draft.cut, draft.right) for draft in cases[0].drafts] == [
        (True, True), (True, False), (False, True), (False, False),
    ]  # fmt: skip
    assert {
        (len(shown(request)), "so on" in prompt(request)) for request in asked.requests if refines(request)
    } == {(1, False), (2, False)}


def test_figures_are_those_of_the_cases_by_hand(tmp_path: Path) -> None:
    def case(item: str, drafts: str, fresh: str, right: str = "", wrong: str = "") -> Case:
        return Case(
            key=item,
            item=item,
            drafts=tuple(Said(text="t", value=mark, right=mark == "r") for mark in drafts),
            fresh=Said(text="t", right=fresh == "r"),
            right=Refined(text="t", right=right == "r", drafts=1) if right else None,
            wrong=Refined(text="t", right=wrong == "r", drafts=1) if wrong else None,
        )

    cases = [
        case("a", "rrrw", "r", "r", "w"),
        case("b", "rwww", "w", "r", "r"),
        case("c", "rrrr", "r", "w"),
        case("d", "wwww", "w", wrong="w"),
        case("e", "rrwx", "r", "r", "w"),
    ]
    come_to = anchoring(plan(tmp_path, 5), cases)
    assert come_to.single is not None
    assert come_to.single.estimate.value == pytest.approx(100 * (0.75 + 0.25 + 1 + 0 + 0.5) / 5)
    assert come_to.vote is not None
    assert come_to.vote.estimate.value == 60
    assert shares(come_to) == (75, 25, 66.7)
    assert [figure and figure.items for figure in (come_to.right, come_to.wrong, come_to.paired)] == [4, 4, 3]
    assert come_to.fresh_right is not None
    assert come_to.fresh_wrong is not None
    assert (come_to.fresh_right.estimate.value, come_to.fresh_wrong.estimate.value) == (75, 50)
    assert come_to.break_even is not None
    assert come_to.break_even.value == 50
    assert come_to.refined is not None
    assert come_to.refined.value == pytest.approx(0.5 * 75 + 0.5 * 25)
    assert (come_to.came, come_to.choice, come_to.verdict) == (None, None, "too few")


def drawn_case(item: str, drafts: str, places: tuple[int, ...], came: str, fresh: str = "w") -> Case:
    """A case whose drafts have one-letter answers: r is right, - none."""

    def said(mark: str) -> dict[str, Any]:
        return {"text": "t", "value": None if mark == "-" else mark, "right": mark == "r"}

    return Case(
        key=item,
        item=item,
        drafts=tuple(Said(**said(mark)) for mark in drafts),
        fresh=Said(**said(fresh)),
        came=Drawn(**said(came), drafts=len(places), places=places),
    )


FIVE = [
    drawn_case("a", "rrrr", (0, 1), "w"),
    drawn_case("b", "rrrw", (0, 3), "r", "r"),
    drawn_case("c", "wwwr", (3, 0), "r"),
    drawn_case("d", "wwrx", (1, 2), "r", "r"),
    drawn_case("e", "wxyz", (0, 1), "w"),
]
"""By their shares 1, 0.75, 0.75, 0.5 and 0.25; the vote is right on a and b, the refinement on b, c and d."""


def test_what_drafts_as_they_come_give_is_that_of_the_cases_by_hand(tmp_path: Path) -> None:
    come_to = anchoring(plan(tmp_path, 5), FIVE)
    figures = (come_to.came, come_to.fresh_came, come_to.mixed, come_to.fresh_mixed, come_to.blind)
    assert [figure and (figure.estimate.value, figure.items) for figure in figures] == [
        (60, 5), (40, 5), (100, 3), (pytest.approx(200 / 3), 3), (50, 3),
    ]  # fmt: skip
    assert come_to.discernment is not None
    assert (come_to.discernment.estimate.value, come_to.discernment.items) == (50, 3)


def test_every_threshold_is_tried_and_the_cheapest_of_the_best_is_taken(tmp_path: Path) -> None:
    choice = anchoring(plan(tmp_path, 5), FIVE).choice
    assert choice is not None
    assert [(policy.threshold, policy.right, policy.refined) for policy in choice.policies] == [
        (0, 40, 0), (0.25, 40, 0), (0.5, 40, pytest.approx(20)), (0.75, 60, pytest.approx(40)),
        (1, 80, pytest.approx(80)), (None, 60, 100),
    ]  # fmt: skip
    assert choice.best.threshold == 1
    found = (choice.vote, choice.refine, choice.refine_over_vote, choice.chosen, choice.chosen_over_vote)
    assert [estimate.value for estimate in found] == [40, 60, 20, 80, 40]
    assert choice.chosen_over_refine.value == 20


def test_a_threshold_is_tried_on_items_that_it_was_not_chosen_on(tmp_path: Path) -> None:
    # Without c, 0.75 and 1 have three of four each: the cheaper one is tried on c, and votes wrongly.
    choice = anchoring(plan(tmp_path, 5), FIVE).choice
    assert choice is not None
    assert choice.folds == 5
    assert choice.held_out.value == 60
    two = anchoring(plan(tmp_path, 2), [drawn_case("a", "rr", (0, 1), "w"), FIVE[2]]).choice
    assert two is not None
    assert (two.best.threshold, two.chosen.value) == (1, 100)
    # Chosen on a alone, it is always the vote, wrong on c; chosen on c alone, it is 1, a vote on a.
    assert (two.held_out.value, two.held_out_over_vote.value, two.held_out_over_refine.value) == (50, 0, 0)


def test_of_equal_thresholds_the_one_that_refines_least_is_taken(tmp_path: Path) -> None:
    same = [drawn_case(str(n), "rrw", (0, 2), "r") for n in range(30)]
    come_to = anchoring(plan(tmp_path, 30), same)
    assert come_to.choice is not None
    assert {policy.right for policy in come_to.choice.policies} == {100}
    assert (come_to.choice.best.threshold, come_to.verdict) == (0, "vote")


def test_a_threshold_votes_where_the_strategy_would(tmp_path: Path) -> None:
    failed = Said(failure=Failure(stage="run", kind="E", message="m"))
    few = drawn_case("few", "rrwx", (0, 2), "r")
    cases = [
        *FIVE,
        drawn_case("thirds", "rrw", (0, 1), "r"),
        drawn_case("none", "---", (0, 1), "r"),
        drawn_case("alone", "r", (0,), "r"),
        few.model_copy(update={"key": "f", "drafts": (*few.drafts[:3], failed)}),
    ]
    choice = anchoring(plan(tmp_path, 9), cases).choice
    assert choice is not None
    pools = [
        [Draft(round=0, value=said.value, error="m" if said.failure else None) for said in case.drafts]
        for case in cases
    ]
    tried = [policy for policy in choice.policies if policy.threshold]
    assert [policy.threshold for policy in tried] == [0.25, 0.5, 0.666, 0.75, 1]
    assert [policy.refined for policy in tried] == [
        pytest.approx(100 * sum(not agree(pool, policy.threshold or 0) for pool in pools) / 9)
        for policy in tried
    ]


def test_a_refinement_without_an_answer_leaves_the_vote_as_in_the_strategy(tmp_path: Path) -> None:
    come_to = anchoring(plan(tmp_path, 1), [drawn_case("a", "rrw", (0, 2), "-")])
    assert come_to.came is not None
    assert come_to.choice is not None
    assert (come_to.came.estimate.value, come_to.choice.refine.value) == (0, 100)


def mixed(*groups: tuple[int, str, str]) -> list[Case]:
    """So many cases each of a pool and what came of its refinement."""
    each = [(drafts, came) for count, drafts, came in groups for _ in range(count)]
    return [drawn_case(str(n), drafts, (0, 3), came) for n, (drafts, came) in enumerate(each)]


@pytest.mark.parametrize(
    ("cases", "verdict", "strategy", "says"),
    [
        (
            mixed((60, "rrrr", "w"), (60, "wwxr", "r")),
            "agreement",
            f"{REFINING}=1,{CAP}",
            "vote from a share of 1",
        ),
        (mixed((60, "rrwr", "r"), (60, "wwwr", "r")), "refine", f"{REFINING}=none,{CAP}", "Refine always"),
        (
            mixed((60, "rrwr", "w"), (60, "wwwr", "w")),
            "vote",
            f"self-consistency:n=4,{CAP}",
            "Nothing is better",
        ),
        (
            mixed((60, "rrwr", "r"), (2, "wwwr", "r")),
            "noise",
            f"self-consistency:n=4,{CAP}",
            "inside the noise",
        ),
        (mixed((10, "wwwr", "r"), (9, "rrrr", "r")), "too few", None, "at least 20 are needed"),
        ([], "too few", None, "0 items with a vote and a refinement"),
    ],
    ids=["vote from a share on", "refine", "vote", "noise", "too few", "nothing"],
)
def test_the_advice_follows_what_was_measured(
    tmp_path: Path, cases: list[Case], verdict: str, strategy: str | None, says: str
) -> None:
    come_to = anchoring(plan(tmp_path, len(cases)), cases)
    assert (come_to.verdict, come_to.strategy) == (verdict, strategy)
    assert says in " ".join(sentences(come_to))


def test_what_is_advised_is_a_strategy(tmp_path: Path) -> None:
    for cases in (
        mixed((60, "rrrr", "w"), (60, "wwxr", "r")),
        mixed((30, "wwwr", "r")),
        mixed((30, "rrrr", "w")),
    ):
        named = anchoring(plan(tmp_path, len(cases)), cases).strategy
        assert named is not None
        assert strategy_from_spec(named, model=ScriptedModel([])).name == named.partition(":")[0]


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        (mixed((30, "wrwr", "r")), "it tells right from wrong where both stand before it"),
        (mixed((30, "wrwr", "w")), "the wrong ones draw it more"),
        (
            mixed((15, "wrwr", "r"), (15, "wrwr", "w")),
            "whether it tells right from wrong is inside the noise",
        ),
        (mixed((19, "wrwr", "r")), "too few items"),
        (mixed((30, "rrrr", "r")), "not known"),
    ],
    ids=["tells", "misled", "noise", "too few", "never both"],
)
def test_whether_it_tells_right_from_wrong_is_said(tmp_path: Path, cases: list[Case], says: str) -> None:
    assert says in " ".join(sentences(anchoring(plan(tmp_path, len(cases)), cases)))


def many(right: tuple[int, int], wrong: tuple[int, int]) -> list[Case]:
    """Cases of which so many of so many are right."""

    def case(place: int) -> Case:
        pool = (Said(text="t", right=True), Said(text="t", right=False))
        return Case(
            key=str(place),
            item=str(place),
            drafts=pool,
            fresh=pool[0],
            right=Refined(text="t", right=place < right[0], drafts=2) if place < right[1] else None,
            wrong=Refined(text="t", right=place < wrong[0], drafts=2) if place < wrong[1] else None,
        )

    return [case(place) for place in range(max(right[1], wrong[1]))]


@pytest.mark.parametrize(
    ("cases", "break_even", "says"),
    [
        (many((180, 200), (100, 200)), pytest.approx(250 / 3), "p* = 83.3%"),
        (many((120, 200), (20, 200)), 20, "p* = 20.0%"),
        (many((200, 200), (40, 200)), 100, "p* = 100.0%"),
        (many((150, 200), (0, 200)), 0, "p* = 0.0%"),
        (many((200, 200), (0, 200)), None, "there is no p*"),
        (many((20, 20), (0, 0)), None, "No item has a wrong draft"),
        (many((0, 0), (5, 20)), None, "No item has a right draft"),
    ],
    ids=["high", "low", "always", "never", "copies", "all right", "all wrong"],
)
def test_the_break_even_of_one_draft_is_said_and_nothing_is_advised_by_it(
    tmp_path: Path, cases: list[Case], break_even: float | None, says: str
) -> None:
    come_to = anchoring(plan(tmp_path, len(cases)), cases)
    assert (come_to.break_even and come_to.break_even.value) == break_even
    assert says in " ".join(sentences(come_to))
    assert come_to.strategy is None


def test_records_without_drafts_as_they_come_are_made_again_for_what_is_missing(tmp_path: Path) -> None:
    asked = Asked(lambda one: ModelRefusedError("not yet") if as_they_come(one) else copycat(one))
    asked.run(plan(tmp_path, 5))
    file = tmp_path / FILE
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**line, "came": None}) + "\n" for line in lines))
    asked.script, before = copycat, len(asked.requests)
    ran = asked.run(plan(tmp_path, 5))
    assert [as_they_come(request) for request in asked.requests[before:]] == [True] * 5
    assert [case.complete for case in ran.cases] == [True] * 5
    assert Asked(copycat).run(plan(tmp_path, 5)).cases == ran.cases


def test_nothing_is_paid_for_twice(tmp_path: Path) -> None:
    asked = Asked(copycat)
    short = plan(tmp_path, 8, totals=Budget(output_tokens=175), concurrency=2)
    first = asked.run(short)
    second = asked.run(plan(tmp_path, 8, totals=Budget(output_tokens=100_000)))
    third = asked.run(plan(tmp_path, 8))
    assert (first.ending, second.ending, third.ending) == ("budget", "finished", "finished")
    assert 0 < len(first.cases) < 8
    assert len(asked.keys) == len(set(asked.keys)) == 8 * EVERY
    assert third.cases == second.cases
    assert third.paid == second.paid
    assert third.paid.generations == 8 * EVERY


@pytest.mark.parametrize("concurrency", [1, 5])
@pytest.mark.parametrize("total", [0, 19, 159, 160, 200])
def test_a_total_is_never_overspent(tmp_path: Path, total: int, concurrency: int) -> None:
    asked = Asked(copycat)
    ran = asked.run(plan(tmp_path, 12, totals=Budget(output_tokens=total), concurrency=concurrency))
    assert ran.paid.output_tokens == 3 * len(asked.requests)
    assert ran.paid.output_tokens <= total
    assert (ran.ending, len(ran.cases) > 0) == ("budget", total >= 160)


def test_dollars_are_a_total_too(tmp_path: Path) -> None:
    asked = Asked(copycat, price=Price(input=0, output=1e6))
    ran = asked.run(plan(tmp_path, 40, totals=Budget(usd=200.0)))
    assert ran.paid.usd is not None
    assert 0 < ran.paid.usd <= 200
    assert (ran.ending, 0 < len(ran.cases) < 40) == ("budget", True)


def test_a_run_that_was_cut_off_keeps_what_it_got(tmp_path: Path) -> None:
    drawn = asyncio.Event()

    async def hanging(request: Request) -> str:
        if refines(request):
            drawn.set()
            await asyncio.Event().wait()
        return drafted(request)

    asked = Asked(hanging)

    async def cut_off() -> None:
        run = asyncio.create_task(inject(plan(tmp_path, 1), model_of=asked.model))
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(drawn.wait(), calls_loop()))
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    asyncio.run(cut_off())
    before = len(asked.requests)
    asked.script = copycat
    ran = asked.run(plan(tmp_path, 1))
    assert before == 6
    assert [refines(request) for request in asked.requests[before:]] == [True, True, True]
    assert (ran.ending, len(ran.cases)) == ("finished", 1)


def test_half_a_line_is_no_case(tmp_path: Path) -> None:
    whole = Asked(copycat).run(plan(tmp_path, 3)).cases
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes()[:-30])
    asked = Asked(copycat)
    assert asked.run(plan(tmp_path, 3)).cases == whole
    assert asked.requests == []
    assert len(read_cases(file)) == 3


def test_a_line_that_is_no_case_is_a_mistake_that_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{}\n")
    with pytest.raises(ConfigurationError, match="line 1"):
        Asked(copycat).run(plan(tmp_path, 1))


def test_other_parameters_are_other_cases_on_the_same_drafts(tmp_path: Path) -> None:
    asked = Asked(copycat)
    asked.run(plan(tmp_path, 2))
    ran = asked.run(plan(tmp_path, 2, injection=SMALL.model_copy(update={"k": 1})))
    assert {case.right.drafts for case in ran.cases if case.right} == {1}
    assert len(asked.keys) == len(set(asked.keys)) == 2 * EVERY + 6


def failing(script: Answers, error: OutlayError, *seeds: int) -> Answers:
    return lambda request: error if not refines(request) and request.seed in seeds else script(request)


def test_calls_that_failed_are_counted_left_out_and_tried_again(tmp_path: Path) -> None:
    asked = Asked(failing(copycat, ModelRefusedError("no such model"), 1, 4))
    once = plan(tmp_path)
    come_to = anchoring(once, asked.run(once).cases)
    assert (come_to.calls, come_to.failed, come_to.drafts) == (24 * EVERY, 48, 72)
    assert come_to.single is not None
    assert come_to.single.estimate.value == pytest.approx(200 / 3)
    assert come_to.fresh_right is None
    assert any("48 of 192 generations failed" in sentence for sentence in sentences(come_to))
    asked.script = copycat
    before = len(asked.requests)
    again = anchoring(once, asked.run(once).cases)
    assert again.failed == 0
    assert {request.seed for request in asked.requests[before:] if not refines(request)} == {1, 4}


def test_a_refinement_that_failed_is_not_wrong(tmp_path: Path) -> None:
    come_to = found(
        lambda request: ModelRefusedError("too long") if refines(request) else drafted(request), tmp_path
    )
    assert (come_to.failed, come_to.right, come_to.came, come_to.verdict) == (72, None, None, "too few")


def test_lost_calls_that_took_their_reservations_cost_more_and_not_the_case(tmp_path: Path) -> None:
    tried: set[tuple[str, int | None]] = set()

    def lost_at_first(request: Request) -> Any:
        key = (prompt(request), request.seed)
        if key in tried:
            return copycat(request)
        tried.add(key)
        return ModelUnavailableError("cut off", unknown=True)

    asked = Asked(lost_at_first)
    ran = asked.run(plan(tmp_path, 1, totals=Budget(output_tokens=1000)))
    assert (ran.ending, [case.failures for case in ran.cases]) == ("finished", [()])
    assert not any(said.cut for case in ran.cases for said in case.said)
    # Every call is lost and answered once, and one answer is cut short where the first allotment ends.
    assert SMALL.most_output_tokens < ran.paid.output_tokens <= EVERY * (SMALL.max_output_tokens + 3) + 3


@pytest.mark.parametrize(("items", "calls"), [(3, 15), (40, None)], ids=["few", "many"])
def test_a_model_that_answers_nothing_is_given_up(tmp_path: Path, items: int, calls: int | None) -> None:
    asked = Asked(lambda _: ModelRefusedError("no key"))
    with pytest.raises(ModelUnavailableError, match="no key"):
        asked.run(plan(tmp_path, items, concurrency=1))
    assert calls is None or len(asked.requests) == calls
    assert len(asked.requests) < 40 * EVERY


def test_answers_that_nobody_could_score_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    come_to = found(copycat, tmp_path, scorer="judge:model=openai/gpt-4.1-mini,usd=0")
    assert (come_to.unscored, come_to.failed, come_to.single) == (24 * 6, 0, None)
    assert any("144 answers could not be scored" in sentence for sentence in sentences(come_to))


def test_an_answer_that_the_scorer_cannot_read_is_refused_before_anything_is_paid(tmp_path: Path) -> None:
    asked = Asked(copycat)
    items = (sums(1)[0].model_copy(update={"answers": ("Paris",)}),)
    with pytest.raises(ConfigurationError, match="use another scorer"):
        asked.run(plan(tmp_path / "out", items=items))
    assert (asked.requests, (tmp_path / "out").exists()) == ([], False)


def test_what_is_heard_is_what_is_there(tmp_path: Path) -> None:
    asked = Asked(copycat)
    whole, few = plan(tmp_path, 5), plan(tmp_path, 3)
    asked.run(few)
    there: list[Case] = []
    heard: list[Case] = []
    ran = asyncio.run(
        inject(
            whole,
            lambda cases, _: there.extend(cases),
            lambda case, _: heard.append(case),
            model_of=asked.model,
        )
    )
    assert [case.item for case in there] == ["sum-0", "sum-1", "sum-2"]
    assert {case.item for case in heard} == {"sum-3", "sum-4"}
    assert ran.cases[:3] == tuple(there)


def test_a_simulated_model_is_moved_by_what_it_sees_as_far_as_it_anchors(tmp_path: Path) -> None:
    def simulated(anchors: int) -> Anchoring:
        asked = plan(
            tmp_path / str(anchors),
            items=simulated_items(60),
            model=f"simulated:sharpness=0,anchoring={anchors},seed=1",
            injection=Injection(drafts=4, max_output_tokens=1000),
        )
        return anchoring(asked, asyncio.run(inject(asked)).cases)

    assert shares(simulated(500)) == (100, 0, 100)
    unmoved = simulated(0)
    assert unmoved.difference is not None
    assert unmoved.difference.low < 0 < unmoved.difference.high
    assert title(unmoved).startswith("SIMULATED MODEL · ")


DISCERNING = "ability=0.45,anchoring=6,discernment=6,guess=0.05"


def test_a_simulated_model_that_tells_right_from_wrong_should_refine(tmp_path: Path) -> None:
    asked = plan(
        tmp_path,
        items=simulated_items(200),
        model=f"simulated:{DISCERNING},seed=1",
        injection=Injection(k=4, max_output_tokens=1000),
    )
    come_to = anchoring(asked, asyncio.run(inject(asked)).cases)
    assert come_to.discernment is not None
    assert come_to.discernment.estimate.low > 20
    assert come_to.verdict in {"agreement", "refine"}
    assert come_to.choice is not None
    assert come_to.choice.best.threshold is None or come_to.choice.best.threshold > 0.7
