"""Separate a model's thinking from its answer, in a whole text or in pieces.

Recognised are the blocks `<think>`, `<thinking>`, `<thought>` and `[THINK]`, and the channels of the
harmony format (`<|channel|>analysis<|message|>...`). The rules:

- A reply that begins with a block has thinking; later blocks in it are thinking, too. So they are
  where the server gave thinking in a field of its own. In any other reply an opening tag is part of
  the answer.
- A block inside a block of the same name ends with its own tag. Where the tags do not balance, the
  last closing tag ends the block.
- A tag in quotation marks or backquotes is a mention and opens or closes nothing.
- A block that never closes is thinking that was cut short: nothing after its tag is answer.
- A closing tag without an opening one ends a block that the prompt's template opened.
"""

from __future__ import annotations

import re
from typing import Final

_TAG: Final = re.compile(r"<(/?)(think|thinking|thought)>|\[(/?)(THINK)\]")
_MARKER: Final = re.compile(r"<\|(start|channel|message|end|return|call|constrain)\|>")
_LONGEST_TAG: Final = len("</thinking>")
_LONGEST_MARKER: Final = len("<|constrain|>")
LONGEST_MARGIN: Final = 1000
"""Characters of white space before a block, or of a channel's header; what is longer is something else."""
_HARMONY: Final = ("<|channel|>", "<|start|>")
_OPENINGS: Final = ("<think>", "<thinking>", "<thought>", "[THINK]", *_HARMONY)
_QUOTES: Final = "\"'`"


def split_thinking(text: str, *, has_thought: bool = False) -> tuple[str, str]:
    """Return the answer and the thinking of a whole reply.

    Args:
        text: The reply's text.
        has_thought: Whether the server has taken a first block out of the text already.
    """
    if template_block := _closed_only(text):
        text = template_block + text
    splitter = ThinkingSplitter()
    splitter.has_thought(has_thought)
    pieces = [splitter.feed(text), splitter.end()]
    answer, thinking = ("".join(parts) for parts in zip(*pieces, strict=True))
    return (answer, thinking.strip()) if splitter.found else (text, "")


def _closed_only(text: str) -> str:
    """Return the opening tag of a block that the prompt opened: the first tag in `text` closes it."""
    if text.lstrip().startswith(_OPENINGS):
        return ""
    for tag in _TAG.finditer(text):
        if not _is_quoted(text, tag.start(), tag.end()):
            closes, name = tag[1] or tag[3], tag[2] or tag[4]
            return (f"<{name}>" if tag[2] else f"[{name}]") if closes else ""
    return ""


def _is_quoted(text: str, start: int, end: int) -> bool:
    """Whether a quotation mark opens right before the tag and closes right behind it."""
    if not start or text[start - 1] not in _QUOTES or text[end : end + 1] != text[start - 1]:
        return False
    return (
        text[start - 1] == "`"
        or start == 1
        or (not text[start - 2].isalnum() and text[start - 2] not in ".!?")
    )


class ThinkingSplitter:
    """Separate thinking from an answer that comes in pieces.

    A block that the prompt's template opened cannot be recognised before it closes: until then its
    text is given as answer, and the completion at the stream's end has it right.
    """

    def __init__(self) -> None:
        self.found = False
        """Whether there was any thinking block."""
        self._held = ""
        """What cannot be decided before more of the text is there."""
        self._before = ""
        """The last two characters that were decided, to see a quotation mark before a tag."""
        self._mode = "start"
        self._name = ""
        self._depth = 0
        self._after_close: list[str] | None = None
        """Text behind a closing tag that did not balance: answer, unless another closing tag comes."""
        self._channel = "final"
        self._in_header = False
        self._has_answer = False

    def has_thought(self, given: bool) -> None:  # noqa: FBT001 - a fact about the reply, not a switch
        """Take blocks anywhere in the text for thinking, where the server has given thinking apart."""
        if given and self._mode == "start":
            self._mode = "answer"

    def feed(self, piece: str) -> tuple[str, str]:
        """Return the parts of answer and thinking that are certain now."""
        self._held += piece
        return self._without_margin(*self._read(at_end=False))

    def end(self) -> tuple[str, str]:
        """Return what was held back."""
        answer, thinking = self._read(at_end=True)
        if self._mode == "thinking" and self._after_close is not None:
            answer += "".join(self._after_close)
        return self._without_margin(answer, thinking)

    def _without_margin(self, answer: str, thinking: str) -> tuple[str, str]:
        """Drop the white space between the thinking and the answer."""
        if self.found and not self._has_answer:
            answer = answer.lstrip()
        self._has_answer = self._has_answer or bool(answer)
        return answer, thinking

    def _read(self, *, at_end: bool) -> tuple[str, str]:
        if self._mode == "start":
            self._begin(at_end=at_end)
        if self._mode == "start":
            return "", ""
        if self._mode == "plain":
            text, self._held = self._held, ""
            return text, ""
        if self._mode == "harmony":
            return self._read_channels(at_end=at_end)
        return self._read_blocks(at_end=at_end)

    def _begin(self, *, at_end: bool) -> None:
        start = self._held.lstrip()
        if not start and not at_end and len(self._held) < LONGEST_MARGIN:
            return
        if start.startswith(_HARMONY):
            self._held, self._mode, self.found = start, "harmony", True
        elif start.startswith(_OPENINGS):
            self._held, self._mode, self.found = start, "answer", True
        elif at_end or not any(opening.startswith(start) for opening in _OPENINGS):
            self._mode = "plain"

    def _read_blocks(self, *, at_end: bool) -> tuple[str, str]:
        said: dict[str, list[str]] = {"answer": [], "thinking": []}
        held, position = self._before + self._held, len(self._before)
        for tag in _TAG.finditer(held, position):
            if (
                tag.end() == len(held)
                and not at_end
                and held[tag.start() - 1 : tag.start()] in tuple(_QUOTES)
            ):
                break  # the next character tells whether the tag is quoted
            if _is_quoted(held, tag.start(), tag.end()):
                continue
            self._put(said, held[position : tag.start()])
            position = tag.end()
            self._turn(said, tag[0], closes=bool(tag[1] or tag[3]), name=tag[2] or tag[4])
        keep = len(held) if at_end else max(position, self._safe_end(held))
        self._put(said, held[position:keep])
        self._before, self._held = held[max(0, keep - 2) : keep], held[keep:]
        return "".join(said["answer"]), "".join(said["thinking"])

    def _turn(self, said: dict[str, list[str]], tag: str, *, closes: bool, name: str) -> None:
        """Go from answer to thinking, deeper into it, or back."""
        if self._mode == "answer":
            if closes:
                self._put(said, tag)
            else:
                self._mode, self._name, self._depth, self._after_close = "thinking", name, 1, None
                self.found = True
                if self._has_answer or any(said["answer"]):
                    said["thinking"].append("\n")  # between two blocks
        elif name != self._name:
            self._put(said, tag)
        elif not closes:
            self._depth += 1
            self._put(said, tag)
        elif self._depth > 1:
            self._flush(said)
            self._depth -= 1
            self._after_close = []
        else:
            self._flush(said)
            self._mode = "answer"

    def _put(self, said: dict[str, list[str]], text: str) -> None:
        if self._mode == "thinking" and self._after_close is not None:
            self._after_close.append(text)
        else:
            said[self._mode].append(text)

    def _flush(self, said: dict[str, list[str]]) -> None:
        if self._after_close:
            said["thinking"].extend(self._after_close)
        self._after_close = None

    def _safe_end(self, held: str) -> int:
        """Return where the part ends that no tag can begin in any more."""
        start = max(held.rfind("<"), held.rfind("["))
        return start if start >= 0 and len(held) - start <= _LONGEST_TAG else len(held)

    def _read_channels(self, *, at_end: bool) -> tuple[str, str]:
        said: dict[str, list[str]] = {"answer": [], "thinking": []}
        position = 0
        for marker in _MARKER.finditer(self._held):
            self._put_channel(said, self._held[position : marker.start()])
            position = marker.end()
            self._in_header = marker[1] in {"start", "channel", "constrain"}
            if marker[1] == "channel":
                self._channel = ""
        rest = self._held[position:]
        start = rest.rfind("<")
        is_open = not at_end and start >= 0 and len(rest) - start < _LONGEST_MARKER
        keep = start if is_open else len(rest)
        if self._in_header and not at_end and len(rest) < LONGEST_MARGIN:
            keep = 0
        self._put_channel(said, rest[:keep])
        self._held = rest[keep:]
        return "".join(said["answer"]), "".join(said["thinking"])

    def _put_channel(self, said: dict[str, list[str]], text: str) -> None:
        if self._in_header:
            self._channel = self._channel or text.strip().partition(" ")[0]
        else:
            said["answer" if self._channel == "final" else "thinking"].append(text)
