"""Actions, as models write them."""

from __future__ import annotations

import pytest

from outlay.agents.in_context_distillation.prompts import read_action, read_code, unwrapped
from outlay.model import Completion

POSSIBLE = ("move book 1 to sofa 1", "go to desk 1", "look")
OLD = ("put book 1 in/on sofa 1", "look")


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("Put the book 1 in/on the sofa 1.", POSSIBLE[0]),
        ("Thought: it goes there.\nAction: put book 1 on sofa 1", POSSIBLE[0]),
        ("> place book 1 into sofa 1", POSSIBLE[0]),
        ("move book 1 to sofa 1", POSSIBLE[0]),
        ("put book 2 in/on sofa 1", None),
        ("**Action:**\n\n`look`", "look"),
        ("\n\n- Action\n: Go to the desk 1", "go to desk 1"),
        ("action" + "\n" * 1000 + "look", None),
        ("", None),
    ],
)
def test_an_action_is_one_of_the_possible_ones(text: str, action: str | None) -> None:
    assert read_action(Completion(text=text), POSSIBLE).action == action


def test_games_of_older_versions_are_played_in_their_wording() -> None:
    assert read_action(Completion(text="move book 1 to sofa 1"), OLD).action == OLD[0]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('I call {"name": "f", "parameters": {}} now', '{"name": "f", "parameters": {}}'),
        ('[{"tool": "f", "args": {}}, {"tool": "g", "args": {}}]', '{"tool": "f", "args": {}}'),
        ('{x} {"function": {"name": "f"}}', '{"function": {"name": "f"}}'),
        ('{"a": {"b": 1}\nAction: f(1)', "f(1)"),
        ("[" * 2000 + '{"tool": "f"', "[" * 2000 + '{"tool": "f"'),
    ],
    ids=["in prose", "a list", "openai's form", "an object without an end", "brackets"],
)
def test_a_call_in_json_is_an_action_wherever_it_begins(text: str, action: str) -> None:
    assert read_action(Completion(text=text), None).action == action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"action": "look"}', "look"),
        ('```json\n{"action": "look",}\n```', "look"),
        ("[" * 100_000, "[" * 100_000),
        ("look", "look"),
    ],
    ids=["json", "fenced", "brackets", "words"],
)
def test_an_action_that_fits_the_schema_is_taken_out(text: str, action: str) -> None:
    assert unwrapped(Completion(text=text)).text == action


def test_code_is_what_stands_in_the_first_fence() -> None:
    assert read_code(Completion(text="Use\n```python\nf()\n```\nor\n```\ng()\n```")).action == "f()"
