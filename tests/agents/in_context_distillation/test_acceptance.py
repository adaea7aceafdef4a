"""Acceptance tests A8 to A10 of the method page, on small worlds."""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from agents.in_context_distillation.worlds import Corridor, bank_of, way

from outlay import Ledger, ModelUnavailableError, Price, Usage
from outlay.agents import InContextDistillation
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from pathlib import Path

    from outlay.environments import Episode
    from outlay.model import Request

PRICE = Price(input=0.4, output=1.6)
DEAR = Price(input=3, output=15)

COLOURS = ["red", "blue", "green", "white", "black", "amber", "pink", "grey"]
THINGS = ["mug", "plate", "lamp", "book", "cloth", "pan", "key", "vase"]
PLACES = ["shelf", "desk", "sink", "fridge", "drawer", "sofa", "table", "stove"]


def errand(rng: random.Random) -> tuple[str, list[str]]:
    """Give a task and how it is done, which its words tell."""
    colour, thing, place = rng.choice(COLOURS), rng.choice(THINGS), rng.choice(PLACES)
    return f"{colour} {thing} {place}", [f"fetch {thing} {colour}", f"open {place}", "done"]


def copying(request: Request) -> str:
    """Do what the most alike demonstration did at the step that looks like this one."""
    text = prompt(request)
    door = re.findall(r"at door (\d+)\.", text)[-1]
    shown = text.rpartition("Now:")[0]
    found = re.findall(rf"at door {door}\.\n> (.+)", shown)
    return found[-1] if found else "wait"


def test_a8_more_demonstrations_help_a_student_that_copies(tmp_path: Path) -> None:
    rng = random.Random(7)  # noqa: S311
    tasks = [errand(rng) for _ in range(15)]
    shares = []
    for size in (0, 20, 100, 500):
        known = [errand(rng) for _ in range(size)]
        bank = bank_of(
            tmp_path / str(size), *[way(f"{n} {task}", doing) for n, (task, doing) in enumerate(known)]
        )
        cheap = ScriptedModel(copying, price=PRICE, max_n=3)
        strategy = InContextDistillation(cheap, bank=bank, max_steps=4)
        ended = [strategy.run(Corridor(doing, task=task)).episode for task, doing in tasks]
        shares.append(sum(bool(episode and episode.success) for episode in ended) / len(tasks))
    assert shares == sorted(shares)
    assert shares[-1] >= shares[0] + 0.3


def test_a9_the_bill_is_the_sum_of_the_calls_retries_included() -> None:
    cheap = ScriptedModel(
        ["go west", "go west", ModelUnavailableError("down"), "go east", *["go on"] * 3],
        price=PRICE,
        max_n=1,
        name="student",
    )
    dear = ScriptedModel([ModelUnavailableError("down"), "go east"], price=DEAR, name="teacher")
    with Ledger() as ledger:
        answer = InContextDistillation(cheap, dear, waves=False).run(Corridor(["go east", "go on"]))
    episode = answer.episode
    assert episode is not None
    assert (episode.student + episode.teacher).usd == pytest.approx(answer.usage.usd, abs=1e-12)
    by_model = ledger.report().by_model
    assert by_model["student"] == episode.student
    assert by_model["teacher"] == episode.teacher
    assert sum(by_model.values(), Usage()).usd == pytest.approx(answer.usage.usd, abs=1e-12)
    assert episode.teacher.calls == 2
    assert episode.student.calls == len(cheap.requests) == 7
    assert episode.deferral_rate == sum(step.by == "teacher" for step in episode.steps) / len(episode.steps)


def test_a10_at_equal_cost_a_cascade_is_no_worse_than_random_deferral() -> None:
    """Half of the steps are hard: there the student guesses, and its samples differ."""
    doing = ["easy", "hard"] * 4

    def guessing(rng: random.Random) -> Any:
        def line(request: Request) -> str:
            door = int(re.findall(r"at door (\d+)\.", prompt(request))[-1])
            wanted = doing[door]
            return wanted if wanted == "easy" or rng.random() < 0.4 else f"guess {rng.randrange(50)}"

        return line

    def knowing(request: Request) -> str:
        return doing[int(re.findall(r"at door (\d+)\.", prompt(request))[-1])]

    def episodes(defer: Any) -> list[Episode]:
        rng = random.Random(3)  # noqa: S311
        cheap = ScriptedModel(guessing(rng), price=PRICE, max_n=3)
        dear = ScriptedModel(knowing, price=DEAR)
        strategy = InContextDistillation(cheap, dear, defer=defer, max_steps=len(doing))

        async def all_of_them() -> list[Episode]:
            answers = [await strategy.arun(Corridor(doing, task=f"hall {n}")) for n in range(40)]
            return [answer.episode for answer in answers if answer.episode]

        return asyncio.run(all_of_them())

    cascade = episodes("disagreement")
    rate = sum(e.deferral_rate for e in cascade) / len(cascade)
    at_random = episodes(round(rate, 3))
    assert sum(e.deferral_rate for e in at_random) / len(at_random) == pytest.approx(rate, abs=0.06)
    assert sum(bool(e.success) for e in cascade) > sum(bool(e.success) for e in at_random)
    # At random the student is not asked where the teacher is: what the cascade pays more are those samples.
    assert _teacher_usd(cascade) == pytest.approx(_teacher_usd(at_random), rel=0.2)


def _teacher_usd(episodes: list[Episode]) -> float:
    return sum(episode.teacher.usd or 0 for episode in episodes)
