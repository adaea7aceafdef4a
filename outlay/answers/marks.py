r"""The final answer in a text: where it is marked, else where it most likely stands.

Looked for in this order, the last of each kind: a JSON key `"answer"`, `\boxed{}`, a value after `####`,
"the answer is" or "Answer:" (in a dozen languages), or the line below a heading "Answer". If there is an
`<answer>` tag, it is looked for in there. A text that marks nothing gives itself when it is nothing but a
value, else its last number, else itself when it is one short line.

Several boxes with nothing between them but commas, "and", "or" and names (`x = \boxed{3}, y = \boxed{5}`)
are one answer of several parts: `3, 5`. Of other boxes the last one counts, and so it does where one number
or one letter is expected.

A text that marks an answer may run on into a next question: an end-of-text token, or behind an empty line a
`Question:`, `Q:`, `Problem:`, `User:` or `Human:`. What is behind it does not count. Words behind a number
("42 apples, because ...") are left out, and so is "about" before it.

Small models write `#### Step 1: ...` for a heading: only a value counts after `####`. Code they write
instead of computing is not read for numbers; its printed output is.

Every function here takes any string, and time in proportion to its length.
"""

from __future__ import annotations

import json
import re
from collections import deque
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final, Literal

from outlay.answers.normal import ABOUT, AMOUNT, boxed_parts, normalise
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
How = Literal["json", "boxed", "tagged", "hashes", "said", "choice", "whole", "number"]

MARKED: Final = frozenset[How](["json", "boxed", "tagged", "hashes", "said"])
"""What a text says its answer is; the others are a guess."""

LETTERS: Final = tuple("ABCDEFGHIJ")
LONGEST_LINE: Final = 100
"""An unmarked text of one line and at most so many characters may be an answer itself."""
LONGEST_OPEN_TAG: Final = 200
"""Most characters of a text behind an `<answer>` that is not closed."""
LONGEST_LABELLED: Final = 1000
"""Most characters of a marked span that are searched for a label."""
LAST_MARKS: Final = 20
"""How many marks of a kind are tried, from the last one backwards."""

_AMOUNT: Final = (
    rf"(?:\d{{1,3}}(?:(?:\\,|\{{,\}}|,\\!\s?|[\u2009\u202f])\d{{3}})+(?!\d)|{AMOUNT})(?:\.\d+)?|\.\d+"
)
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
        (?:"((?:[^"\\]|\\.){0,500})"|'([^'\n]{0,500})'
          |(-?\d[\d.eE+-]{0,40}|true|false)|\[([^\[\]\n]{0,200})\])""",
    re.VERBOSE | re.IGNORECASE,
)
_HASHES: Final = re.compile(r"#{3,6}[ \t*]{0,9}([^\n#]{1,200})")
_WORDS: Final = (
    "answer|antwort|antwoord|svar|r[e\u00e9]ponse|respuesta|resposta|risposta|odpowied\u017a|cevap|jawaban|jibu"
    "|c\u00e2u tr\u1ea3 l\u1eddi|\u0111\u00e1p \u00e1n|ergebnis|ans"
    "|\u7b54(?=\\s{0,3}[:\uff1a])|\u043e\u0442\u0432\u0435\u0442"
    "|\u0627\u0644\u0625\u062c\u0627\u0628\u0629|\u0627\u0644\u062c\u0648\u0627\u0628"
    "|\u0989\u09a4\u09cd\u09a4\u09b0|\u0909\u0924\u094d\u0924\u0930"
    "|\uc815\ub2f5|\ub2f5\ubcc0|\u7b54\u6848|\u7b54\u3048|\u56de\u7b54|\u89e3\u7b54"
)
"""For "answer", in the languages of multilingual benchmarks."""
_IS: Final = (
    r"\s{1,9}(?:is|are|was|equals|(?:would|should|must|will|can\s{1,9}only|has\s{1,9}to)\s{1,9}be|comes\s{1,9}(?:out\s{1,9})?to"
    r"|ist|lautet|est|es|\u00e9|\u00e8|jest|adalah|ni|\u0647\u064a|\u0647\u0648)(?!\w)"
    r"(?!\s{1,9}(?:not|correct|incorrect|wrong|right|given|found|obtained|based|in|as|that)\b)"
    r"(?:\s{1,9}(?:therefore|thus|hence|then|simply|just|indeed|clearly|equal\s{1,9}to)(?!\w))?"
    r"|\s{0,9}[\u662f\u4e3a\u70ba\u306f]"
)
_OF: Final = (
    r"(?:,\s[a-z]{1,12},)?(?:\s{1,3}(?:final|finale|akhir|correcta|correta|corretta))?"
    r"(?:\s{1,9}(?:to|for|of)\b[^.:\n]{0,80}?)?"
)
"""What may stand between "answer" and "is"."""
_SIGN: Final = r"\s{0,9}(?:[:=\uff1a\u2192]|[-=]>)|\s-(?=\s[\d$(\\])|['\u2019]s(?=\s{1,3}[\d$(\\-])"
_SAID: Final = re.compile(
    rf"(?<![^\W_\u0e00-\uffff])(?:(?:{_WORDS})|(?:correct|right|best|final|my)\s{{1,9}}(?:option|choice|result))(?![a-z])[*_]{{0,3}}"
    rf"{_OF}(?:{_IS}|{_SIGN})"
    r"(?:\n\s{0,9}[-\u2022][ ]|[:*_\s\uff1a}]"
    r"|\\[(\[][ \t]{0,9}\n|\$\$[ \t]{0,9}\n){0,12}(?=(\S[^\n]{0,500}))",
    re.IGNORECASE,
)
_OPENED: Final = r"\\[(\[][ \t]{0,9}\n|\$\$[ \t]{0,9}\n"
"""A formula that begins on a line of its own."""
_HEADED: Final = re.compile(
    rf"^[ \t]{{0,9}}(?:[#*_]{{1,6}}[ \t*_]{{0,9}}(?:the[ ])?(?:final[ ])?|final[ ])"
    rf"(?:{_WORDS})[ \t*_:]{{0,9}}\n"
    rf"(?:\s|{_OPENED}){{0,12}}(?=(\S[^\n]{{0,500}}))",
    re.IGNORECASE | re.MULTILINE,
)
_LABEL: Final = re.compile(
    rf"[\W_]{{0,9}}(?:the\s)?(?:final\s|correct\s)?(?:{_WORDS})[*_]{{0,3}}(?:\s?[:=\uff1a]|\sis(?!\w))",
    re.IGNORECASE,
)
"""What introduces a value."""
_TAG: Final = re.compile(r"<(/?)(?:final[ _]?)?answer>", re.IGNORECASE)
_AND: Final = r"\\text\s*\{\s*,?\s*(?:and|or)\s*\}|(?:and|or)\b"
_BETWEEN_BOXES: Final = re.compile(
    rf"(?:[\s$]|\\[()\[\],; ]|\\q?quad\b)*(?:[,;&]|{_AND})(?:[\s$,;]|\\[()\[\],; ]|\\q?quad\b|{_AND})*"
    r"(?:[a-zA-Z](?:_\w|_\{\w{1,9}\})?\s*=\s*)?"
)
_END_OF_TEXT: Final = re.compile(
    r"<\|(?:im_end|im_start|eot_id|end|endoftext|end_of_text|eom_id|return)\|>|</s>|<eos>|<end_of_turn>"
)
_NEXT_QUESTION: Final = re.compile(
    r"\n[ \t]*\n[#*\s]{0,9}(?:question|q|problem|user|human)[ \t*]{0,3}:", re.IGNORECASE
)
_SENTENCE_END: Final = re.compile(
    r"(?<!\b[A-Z])(?<!\b(?:St|Dr|Mr|Ms|Mt|No|vs|Rs))(?<!\bMrs)(?<!\\)[.!?;](?=[\s*]|$)|(?<=\d)\.(?=[A-Z][a-z])|[\u3002\uff01\uff1f\uff1b]"
)
_LETTER: Final = re.compile(r"\(?([A-J])(?:\)|[.:](?!\s?[A-Z]\.))(?:\s|$)")
_EXPLAINS: Final = (
    r"\s*[\uff0c\u3001]|,\s[a-z]{3}|\s[-\u2013\u2014]{1,2}\s[a-zA-Z]{2}"
    r"|\s(?:in|because|since|which|as|after|from|out\sof|with|at|on|so|but)\b"
)
"""What begins words behind a number that explain it."""
_GOES_ON: Final = r"\s*(?:[-,;+*/=^<>\\]|(?:and|or|to)\b)"
"""What a formula goes on with behind a number."""
_WRAPPED: Final = re.compile(r"\\(?:text|mbox|textrm|textbf|textit|mathrm|mathbf|emph)\s?\{([^{}]{1,999})\}")
_NOT_A_UNIT: Final = re.compile(
    r"(?:am|pm|bc|ad|bce|ce|hundred|thousand|million|billion|trillion|percent|per cent|pi|or|and|to|until)\b"
)
_EMPTY_BOX: Final = re.compile(r"\\boxed\s{0,9}\{\s{0,9}\}")
_WORD: Final = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_FORMULA: Final = re.compile(r"\${1,2}[^$]{1,200}\${1,2}\.?|\\\([^\n]{1,200}\\\)\.?|\\\[[^\n]{1,200}\\\]\.?")
"""A text that is nothing but one."""
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
        kind: What to expect. `text` keeps the words around a number, and takes the whole text where
            nothing is marked; `number` and `choice` take nothing else.
        choices: The labels to choose from, A to J unless given; imply `choice`.
    """
    labels = tuple(choices or LETTERS)
    if choices and kind == "auto":
        kind = "choice"
    text = _without_next_question(text)
    return _in_tag(text, kind, labels) or _found(text, kind, labels)


def _found(text: str, kind: Kind, labels: Sequence[str]) -> Extracted | None:
    for found in _marked(text, kind):
        value = _read(found, kind, labels)
        if value is not None and normalise(value):
            return found.model_copy(update={"value": value})
    if kind == "auto" and _EMPTY_BOX.search(text):
        # The instruction said back, or a box left empty: its words are no answer.
        return _unmarked(_EMPTY_BOX.sub("", text).strip(), "number", labels)
    return _unmarked(text.strip(), kind, labels)


def _without_next_question(text: str) -> str:
    """Take off what a text runs on with behind its answer."""
    token = _END_OF_TEXT.search(text)
    if token and text[: token.start()].strip():
        text = text[: token.start()]
    for asked_next in islice(_NEXT_QUESTION.finditer(text), LAST_MARKS):
        before = text[: asked_next.start()]
        if next(_marked(before, "text"), None) is not None:
            return before
    return text


def _in_tag(text: str, kind: Kind, labels: Sequence[str]) -> Extracted | None:
    """Find the answer in the last `<answer>` that has one."""
    tags = list(_TAG.finditer(text))[-2 * LAST_MARKS :]
    ends = {tag.end(): after.start() for tag, after in pairwise(tags) if not tag[1] and after[1]}
    if tags and not tags[-1][1] and len(text) - tags[-1].end() <= LONGEST_OPEN_TAG:
        ends[tags[-1].end()] = len(text)
    for start, end in reversed(ends.items()):
        found = _found(text[start:end], kind, labels)
        if found is not None:
            how = found.how if found.how in MARKED else "tagged"
            return found.model_copy(update={"how": how, "complete": end < len(text) or found.complete})
    return None


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


def _marked(text: str, kind: Kind) -> Iterator[Extracted]:
    for match in _last(_JSON, text):
        value = _unescaped(match[1]) if match[1] is not None else match[2] or match[3] or match[4] or ""
        yield Extracted(value=value, how="json", complete=match[3] is None or match.end() < len(text))
    for content in _boxes(text, kind):
        yield Extracted(value=content, how="boxed", complete=True)
    for match in _last(_HASHES, text):
        label = _LABEL.match(match[1])
        line = match[1][label.end() :] if label else match[1]
        if _is_value(line, last=not text[match.end() : match.end() + 1000].strip()):
            yield Extracted(value=line, how="hashes", complete=match.end() < len(text))
    said = sorted([*_last(_SAID, text), *_last(_HEADED, text)], key=lambda match: -match.end())
    for match in said:
        span = _SENTENCE_END.split(match[1], maxsplit=1)[0]
        yield Extracted(value=span, how="said", complete=match.start(1) + len(span) < len(text))


def boxed_answer(text: str) -> str | None:
    r"""Give what the last `\boxed{}` of a text holds, or the last ones that make one answer."""
    return next(_boxes(text, "text"), None)


def _boxes(text: str, kind: Kind) -> Iterator[str]:
    """Give what the boxes of a text hold: first those that make one answer, then each, the last one first."""
    parts = list(islice(boxed_parts(text), LAST_MARKS))
    together = [text[slice(*parts[0].content)].strip()] if parts else []
    for after, box in pairwise(parts):
        if not _BETWEEN_BOXES.fullmatch(text[box.whole[1] : after.whole[0]][:LONGEST_LINE]):
            break
        together.insert(0, text[slice(*box.content)].strip())
    if kind in {"auto", "text"} and len(dict.fromkeys(together)) > 1 and all(together):
        yield ", ".join(together)
    for box in parts:
        yield text[slice(*box.content)].strip()


def _last(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(deque(pattern.finditer(text), maxlen=LAST_MARKS))[::-1]


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
        or re.match(r"\W*(?:step\b|\d+[.):](?:\s+\S|[a-z]))", value, re.IGNORECASE)
        or line.rstrip().endswith(":")
    ):
        return False
    if _NUMBER.fullmatch(value) or _NUMBER.fullmatch(value.rpartition("=")[2].strip()):
        return True
    return last and (len(value.split()) <= 6 or re.search(r"[\\^]", value) is not None)  # noqa: PLR2004


def _read(found: Extracted, kind: Kind, labels: Sequence[str]) -> str | None:
    """Read a marked span as what is expected."""
    if kind == "choice":
        return _label(found.value, labels)
    if kind == "number":
        return _first_number(found.value)
    if found.how in {"json", "boxed"}:
        return _unwrapped(found.value)
    return _tidy(found.value, whole=kind == "text")


def _unwrapped(value: str) -> str:
    r"""Take off the box, or the macro for text, that is all around a value."""
    value = value.strip()
    label = _WRAPPED.match(value)
    if label and _LABEL.fullmatch(label[1].rstrip()) and value[label.end() :].strip():
        value = value[label.end() :].strip()
    inner = _WRAPPED.fullmatch(value) or re.fullmatch(r"\\boxed\{([^{}]*)\}", value)
    return inner[1].strip() if inner else value


def _tidy(span: str, *, whole: bool = False) -> str:
    """Take the markup off a span; and off a number the words around it, unless the `whole` of it counts."""
    span = re.sub(r"\*\*(?!\d)|(?<!\d)\*\*", "", span).strip(" \t\r\n*_")
    quoted = re.match(r"([\"'`])([^\"'`]{1,500})\1(.*)", span, re.DOTALL)
    span = (quoted[2] if quoted and not re.match(_GOES_ON, quoted[3]) else span).strip(" \t\r\n*_`\"'")
    span = _whole(span).rstrip(".,;: *_`\"'\u3002")
    if letter := _LETTER.match(span + " "):
        return letter[1]
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        if span.startswith(opening) and closing in span[len(opening) :] and len(span) > len(closing):
            inside, _, rest = span[len(opening) :].partition(closing)
            is_all = not re.search(r"\d", rest) or (
                _NUMBER.fullmatch(inside.strip()) and not re.match(_GOES_ON, rest)
            )
            span = inside.strip() if is_all else span
    if whole:
        return span
    about = ABOUT.match(span)
    bare = span[about.end() :] if about else span
    number = _NUMBER.match(bare)
    words = bare[number.end() :] if number else ""
    if number and re.match(_EXPLAINS, words):
        return number[0].strip()
    prose = re.match(r"[*_$]{0,3},?\s+(?=[a-z(])", words)
    if number is None or prose is None or _NOT_A_UNIT.match(words[prose.end() :]):
        return bare if number and not words.strip() else span
    return bare if re.search(r"[\d\\+*/=^]", words) and len(words.split()) <= 6 else number[0].strip()  # noqa: PLR2004


def _whole(span: str) -> str:
    """Take off the ends of brackets and formulas that began before a span."""
    span = span[: _first_unopened(span, "{", "}")]
    if "[" not in span:
        place = _first_unopened(span, "(", ")")
        span = span[:place] if span[place:] == ")" * (place > 1) or _NUMBER.fullmatch(span[:place]) else span
    if span.endswith("$") and span.replace(r"\$", "").count("$") % 2:
        span = span.rstrip("$").rstrip()
    for opening, closing in ((r"\(", r"\)"), (r"\[", r"\]")):
        if opening not in span:
            span = span.partition(closing)[0].rstrip()
    return span.removesuffix("\\").rstrip() if not span.endswith(r"\\") else span


def _first_unopened(span: str, opening: str, closing: str) -> int:
    """Give the place of the first bracket that closes none of the span's; its length if there is none."""
    depth = 0
    for place, character in enumerate(span):
        depth += (character == opening) - (character == closing)
        if depth < 0:
            return place
    return len(span)


def _first_number(span: str) -> str | None:
    right = span.rpartition("=")[2]
    number = _NUMBER.search(right) or _NUMBER.search(span)
    return number[0].strip() if number else None


def _label(span: str, labels: Sequence[str]) -> str | None:
    """Find the label that a marked span names: as a whole, at its beginning, or inside."""
    span = re.sub(r"\\(?:text|textbf|mathbf|mathrm|textrm)\s{0,9}\{", "", span[:LONGEST_LABELLED])
    first = _named(r"\A[\W_]{0,9}(%s)(?![\w']|\s{0,9}[=<>+^\\])", span, labels)
    return _exactly(span, labels) or first or _mentioned(span, labels)


_CHOSEN: Final = (
    r"(?:(?:\(|\[|\*\*|\A)(?=.(?!\s*[\w']))|\b(?:[Oo]ption|[Cc]hoice|[Ll]etter)\s"
    r"|\b(?:[Pp]ick|[Cc]hoose|[Cc]hose|[Ss]elect|[Gg]o\swith|[Gg]oing\swith|[Oo]pt\sfor|[Gg]uess)(?:\s(?:option|choice|answer|letter))?"
    r"\s\W{0,3}(?![AI]\s[a-z])|[\u9009\u9078][\u62e9\u64c7]?\W{0,2})(%s)(?![\w']|\s{0,9}[=<>+^\\])"
)
"""What can mean only a label; `a` and `I` are words."""
_PRAISED: Final = r"\b(%s)(?=[)*.]{0,3}\s(?:is|seems|must\sbe)\s(?:the\s)?(?:correct|right|best)\b)"
_FOLLOWS: Final = (
    r"\b(?:[Tt]herefore|[Tt]hus|[Hh]ence|[Ss]o),?\s(?:it(?:'s|\sis)\s)?"
    r"[(*]{0,3}(%s)(?=[)*.!]{0,4}\s*(?:\n|$))"
)


def _exactly(text: str, labels: Sequence[str]) -> str | None:
    normal = normalise(text)
    return next((label for label in labels if normalise(label) == normal), None)


def _mentioned(text: str, labels: Sequence[str]) -> str | None:
    """Find the last mention that can mean only a label: `(B)`, `**B`, `option B`, `B.` in the beginning."""
    if max(map(len, labels)) > 1:
        return _named(r"(?<!\w)(%s)(?!\w)", text, labels)
    found = (_named(pattern, text, labels) for pattern in (_CHOSEN, _PRAISED, _FOLLOWS))
    return next((label for label in found if label), None)


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
    elif kind == "text" or (
        kind == "auto" and is_line and (not numbers or not _WORD.search(text) or _FORMULA.fullmatch(text))
    ):
        value = _tidy(text, whole=kind == "text")
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
