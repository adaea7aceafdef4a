"""What a module's reply says, read leniently: between tags or not, as lines, as JSON, whole or cut short.

Models that were asked for lines write JSON all the same, and break it: what can be read of it is read, since
asking again would cost a second call.
"""

from __future__ import annotations

import re
from itertools import islice
from math import inf
from typing import TYPE_CHECKING, Any, Final

from outlay.memory.modules.prompts import CLOSE, NOTHING, OPEN
from outlay.reading import LONGEST_TEXT, number, salvaged_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from outlay.model import Completion

MOST_LINES: Final = 40
"""A longer list is a loop: the rest of it is left out."""
LONGEST_LINE: Final = 400
"""Characters; a longer line is no fact."""
MOST_SCORE: Final = 10.0
LONGEST_SCORE: Final = 20
"""Characters of a score that count."""

_HEAD: Final = re.compile(
    r"^(?:[^\S\n]|[*_#])*+(?:final\s++)?answer\s*+[*_]*+:[\s*_]*+", re.IGNORECASE | re.MULTILINE
)
_FENCE: Final = re.compile(r"^```\w*+[^\S\n]*+$", re.MULTILINE)
_MARK: Final = re.compile(r"^\s*+(?:[-*\u2022>]++\s++|\(?\d{1,2}[.)]\s++|\[\d{1,2}\]\s*+)++")
_MARKUP: Final = re.compile(r"\*\*|__|`")
_TAG: Final = re.compile(r"</?\w+>")
_INK: Final = re.compile(r"\w")
_NONE: Final = re.compile(rf"\W*{NOTHING}\b(?:\W*|\s+(?:of|found|given|that|relevant)\b.*)$", re.IGNORECASE)
_BLOCK: Final = re.compile(rf"{OPEN}(.*?)({CLOSE}|\Z)", re.DOTALL)
_EMPTY_JSON: Final = re.compile(r"[\[{]\s*[\]}]")
_SCORE: Final = re.compile(
    r"\D*+(\d{1,2})(?!\d)[^\d:=|\u2013-]*+[:=|\u2013-]\D*+(10|\d(?:\.\d++)?)(?!\d|\.\d)"
)
_APART: Final = re.compile(r"[\n,;]|(?<![^\S\n])[^\S\n]++(?=\[?\d{1,2}\]?\s*+[:=])")
_BARE: Final = re.compile(r"[\s\d.,;\[\]]+")
_NUMBER: Final = re.compile(r"\d+(?:\.\d+)?")


def answer_in(completion: Completion, *, reasoned: bool) -> str | None:
    """Give the answer's part of a reply; `None` where there is none.

    What follows the last opening tag, or a line `Answer:`; without either, the whole reply, unless reasoning
    was asked for: reasoning is no answer. An unfinished last line is left out.
    """
    text = completion.text[:LONGEST_TEXT].strip()
    body, closed = _tagged(text)
    if body is None:
        heads = list(_HEAD.finditer(text))
        if reasoned and not heads:
            return None
        body = text[heads[-1].end() :] if heads else text
    if completion.is_cut and not closed:
        body = _finished(body)
    return body.strip() or None


def read_lines(answer: str) -> tuple[str, ...] | None:
    """Give the different lines of a list; empty where the reply says so, `None` where none can be read."""
    body = _FENCE.sub("", answer[:LONGEST_TEXT]).strip()
    if _EMPTY_JSON.fullmatch(body):
        return ()
    is_json = body.startswith(("[", "{")) and not _MARK.match(body)
    plain = (_plain(line) for line in (_json_lines(body) if is_json else body.splitlines()))
    good = (line for line in plain if _INK.search(line) and len(line) <= LONGEST_LINE and line[-1] != ":")
    lines = tuple(islice(dict.fromkeys(good), MOST_LINES))
    return tuple(line for line in lines if not _NONE.match(line)) if lines else None


def read_scores(answer: str, count: int) -> dict[int, float] | None:
    """Give the scores by number, 0 to 10; `None` where none can be read.

    Lines `number: score`, a JSON object of them, numbers and scores in turn, or scores alone in the order of
    the texts; of several scores for one number the first counts. What is above 10 is no score but, say, the
    time of day. Models that count from 0 are understood.

    Args:
        answer: The model's.
        count: How many texts it was asked about; others have no score.
    """
    answer = answer[:LONGEST_TEXT]
    parts = (_SCORE.match(part) for part in _APART.split(_MARKUP.sub("", answer)))
    pairs = [(int(part[1]), float(part[2][:LONGEST_SCORE])) for part in parts if part]
    if not pairs and _BARE.fullmatch(answer):
        pairs = _without_words(answer, count)
    numbers = {place for place, _ in pairs}
    shift = 1 if 0 in numbers and count not in numbers else 0
    found: dict[int, float] = {}
    for place, score in pairs:
        if 1 <= place + shift <= count and score <= MOST_SCORE:
            found.setdefault(place + shift, score)
    return found or None


def _without_words(answer: str, count: int) -> list[tuple[int, float]]:
    """Tell numbers and scores in turn (`1. 7`, or `[[1, 7], [2, 3]]`) from scores alone."""
    parts = answer.split("]") if answer.lstrip().startswith("[[") else answer.splitlines()
    written = [row for part in parts if (row := _numbers(part))]
    scores = _numbers(answer)
    in_turn = list(zip(scores[::2], scores[1::2], strict=False))
    are_rows = len(written) > 1 and all(len(row) == 2 for row in written)  # noqa: PLR2004
    if (are_rows or len(scores) == 2 * count) and _is_counted([place for place, _ in in_turn]):
        return [(int(place), score) for place, score in in_turn]
    is_list = len(scores) <= count and max(scores, default=0.0) <= MOST_SCORE
    return list(enumerate(scores, 1)) if is_list else []


def _numbers(text: str) -> list[float]:
    return [inf if (found := number(written)) is None else found for written in _NUMBER.findall(text)]


def _is_counted(numbers: list[float]) -> bool:
    return numbers in ([*range(len(numbers))], [*range(1, len(numbers) + 1)])


def read_text(answer: str) -> str | None:
    """Give a note; `None` where nothing is in it."""
    text = _TAG.sub("", _FENCE.sub("", answer[:LONGEST_TEXT])).strip()
    return text if _INK.search(text) else None


def _tagged(text: str) -> tuple[str | None, bool]:
    """Give what stands between tags, and whether it was closed.

    Models put a tag around every line, and speak of the tags before they use them: several blocks of a line
    each are taken together, else the last one counts.
    """
    blocks = [(body.strip(), bool(close)) for body, close in _BLOCK.findall(text) if _INK.search(body)]
    if not blocks:
        return None, False
    if any("\n" in body for body, _ in blocks):
        return blocks[-1]
    return "\n".join(body for body, _ in blocks if body != "and"), blocks[-1][1]


def _finished(body: str) -> str:
    """Leave out the last line, which was cut, if it is not the only one."""
    return body.rstrip().rpartition("\n")[0] or body


def _plain(line: str) -> str:
    return _TAG.sub("", _MARKUP.sub("", _MARK.sub("", line))).strip().strip('",').strip()


def _json_lines(body: str) -> tuple[str, ...]:
    return tuple(islice(_said(salvaged_json(body, cut_strings=True)), 10 * MOST_LINES))


def _said(value: Any) -> Iterator[str]:
    """Give the texts in a JSON value: a list's items, an object's values joined as a line."""
    if isinstance(value, dict):
        plain = [str(part) for part in value.values() if isinstance(part, str | int | float)]
        if plain:
            yield " - ".join(plain)
        nested = [part for part in value.values() if isinstance(part, dict | list)]
    else:
        nested = value if isinstance(value, list) else []
    for part in nested:
        if isinstance(part, dict | list):
            yield from _said(part)
        else:
            yield str(part)
    if isinstance(value, str):
        yield value
