"""Replies that are cut, empty or code; servers that are down; episodes inside episodes."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest
from agents.in_context_distillation.worlds import Corridor, Guide, bank_of, way

from outlay import Budget, ConfigurationError, Ledger, Model, ModelUnavailableError, Price, Usage
from outlay.agents import InContextDistillation
from outlay.agents.in_context_distillation import PolicyTeacher
from outlay.outcome import CUT_SHORT
from outlay.prompts import delimited
from outlay.testing import ScriptedModel

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.environments import Environment, Turn
    from outlay.model import Request

PRICE = Price(input=0.4, output=1.6)
DEAR = Price(input=3, output=15)


def student(*lines: str | Exception, **options: Any) -> ScriptedModel:
    return ScriptedModel(lines, price=PRICE, max_n=3, name="student", **options)


def teacher(*lines: str) -> ScriptedModel:
    return ScriptedModel(lines, price=DEAR, name="teacher", retries=0)


class Asking(Corridor):
    """A corridor in which every step asks a question of its own."""

    async def step(self, action: str) -> Turn:
        inner = await InContextDistillation(student(r"\boxed{4}"), n=1).arun("What is 2 + 2?")
        assert inner.episode is not None
        assert (inner.value, inner.episode.task) == ("4", "What is 2 + 2?")
        return await super().step(action)


def test_a_question_asked_inside_an_episode_is_no_part_of_it() -> None:
    world = Asking(["go east"])
    answer = InContextDistillation(student("go east"), n=1).run(world)
    assert world.actions == ["go east"]
    assert answer.episode is not None
    assert answer.episode.success


def test_a_teacher_that_says_nothing_leaves_the_answer_to_most_of_the_samples() -> None:
    said = student(r"\boxed{8}", r"\boxed{7}", r"\boxed{7}")
    answer = InContextDistillation(said, teacher(""), waves=False).run("3 + 4?")
    assert answer.value == "7"
    assert "gave no action" in str(answer.degraded)


def test_an_action_that_was_cut_is_neither_done_nor_agreed_on() -> None:
    world = Corridor(["delete all files in the folder tmp"])
    said = ["delete all files in the folder tmp"] * 3
    answer = InContextDistillation(student(*said), max_output_tokens=3).run(world)
    assert world.actions == []
    assert "no action could be read" in str(answer.degraded)


def test_an_answer_that_was_cut_says_so_and_counts_only_for_what_it_marks() -> None:
    said = "first I take 12 and then I go on and on"
    answer = InContextDistillation(student(said), n=1, max_output_tokens=6).run("3 + 4?")
    assert (answer.value, answer.stop_reason) == (None, "budget")
    assert CUT_SHORT in str(answer.degraded)


@pytest.mark.parametrize(
    ("said", "done"),
    [
        ('> "go east"\nbecause it is near', "go east"),
        ("```\ngo east\n```", "go east"),
        ('{"tool": "go",\n "args": {"to": "east"}}\nDone.', '{"tool": "go",\n "args": {"to": "east"}}'),
        ('```json\n{"tool": "go"}\n```', '{"tool": "go"}'),
        ('say "hello"', 'say "hello"'),
        ("Action: go east", "go east"),
        ('I search first.\n{"tool": "search", "args": {}} as told', '{"tool": "search", "args": {}}'),
        ('Action: {"tool": "go",\n "args": {"to": "east"}}', '{"tool": "go",\n "args": {"to": "east"}}'),
    ],
)
def test_an_action_is_found_in_what_small_models_put_around_it(said: str, done: str) -> None:
    world = Corridor([done])
    InContextDistillation(student(said), n=1).run(world)
    assert world.actions == [done]


def test_an_action_cut_short_is_none_though_the_thought_before_it_has_its_words() -> None:
    world = Corridor(["go to shelf 1"])
    said = ["Thought: go to shelf 12 next\nAction: go to shelf 12"] * 3
    InContextDistillation(student(*said), reasoning=True, max_output_tokens=10, max_steps=1).run(world)
    assert world.actions == []


def test_a_program_is_asked_for_without_a_mark_for_its_answer() -> None:
    cheap = student(*["pass"] * 3)
    InContextDistillation(cheap, equivalence="python").run("Write a program.")
    assert "boxed" not in cheap.prompts[0]


def test_what_is_seen_now_is_cut_where_nothing_else_is_left() -> None:
    class Wordy(Corridor):
        def _turn(self, said: str = "") -> Turn:
            turn = super()._turn(said)
            return turn.model_copy(update={"observation": "so much to see " * 200 + turn.observation})

    cheap = ScriptedModel(lambda _: "go east", price=PRICE, max_n=3, window=500)
    answer = InContextDistillation(cheap).run(Wordy(["go east"]))
    assert "what is seen now was cut" in str(answer.degraded)
    assert "at door 0" in cheap.prompts[0]
    assert answer.episode is not None
    assert answer.episode.success


def test_nothing_to_see_is_said_in_words() -> None:
    class Silent(Corridor):
        def _turn(self, said: str = "") -> Turn:
            return super()._turn(said).model_copy(update={"observation": ""})

    cheap = student("go east", "go on")
    InContextDistillation(cheap, n=1).run(Silent(["go east", "go on"]))
    assert all(m["content"].strip() for request in cheap.requests for m in request.messages)


def test_an_episode_whose_server_goes_away_says_why_it_broke_off() -> None:
    down = ModelUnavailableError("the server is down")
    cheap = student("go east", down, retries=0)
    answer = InContextDistillation(cheap, n=1).run(Corridor(["go east", "go on"]))
    assert answer.episode is not None
    assert "the server is down" in str(answer.episode.failure)
    assert "the server is down" in str(answer.degraded)
    assert "not done after" not in str(answer.degraded)


def test_a_function_may_teach() -> None:
    async def expert(environment: Environment, _: Turn) -> str:
        assert isinstance(environment, Corridor)
        return environment.wanted[environment.place]

    taught = PolicyTeacher(expert, DEAR, prompt_tokens=1200, output_tokens=80)
    answer = InContextDistillation(student(), taught, defer="always").run(Corridor(["go east", "go on"]))
    assert answer.episode is not None
    assert answer.episode.success
    assert list(answer.report.by_model) == ["expert"]


@pytest.mark.parametrize(
    "given",
    [{"bank": ScriptedModel([])}, {"judge": PolicyTeacher(Guide(), DEAR)}],
    ids=["a model for a bank", "a policy for a judge"],
)
def test_collaborators_in_the_wrong_place_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        InContextDistillation(student(), **given)


def test_programs_are_compared_by_their_syntax_and_in_full() -> None:
    same = [
        'import os\nprint("a")',
        "```python\nimport os\nprint('a')  # said\n```",
        "import os\n\nprint('a')",
    ]
    other = ["import os\nos.remove('a')", "import os\nos.remove('b')", "import os\nprint(1)"]
    for lines, deferred in ((same, False), (other, True)):
        dear = teacher("```python\npass\n```")
        answer = InContextDistillation(student(*lines), dear, equivalence="python").run("Write a program.")
        assert answer.episode is not None
        assert answer.episode.steps[0].deferred is deferred


def test_a_window_as_long_as_a_reply_is_divided() -> None:
    answer = InContextDistillation(student(*[r"\boxed{7}"] * 3, window=64), max_output_tokens=64).run(
        "3 + 4?"
    )
    assert answer.value == "7"


def test_a_student_whose_server_is_down_hands_over() -> None:
    down = Model("llama.cpp/none", api_base="http://127.0.0.1:9", price=PRICE, retries=0)
    answer = InContextDistillation(down, teacher(r"\boxed{7}")).run("3 + 4?")
    assert answer.value == "7"
    assert answer.episode is not None
    assert answer.episode.steps[0].by == "teacher"


def test_money_that_ends_inside_the_environment_ends_the_episode_with_what_was_done() -> None:
    class Paying(Corridor):
        async def step(self, action: str) -> Turn:
            if self.place == 1:
                await ScriptedModel(["word " * 50], price=PRICE).complete("dear", min_output_tokens=50)
            return await super().step(action)

    world = Paying(["go east", "go on"])
    answer = InContextDistillation(student("go east", "go on"), n=1).run(world, Budget(output_tokens=20))
    assert answer.stop_reason == "budget"
    assert answer.episode is not None
    assert [step.action for step in answer.episode.steps] == ["go east", "go on"]


def test_what_was_imported_free_of_charge_does_not_make_the_teacher_cheap(tmp_path: Path) -> None:
    paid = Usage(calls=1, generations=1, prompt_tokens=10, output_tokens=10, usd=0.06)
    runs = [way("paid", ["go"], usage=paid), *[way(f"free {n}", [f"go {n}"]) for n in range(9)]]
    bank = bank_of(tmp_path / "bank", *runs)
    answer = InContextDistillation(student("go east"), bank=bank, n=1).run(Corridor(["go east"]))
    assert answer.episode is not None
    assert answer.episode.teacher_alone == 0.06


def test_where_the_teacher_cannot_be_paid_the_student_is_asked_after_all() -> None:
    world = Corridor(["go east"])
    answer = InContextDistillation(student("go east"), teacher("go east"), n=1, defer="always").run(
        world, Budget(usd=0.0001)
    )
    assert world.actions == ["go east"]
    assert answer.episode is not None
    # It was handed over, and came back.
    assert (answer.episode.steps[0].by, answer.episode.steps[0].deferred) == ("student", True)


def test_agreement_of_the_one_sample_that_was_paid_is_not_agreement() -> None:
    cheap = ScriptedModel(["go east"] * 3, price=PRICE, max_n=1)
    answer = InContextDistillation(cheap, teacher("go east"), waves=False).run(
        Corridor(["go east"]), Budget(calls=1)
    )
    assert answer.episode is not None
    assert answer.episode.steps[0].agreed is None
    assert "whether they agree is not known" in str(answer.degraded)


def test_a_policy_that_breaks_off_stays_spent() -> None:
    class Broken:
        name = "broken"

        async def act(self, environment: Environment, turn: Turn) -> str:  # noqa: ARG002
            raise ModelUnavailableError("lost")

    expert = PolicyTeacher(Broken(), DEAR, prompt_tokens=1200, output_tokens=80)
    world = Corridor(["go east"])
    with Ledger() as ledger:
        InContextDistillation(student("go east"), expert, n=1, defer="always").run(world)
        assert ledger.unconfirmed.usd == pytest.approx(0.0048)
    assert world.actions == ["go east"]


def test_what_is_no_environment_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="neither a question nor an environment"):
        InContextDistillation(student()).run(5)  # type: ignore[arg-type]


def test_polling_can_be_allowed() -> None:
    waiting = ScriptedModel(["wait", "wait", "wait", "wait", "go east"], price=PRICE)
    world = Corridor(["go east"])
    InContextDistillation(waiting, n=1, repeats=None).run(world)
    assert world.actions[-1] == "go east"


@pytest.mark.parametrize("listed", [True, False])
def test_with_demonstrations_of_the_episode_a_prompt_begins_with_all_but_the_last_of_the_one_before(
    tmp_path: Path, *, listed: bool
) -> None:
    asked: list[list[dict[str, Any]]] = []

    def say(request: Request) -> str:
        asked.append([dict(message) for message in request.messages])
        return "go east"

    world = Corridor(["go east"] * 3, task="cellar", admissible=listed)
    with bank_of(tmp_path / "bank", way("attic", ["go up", "go down"])) as bank:
        answer = InContextDistillation(
            ScriptedModel(say, name="student"), bank=bank, n=1, retrieve="episode"
        ).run(world)
    assert answer.episode is not None
    assert answer.episode.success
    assert [len(messages) for messages in asked] == [6, 8, 10]
    for before, after in itertools.pairwise(asked):
        assert after[: len(before) - 1] == before[:-1]
    door = delimited("observation", "You are at door {}.")
    assert [message["content"] for message in asked[0][1:5]] == [
        f"{delimited('example', 'Task: get through the attic')}\n\n{door.format(0)}",
        "go up",
        door.format(1),
        "go down",
    ]


def test_a_constrained_student_is_held_to_the_actions_there_are_and_its_json_is_read() -> None:
    schemas: list[Any] = []

    def say(request: Request) -> str:
        schemas.append(request.response_schema)
        return '{"action": "go east"}'

    world = Corridor(["go east"] * 2, admissible=True)
    answer = InContextDistillation(ScriptedModel(say, name="student"), n=1, constrain=True).run(world)
    assert answer.episode is not None
    assert [step.action for step in answer.episode.steps] == ["go east", "go east"]
    assert [schema["properties"]["action"]["enum"] for schema in schemas] == [["go east", "wait"]] * 2


@pytest.mark.parametrize(
    ("listed", "reasoning"), [(False, False), (True, True)], ids=["none listed", "with thoughts"]
)
def test_where_actions_cannot_be_constrained_no_schema_is_sent(*, listed: bool, reasoning: bool) -> None:
    schemas: list[Any] = []

    def say(request: Request) -> str:
        schemas.append(request.response_schema)
        return "Action: go east"

    world = Corridor(["go east"], admissible=listed)
    InContextDistillation(ScriptedModel(say, name="student"), n=1, constrain=True, reasoning=reasoning).run(
        world
    )
    assert schemas == [None]
    assert world.actions == ["go east"]
