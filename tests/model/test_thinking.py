from __future__ import annotations

import pytest

from outlay.model.thinking import ThinkingSplitter, split_thinking

CASES = [
    pytest.param("42", ("42", ""), id="no thinking"),
    pytest.param("<think>\nhm\n</think>\n\n42", ("42", "hm"), id="a closed block"),
    pytest.param("  <think>hm</think>42", ("42", "hm"), id="after white space"),
    pytest.param("<think>hm, 4", ("", "hm, 4"), id="an unclosed block is thinking cut short"),
    pytest.param("<think>", ("", ""), id="an empty unclosed block"),
    pytest.param("", ("", ""), id="nothing"),
    pytest.param("a < b", ("a < b", ""), id="another tag's beginning"),
    pytest.param("say <think> twice", ("say <think> twice", ""), id="a tag inside the answer"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_thinking_is_told_apart_from_the_answer(text: str, expected: tuple[str, str]) -> None:
    assert split_thinking(text) == expected


def test_a_block_that_the_prompt_opened_is_thinking() -> None:
    assert split_thinking("hm\n</think>\n42") == ("42", "hm")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize(("text", "expected"), CASES)
def test_pieces_say_the_same_as_the_whole(text: str, expected: tuple[str, str], size: int) -> None:
    splitter = ThinkingSplitter()
    heard = [splitter.feed(text[i : i + size]) for i in range(0, len(text), size)] + [splitter.end()]
    answer, thinking = ("".join(parts) for parts in zip(*heard, strict=True))
    assert (answer.strip(), thinking.strip()) == expected
