"""What the loop does when drafts fail, money is short, or models write something else than asked."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from outlay import Budget, ConfigurationError, Ledger, ModelRefusedError, Price, Usage
from outlay.agents import ParallelDistillRefine, SequentialRefinement
from outlay.ledger import Claim
from outlay.model import Choice, Reply
from outlay.outcome import Finished, Token
from outlay.replay import Replay
from outlay.strategy import serializer
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from langchain_core.runnables import RunnableConfig

    from outlay import Answer
    from outlay.model import Request

QUESTION = "What is it?"
DOWN = ModelRefusedError("no", model="scripted")


def kind(request: Request) -> str:
    asked = prompt(request)
    if "Do not solve" in asked:
        return "analyse" if "wrong in the attempt" in asked else "summarise"
    if request.response_schema is not None:
        return "select"
    return "refine" if re.search("attempts? at the problem below", asked) else "draft"


class Script:
    """Says what each kind of call is told to; a list is said in turn, its last line for ever."""

    def __init__(self, **said: Any) -> None:
        self.said: dict[str, Any] = {
            "draft": r"It is \boxed{7}",
            "summarise": "All say 7.",
            "select": {"picks": [1, 2]},
            "analyse": "nothing",
            "refine": r"Surely \boxed{8}",
        } | said

    def __call__(self, request: Request) -> Any:
        said = self.said[kind(request)]
        if not isinstance(said, list):
            return said
        return said.pop(0) if len(said) > 1 else said[0]


def scripted(*, options: dict[str, Any] | None = None, **said: Any) -> ScriptedModel:
    return ScriptedModel(Script(**said), **(options or {}))


def kinds(model: ScriptedModel) -> list[str]:
    return [kind(request) for request in model.requests]


def answers(*values: str) -> list[str]:
    return [rf"It is \boxed{{{value}}}" for value in values]


def wide(model: ScriptedModel, **parameters: Any) -> ParallelDistillRefine:
    return ParallelDistillRefine(model, **{"widths": (4, 1), "agreement": None, **parameters})


def test_drafts_then_a_summary_then_the_answer() -> None:
    model = scripted()
    answer = wide(model).run(QUESTION)
    assert kinds(model) == ["draft"] * 4 + ["summarise", "refine"]
    assert (answer.value, answer.stop_reason, answer.degraded) == ("8", "finished", None)
    assert "All say 7." in model.prompts[-1]
    assert [entry.node for entry in answer.trace] == [
        "allot", "draft", "gather", "distill", "compose", "refine",
    ]  # fmt: skip


@pytest.mark.parametrize("widths", [(), (4,), (4, 2), (0, 1)])
def test_widths_that_do_not_end_in_one_answer_are_refused(widths: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match="widths"):
        ParallelDistillRefine("local", widths=widths)


def test_the_first_round_has_no_workspace_and_later_ones_only_the_last_rounds() -> None:
    script = Script(
        refine=[r"SECOND \boxed{8}", r"SECOND \boxed{8}", r"THIRD \boxed{9}"], draft=r"FIRST \boxed{7}"
    )
    model = ScriptedModel(script)
    wide(model, widths=(4, 2, 1), distill="random-k").run(QUESTION)
    assert [("FIRST" in p, "SECOND" in p) for p in model.prompts] == [
        *[(False, False)] * 4,
        *[(True, False)] * 2,
        (False, True),
    ]


@pytest.mark.parametrize("operator", ["global-summary", "shared-top-k", "per-sample-top-k", "random-k"])
@pytest.mark.parametrize("kappa", [3, 60, 150])
def test_no_workspace_is_larger_than_kappa(operator: str, kappa: int) -> None:
    long = " ".join(["word"] * 50) + r" \boxed{7}"
    model = scripted(draft=long, summarise=" ".join(["note"] * 10 * kappa), refine=[long])
    answer = wide(model, widths=(4, 2, 1), distill=operator, kappa=kappa).run(QUESTION)
    assert answer.value == "7"
    for request in model.requests:
        if kind(request) == "refine":
            workspace = prompt(request).partition("\n\n")[2].rpartition("\n\nProblem:")[0]
            assert len(workspace.split()) <= kappa
            assert workspace.count("word") % 50 == 0  # whole drafts or none


def test_thinking_never_enters_and_thinking_that_does_not_end_is_cut_short() -> None:
    drafts = [r"<think>SECRET</think>OPEN \boxed{7}", "<think>SECRET for ever", *answers("7", "7")]
    model = scripted(draft=drafts)
    answer = wide(model, distill="random-k", k=4).run(QUESTION)
    assert "SECRET" not in model.prompts[-1]
    assert "OPEN" in model.prompts[-1]
    assert answer.degraded == "1 of 4 drafts were cut short or empty, and left out"


def test_drafts_that_were_cut_short_never_enter() -> None:
    model = scripted(draft=[" ".join(["LONG"] * 60), *answers("7", "7", "7")])
    answer = wide(model, distill="random-k", k=4, max_output_tokens=30).run(QUESTION)
    assert "LONG" not in model.prompts[-1]
    assert answer.degraded == "1 of 4 drafts were cut short or empty, and left out"


def test_what_is_left_of_a_rounds_drafts_is_enough() -> None:
    model = scripted(draft=[DOWN, DOWN, DOWN, *answers(*"77777")])
    answer = wide(model, widths=(8, 1), distill="random-k", k=8).run(QUESTION)
    assert kinds(model) == ["draft"] * 8 + ["refine"]
    assert model.prompts[-1].count("<attempt ") == 5
    assert (answer.value, answer.degraded) == ("8", "3 of 8 drafts failed")
    assert answer.usage.calls == 9


def test_when_all_fail_the_round_is_tried_once_more_and_then_one_call_is_made() -> None:
    model = scripted(draft=[DOWN] * 16 + answers("5"))
    answer = wide(model, widths=(8, 1)).run(QUESTION, Budget(calls=20))
    assert kinds(model) == ["draft"] * 17
    assert len(set(model.prompts)) == 1
    assert (answer.value, answer.stop_reason) == ("5", "finished")
    assert answer.degraded == "16 of 16 drafts failed; no draft could be used"
    assert answer.usage.calls == 17


def test_a_round_that_works_the_second_time_goes_on() -> None:
    model = scripted(draft=[DOWN] * 4 + answers("7"))
    answer = wide(model).run(QUESTION)
    assert kinds(model) == ["draft"] * 8 + ["summarise", "refine"]
    assert (answer.value, answer.degraded) == ("8", "4 of 8 drafts failed")


def test_when_nothing_works_the_failure_is_raised_with_its_bill() -> None:
    model = scripted(draft=DOWN)
    with pytest.raises(ModelRefusedError) as caught:
        wide(model).run(QUESTION)
    assert caught.value.usage is not None
    assert caught.value.usage.calls == 9


@pytest.mark.parametrize(
    ("broken", "note"),
    [
        (DOWN, r"distilling failed \(.*\): drafts at random"),
        (" ".join(["note"] * 500), "the summary was cut short, empty or too long: drafts at random"),
        ("", "the summary was cut short, empty or too long: drafts at random"),
    ],
)
def test_without_a_summary_drafts_are_drawn(broken: Any, note: str) -> None:
    model = scripted(summarise=broken)
    answer = wide(model, k=3, max_output_tokens=200).run(QUESTION)
    assert re.fullmatch(note, answer.degraded or "")
    assert model.prompts[-1].count("<attempt ") == 3
    assert answer.value == "8"


def test_a_selector_that_says_nothing_useful_is_replaced_by_chance() -> None:
    model = scripted(select="none of them")
    answer = wide(model, distill="shared-top-k").run(QUESTION)
    assert answer.degraded == "the selector chose 0 drafts instead of 2: filled up at random"
    assert model.prompts[-1].count("<attempt ") == 2


def test_what_the_selector_picks_enters() -> None:
    model = scripted(draft=answers("1", "2", "3", "4"), select={"picks": [4, 2]})
    wide(model, distill="shared-top-k").run(QUESTION)
    shown = re.findall(r"<attempt \d>\nIt is \\boxed{(\d)}", model.prompts[-2])
    assert (sorted(shown), shown != list("1234")) == (list("1234"), True)  # in an order of chance
    picked = re.findall(r"<attempt \d>\nIt is \\boxed{(\d)}", model.prompts[-1])
    assert sorted(picked) == sorted([shown[3], shown[1]])


def test_drafts_that_agree_are_not_refined() -> None:
    model = scripted(draft=answers("7", "7", "5", "7"))
    answer = wide(model, agreement=0.75).run(QUESTION)
    assert kinds(model) == ["draft"] * 4
    assert (answer.value, answer.stop_reason, answer.degraded) == ("7", "finished", None)


def test_drafts_that_agree_less_are() -> None:
    model = scripted(draft=answers("7", "7", "5", "7"))
    assert wide(model, agreement=0.76).run(QUESTION).value == "8"


def test_an_answer_without_one_is_the_drafts_majority() -> None:
    model = scripted(
        draft=answers("5", "7", "7", "6"), refine="I cannot say which, sorry, the attempts differ a lot.\nNo."
    )
    answer = wide(model).run(QUESTION)
    assert (answer.value, answer.text) == ("7", r"It is \boxed{7}")
    assert answer.degraded == "no answer in the refined one: the drafts' majority is taken"


def test_a_refined_answer_that_fails_is_the_drafts_majority() -> None:
    answer = wide(scripted(draft=answers("5", "7", "7", "6"), refine=DOWN)).run(QUESTION)
    assert answer.value == "7"
    assert "the drafts' majority is taken" in (answer.degraded or "")


def test_a_budget_narrows_the_rounds_and_the_answer_is_always_paid_for() -> None:
    model = scripted(draft=answers(*"1234567") * 3)
    strategy = ParallelDistillRefine(
        model, distill="random-k", agreement=None, max_output_tokens=10, min_draft_tokens=10
    )
    answer = strategy.run(QUESTION, Budget(output_tokens=70))
    assert kinds(model) == ["draft"] * 4 + ["refine"] * 3
    assert (
        answer.degraded
        == "the budget pays for widths (4, 2, 1) instead of (8, 4, 1) (a draft has at least min_draft_tokens)"
    )
    assert answer.value == "8"


def test_calls_that_share_a_prompt_are_counted_as_one_request() -> None:
    model = scripted(options={"max_n": 8})
    answer = wide(model, widths=(8, 1)).run(QUESTION, Budget(calls=3))
    assert [request.n for request in model.requests] == [8, 1, 1]
    assert (answer.usage.calls, answer.usage.generations, answer.degraded) == (3, 10, None)


def test_a_fence_that_tightens_narrows_what_is_left() -> None:
    async def scenario() -> tuple[Answer, ScriptedModel]:
        spender = scripted()
        with Ledger(Budget(calls=13)):

            async def reply(request: Request) -> Any:
                if len(model.requests) == 8:  # the last draft of the first round: somebody else spends, too
                    for _ in range(3):
                        await spender.complete("mine")
                return Script()(request)

            model = ScriptedModel(reply)
            strategy = ParallelDistillRefine(model, distill="random-k", agreement=None)
            return await strategy.arun(QUESTION), model

    answer, model = asyncio.run(scenario())
    assert kinds(model) == ["draft"] * 8 + ["refine"]
    assert (
        answer.degraded
        == "the budget pays for widths (1) instead of (4, 1) (a draft has at least min_draft_tokens)"
    )
    assert (answer.value, answer.usage.calls) == ("8", 9 + 3)


def test_where_a_summary_is_too_dear_drafts_are_drawn() -> None:
    model = scripted(draft=[r"word " * 60 + r"\boxed{7}"] * 4)
    strategy = wide(model, max_output_tokens=100, min_draft_tokens=10)
    answer = strategy.run(QUESTION, Budget(calls=5))
    assert "summarise" not in kinds(model) or answer.usage.calls <= 5
    assert answer.value == "8"
    assert answer.usage.calls <= 5


@pytest.mark.parametrize(
    "budget",
    [
        Budget(output_tokens=0),
        Budget(output_tokens=1),
        Budget(output_tokens=7),
        Budget(total_tokens=20),
        Budget(total_tokens=60),
        Budget(calls=0),
        Budget(calls=1),
        Budget(calls=2),
        Budget(calls=5),
        Budget(usd=0.0),
        Budget(usd=0.00002),
        Budget(usd=0.0002),
        Budget(seconds=0),
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "make",
    [
        lambda m: ParallelDistillRefine(m, widths=(4, 2, 1)),
        lambda m: ParallelDistillRefine(m, distill="per-sample-top-k", agreement=None),
        lambda m: SequentialRefinement(m, error_analysis=True),
    ],
    ids=["parallel", "per sample", "sequential"],
)
def test_any_budget_holds_and_ends_in_an_outcome(
    budget: Budget, make: Callable[[ScriptedModel], Any]
) -> None:
    model = scripted(options={"price": Price(input=1, output=2)}, draft=answers(*"12345678"))
    answer = make(model).run(QUESTION, budget)
    assert answer.usage.output_tokens <= (budget.output_tokens if budget.output_tokens is not None else 10**9)
    assert answer.usage.total_tokens <= (budget.total_tokens if budget.total_tokens is not None else 10**9)
    assert answer.usage.calls <= (budget.calls if budget.calls is not None else 10**9)
    assert (answer.usage.usd or 0) <= (budget.usd if budget.usd is not None else 10**9)
    if answer.usage.calls:
        assert answer.text
    else:
        assert answer.stop_reason in {"budget", "deadline"}


def test_what_was_set_aside_is_given_back_where_the_graph_is_part_of_another() -> None:
    async def scenario() -> list[float | None]:
        left: list[float | None] = []
        for script in (Script(), Script(draft=answers("7"))):
            with Ledger(Budget(output_tokens=5000)) as ledger:
                strategy = ParallelDistillRefine(ScriptedModel(script), widths=(4, 1), agreement=0.75)
                await strategy.graph.ainvoke({"question": QUESTION})
                left.append(ledger.remaining.output_tokens == 5000 - ledger.usage.output_tokens)
        return left

    assert asyncio.run(scenario()) == [True, True]


def test_the_answer_alone_is_one_plain_call_after_drafts_that_were_cut_short() -> None:
    model = scripted(draft=[" ".join(["long"] * 60)] * 4 + answers("5"), options={"max_n": 4})
    answer = wide(model, max_output_tokens=30, seed=3).run(QUESTION)
    assert [(request.n, request.seed) for request in model.requests] == [(4, 3), (1, 7)]
    assert (answer.value, answer.degraded) == (
        "5",
        "4 of 4 drafts were cut short or empty, and left out; no draft could be used",
    )


def test_children_with_equal_workspaces_are_other_samples() -> None:
    model = scripted(draft=answers("7"), refine=answers("8"))
    wide(model, widths=(2, 2, 1), distill="random-k", seed=10).run(QUESTION)
    assert [request.seed for request in model.requests] == [10, 11, 12, 13, 14]


def test_flaws_are_asked_for_and_stand_beside_the_draft() -> None:
    model = scripted(analyse="The sum is wrong.")
    SequentialRefinement(model, rounds=2, error_analysis=True).run(QUESTION)
    assert kinds(model) == ["draft", "analyse", "refine", "analyse", "refine"]
    assert "The sum is wrong." in model.prompts[2]
    assert r"\boxed{7}" in model.prompts[2]


def test_tool_calls_are_no_drafts() -> None:
    model = scripted(draft=[Choice(text="", finish_reason="tool_calls"), *answers("7")])
    assert wide(model).run(QUESTION).degraded == "1 of 4 drafts were cut short or empty, and left out"


def test_drafts_without_an_answer_are_better_than_nothing() -> None:
    words = (
        "I am not sure about this one at all, it could be many different things, who knows, not me.\nSorry."
    )
    model = scripted(draft=words, refine=DOWN)
    answer = wide(model).run(QUESTION)
    assert (answer.text, answer.value) == (words, None)
    assert answer.degraded == "no refined answer (no): the last round's first draft is taken"


def test_what_is_streamed_is_the_answer_whatever_it_falls_back_on() -> None:
    async def streamed(refine: Any) -> tuple[str, str]:
        strategy = wide(scripted(draft=answers("5", "7", "7", "6"), refine=refine), max_output_tokens=30)
        events = [event async for event in strategy.astream(QUESTION)]
        finished = events[-1]
        assert isinstance(finished, Finished)
        return "".join(e.text for e in events if isinstance(e, Token)), finished.answer.text

    for refine in (r"Surely \boxed{8}", " ".join(["cut"] * 90), DOWN):
        text, answer = asyncio.run(streamed(refine))
        assert text == answer != ""


def test_a_stray_number_in_a_draft_is_no_answer_to_fall_back_on() -> None:
    essay = "Because small particles scatter blue light more than red.\nThat is all there is to it."
    model = scripted(draft=[essay, essay, "Light of 400 nm is\nscattered most.", essay], refine=essay)
    answer = wide(model).run("Why is the sky blue?")
    assert (answer.text, answer.value, answer.degraded) == (essay, None, None)


def test_where_refining_fails_the_newest_draft_is_the_best() -> None:
    versions = ["version b of it,\nno doubt", "version c of it,\nno doubt", DOWN]
    model = scripted(draft="version a of it,\nno doubt", refine=versions)
    answer = SequentialRefinement(model, rounds=3).run(QUESTION)
    assert answer.text == "version c of it,\nno doubt"


def test_drafts_that_marked_an_answer_before_they_were_cut_count() -> None:
    long = r"\boxed{7} it is, " + " ".join(["because"] * 60)
    model = scripted(draft=[long] * 4 + [DOWN])
    answer = wide(model, max_output_tokens=20).run(QUESTION)
    assert (answer.value, len(model.requests)) == ("7", 5)
    agreeing = wide(scripted(draft=long), max_output_tokens=20, agreement=0.75).run(QUESTION)
    assert (agreeing.value, agreeing.usage.calls) == ("7", 4)


def test_a_summary_that_is_longer_than_its_bound_is_none() -> None:
    said = Choice(text=" ".join(["note"] * 600))
    usage = Usage(calls=1, generations=1, prompt_tokens=9, output_tokens=600)
    model = scripted(summarise=Reply(choices=(said,), usage=usage))
    answer = wide(model, kappa=120).run(QUESTION)
    assert "note" not in model.prompts[-1]
    assert answer.degraded == "the summary was cut short, empty or too long: drafts at random"


def test_with_a_journal_the_plain_call_is_a_sample_of_its_own(tmp_path: Path) -> None:
    drafts = [" ".join(["long"] * 60)] * 4 + answers("5")
    with Replay(tmp_path / "journal.sqlite") as replay:
        model = scripted(draft=drafts, options={"replay": replay})
        answer = wide(model, max_output_tokens=30).run(QUESTION)
    assert (answer.value, len(model.requests)) == ("5", 5)


def test_nothing_is_held_on_somebody_elses_fence() -> None:
    async def scenario() -> None:
        with Ledger(Budget(output_tokens=5000)) as ledger:
            model = scripted(draft=OSError("not ours"))
            with pytest.raises(OSError, match="not ours"):
                await wide(model).graph.ainvoke({"question": QUESTION})
            assert not ledger.set_asides

    asyncio.run(scenario())


def test_a_second_question_on_the_same_thread_begins_anew() -> None:
    async def scenario() -> list[str]:
        model = scripted(draft=answers("7"))
        graph = (
            wide(model, distill="random-k").build().compile(checkpointer=InMemorySaver(serde=serializer()))
        )
        thread: RunnableConfig = {"configurable": {"thread_id": "one"}}
        first: Any = {"question": "FIRST?"}
        second: Any = {"question": "SECOND?"}
        with Ledger():
            await graph.ainvoke(first, thread)
            asked = len(model.requests)
            await graph.ainvoke(second, thread)
        return model.prompts[asked:]

    prompts = asyncio.run(scenario())
    assert len(prompts) == 5
    assert not any("FIRST" in text for text in prompts)
    assert prompts[-1].count("<attempt ") == 2


def test_drafts_that_would_be_too_short_are_refused_and_said_to_be() -> None:
    async def scenario() -> list[Answer]:
        def strategy() -> ParallelDistillRefine:
            model = ScriptedModel(Script(), delay=0.01)
            return ParallelDistillRefine(
                model, widths=(8, 1), agreement=None, max_output_tokens=100, min_draft_tokens=100
            )

        with Ledger(Budget(output_tokens=950)):
            return list(await asyncio.gather(strategy().arun(QUESTION), strategy().arun(QUESTION)))

    degraded = " ".join(answer.degraded or "" for answer in asyncio.run(scenario()))
    assert "failed" not in degraded
    assert "cut short" not in degraded


def test_what_was_waited_for_counts_drafts_that_were_cut() -> None:
    model = scripted(draft=[" ".join(["long"] * 90), *answers("7")], options={"max_n": 4})
    answer = wide(model, distill="random-k", max_output_tokens=50).run(QUESTION)
    assert answer.sequential is not None
    assert answer.sequential.output_tokens == 50 + 2


def test_an_answer_that_was_set_aside_is_paid_for_when_others_take_the_rest() -> None:
    async def scenario() -> tuple[Answer, list[str]]:
        with Ledger(Budget(output_tokens=100)) as ledger:

            def reply(request: Request) -> Any:
                if len(model.requests) == 4:  # somebody else takes all that is free
                    free = int(ledger.remaining.output_tokens or 0)
                    ledger.reserve(Claim(max_output_tokens=free)).settle(Usage(calls=1, output_tokens=free))
                refined = " ".join(["so"] * 18) + r" \boxed{8}"
                return Script(draft=answers(str(len(model.requests))), refine=refined)(request)

            model = ScriptedModel(reply)
            strategy = wide(model, distill="random-k", max_output_tokens=20, min_draft_tokens=5)
            return await strategy.arun(QUESTION), kinds(model)

    answer, asked = asyncio.run(scenario())
    assert asked == ["draft"] * 4 + ["refine"]
    assert answer.value == "8"


def test_where_no_call_can_distill_drafts_are_drawn() -> None:
    async def scenario() -> Answer:
        with Ledger(Budget(calls=6)) as ledger:

            def reply(request: Request) -> Any:
                if len(model.requests) == 4:
                    ledger.reserve(Claim(max_output_tokens=1)).settle(Usage(calls=1))
                return Script(draft=answers(str(len(model.requests))))(request)

            model = ScriptedModel(reply)
            return await wide(model, k=2).arun(QUESTION)

    answer = asyncio.run(scenario())
    assert (answer.value, answer.usage.calls) == ("8", 5 + 1)
    assert answer.degraded == "the budget does not pay for distilling: drafts drawn at random"


def test_a_selector_may_think() -> None:
    thought = "<think>" + " ".join(["well"] * 60) + '</think>{"picks": [1, 2]}'
    answer = wide(scripted(select=thought), distill="shared-top-k").run(QUESTION)
    assert answer.degraded is None


def test_selectors_that_fail_are_told_and_leave_the_others_theirs() -> None:
    model = scripted(draft=answers(*"1234"), select=[{"picks": [1, 2]}, DOWN, {"picks": [3, 4]}])
    answer = wide(model, widths=(4, 3, 1), distill="per-sample-top-k", k=2).run(QUESTION)
    assert "distilling failed (no): drafts at random" in (answer.degraded or "")
    shown = re.findall(r"<attempt \d>\nIt is \\boxed{(\d)}", model.prompts[4])
    for child, picks in ((7, shown[:2]), (9, shown[2:])):
        assert sorted(re.findall(r"boxed{(\d)}", model.prompts[child])) == sorted(picks)


def test_agreement_before_a_narrowed_round_left_nothing_out() -> None:
    model = scripted(draft=answers("7") * 4, options={"max_n": 1})
    strategy = ParallelDistillRefine(model, widths=(4, 2, 1), distill="random-k", agreement=0.75)
    answer = strategy.run(QUESTION, Budget(calls=6))
    assert (kinds(model), answer.value, answer.degraded) == (["draft"] * 4, "7", None)
