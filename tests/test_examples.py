"""Every example runs, offline."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

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


def test_the_remote_example_is_skipped_without_a_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    runpy.run_path(str(EXAMPLES / REMOTE), run_name="__main__")
    assert capsys.readouterr().out == "skipped: set OPENAI_API_KEY to ask a remote API\n"
