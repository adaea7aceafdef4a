r"""The normal form of an answer: equal for answers that a vote must count as one.

- Numbers are exact: `42`, `42.0`, `$42`, `1,234`, `3.14e2`, `\frac{1}{2}`, `1/2`, `0.5`, `2 1/2`. Written
  as an integer, a finite decimal or a fraction in lowest terms, in this order of preference.
- A unit in lower case after a number is dropped (`42 apples`, `5 km`, `864\text{ inches}^2`), a magnitude is
  multiplied out (`5 million`); words that change what is meant stay (`3 pm`, `12 March`, `12 Monkeys`).
  `quantity` gives the unit too: answers with the same normal form may have different ones.
- A percent sign is dropped: which of `25` and `25%` is meant is settled by the question, models write
  both for it, and the answers of the benchmarks leave it out. So `50%` is `50`, and not `0.5`.
- Text is compared without case, markup, outer quotes, a leading article and the punctuation of prose.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_CHARACTERS: Final = 1000
"""Longer values are prose, not answers: only their case and white space are folded."""

MOST_DIGITS: Final = 100
MOST_EXPONENT: Final = 30

_CHARACTERS: Final = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2010\u2011\u2012\u2013\u2014", "-"),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u201c\u201d", '"'),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u00b0", ""),
        "\u2044": "/", "\u00b2": "^2", "\u00b3": "^3", "\u00bd": " 1/2", "\u00bc": " 1/4", "\u00be": " 3/4",
        "\u00d7": r"\times ", "\u03c0": r"\pi ", "\u221e": r"\infty ", "\u222a": r"\cup ",
        "\u221a": r"\sqrt ", "\u00b1": r"\pm ", "\u00b7": r"\cdot ", "\u22c5": r"\cdot ", "\u00f7": r"\div ",
        "\u2264": r"\le ", "\u2265": r"\ge ", "\u2260": r"\ne ", "\u2248": r"\approx ", "\u2208": r"\in ",
        "\u2205": r"\emptyset ", "\u2229": r"\cap ", "\u2200": r"\forall ", "\u2203": r"\exists ",
        "\u2192": r"\to ", "\u03b8": r"\theta ",
    }
)  # fmt: skip


def _joined(groups: re.Match[str]) -> str:
    """Join the thousands of a number that TeX sets apart."""
    return groups[1] + re.sub(r"\D", "", groups[2])


def _repeated(decimal: re.Match[str]) -> str:
    """Write a repeating decimal as a fraction."""
    once, period = f"{decimal[1] or 0}{decimal[2]}", decimal[3]
    below = 10 ** len(decimal[2]) * (10 ** len(period) - 1)
    return rf"\frac{{{int(once + period) - int(once)}}}{{{below}}}"


_SPACE_IN_TEX: Final = r"(?:\\[,:; !]|\{,\})"
_LATEX: Final = (
    (re.compile(rf"(?<![\d.])(\d{{1,3}})((?:{_SPACE_IN_TEX}\d{{3}})+)(?!\d)"), _joined),
    (re.compile(r"(?<![\d.])(\d{0,20})\.(\d{0,20})\\(?:overline|bar|dot)\s*\{(\d{1,20})\}"), _repeated),
    (re.compile(r"(?<!\\)\$([^$]*)(?<!\\)\$(?!\s*[\d.])"), r" \1 "),
    (re.compile(r"\\!\s*"), ""),
    (re.compile(r"\{,\}"), ","),
    (re.compile(r"\\(?:left|right|displaystyle|limits|[bB]igg?[lr]?)(?![a-zA-Z])"), ""),
    (re.compile(r"(?<!\\)\\(?:[,;: ]|thinspace\b|quad\b|qquad\b)|~"), " "),
    (re.compile(r"\\[dtc]frac(?![a-zA-Z])"), r"\\frac"),
    (re.compile(r"\\frac\s*(\w)"), r"\\frac{\1}"),
    (re.compile(r"\\frac\s*(\{[^{}]*\})\s*(\w)"), r"\\frac\1{\2}"),
    (re.compile(r"\\sqrt\s*(\w)"), r"\\sqrt{\1}"),
    (re.compile(r"\\sqrt\s*\(([^()]*)\)"), r"\\sqrt{\1}"),
    (re.compile(r"\\(?:leqslant|leqq?)(?![a-zA-Z])"), r"\\le "),
    (re.compile(r"\\(?:geqslant|geqq?)(?![a-zA-Z])"), r"\\ge "),
    (re.compile(r"\\neq(?![a-zA-Z])"), r"\\ne "),
    (re.compile(r"\\(?:varnothing|empty)(?![a-zA-Z])"), r"\\emptyset "),
    (re.compile(r"\\(?:dots[cbmio]?|cdots)(?![a-zA-Z])|\.{3,}"), r"\\ldots "),
    (re.compile(r"\^\s*(?:\\circ\b|\{\s*\\circ\s*\})|\\degree\b"), ""),
    (re.compile(r"(?<!\\)\\[()\[\]]|(?<!\\)\$(?!\s*[\d.])"), " "),
    (re.compile(r"\\([%$#&])"), r"\1"),
    (re.compile(r"(?<=[\w)}])\*\*(?=[\w({-])"), "^"),
    (re.compile(r"\^\s*(-\d+|\d{2,})"), r"^{\1}"),
    (re.compile(r"([_^])\{(\w)\}"), r"\1\2"),
)

_WRAPPED: Final = r"\\(?:text|mbox|mathrm|textrm|textbf|textit|mathbf|emph|operatorname)\s*\{([^{}]*)\}"
AMOUNT: Final = r"\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3}|\d+"
"""A whole number, its digits in groups of three, or as in India of two before the last three."""
_DECIMAL: Final = rf"(?:{AMOUNT})(?:\.\d*)?|\.\d+"
_NUMBER: Final = re.compile(
    rf"""(?P<sign>[-+]?)\s*(?:
        (?:(?P<whole>\d+)\s*)?\\frac\s*\{{\s*(?P<up>-?\d+)\s*\}}\s*\{{\s*(?P<down>-?\d+)\s*\}}
      | (?:(?P<whole2>\d+)\s+)?(?P<up2>\d+)\s*/\s*(?P<down2>\d+)
      | (?P<decimal>{_DECIMAL})
        (?:e(?P<e>[-+]?\d+) | \s*(?:\\times|\\cdot|\*|x)\s*10\s*\^\s*\{{?(?P<ten>[-+]?\d+)\}}?)?
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_BOX: Final = re.compile(
    r"""(?:\\{1,2}f?box(?:ed)?|\x08oxed|(?<![a-zA-Z\\])boxed(?=\{))
        (?:(?P<box>\s{0,9}\{)
          |\s{0,9}(?P<bare>-?\$?\d(?:[\d,.]{0,99}\d)?|-?\\[dt]?frac\s{0,9}(?:\{[^{}]{0,99}\}|\d){2}
            |[a-zA-Z](?![a-zA-Z])|\([^()\n]{1,99}\)))
      |\\.|[{}]""",
    re.DOTALL | re.VERBOSE,
)
_INSIDE: Final = re.compile(r"\(([^()]*)\)|\[{1,2}([^\[\]]*)\]{1,2}|\{([^{}]*)\}|<([^<>]*)>|([a-zA-Z])\s*\)")
_CURRENCY: Final = re.compile(
    r"^([-+]?)\s*(?:us|usd|eur|gbp|rs\.?|inr)?\s*[$€£¥₹]?\s*(?=[-+]?[\d.\\])", re.IGNORECASE
)
_AFTER: Final = re.compile(r"(?<=[\d}.])\s*(?:%|percent|per cent|[$€£¥₹]|usd|eur|gbp)$", re.IGNORECASE)
_DEGREES: Final = re.compile(r"(?:\u00b0|\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\degree)[\s$)}.*]*$")
_EQUATION: Final = re.compile(
    r"(?:\\?[a-zA-Z][\w ]*(?:\([a-z]\))?|(?:[\d\s.,$+*/\-]|(?<=\d)\s?x(?=\s?[\d$]))*)"
    r"(?:=|\\approx)\s*([^=<>]+)"
)
ABOUT: Final = re.compile(
    r"(?:(?:is )?(?:approximately|approx\.?|about|around|roughly|nearly|almost|exactly|circa)\s"
    r"|\\approx|\\sim(?:eq)?)"
    r"\s*(?=[-+$\u20ac\u00a3\u00a5\u20b9]*\s?[\d.\\])",
    re.IGNORECASE,
)
_QUANTITY: Final = re.compile(
    r"(.*?[\d}])(?:\s+|(?=[a-z])|\s?/\s?(?=[a-z]{3}|hr))"
    r"((?:[ckm]?m|ft|mi|k?g|m?l)/(?:s|h|hr|m?l|[ck]?m)|[a-z]{2,}(?:(?:\s|/|\s/\s|-)[a-z]+){0,2})(?:\^\d)?"
)
_QUANTITY_IN_TEX: Final = re.compile(rf"(.*?[\d}}])\s*{_WRAPPED}\s*(?:\^\d)?")

_MAGNITUDES: Final = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_ATTACHED: Final = re.compile(
    r"[mck]m|[mk]?g|lbs?|oz|[mcd]?l|ft|in|yd|mi|[mk]ph|kmh|mins?|hrs?|secs?|cents|[kmg]b|kw|hz|m|h"
)
"""Units that are written on to their number; of two letters, all but these are a product."""
_NO_UNIT: Final = re.compile(
    r"[ap]m|bce?|ad|ce|jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|st|nd|rd|th|and|or|to|out|until|through|over|plus|minus|by|pi|mod"
    r"|(?:arc)?(?:sin|cos|tan)h?|sec|csc|cot|log|ln|exp|sqrt|choose|factorial|squared|cubed|times|divided|root"
    r"|if|when|for|where|is"
)
"""Words after a number that change what is meant."""
_TO_NINETEEN: Final = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_WORDS: Final = {
    **{word: size for size, word in enumerate(_TO_NINETEEN)},
    **{word: 20 + 10 * place for place, word in enumerate(_TENS)},
    **{
        f"{tens}{gap}{_TO_NINETEEN[unit]}": 20 + 10 * place + unit
        for place, tens in enumerate(_TENS)
        for gap in "- "
        for unit in range(1, 10)
    },
}
_MATHS: Final = re.compile(r"[\d\\^_{}=+*/<>|()\[\]]|^[a-z]!|^[a-z](?::[a-z])+$")
_UNIT_BEHIND: Final = re.compile(rf"(?<=[\w)}}])\s*{_WRAPPED}\s*(?:\^\{{?\d\}}?)?$")
_NOT_BEHIND: Final = re.compile(rf"{_WRAPPED}(?!\s*(?:\^\{{?\d\}}?)?\s*(?:$|[,;]))|(?<![\w)}} ]){_WRAPPED}")
_WORDS_BEHIND: Final = re.compile(r"(?<=[\d})i])\s+([a-z]{2,}(?:[\s/-][a-z]+){0,2})$")
_ONE_LETTER: Final = re.compile(
    r"\\(?:text|mbox|textrm|textit|textbf|mathrm|mathit|mathbf|mathsf|rm)\s*\{\s*(\\?[a-zA-Z]|[\d.]+)\s*\}"
)
_AND: Final = re.compile(
    r" ?,? ?(?:\\(?:text|mbox|textrm|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}|(?<![\w\\])(?:and|or)(?!\w)"
    r"|\\(?:lor|vee)(?![a-zA-Z]))\s*"
)
_FUNCTION: Final = re.compile(r"(?<![\\a-zA-Z])((?:arc)?(?:sin|cos|tan)|log|ln|sqrt|pi)(?![a-zA-Z])")


class Quantity(NamedTuple):
    """An answer, with its unit apart."""

    normal: str
    """Its normal form."""
    unit: str
    """What stands with the number, currency and percent sign included, if the normal form is a number."""


def normalise(value: str) -> str:
    """Give the normal form of an answer; empty when there is nothing in it.

    Idempotent: folded until nothing changes.
    """
    return quantity(value).normal


@lru_cache(maxsize=4096)
def quantity(value: str) -> Quantity:
    """Give the normal form of an answer, and the unit that it leaves out."""
    unit = "degree" if _DEGREES.search(value[-MOST_DIGITS:]) else ""
    for _ in range(MOST_CHARACTERS):
        folded = _fold(value)
        unit = unit or folded.unit
        if folded.normal == value:
            break
        value = folded.normal
    return Quantity(value, unit if is_number(value) else "")


def is_number(normal: str) -> bool:
    """Whether a normal form is a number; one that Python refuses to read for its length is none."""
    return len(normal) <= MOST_CHARACTERS and re.fullmatch(r"-?\d+(?:\.\d+|/0*[1-9]\d*)?", normal) is not None


class Box(NamedTuple):
    """A box in a text, by the places of its characters."""

    whole: tuple[int, int]
    content: tuple[int, int]


def boxed(text: str) -> Iterator[str]:
    r"""Give what stands in each closed `\boxed{}`, the last one first."""
    for box in boxed_parts(text):
        yield text[slice(*box.content)].strip()


def boxed_parts(text: str) -> Iterator[Box]:
    r"""Give the places of each closed `\boxed{}`, the last one first; of `\boxed 7` too, as TeX has it."""
    opened: list[tuple[int, int]] = []
    found: list[Box] = []
    for token in _BOX.finditer(text):
        if token["bare"]:
            found.append(Box(token.span(), token.span("bare")))
        elif token["box"]:
            opened.append((token.start(), token.end()))
        elif token[0] == "{":
            opened.append((-1, token.end()))
        elif token[0] == "}" and opened:
            start, content = opened.pop()
            if start >= 0:
                found.append(Box((start, token.end()), (content, token.start())))
    yield from sorted(found, key=lambda box: box.content, reverse=True)


def plain_tex(value: str) -> str:
    """Write an answer in the plainest TeX, for comparing it part by part.

    With its units, and with commas for "and" and "or".
    """
    value = _ONE_LETTER.sub(r"\1", _in_tex(_strip(_open_box(_in_characters(value)))))
    value = re.sub(r"\\(?:operatorname|text)\s*\{(sin|cos|tan|log|ln)\}", r"\\\1 ", value)
    is_condition = re.search(r"[<>]|\\[lg]e(?![a-zA-Z])", value) is not None
    value = _AND.sub(lambda word: r" \land " if is_condition and "and" in word[0] else ", ", value)
    value = _FUNCTION.sub(r"\\\1 ", value)
    value = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", value)
    value = _NOT_BEHIND.sub(lambda words: f" {words[1] or words[2] or ''} ", value)
    return re.sub(r"(?:,\s*){2,}", ", ", value).strip()


def without_unit(value: str) -> tuple[str, str]:
    """Take the unit off an expression that `plain_tex` wrote, and give both.

    A magnitude is no unit: `5 million` stays as it is.
    """
    value = value.strip()
    currency = _CURRENCY.match(value)
    unit = currency[0].strip("-+ ") if currency else ""
    body = _CURRENCY.sub(r"\1", value)
    for behind in (_UNIT_BEHIND, _WORDS_BEHIND, _AFTER):
        found = behind.search(body)
        if found is None:
            continue
        words = re.findall(r"[a-z]+", found[0].casefold())
        if behind is _WORDS_BEHIND and (not _is_unit(words, attached=False) or words[0] in _MAGNITUDES):
            continue
        if behind is _UNIT_BEHIND:
            words = re.findall(r"[a-z]+", found[1].casefold())
            if any(map(_NO_UNIT.fullmatch, words)) or (words and words[0] in _MAGNITUDES):
                continue
        unit, body = f"{unit} {found[0]}", body[: found.start()]
    return re.sub(_WRAPPED, r" \1 ", re.sub("[%$]", " ", body)).strip(), unit.strip()


def _fold(value: str) -> Quantity:
    value = _in_characters(value)
    if len(value) > MOST_CHARACTERS:
        return Quantity(value.casefold(), "")
    value = _in_tex(_strip(_open_box(value)))
    if equation := _EQUATION.fullmatch(value := _strip(value)):
        value = equation[1].strip()
    return _quantity(value) or Quantity(_text(_strip(re.sub(_WRAPPED, r" \1 ", value))), "")


def _in_characters(value: str) -> str:
    """Write an answer in few kinds of characters and single spaces."""
    value = re.sub(r"(?<=\d)[\u2009\u202f\u00a0](?=\d{3}(?!\d))", "", value)
    value = re.sub(r"\u221a\s*(\d{1,99}(?:\.\d{1,99})?)", r"\\sqrt{\1}", value)
    value = unicodedata.normalize("NFKC", value.translate(_CHARACTERS)).translate(_CHARACTERS)
    value = re.sub(r"(?<![a-zA-Z])([aApP])\.\s?([mM])\.?(?!\w)", r"\1\2", value)
    return " ".join(value.split())


def _in_tex(value: str) -> str:
    for pattern, plain in _LATEX:
        value = pattern.sub(plain, value)
    return " ".join(value.split())


def _open_box(value: str) -> str:
    if not re.match(r"\\+f?box(?:ed)?\s*\{.*\}$", value):
        return value
    inner = max(boxed(value), key=len, default=value)
    return inner if len(inner) >= len(value) - len(r"\\\\fboxed {}") else value


def _strip(value: str) -> str:
    """Take off quotes, markup and the punctuation around a value."""
    value = value.strip(" \"'`*_").rstrip(" .,;:?\"'`*_")
    if value.endswith("!") and not re.search(r"(?:[\d)}]|(?<![^\W\d])[^\W\d])!$", value):
        value = value.rstrip("! ")
    inside = _INSIDE.fullmatch(value)
    text = next(filter(None, inside.groups()), "").strip() if inside else ""
    is_one = re.fullmatch(r"[a-zA-Z]|[-+$]*[\d.]+%?|-?\\[dtc]?frac\s*\{-?\d+\}\s*\{\d+\}", text)
    return text if is_one else value


def _quantity(value: str) -> Quantity | None:
    """Read a number with its sign, currency, percent sign or unit."""
    value = re.sub(
        r"^(?:negative|minus)\s(?=[\d.$\\])", "-", ABOUT.sub("", value, count=1), flags=re.IGNORECASE
    )
    currency = _CURRENCY.match(value)
    before = currency[0].strip("-+ ") if currency else ""
    bare = _CURRENCY.sub(r"\1", value)
    value = _AFTER.sub("", bare)
    number = _number(value)
    if number is not None:
        return Quantity(_written(number), f"{before} {bare[len(value) :]}".strip())
    found = _QUANTITY_IN_TEX.fullmatch(value) or _QUANTITY.fullmatch(value)
    if found is None or (number := _number(_AFTER.sub("", found[1]))) is None:
        word = _WORDS.get(value.casefold())
        return None if word is None else Quantity(str(word), "")
    words = re.findall(r"[a-z]+", found[2].casefold())
    unit = value[len(found[1]) :]
    if not _is_unit(words, attached=unit[:1].isalpha()):
        return None
    while words and words[0] in _MAGNITUDES:
        number *= 10 ** _MAGNITUDES[words[0]]
        unit = unit.casefold().partition(words.pop(0))[2]
    return Quantity(_written(number), f"{before} {unit}".strip())


def _is_unit(words: list[str], *, attached: bool) -> bool:
    """Whether words after a number are its unit, and neither change what is meant nor are a product."""
    is_product = attached or [len(word) for word in words] == [2]
    return not any(map(_NO_UNIT.fullmatch, words)) and not (is_product and not _ATTACHED.fullmatch(words[0]))


def _number(value: str) -> Fraction | None:
    match = _NUMBER.fullmatch(value) if len(value) <= MOST_DIGITS else None
    if match is None:
        return None
    if match["decimal"]:
        exponent = int(match["e"] or match["ten"] or 0)
        if abs(exponent) > MOST_EXPONENT:
            return None
        size = Fraction(match["decimal"].replace(",", "").rstrip(".")) * Fraction(10) ** exponent
    else:
        down = int(match["down"] or match["down2"])
        if not down:
            return None
        size = int(match["whole"] or match["whole2"] or 0) + Fraction(int(match["up"] or match["up2"]), down)
    return -size if match["sign"] == "-" else size


def _written(number: Fraction) -> str:
    rest, twos, fives = number.denominator, 0, 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    places = max(twos, fives)
    if rest != 1 or not places:
        return str(number)
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _text(value: str) -> str:
    value = " ".join(value.casefold().split())
    if _MATHS.search(value):
        value = re.sub(r"\s*([^\w\s,])\s*", r"\1", value)
        value = re.sub(r"\s*,\s*", ",", value)
        # "1, 234" are two numbers and "1,234" is one.
        value = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", ", ", value)
        # A name that begins with a number must not look like a number with its unit.
        return value.replace(" ", "-") if _QUANTITY.fullmatch(value) else value
    value = re.sub(r"[.,!?;:'\"]+", "", value)
    return re.sub(r"^(?:the|an?) (?=\S)", "", " ".join(value.split()))
