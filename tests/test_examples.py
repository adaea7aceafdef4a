"""Every example runs, offline."""

from __future__ import annotations

import runpy
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from outlay import Price
from outlay.testing import ScriptedModel, prompt

if TYPE_CHECKING:
    from outlay.model import Request

EXAMPLES = Path(__file__).parents[1] / "examples"
REMOTE = "remote_api.py"
OFFLINE = sorted(path.name for path in EXAMPLES.glob("*.py") if path.name != REMOTE)


@pytest.mark.model
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", OFFLINE)
def test_example_prints_an_answer_and_its_bill(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    printed = capsys.readouterr()
    assert "output" in printed.out
    assert printed.err == ""


CAPITALS = {"Japan": "Tokyo", "France": "Paris", "Italy": "Rome", "Egypt": "Cairo"}


def knowing(request: Request) -> str:
    """A teacher that knows the capitals of the bank, and of nothing else."""
    question = prompt(request).splitlines()[-1]
    return f"It is \\boxed{{{next((CAPITALS[land] for land in CAPITALS if land in question), 'far')}}}."


@pytest.mark.parametrize(
    ("wavers", "free", "says"),
    [
        (True, False, "at this cost the bank never pays for itself"),
        (False, False, "the bank has paid for itself after "),
        (False, True, "handed to the teacher: 0 (0%)"),
    ],
    ids=["deferred", "agreed", "free"],
)
def test_in_context_distillation_says_whether_its_bank_pays(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    wavers: bool,
    free: bool,
    says: str,
) -> None:
    tries = count()

    def model(_: str, *, price: Price) -> Any:
        of = Price(input=0, output=0) if free else price
        if price.input > 1:
            return ScriptedModel(knowing, price=of, name="teacher")
        return ScriptedModel(
            lambda _: f"It is \\boxed{{{next(tries) if wavers else 0}}}.", price=of, name="student", max_n=3
        )

    monkeypatch.setattr("outlay.Model", model)
    runpy.run_path(str(EXAMPLES / "in_context_distillation.py"), run_name="__main__")
    printed = capsys.readouterr().out
    assert says in printed
    assert "after inf" not in printed
    assert "no bank" not in printed


def test_the_remote_example_is_skipped_without_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    runpy.run_path(str(EXAMPLES / REMOTE), run_name="__main__")
    assert capsys.readouterr().out == "skipped: set OPENAI_API_KEY to ask a remote API\n"
