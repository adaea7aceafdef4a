"""The simulated model: what it says follows its stated formula, and depends on nothing else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from math import exp, log, sqrt
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outlay.answers import extract
from outlay.budget import Price
from outlay.errors import ConfigurationError
from outlay.model import Request
from outlay.replay import Replay
from outlay.testing import (
    SimulatedModel,
    SimulatedQuestion,
    Simulation,
    simulated_from_spec,
    simulated_questions,
)
from outlay.testing.questions import WRONG_ODDS
from outlay.testing.words import cut, split

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from outlay.model import Choice, Completion, Message, Reply
    from outlay.testing import Sight

QUESTIONS = simulated_questions(200)
HARD = SimulatedQuestion(question="How many grains are in the heap?", answer="123456", difficulty=0.5)
LONG = 100_000
"""A cap that no generation reaches."""


def asking(
    text: str | Sequence[Message],
    *,
    n: int = 1,
    cap: int = LONG,
    seed: int | None = 0,
    temperature: float = 0.7,
    stop: tuple[str, ...] = (),
) -> Request:
    messages = ({"role": "user", "content": text},) if isinstance(text, str) else tuple(text)
    return Request(
        model="m",
        messages=messages,
        max_output_tokens=cap,
        n=n,
        seed=seed,
        temperature=temperature,
        stop=stop,
    )


def replied(model: SimulatedModel, request: Request) -> Reply:
    return asyncio.run(model.provider.complete(request))


def said(model: SimulatedModel, request: Request) -> tuple[Choice, ...]:
    return replied(model, request).choices


def boxed(choice: Choice) -> str:
    return choice.text.rpartition("\\boxed{")[2].removesuffix("}")


def answers(model: SimulatedModel, request: Request) -> Counter[str]:
    return Counter(map(boxed, said(model, request)))


def deviates(found: float, p: float, n: int) -> float:
    """Give by how many standard errors a share deviates from what it should be."""
    return abs(found - p) / sqrt(p * (1 - p) / n)


@pytest.mark.parametrize(("difficulty", "guess"), [(0.0, 0.0), (0.6, 0.0), (0.9, 0.0), (0.9, 0.25)])
def test_the_share_of_right_answers_is_the_formulas(difficulty: float, guess: float) -> None:
    question = HARD.model_copy(update={"difficulty": difficulty})
    model = SimulatedModel([question], Simulation(ability=0.6, sharpness=4, guess=guess, effort=0, seed=5))
    right = answers(model, asking(question.question, n=20_000))[question.answer]
    p = guess + (1 - guess) / (1 + exp(-4 * (0.6 - difficulty)))
    assert deviates(right / 20_000, p, 20_000) < 4


def test_wrong_answers_have_their_odds() -> None:
    model = SimulatedModel([HARD], accuracy=lambda _sight: 0.2)
    found = answers(model, asking(HARD.question, n=20_000))
    assert set(found) == {HARD.answer, *HARD.wrong}
    for answer, odds in zip(HARD.wrong, WRONG_ODDS, strict=True):
        assert deviates(found[answer] / 20_000, 0.8 * odds / sum(WRONG_ODDS), 20_000) < 4


@pytest.mark.parametrize("difficulty", [0.0, 1.0])
def test_lengths_are_log_normal_around_the_median(difficulty: float) -> None:
    question = HARD.model_copy(update={"difficulty": difficulty})
    model = SimulatedModel([question], Simulation(short=100, long=400, spread=0.3))
    counts = replied(model, asking(question.question, n=20_000)).output_tokens or ()
    median = 100 * 4**difficulty
    assert deviates(sum(count < median for count in counts) / 20_000, 0.5, 20_000) < 6  # rounded to tokens
    assert deviates(sum(count < median * exp(0.3) for count in counts) / 20_000, 0.8413, 20_000) < 6


def test_longer_thinking_helps_as_much_as_is_stated() -> None:
    simulation = Simulation(effort=2.0, spread=1.0, ability=0.5)
    model = SimulatedModel([HARD], simulation)
    reply = replied(model, asking(HARD.question, n=20_000))
    assert reply.output_tokens
    drawn = list(zip(reply.output_tokens, reply.choices, strict=True))
    median = simulation.median(0.5)
    for low, high in ((0.0, 1.0), (1.0, 2.0), (2.0, 100.0)):
        some = [(t, boxed(c) == HARD.answer) for t, c in drawn if low <= t / median < high]
        expected = sum(1 / (1 + exp(-2.0 * log(t / median))) for t, _ in some) / len(some)
        assert deviates(sum(right for _, right in some) / len(some), expected, len(some)) < 4


def shown(*texts: str) -> str:
    return "\n".join(["Drafts:", *texts, "", HARD.question])


@pytest.mark.parametrize(
    ("messages", "sight"),
    [
        pytest.param(HARD.question, (0, 0, 0), id="the question alone"),
        pytest.param(
            shown("A: \\boxed{123456}", f"B: it is {HARD.wrong[1]}."), (0, 1, 1), id="in its prompt"
        ),
        pytest.param(
            shown(f"x{HARD.wrong[0]} 1234567 0123456"), (0, 0, 0), id="parts of words are no answers"
        ),
        pytest.param(
            [
                {"role": "user", "content": HARD.question},
                {"role": "assistant", "content": "one two \\boxed{123456}"},
                {"role": "user", "content": "Are you sure?"},
            ],
            (3, 1, 0),
            id="said before",
        ),
    ],
)
def test_accuracy_is_asked_with_what_the_prompt_shows(
    messages: str | Sequence[Message], sight: tuple[int, int, int]
) -> None:
    seen: list[Sight] = []

    def accuracy(sight: Sight) -> float:
        seen.append(sight)
        return 1.0

    model = SimulatedModel([HARD], Simulation(short=90, long=90, spread=0), accuracy=accuracy)
    (choice,) = said(model, asking(messages))
    before, right, wrong = sight
    assert (seen[0].difficulty, seen[0].tokens, seen[0].right, seen[0].wrong) == (0.5, 90, right, wrong)
    assert len(split(choice.text)) == 90 - before


def test_answers_in_the_prompt_draw_it_as_the_formula_says() -> None:
    model = SimulatedModel([HARD], Simulation(ability=0.5, effort=0, anchoring=2))
    prompt = shown(*(f"\\boxed{{{wrong}}}" for wrong in HARD.wrong[:3]))
    right = answers(model, asking(prompt, n=20_000))[HARD.answer]
    assert deviates(right / 20_000, 1 / (1 + exp(2 * 3 / 4)), 20_000) < 4


def test_a_model_that_discerns_is_drawn_more_by_right_answers() -> None:
    simulation = Simulation(ability=0.5, effort=0, anchoring=2, discernment=5)
    prompt = shown(*(f"\\boxed{{{value}}}" for value in (HARD.answer, *HARD.wrong[:3])))
    right = answers(SimulatedModel([HARD], simulation), asking(prompt, n=20_000))[HARD.answer]
    assert deviates(right / 20_000, 1 / (1 + exp(-2 * (5 - 3) / (5 + 3 + 1))), 20_000) < 4


def test_a_short_answer_counts_only_in_a_box() -> None:
    question = SimulatedQuestion(question="Which?", answer="2", difficulty=0)
    model = SimulatedModel([question], accuracy=lambda sight: float((sight.right, sight.wrong) == (1, 0)))
    assert answers(model, asking("Step 2 of 2: \\boxed{2}\nWhich?", n=20)) == {"2": 20}


def majority(model: SimulatedModel, samples: int, votes: int) -> float:
    """Give how often a vote of some samples is right."""
    found = [boxed(choice) for choice in said(model, asking(HARD.question, n=samples))]
    groups = [Counter(found[at : at + votes]).most_common(1)[0][0] for at in range(0, samples, votes)]
    return groups.count(HARD.answer) / len(groups)


@pytest.mark.parametrize(
    ("p", "low", "high"),
    [
        pytest.param(0.6, 0.75, 1.0, id="a vote helps where most samples are right"),
        pytest.param(0.4, 0.5, 0.75, id="and where the wrong ones disagree"),
        pytest.param(0.25, 0.0, 0.22, id="and is fooled where one wrong answer is the commonest"),
    ],
)
def test_votes(p: float, low: float, high: float) -> None:
    model = SimulatedModel([HARD], accuracy=lambda _sight: p)
    assert low <= majority(model, 9000, 15) <= high


@given(
    number=st.integers(0, 199),
    seed=st.integers(-5, 10**6),
    cap=st.integers(1, 400),
    temperature=st.sampled_from([0.0, 0.7]),
    prefix=st.sampled_from(["", "Problem: ", "One\nTwo\n"]),
    stop=st.sampled_from([(), ("another,",), ("\\boxed",)]),
)
@settings(max_examples=200, deadline=None)
def test_a_smaller_cap_gives_the_beginning_of_the_same_generation(
    number: int, seed: int, cap: int, temperature: float, prefix: str, stop: tuple[str, ...]
) -> None:
    model = SimulatedModel(QUESTIONS, Simulation(seed=2))
    text = prefix + QUESTIONS[number].question
    (whole,) = said(model, asking(text, seed=seed, temperature=temperature, stop=stop))
    capped = replied(model, asking(text, seed=seed, temperature=temperature, cap=cap, stop=stop))
    expected = cut(whole.text, cap)
    assert capped.choices[0].text == expected.text
    assert capped.choices[0].finish_reason == expected.finish_reason
    assert capped.output_tokens == (expected.tokens,)


def test_whole_generations_say_what_they_are_and_mark_an_answer() -> None:
    model = SimulatedModel(QUESTIONS)
    for question in QUESTIONS:
        reply = replied(model, asking(question.question))
        (choice,) = reply.choices
        assert choice.finish_reason == "stop"
        assert "imulated" in choice.text
        assert choice.text.endswith(f"\\boxed{{{extract(choice.text)}}}")
        assert reply.output_tokens == (len(split(choice.text)),)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_samples_of_one_request_are_those_of_single_requests(temperature: float) -> None:
    model = SimulatedModel(QUESTIONS)
    text = QUESTIONS[7].question
    together = said(model, asking(text, n=6, seed=40, temperature=temperature))
    apart = [said(model, asking(text, seed=40 + i, temperature=temperature))[0] for i in range(6)]
    assert list(together) == apart
    assert len(set(together)) == (1 if temperature == 0 else 6)


def test_greedy_generations_do_not_depend_on_the_sampling_seed() -> None:
    model = SimulatedModel(QUESTIONS)
    found = {said(model, asking(QUESTIONS[3].question, seed=s, temperature=0)) for s in (None, 1, 2)}
    assert len(found) == 1


def test_samples_without_a_seed_are_counted_by_prompt() -> None:
    first, second = SimulatedModel(QUESTIONS), SimulatedModel(QUESTIONS)
    text, other = QUESTIONS[0].question, QUESTIONS[1].question
    pool = said(first, asking(text, n=4, seed=None))
    said(second, asking(other, n=2, seed=None))
    rest = [said(second, asking(text, n=n, seed=None)) for n in (1, 3)]
    assert pool == rest[0] + rest[1]


def test_models_of_different_seeds_draw_differently() -> None:
    requests = [asking(question.question) for question in QUESTIONS[:50]]
    one, two = (SimulatedModel(QUESTIONS, Simulation(seed=seed)) for seed in (1, 2))
    assert [said(one, r) for r in requests] != [said(two, r) for r in requests]


SCRIPT = """
import asyncio, hashlib
from outlay.model import Request
from outlay.testing import SimulatedModel, simulated_questions

questions = simulated_questions(50)
model = SimulatedModel(questions)
digest = hashlib.sha256()
for question in questions:
    asked = ({"content": question.question, "role": "user"},)
    request = Request(model="m", messages=asked, max_output_tokens=500, n=3, seed=9, temperature=1.0)
    digest.update(asyncio.run(model.provider.complete(request)).model_dump_json().encode())
print(digest.hexdigest())
"""


def test_nothing_depends_on_the_process() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert found[0] == found[1] != ""


def test_nothing_depends_on_order_or_threads() -> None:
    model = SimulatedModel(QUESTIONS)
    requests = [asking(question.question, n=2) for question in QUESTIONS]
    in_order = [said(model, request) for request in requests]
    with ThreadPoolExecutor(4) as threads:
        backwards = list(threads.map(lambda request: said(model, request), reversed(requests)))
    assert in_order == backwards[::-1]


def test_a_replayed_prefix_is_what_would_have_been_generated(tmp_path: Path) -> None:
    async def asked(model: SimulatedModel, caps: Sequence[int]) -> list[Completion]:
        return [
            await model.complete(question.question, max_output_tokens=cap, seed=3, temperature=0.7)
            for question in QUESTIONS[:10]
            for cap in caps
        ]

    with Replay(tmp_path / "replay.sqlite") as replay:
        for cap in (500, 100, 20):
            with replay.run():
                kept = asyncio.run(asked(SimulatedModel(QUESTIONS, replay=replay), [cap]))
            fresh = asyncio.run(asked(SimulatedModel(QUESTIONS), [cap]))
            assert [c.replayed for c in kept] == [cap != 500] * 10
            assert [c.model_copy(update={"replayed": False}) for c in kept] == fresh


def test_a_prompt_about_no_known_question_is_refused_before_it_is_paid_for() -> None:
    model = SimulatedModel(QUESTIONS)
    with pytest.raises(ConfigurationError, match="knows 200 questions and finds none"):
        asyncio.run(model.complete("Who are you?"))


def test_an_accuracy_that_is_no_probability_is_refused() -> None:
    model = SimulatedModel(QUESTIONS, accuracy=lambda _sight: 1.5)
    with pytest.raises(ConfigurationError, match="must lie in 0 to 1"):
        said(model, asking(QUESTIONS[0].question))


def test_a_stream_is_the_same_generation() -> None:
    async def streamed() -> str:
        model = SimulatedModel(QUESTIONS)
        return "".join([e.text async for e in model.stream(QUESTIONS[0].question, temperature=0)])

    (whole,) = said(SimulatedModel(QUESTIONS), asking(QUESTIONS[0].question, temperature=0))
    assert asyncio.run(streamed()) == whole.text


def test_a_spec_names_the_model_and_sets_its_parameters() -> None:
    model = simulated_from_spec("simulated:ability=0.9,seed=3,price=0.1/0.4", QUESTIONS)
    same = SimulatedModel(QUESTIONS, Simulation(ability=0.9, seed=3), price=Price(input=0.1, output=0.4))
    requests = [asking(question.question) for question in QUESTIONS]
    assert model.name == "simulated:ability=0.9,seed=3,price=0.1/0.4"
    assert same.name == "simulated:ability=0.9,seed=3"
    assert model.provider.price(10) == same.provider.price(10) == Price(input=0.1, output=0.4)
    assert [said(model, r) for r in requests] == [said(same, r) for r in requests]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        pytest.param("local", "begin it with 'simulated'", id="another model"),
        pytest.param("simulated:ability", "write name=value", id="no value"),
        pytest.param("simulated:seed=1,seed=2", "write name=value once", id="twice"),
        pytest.param("simulated:cleverness=1", "fields: ability", id="unknown"),
        pytest.param("simulated:guess=2", "guess", id="out of range"),
        pytest.param("simulated:price=1", "input/output", id="half a price"),
        pytest.param("simulated:price=-1/2", "Price", id="a price below 0"),
    ],
)
def test_a_wrong_spec_says_what_is_wrong(spec: str, complaint: str) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        simulated_from_spec(spec, QUESTIONS)
