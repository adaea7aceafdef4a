r"""The final answer in a text: where it is marked, else where it most likely stands.

Looked for in this order, the last of each kind: a JSON key `"answer"`, `\boxed{}`, a value after `####`,
"the answer is" or "Answer:". A text that marks nothing gives itself when it is nothing but a value, else its
last number, else itself when it is one short line.

Small models write `#### Step 1: ...` for a heading: only a value counts after `####`. Code they write
instead of computing is not read for numbers; its printed output is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, Literal

from outlay.answers.normal import boxed, normalise
from outlay.budget import Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FINAL_ANSWER: Final = r"Put the final answer inside \boxed{}."
"""Asks for an answer that `extract` finds.

Says nothing of steps: models that reason do so unasked, and the embedded one, asked to work a fact out
step by step, invents a calculation and loses the fact.
"""


def asked(question: str) -> str:
    """Ask `question` plainly, for an answer that `extract` finds."""
    return f"{question}\n\n{FINAL_ANSWER}"


Kind = Literal["auto", "number", "choice", "text"]
How = Literal["json", "boxed", "hashes", "said", "choice", "whole", "number"]

LETTERS: Final = tuple("ABCDEFGHIJ")
LONGEST_LINE: Final = 100
"""An unmarked text of one line and at most so many characters may be an answer itself."""
LAST_MARKS: Final = 20
"""How many marks of a kind are tried, from the last one backwards."""

_AMOUNT: Final = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_NUMBER: Final = re.compile(
    rf"""(?<![A-Za-z\d.,\\])(?:(?<![\w)\]}}])\s?[-+\u2212])?[$€£]?(?:
        (?:\d+\s?)?\\[dtc]?frac\s?\{{\s?-?\d+\s?\}}\s?\{{\s?-?\d+\s?\}}
      | \d+\ \d+/\d+
      | (?:{_AMOUNT})(?:e[-+]?\d{{1,3}}(?!\w)|/\d+(?![/\d]))?%?
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_JSON: Final = re.compile(
    r"""["'](?:final[ _]?)?answer["']\s{0,9}:\s{0,9}
        (?:"((?:[^"\\]|\\.){0,500})"|'([^'\n]{0,500})'|(-?\d[\d.eE+-]{0,40}|true|false))""",
    re.VERBOSE | re.IGNORECASE,
)
_HASHES: Final = re.compile(r"#{3,6}[ \t*]{0,9}([^\n#]{1,200})")
_SAID: Final = re.compile(
    r"""\b(?:answer|(?:correct|right|best|final)\s{1,9}(?:option|choice|result))\b[*_]{0,3}
        (?:\s{1,9}(?:to|for|of)\b[^.:\n]{0,80}?)?
        (?:\s{1,9}(?:is|are|was|would\s{1,9}be|should\s{1,9}be)\b
            (?!\s{1,9}(?:not|correct|incorrect|wrong|right|given|found|obtained|based|in|as|that)\b)
          |\s{0,9}[:=])
        [:*_\s]{0,9}(?=(\S[^\n]{0,500}))""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"(?<!\b[A-Z])(?<!\b(?:St|Dr|Mr|Ms|Mt|No|vs))(?<!\bMrs)[.!?;](?=[\s*]|$)")
_LETTER: Final = re.compile(r"\(?([A-J])(?:\)|[.:](?!\s?[A-Z]\.))(?:\s|$)")
_NOT_A_UNIT: Final = re.compile(
    r"(?:am|pm|bc|ad|bce|ce|hundred|thousand|million|billion|trillion|percent|per cent|pi|or|and|to|until)\b"
)
_EMPTY_BOX: Final = re.compile(r"\\boxed\s{0,9}\{\s{0,9}\}")
_WORD: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_NUMBERING: Final = re.compile(
    r"^[ \t>*#-]{0,9}\d{1,3}[.)](?=\s)|\bstep\s{1,3}\d{1,3}\b", re.IGNORECASE | re.MULTILINE
)
_NOT_CODE: Final = frozenset(["", "output", "text", "txt", "plaintext", "latex", "math", "console"])


class Extracted(Record):
    """An answer found in a text."""

    value: str
    """As it is written there."""
    how: How
    """The mark, or the rule where nothing was marked: `choice`, `whole`, `number`."""
    complete: bool
    """Whether the text marks it and goes on behind it, so that it counts even if the text was cut off."""


def find(text: str, kind: Kind = "auto", choices: Sequence[str] | None = None) -> Extracted | None:
    """Find the final answer of a text, and say how it was found.

    Args:
        text: Without the model's thinking.
        kind: What to expect. `text` takes the whole text where nothing is marked; `number` and `choice`
            take nothing else.
        choices: The labels to choose from, A to J unless given; imply `choice`.
    """
    labels = tuple(choices or LETTERS)
    if choices and kind == "auto":
        kind = "choice"
    for found in _marked(text):
        value = _read(found, kind, labels)
        if value is not None and normalise(value):
            return found.model_copy(update={"value": value})
    if kind == "auto" and _EMPTY_BOX.search(text):
        # The instruction said back, or a box left empty: its words are no answer.
        return _unmarked(_EMPTY_BOX.sub("", text).strip(), "number", labels)
    return _unmarked(text.strip(), kind, labels)


def extract(
    text: str, kind: Kind = "auto", choices: Sequence[str] | None = None, *, marked: bool = False
) -> str | None:
    """Give the final answer of a text as it is written there; `None` if it has none.

    Args:
        text: Without the model's thinking.
        kind: What to expect, as in `find`.
        choices: The labels to choose from, as in `find`.
        marked: Take only what the text marks as its answer and goes on behind. Set for a text that was cut
            off: the last number of half a calculation, or half a number, is no answer.
    """
    found = find(text, kind, choices)
    return found.value if found and (found.complete or not marked) else None


def _marked(text: str) -> Iterator[Extracted]:
    for match in _last(_JSON, text):
        value = _unescaped(match[1]) if match[1] is not None else match[2] or match[3] or ""
        yield Extracted(value=value, how="json", complete=match[3] is None or match.end() < len(text))
    for content in boxed(text):
        yield Extracted(value=content, how="boxed", complete=True)
    for match in _last(_HASHES, text):
        if _is_value(match[1], last=not text[match.end() :].strip()):
            yield Extracted(value=match[1], how="hashes", complete=match.end() < len(text))
    for match in _last(_SAID, text):
        span = _SENTENCE_END.split(match[1], maxsplit=1)[0]
        yield Extracted(value=span, how="said", complete=match.start(1) + len(span) < len(text))


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))[: -LAST_MARKS - 1 : -1]


def _unescaped(string: str) -> str:
    r"""Read a JSON string; one with LaTeX in single backslashes (`\frac` is a form feed) as it is written."""
    try:
        value = json.loads(f'"{string}"', strict=False)
    except ValueError:
        return string
    return str(value) if not re.search(r"[\x00-\x1f]", value) else string


def _is_value(line: str, *, last: bool) -> bool:
    """Whether what stands after `####` is an answer and no heading."""
    value = _tidy(line)
    if (
        not value
        or re.match(r"\W*(?:step\b|\d+[.):]\s*\S)", value, re.IGNORECASE)
        or line.rstrip().endswith(":")
    ):
        return False
    if _NUMBER.fullmatch(value) or _NUMBER.fullmatch(value.rpartition("=")[2].strip()):
        return True
    return last and len(value.split()) <= 6  # noqa: PLR2004


def _read(found: Extracted, kind: Kind, labels: Sequence[str]) -> str | None:
    """Read a marked span as what is expected."""
    if kind == "choice":
        return _label(found.value, labels)
    if kind == "number":
        return _first_number(found.value)
    return found.value.strip() if found.how in {"json", "boxed"} else _tidy(found.value)


def _tidy(span: str) -> str:
    """Take the markup off a span, and off a number the words that explain it."""
    span = re.sub(r"\*\*(?!\d)|(?<!\d)\*\*", "", span).strip(" \t\r\n*_`\"'").rstrip(".,;: *_`\"'")
    if letter := _LETTER.match(span + " "):
        return letter[1]
    for opening, closing in (("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if span.startswith(opening) and closing in span[len(opening) :] and len(span) > len(closing):
            inside, _, rest = span[len(opening) :].partition(closing)
            span = inside.strip() if not re.search(r"\d", rest) else span
    number = _NUMBER.match(span)
    words = span[number.end() :] if number else ""
    prose = re.match(r"[*_$]{0,3},?\s+(?=[a-z(])", words)
    if number is None or prose is None or _NOT_A_UNIT.match(words[prose.end() :]):
        return span
    return span if re.search(r"[\d\\+*/=^]", words) and len(words.split()) <= 6 else number[0].strip()  # noqa: PLR2004


def _first_number(span: str) -> str | None:
    right = span.rpartition("=")[2]
    number = _NUMBER.search(right) or _NUMBER.search(span)
    return number[0].strip() if number else None


def _label(span: str, labels: Sequence[str]) -> str | None:
    """Find the label that a marked span names: as a whole, at its beginning, or inside."""
    first = _named(r"\A[\W_]{0,9}(%s)(?![\w'])", span, labels)
    return _exactly(span, labels) or first or _mentioned(span, labels)


def _exactly(text: str, labels: Sequence[str]) -> str | None:
    normal = normalise(text)
    return next((label for label in labels if normalise(label) == normal), None)


def _mentioned(text: str, labels: Sequence[str]) -> str | None:
    """Find the last mention that can mean only a label: `(B)`, `**B`, `option B`, `B.` in the beginning."""
    if max(map(len, labels)) > 1:
        return _named(r"(?<!\w)(%s)(?!\w)", text, labels)
    return _named(
        r"(?:(?:\(|\*\*|\A)(?=.(?!\s*[\w']))|\b(?:[Oo]ption|[Cc]hoice)\s)(%s)(?![\w'])", text, labels
    )


def _named(pattern: str, text: str, labels: Sequence[str]) -> str | None:
    """Give the label of the last match; letters only in the case they have."""
    by_length = sorted(labels, key=len, reverse=True)
    flags = re.IGNORECASE if len(by_length[0]) > 1 else re.NOFLAG
    names = re.findall(pattern % "|".join(map(re.escape, by_length)), text, flags)
    return next((label for label in labels if names and label.casefold() == names[-1].casefold()), None)


def _unmarked(text: str, kind: Kind, labels: Sequence[str]) -> Extracted | None:
    is_line = "\n" not in text and len(text) <= LONGEST_LINE
    numbers = _NUMBER.findall(_without_code(text)) if kind in {"auto", "number"} else []
    value: str | None = None
    how: How = "whole"
    if kind == "choice":
        value, how = _exactly(text, labels) or _mentioned(text, labels), "choice"
    elif kind == "text" or (kind == "auto" and is_line and (not numbers or not _WORD.search(text))):
        value = _tidy(text)
    elif numbers:
        value, how = numbers[-1].strip(), "number"
    return Extracted(value=value, how=how, complete=False) if value and normalise(value) else None


def _without_code(text: str) -> str:
    """Take out code and what numbers lines and steps."""
    parts = text.split("```")
    prose = [
        part
        for index, part in enumerate(parts)
        if index % 2 == 0 or part.partition("\n")[0].strip().lower() in _NOT_CODE
    ]
    return _NUMBERING.sub(" ", "\n".join(prose))
