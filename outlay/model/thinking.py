"""Thinking that a model writes between `<think>` and `</think>`, told apart from its answer."""

from __future__ import annotations

from typing import Final

OPEN: Final = "<think>"
CLOSE: Final = "</think>"


def split_thinking(text: str) -> tuple[str, str]:
    """Give (answer, thinking). A block that never closes is thinking cut short: no answer."""
    stripped = text.lstrip()
    if stripped.startswith(OPEN):
        thought, closed, answer = stripped.removeprefix(OPEN).partition(CLOSE)
    else:
        # Some templates open the block in the prompt, so that the reply only closes it.
        thought, closed, answer = text.partition(CLOSE)
        if not closed:
            return text, ""
    return (answer.lstrip(), thought.strip()) if closed else ("", thought.strip())


class ThinkingSplitter:
    """The same for a text that comes in pieces.

    A block that the prompt opened cannot be recognised before it closes: what was given out as
    answer until then stays so in the pieces; the completion at the end has it right.
    """

    def __init__(self) -> None:
        self._held = ""
        self._state = "start"

    def feed(self, piece: str) -> tuple[str, str]:
        """Give the (answer, thinking) that are certain now."""
        self._held += piece
        if self._state == "start":
            self._begin()
        if self._state == "thinking":
            return self._think()
        if self._state == "answer":
            said, self._held = self._held, ""
            return said, ""
        return "", ""

    def end(self) -> tuple[str, str]:
        """Give what was held back."""
        held, self._held = self._held, ""
        return ("", held) if self._state == "thinking" else (held, "")

    def _begin(self) -> None:
        start = self._held.lstrip()
        if start.startswith(OPEN):
            self._held, self._state = start.removeprefix(OPEN), "thinking"
        elif not OPEN.startswith(start):
            self._state = "answer"

    def _think(self) -> tuple[str, str]:
        thought, closed, answer = self._held.partition(CLOSE)
        if closed:
            self._held, self._state = "", "answer"
            return answer.lstrip(), thought
        # The last letters may be the beginning of the closing tag.
        kept = len(CLOSE) - 1
        self._held, thought = self._held[-kept:], self._held[:-kept]
        return "", thought
