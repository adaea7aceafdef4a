"""Acceptance tests A8 to A10 of the method page, on small worlds."""

from __future__ import annotations

import asyncio
import random
import re
from typing import TYPE_CHECKING, Any

import pytest
from agents.in_context_distillation.worlds import Corridor, bank_of, way

from outlay import ModelUnavailableError, Price
from outlay.agents import InContextDistillation
from outlay.testing import ScriptedModel, prompt
from outlay.testing.words import split

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    down = ModelUnavailableError("down")
    student: list[str | Exception] = ["go west", "go west", down, "go east", *["go on"] * 3]
    teacher: list[str | Exception] = [down, "go east"]
    cheap = ScriptedModel(student, price=PRICE, max_n=1, name="student")
    dear = ScriptedModel(teacher, price=DEAR, name="teacher")
    answer = InContextDistillation(cheap, dear, waves=False).run(Corridor(["go east", "go on"]))
    episode = answer.episode
    assert episode is not None
    asked, handed = _owed(cheap.requests, student, PRICE), _owed(dear.requests, teacher, DEAR)
    assert episode.student.usd == pytest.approx(asked, abs=1e-12)
    assert episode.teacher.usd == pytest.approx(handed, abs=1e-12)
    assert answer.usage.usd == pytest.approx(asked + handed, abs=1e-12)
    assert (episode.student.calls, episode.student.generations) == (7, 6)
    assert (episode.teacher.calls, episode.teacher.generations) == (2, 1)
    assert episode.deferral_rate == sum(step.by == "teacher" for step in episode.steps) / len(episode.steps)


def _owed(requests: Sequence[Request], script: Sequence[str | Exception], price: Price) -> float:
    """Reckon from what was sent and what came back, a word a token, at dollars per million tokens."""
    answered = [(r, said) for r, said in zip(requests, script, strict=True) if isinstance(said, str)]
    asked = sum(len(split(prompt(request))) for request, _ in answered)
    said = sum(len(split(text)) for _, text in answered)
    return (asked * price.input + said * price.output) / 1e6


def test_a_judge_has_its_own_line_in_the_bill() -> None:
    cheap = ScriptedModel(["go east", "walk east"], price=PRICE, max_n=2, name="student")
    judge = ScriptedModel(lambda _: "yes", price=DEAR, name="judge")
    strategy = InContextDistillation(cheap, judge=judge, n=2, equivalence="judge", max_steps=1)
    answer = strategy.run(Corridor(["go east", "go on"]))
    episode = answer.episode
    assert episode is not None
    assert episode.judge.calls == len(judge.requests) > 0
    assert episode.student.calls == 1
    assert episode.usage == answer.usage


def test_a10_at_equal_measured_cost_a_cascade_is_better_than_random_deferral(tmp_path: Path) -> None:
    """Half of the steps are hard: there the student guesses, and its samples differ."""
    doing = ["easy", "hard"] * 4
    bank = bank_of(tmp_path, *[way(f"other hall {n}", ["easy", "wait"] * 4) for n in range(4)])

    def door(request: Request) -> int:
        return int(re.findall(r"at door (\d+)\.", prompt(request))[-1])

    def guessing(rng: random.Random) -> Any:
        def line(request: Request) -> str:
            wanted = doing[door(request)]
            return wanted if wanted == "easy" or rng.random() < 0.4 else f"guess {rng.randrange(50)}"

        return line

    def episodes(defer: Any, n: int) -> list[Episode]:
        cheap = ScriptedModel(guessing(random.Random(3)), price=PRICE, max_n=3)  # noqa: S311
        dear = ScriptedModel(lambda request: doing[door(request)], price=DEAR)
        strategy = InContextDistillation(
            cheap, dear, bank, k=2, n=n, defer=defer, max_steps=len(doing), teacher_demonstrations=True
        )

        async def all_of_them() -> list[Episode]:
            answers = [await strategy.arun(Corridor(doing, task=f"hall {n}")) for n in range(40)]
            return [answer.episode for answer in answers if answer.episode]

        return asyncio.run(all_of_them())

    cascade = episodes("disagreement", 3)
    dearer = next(
        mixed
        for mixed in (episodes(rate / 20, 1) for rate in range(1, 21))
        if _dollars(mixed) >= _dollars(cascade)
    )
    assert _dollars(dearer) == pytest.approx(_dollars(cascade), rel=0.15)
    assert sum(bool(e.success) for e in cascade) > sum(bool(e.success) for e in dearer)


def _dollars(episodes: list[Episode]) -> float:
    return sum(episode.usage.usd or 0 for episode in episodes)
