"""`outlay bank calibrate`: what must agree, and whether a cascade pays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from sums import number_in

from outlay.testing import CountingServer, Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cli.conftest import Ran

    Outlay = Callable[..., Ran]
    Body = Mapping[str, Any]

ITEMS = 24


@pytest.fixture
def bank(outlay: Outlay, tmp_path: Path) -> str:
    rows = [
        {"id": f"sum-{n}", "question": f"What is {n} plus 1?", "answer": str(n + 1), "solution": f"{n + 1}"}
        for n in range(40)
    ]
    (tmp_path / "solved.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    outlay("bank", "import", str(tmp_path / "bank"), str(tmp_path / "solved.jsonl"), "--embedder", "hash")
    return str(tmp_path / "bank")


@pytest.fixture
def data(tmp_path: Path) -> str:
    rows = ({"question": f"What is {n} plus 1?", "answer": str(n + 1)} for n in range(ITEMS))
    (tmp_path / "labelled.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(tmp_path / "labelled.jsonl")


def wavering(body: Body, index: int) -> str:
    """A teacher that is right, and a student that is sure where it is right and wavers where it is not."""
    number = number_in({"messages": body["messages"][-1:]})
    if body["model"] == "teacher" or number % 3:
        return f"It is \\boxed{{{number + 1}}}"
    return f"It is \\boxed{{{1000 + index}}}"


def on(server: CountingServer, bank: str, data: str, *more: str) -> tuple[str, ...]:
    student = ("--model", "openai/student", "--api-base", server.url, "--price", "0.4,1.6")
    teacher = (
        "--teacher", "openai/teacher", "--teacher-api-base", server.url, "--teacher-price", "300,1500",
    )  # fmt: skip
    return ("bank", "calibrate", bank, "--data", data, *student, *teacher, "--n", "3", *more)


def test_a_student_that_wavers_where_it_is_wrong_makes_a_cascade_pay(
    outlay: Outlay, bank: str, data: str
) -> None:
    with CountingServer(wavering) as server:
        told = outlay(*on(server, bank, data, "--accuracy", "0.95", "--json")).json
        assert told["paid"]["output_tokens"] == server.usage.output_tokens
    assert (told["pays"], told["met"], told["items"], told["observed"]) == (True, True, ITEMS, ITEMS)
    assert told["chosen"]["cascade"]["n"] == 2
    assert told["chosen"]["figures"]["accuracy"]["value"] == 1
    assert told["chosen"]["figures"]["deferral"]["value"] == pytest.approx(1 / 3)
    assert told["strategy"].startswith("in-context-distillation:")
    assert {"candidates", "held_out", "saved", "remarks"} <= told.keys()


def test_a_person_gets_the_table_and_a_sentence(outlay: Outlay, bank: str, data: str) -> None:
    with CountingServer(wavering) as server:
        said = outlay(*on(server, bank, data, "--usd", "0.01")).out
    assert "3 equal of 3" in said
    assert "In short: a cascade pays here: " in said
    assert "To use it: 'in-context-distillation:" in said


def test_what_is_printed_buys_samples_as_they_were_priced(outlay: Outlay, bank: str, data: str) -> None:
    def late(body: Body, index: int) -> str:
        return wavering(body, index // 2)  # where it is wrong, only the third sample differs

    with CountingServer(late) as server:
        asked = ("--accuracy", "0.99", "--max-output-tokens", "400", "--json")
        told = outlay(*on(server, bank, data, *asked)).json
        assert (told["chosen"]["cascade"]["n"], told["in_waves"]) == (3, False)
        before = len(server.bodies)
        ran = outlay(
            "ask", told["strategy"], "What is 7 plus 1?", "--model", "openai/student",
            "--api-base", server.url, "--price", "0.4,1.6", "--teacher", "openai/teacher",
            "--teacher-api-base", server.url, "--teacher-price", "300,1500", "--json",
        )  # fmt: skip
        # In waves, which would be cheaper, two samples come first.
        assert [body.get("n", 1) for body in server.bodies[before:]] == [3]
    assert ran.json["config"]["waves"] is False
    assert ran.json["value"] == "8"


def test_a_student_that_gives_one_sample_a_request_is_bought_in_waves(outlay: Outlay, bank: str) -> None:
    told = outlay(
        "bank", "calibrate", bank, "--data", "simulated:40", "--accuracy", "0.99", "--n", "3", "--json",
        "--model", "simulated:ability=0.5,price=0.4/1.6,max_n=1",
        "--teacher", "simulated:ability=0.9,seed=3,price=300/1500",
    ).json  # fmt: skip
    assert (told["chosen"]["who"], told["in_waves"]) == ("cascade", True)
    assert "waves=true" in told["strategy"]


def test_a_student_that_serves_alone_is_asked_once(outlay: Outlay, bank: str, data: str) -> None:
    with CountingServer(lambda body, _: wavering({**body, "model": "teacher"}, 0)) as server:
        told = outlay(*on(server, bank, data, "--accuracy", "0.9", "--json")).json
        assert told["chosen"]["who"] == "student alone"
        before = len(server.bodies)
        model = ("--model", "openai/student", "--api-base", server.url)
        ran = outlay("ask", told["strategy"], "What is 7 plus 1?", *model, "--json").json
        assert [body.get("n", 1) for body in server.bodies[before:]] == [1]
    assert (ran["config"]["n"], ran["config"]["defer"], ran["value"]) == (1, "never", "8")


def test_where_the_student_is_sure_and_wrong_a_cascade_does_not_pay(
    outlay: Outlay, bank: str, data: str
) -> None:
    def sure(body: Body, _: int) -> str:
        return wavering(body, 0)

    with CountingServer(sure) as server:
        told = outlay(*on(server, bank, data, "--accuracy", "0.95", "--json")).json
        said = outlay(*on(server, bank, data, "--accuracy", "0.95")).out
    assert (told["pays"], told["chosen"]["who"], told["strategy"]) == (False, "teacher alone", None)
    assert "a cascade does not pay here" in told["verdict"]
    assert "a cascade does not pay here" in said
    assert "In short" not in said


def test_the_student_sees_demonstrations_but_never_a_questions_own(
    outlay: Outlay, bank: str, data: str
) -> None:
    seen: list[tuple[str, ...]] = []

    def noting(body: Body, index: int) -> str:
        if body["model"] == "student":
            seen.append(tuple(str(message["content"]) for message in body["messages"]))
        return wavering(body, index)

    with CountingServer(noting) as server:
        outlay(*on(server, bank, data, "--accuracy", "0.5", "--k", "2", "--limit", "5"))
    assert all(len(messages) == 6 for messages in seen)  # one says what the examples are
    assert not any(messages[-1] in messages[:-1] for messages in seen)
    assert len({messages[-1] for messages in seen}) == 5


def test_a_second_run_on_one_directory_asks_only_what_is_new(
    outlay: Outlay, bank: str, data: str, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "out"), "--accuracy", "0.9", "--json")
    with CountingServer(wavering) as server:
        outlay(*on(server, bank, data, *out, "--limit", "10"))
        first = server.requests
        told = outlay(*on(server, bank, data, *out)).json
        assert server.requests == first * ITEMS // 10
    assert (told["observed"], told["paid"]["generations"]) == (ITEMS, ITEMS * 4)
    assert (tmp_path / "out" / "frontier.png").read_bytes()[:4] == b"\x89PNG"
    assert told["picture"] == str(tmp_path / "out" / "frontier.png")


def test_a_total_holds_and_what_was_paid_for_is_used(
    outlay: Outlay, bank: str, data: str, tmp_path: Path
) -> None:
    total = ("--total-output-tokens", "1500", "--out", str(tmp_path / "out"), "--concurrency", "1")
    with CountingServer(wavering) as server:
        ran = outlay(
            *on(server, bank, data, *total, "--max-output-tokens", "300", "--accuracy", "0.9", "--json")
        )
        assert server.usage.output_tokens <= 1500
    assert (ran.status, 0 < ran.json["observed"] <= ITEMS) == (0, True)


def test_a_simulated_student_and_teacher_serve_for_a_try(outlay: Outlay, bank: str) -> None:
    told = outlay(
        "bank", "calibrate", bank, "--data", "simulated:40", "--usd", "0.001", "--n", "3", "--json",
        "--model", "simulated:ability=0.5,price=0.4/1.6",
        "--teacher", "simulated:ability=0.9,seed=3,price=3/15",
    ).json  # fmt: skip
    assert [one["who"] for one in told["candidates"]].count("cascade") == 6
    assert told["chosen"]["figures"]["usd"]["value"] <= 0.001


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ((), "--accuracy SHARE"),
        (("--accuracy", "0.5", "--usd", "1"), "not both"),
        (("--accuracy", "1.5"), "accuracy"),
        (("--usd", "-1"), "usd"),
        (("--accuracy", "0.5", "--confidence", "1"), "confidence"),
        (("--accuracy", "0.5", "--limit", "1"), "2 questions or more"),
        (("--accuracy", "0.5", "--teacher-price", "dear"), "IN,OUT"),
        (("--accuracy", "0.5", "--n", "0"), "--n"),
        (("--accuracy", "0.5", "--teacher", "alfworld-expert"), "plays games"),
    ],
    ids=[
        "neither",
        "both",
        "accuracy",
        "dollars",
        "confidence",
        "one question",
        "price",
        "no samples",
        "expert",
    ],
)
def test_a_wrong_order_is_one_sentence_and_calls_nothing(
    outlay: Outlay, bank: str, data: str, options: tuple[str, ...], says: str
) -> None:
    with CountingServer(wavering) as server:
        ran = outlay(*on(server, bank, data, *options))
        assert server.requests == 0
    assert (ran.status, ran.out, len(ran.err.splitlines())) == (2, "", 1)
    assert says in ran.err


def test_an_unknown_price_is_said_before_anything_is_paid(outlay: Outlay, bank: str, data: str) -> None:
    with CountingServer(wavering) as server:
        ran = outlay(
            "bank", "calibrate", bank, "--data", data, "--accuracy", "0.5", "--model", "openai/student",
            "--api-base", server.url, "--teacher", "openai/teacher",
        )  # fmt: skip
        assert server.requests == 0
    assert (ran.status, "--teacher-price" in ran.err) == (2, True)


def test_a_teacher_that_serves_nobody_is_a_failure(outlay: Outlay, bank: str, data: str) -> None:
    def none(body: Body) -> Fault | None:
        return Fault.UNAUTHORISED if body["model"] == "teacher" else None

    with CountingServer(wavering, faults=none) as server:
        ran = outlay(*on(server, bank, data, "--accuracy", "0.5", "--json"))
    assert (ran.status, ran.json["error"]["type"]) == (1, "ModelUnavailableError")


def lengthy(every: int) -> Callable[[Body, int], str]:
    """The same, but on every so manieth question the student's answers are longer than their cap."""

    def say(body: Body, index: int) -> str:
        number = number_in({"messages": body["messages"][-1:]})
        long = body["model"] == "student" and not number % every
        return ("word " * 300 if long else "") + wavering(body, index)

    return say


def test_an_answer_that_is_cut_is_neither_right_nor_wrong(outlay: Outlay, bank: str, data: str) -> None:
    asked = ("--accuracy", "0.5", "--max-output-tokens", "100")
    with CountingServer(lengthy(8)) as server:
        told = outlay(*on(server, bank, data, *asked, "--json")).json
        said = outlay(*on(server, bank, data, *asked)).out
    assert told["cut"] == {"questions": 3, "student": 9, "teacher": 0}
    assert (told["items"], told["observed"], told["failures"]) == (ITEMS - 3, ITEMS - 3, 0)
    assert "3 left out since 9 answers of the student" in said
    assert "--max-output-tokens" in said


def test_no_advice_where_more_than_a_fifth_of_the_questions_were_cut(
    outlay: Outlay, bank: str, data: str
) -> None:
    asked = ("--accuracy", "0.5", "--max-output-tokens", "100")
    with CountingServer(lengthy(4)) as server:
        told = outlay(*on(server, bank, data, *asked, "--json"))
        said = outlay(*on(server, bank, data, *asked))
    assert (told.status, told.json["error"]["type"], told.json["cut"]["questions"]) == (2, "AnswersCut", 6)
    assert (said.status, said.out) == (2, "")
    assert "raise --max-output-tokens" in said.err
