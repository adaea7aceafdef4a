r"""Whether two answers are equal: by their normal forms, part by part, and as mathematics.

What an answer is made of is compared by rules; only single expressions go to math-verify, which reads a
part of what it does not know and calls that equal.

- The entries of lists, sets and unions are compared in any order. In order are those of tuples, intervals,
  matrices, ratios, of a list with dots, and of a list with words or with names on one side only.
- Brackets must be the same ones. A list without any is also the set, or the tuple, of its entries.
- `\pm` stands for two answers. Ratios are equal if proportional, times of day if they are the same.
- A name before the answer (`n = 2, 3`, `D = (0, 1)`) is left out, except in a list: the question says what
  is asked for, and a model may name it as it likes. So `x = 5` is `y = 5`.
- Units must be the same (`5 hours` is not `5 minutes`, `$5` is not `5%`), where both answers have one.
- A sign that math-verify does not know (`\forall`, `\ldots`, `\to`) must stand in both, between equal parts.
- Single numbers are exact; a decimal may stand for a fraction within a millionth.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from fractions import Fraction
from functools import cache, lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Final, NamedTuple

from outlay.answers.equivalence import UnreadableError, equivalent
from outlay.answers.normal import is_number, normalise, plain_tex, quantity, without_unit
from outlay.answers.units import alike

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Compared = Callable[[str, str], bool]

MOST_CHARACTERS: Final = 1000
"""Longest answers that are compared by more than their normal forms."""
MOST_IN_A_VOTE: Final = 150
"""Longest expressions that a vote gives to math-verify."""
MOST_PARTS: Final = 12
"""Entries in any order that are compared by more than their normal forms."""
MOST_NESTED: Final = 6
TOLERANCE: Final = Fraction(1, 10**6)
"""Relative, between a decimal and another number."""

# The parser of math-verify keeps state in module-level objects, and strategies vote from several threads.
_one_at_a_time: Final = Lock()

_TOKEN: Final = re.compile(r"\\[a-zA-Z]+|\\.|\s+|.", re.DOTALL)
_OPENING: Final = frozenset("([{") | {r"\{", r"\langle", r"\lbrace", r"\lbrack"}
_CLOSING: Final = frozenset(")]}") | {r"\}", r"\rangle", r"\rbrace", r"\rbrack"}
_ROUND: Final = {r"\langle": "(", r"\rangle": ")", r"\lbrace": r"\{", r"\rbrace": r"\}"}
_KNOWN: Final = frozenset(
    re.findall(
        r"\S+",
        r"""\frac \sqrt \cdot \times \div \pi \infty \sin \cos \tan \cot \sec \csc \arcsin \arccos \arctan
        \sinh \cosh \tanh \ln \log \exp \binom \le \ge \lt \gt \ne \setminus \in \mathbb \emptyset
        \lfloor \rfloor \lceil \rceil \alpha \beta \gamma \delta \epsilon \zeta \eta \theta \iota
        \kappa \lambda \mu \nu \xi \rho \sigma \tau \phi \chi \psi \omega \Gamma \Delta \Theta \Lambda
        \Xi \Sigma \Phi \Psi \Omega \varphi \varepsilon \int \sum \prod \vec \hat \overline \bar \text
        \max \min \gcd \det \begin \end""",
    )
)
"""Commands that math-verify reads; all others divide an answer into parts."""
_NAMED: Final = re.compile(
    r"\s*(\\?[a-zA-Z]+(?:_\w|_\{\w+\})?(?:\([a-zA-Z](?:,\s*[a-zA-Z])*\))?|\([a-zA-Z](?:,\s*[a-zA-Z])*\))"
    r"\s*(?:=|\\in(?![a-zA-Z]))\s*([^=<>]+)"
)
_RELATION: Final = re.compile(r"[=<>]|\\(?:le|ge|lt|gt|ne)(?![a-zA-Z])")
_SET: Final = re.compile(r"[<>]|\\(?:le|ge|lt|gt|ne|setminus|mathbb|emptyset|in)(?![a-zA-Z])")
_MATRIX: Final = re.compile(
    r"\(?\s*\\begin\s*\{([pbBvV]?matrix|array)\}(?:\{[lcr| ]*\})?(.*)\\end\s*\{\1\}\s*\)?", re.DOTALL
)
_TIME: Final = re.compile(r"\d{1,2}:[0-5]\d(?::[0-5]\d)?")
_WORD: Final = re.compile(r"(?<![\\a-z])[a-z]{3,}|\d\s?[ap]m\b|\d-\d+-\d")
"""Words, times and dates, in which math-verify would read products and differences."""
_MATHS: Final = re.compile(r"[\d\\^/*+=<>]|^-? ?[a-z](?: ?- ?[a-z])*$")
_TORN: Final = re.compile(r"^[*/^_=<>.,)\]}]|[-+*/^_=<>.,:(\[{]$")
_ANY: Final = re.compile(r"\s*[a-zA-Z]\s*(?:\\in\s*\\mathbb\s*\{R\}|\\in\s*\\mathbb\s*R)?\s*")
"""What a set such as `{x | x > 2}` is made of, where its condition says it all."""
_BASE: Final = re.compile(r"(?<=[\da-f]_)\{?(\d+)\}?")
"""Of a number such as `2516_8`, which math-verify does not look at."""
_ENDLESS: Final = re.compile(r"\^[^,;&+\-]*\^|\*\*|!|\d{25}|\^\s*\{?\s*-?\d{4}|\\(?:int|sum|prod|binom|zeta)")
"""What sympy may compute for ever: towers of powers, factorials, huge exponents, integrals."""


class Shape(NamedTuple):
    """What an answer is made of."""

    kind: str
    """`list`, `set`, `union`, `ratio`, two brackets, ...; `one` for a single expression."""
    parts: tuple[str, ...]


def same(a: str, b: str) -> bool:
    """Whether two answers are equal: in normal form, or as mathematics where math-verify is installed.

    Symmetric. What may take long to compute is compared by its normal form only.
    """
    return equal(a, b, _in_a_vote)


def equal(gold: str, given: str, compared: Compared) -> bool:
    """Whether two answers are equal.

    Args:
        gold: An answer.
        given: Another one.
        compared: Whether two single expressions in TeX are.
    """
    first, second = normalise(gold), normalise(given)
    if not first or not second:
        return False
    if is_number(first) and is_number(second):
        return _quantities(gold, given)
    if first == second:
        return True
    if max(len(gold), len(given), len(first), len(second)) > MOST_CHARACTERS:
        return False
    return _Comparison(compared).whole(plain_tex(gold), plain_tex(given))


class _Comparison(NamedTuple):
    compared: Compared

    def whole(self, one: str, other: str) -> bool:
        """Compare two answers, whose names do not matter."""
        first, second = _NAMED.fullmatch(one), _NAMED.fullmatch(other)
        if first and second and first[1] != second[1]:
            return self.single(one, other)
        if (first and not second and _RELATION.search(other)) or (
            second and not first and _RELATION.search(one)
        ):
            return self.part(one, other, 0)
        return self.part(first[2] if first else one, second[2] if second else other, 0)

    def part(self, one: str, other: str, depth: int) -> bool:
        """Compare two answers by their units, and by what they are made of."""
        if depth > MOST_NESTED:
            return normalise(one) == normalise(other)
        if is_number(normalise(one)) and is_number(normalise(other)):
            return _quantities(one, other)
        (one, unit), (other, other_unit) = _measured(one), _measured(other)
        return alike(unit, other_unit) and self._shapes(one, other, depth)

    def _shapes(self, one: str, other: str, depth: int) -> bool:  # noqa: PLR0911 - a table of shapes
        first, second = _shape(one), _shape(other)
        if first.kind == second.kind == "one":
            return self.single(*first.parts, *second.parts)
        if "one" in {first.kind, second.kind}:
            return self._unlike(one, other, first, second, depth)
        if first.kind == second.kind == "ratio":
            return self._ratios(one, other, first, second)
        if {first.kind, second.kind} == {"union", "set"}:
            return self.single(one, other)
        ordered = _ordered(first, second)
        if ordered is None or len(first.parts) != len(second.parts):
            return False
        if first.kind.startswith("read"):
            return all(map(self._fragment, first.parts, second.parts))
        return self._entries(first.parts, second.parts, depth + 1, ordered=ordered)

    def single(self, one: str, other: str) -> bool:
        """Compare two single expressions."""
        first, second = normalise(one), normalise(other)
        if is_number(first) and is_number(second):
            return _quantities(one, other)
        if not first or not second or first == second:
            return first == second
        bases = [_BASE.findall(side) for side in (first, second)]
        if all(bases) and bases[0] != bases[1]:
            return False
        if any(bases) and _based(first) == _based(second):
            return True
        if not (_is_maths(first) and _is_maths(second)):
            return False
        return self.compared(_written(one, first), _written(other, second))

    def _fragment(self, one: str, other: str) -> bool:
        """Compare what stands between signs that are not read, which need not be a whole expression."""
        whole = not any(map(_TORN.search, (one.strip(), other.strip())))
        balanced = not any(depth for text in (one, other) for _, depth in _tokens(text)[-1:])
        if whole and balanced and one.strip() and other.strip():
            return self.single(one, other)
        return normalise(one) == normalise(other)

    def _unlike(self, one: str, other: str, first: Shape, second: Shape, depth: int) -> bool:
        """Compare a single expression with something of parts: a set of one, a fraction, a condition."""
        many, single = (second, first.parts[0]) if first.kind == "one" else (first, second.parts[0])
        one, other = (single, other) if first.kind == "one" else (one, single)
        if many.kind in {"set", "list"} and len(many.parts) == 1:
            return self.part(many.parts[0], single, depth + 1)
        if many.kind == "ratio":
            return len(many.parts) == 2 and not _TIME.search("".join(many.parts)) and self.single(one, other)  # noqa: PLR2004
        return _SET.search(single) is not None and self.single(one, other)

    def _ratios(self, one: str, other: str, first: Shape, second: Shape) -> bool:
        if len(first.parts) != len(second.parts):
            return False
        if self._entries(first.parts, second.parts, 1, ordered=True):
            return True
        if _TIME.fullmatch(one.strip()) and _TIME.fullmatch(other.strip()):
            return False
        sides = [[_fraction(normalise(part)) for part in shape.parts] for shape in (first, second)]
        if not all(part for side in sides for part in side):
            return False
        return len({Fraction(a or 1) / Fraction(b or 1) for a, b in zip(*sides, strict=True)}) == 1

    def _entries(self, one: Sequence[str], other: Sequence[str], depth: int, *, ordered: bool) -> bool:
        if ordered:
            return all(self._entry(a, b, depth) for a, b in zip(one, other, strict=True))
        same_form = Counter(map(_form, one)) & Counter(map(_form, other))
        left, rest = _without(other, same_form), _without(one, same_form)
        return len(rest) <= MOST_PARTS and self._paired(rest, left, depth)

    def _paired(self, one: Sequence[str], other: Sequence[str], depth: int) -> bool:
        """Whether each entry of one list has an equal one of its own in the other, by augmenting paths."""
        owners: dict[int, int] = {}

        @cache
        def are_equal(entry: int, place: int) -> bool:
            return self._entry(one[entry], other[place], depth)

        def finds_place(entry: int, seen: set[int]) -> bool:
            for place in range(len(other)):
                if place not in seen and are_equal(entry, place):
                    seen.add(place)
                    if place not in owners or finds_place(owners[place], seen):
                        owners[place] = entry
                        return True
            return False

        return all(finds_place(entry, set()) for entry in range(len(one)))

    def _entry(self, one: str, other: str, depth: int) -> bool:
        """Compare two entries of a list, whose names matter where both have one."""
        first, second = _NAMED.fullmatch(one), _NAMED.fullmatch(other)
        if first and second:
            return normalise(f"{first[1]}+1") == normalise(f"{second[1]}+1") and self.part(
                first[2], second[2], depth
            )
        return self.part(first[2] if first else one, second[2] if second else other, depth)


def _ordered(first: Shape, second: Shape) -> bool | None:
    """Whether the entries of two shapes correspond in order; `None`: they are not alike."""
    kinds = {first.kind, second.kind}
    entries = [*first.parts, *second.parts]
    if kinds <= {"list", "set"}:
        named = [any(map(_NAMED.fullmatch, shape.parts)) for shape in (first, second)]
        worded = any(_WORD.search(normalise(entry)) for entry in entries)
        dots = any(r"\ldots" in entry for entry in entries)
        return worded or dots or named[0] != named[1]
    if kinds == {"union"}:
        return False
    if kinds == {"union", "list"}:
        conditions = first.parts if first.kind == "list" else second.parts
        return False if all(map(_SET.search, conditions)) else None
    return True if len(kinds) == 1 or kinds == {"list", "()"} else None


def _form(entry: str) -> str:
    """Give the normal form of an entry, with its name and its unit."""
    named = _NAMED.fullmatch(entry)
    normal, unit = quantity(named[2] if named else entry)
    return f"{normalise(named[1] + '+1')}={normal} {unit}" if named else f"{normal} {unit}"


def _without(entries: Sequence[str], forms: Counter[str]) -> list[str]:
    """Leave out as many entries of each normal form as there are in `forms`."""
    left, out = list[str](), Counter(forms)
    for entry in entries:
        form = _form(entry)
        if out[form]:
            out[form] -= 1
        else:
            left.append(entry)
    return left


def _shape(text: str) -> Shape:  # noqa: PLR0911 - what is tried first comes first
    """See what an answer is made of."""
    text = text.strip()
    if is_number(normalise(text)):
        return Shape("one", (text,))
    if matrix := _MATRIX.fullmatch(text):
        rows = [row.split("&") for row in re.split(r"\\\\", matrix[2]) if row.strip()]
        kind = "determinant" if matrix[1] == "vmatrix" else "matrix"
        return Shape(f"{kind} {[len(row) for row in rows]}", tuple(cell for row in rows for cell in row))
    tokens = _tokens(text)
    for kind, separators in (("list", {";"}), ("list", {","}), ("union", {r"\cup"})):
        if len(parts := _split(tokens, separators)) > 1:
            return Shape(kind, parts)
    if inside := _enclosed(tokens):
        return inside
    if (parts := _split(tokens, {r"\pm", r"\mp"}, anywhere=True)) and len(parts) > 1:
        return Shape("list", (_signed(text, "+", "-"), _signed(text, "-", "+")))
    if len(parts := _split(tokens, {":"})) > 1:
        return Shape("ratio", parts)
    return _divided(tokens, text)


def _divided(tokens: Sequence[tuple[str, int]], text: str) -> Shape:
    """Divide an expression at the signs that math-verify does not know, and at gaps between numbers."""
    signs = {token for token, _ in tokens if token.startswith("\\") and token[1:].isalpha()} - _KNOWN
    kind: list[str] = []
    parts = [""]
    for index, (token, _) in enumerate(tokens):
        around = "".join(token for token, _ in tokens[max(0, index - 2) : index + 2])
        is_gap = token.isspace() and re.search(r"(?<!_)\d\s+\d$", around) is not None
        if token in signs or is_gap:
            kind.append(token.strip())
            parts.append("")
        else:
            parts[-1] += token
    return Shape("read " + " ".join(kind), tuple(parts)) if kind else Shape("one", (text,))


def _tokens(text: str) -> list[tuple[str, int]]:
    """Give the tokens of a text, each with how deep in brackets it is."""
    tokens, depth = [], 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        depth -= token in _CLOSING
        tokens.append((token, depth))
        depth += token in _OPENING
    return tokens


def _split(
    tokens: Sequence[tuple[str, int]], separators: set[str], *, anywhere: bool = False
) -> tuple[str, ...]:
    parts = [""]
    for index, (token, depth) in enumerate(tokens):
        if token in separators and (anywhere or depth == 0) and not _groups_digits(tokens, index):
            parts.append("")
        else:
            parts[-1] += token
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    return tuple(parts)


def _groups_digits(tokens: Sequence[tuple[str, int]], index: int) -> bool:
    """Whether a comma stands between the thousands of a number."""
    if tokens[index][0] != "," or index == 0 or not tokens[index - 1][0].isdigit():
        return False
    behind = "".join(token for token, _ in tokens[index + 1 : index + 5])
    return re.match(r"\d{3}(?!\d)", behind) is not None


def _enclosed(tokens: Sequence[tuple[str, int]]) -> Shape | None:
    """Give what stands inside the brackets around all of an answer, if they are."""
    if len(tokens) < 2:  # noqa: PLR2004
        return None
    opening, closing = tokens[0][0], tokens[-1][0]
    inner = tokens[1:-1]
    if opening not in _OPENING or closing not in _CLOSING or any(depth < 1 for _, depth in inner):
        return None
    text = "".join(token for token, _ in inner)
    inner = [(token, depth - 1) for token, depth in inner]
    parts = _split(inner, {","}) if len(_split(inner, {";"})) == 1 else _split(inner, {";"})
    opening, closing = _ROUND.get(opening, opening), _ROUND.get(closing, closing)
    if opening in {r"\{", "{"} and closing in {r"\}", "}"}:
        return _condition(inner) or Shape("set", parts if text.strip() else ())
    if len(parts) > 1:
        return Shape(opening + closing, parts)
    return (
        _shape(text)
        if (opening, closing) in {("(", ")"), ("[", "]")} and len(tokens) < MOST_IN_A_VOTE
        else None
    )


def _condition(tokens: Sequence[tuple[str, int]]) -> Shape | None:
    """Give what holds of the members of a set, if that is how it is written."""
    of, *condition = _split(tokens, {":", r"\mid", "|"})
    if not condition:
        return None
    return (
        _shape(condition[0])
        if _ANY.fullmatch(of) and len(condition) == 1
        else Shape("condition", (of, *condition))
    )


def _signed(text: str, plus: str, minus: str) -> str:
    return (
        re.sub(r"\\pm(?![a-zA-Z])", plus, re.sub(r"\\mp(?![a-zA-Z])", minus, text)).strip().removeprefix("+")
    )


def _is_maths(normal: str) -> bool:
    is_short = len(normal) <= MOST_CHARACTERS
    return (
        is_short
        and not _WORD.search(re.sub(r"(?<![\\a-z])(?:sin|cos|tan|log|ln|exp)", "", normal))
        and (_MATHS.search(normal) is not None)
    )


def _written(text: str, normal: str) -> str:
    """Give what math-verify reads best: a number plainly, anything else as it is written."""
    return normal if is_number(normal) else text.strip()


def _based(normal: str) -> str:
    return _BASE.sub("", normal).rstrip("_")


def _fraction(normal: str) -> Fraction | None:
    return Fraction(normal) if is_number(normal) else None


def _measured(text: str) -> tuple[str, str]:
    """Take off the unit of an answer; the entries of a list keep theirs."""
    tokens = _tokens(text)
    is_list = len(_split(tokens, {","})) > 1 or len(_split(tokens, {";"})) > 1
    return (text, "") if is_list else without_unit(text)


def _quantities(one: str, other: str) -> bool:
    """Whether two numbers are equal, and their units, where both have one."""
    first, second = quantity(one), quantity(other)
    return _near(first.normal, second.normal) and alike(first.unit, second.unit)


def _near(first: str, second: str) -> bool:
    """Whether two numbers in normal form are equal, one of them rounded."""
    if "/" not in first + second or ("/" in first and "/" in second):
        return first == second
    one, other = Fraction(first), Fraction(second)
    return abs(one - other) <= TOLERANCE * max(abs(one), abs(other))


def _in_a_vote(one: str, other: str) -> bool:
    if max(len(one), len(other)) > MOST_IN_A_VOTE or _ENDLESS.search(one) or _ENDLESS.search(other):
        return False
    return _known_equal(one, other)


@lru_cache(maxsize=1024)
def _known_equal(one: str, other: str) -> bool:
    """Ask math-verify, in this process.

    Its own time limits are alarm signals, which exist in the main thread only: what would need them is
    kept from it by `_ENDLESS` instead.
    """
    if not _math_verify_is_quiet():
        return False
    with _one_at_a_time:
        for pair in ((one, other), (other, one)):
            try:
                return equivalent(*pair)
            except UnreadableError:
                continue
    return False


@cache
def _math_verify_is_quiet() -> bool:
    """Whether math-verify is there; stops it from warning that it runs without its time limits."""
    try:
        import math_verify  # type: ignore[import-untyped]  # noqa: F401, PLC0415
    except ImportError:
        return False
    for module in ("math_verify.parser", "math_verify.grader"):
        logging.getLogger(module).addFilter(lambda record: "Timeout is disabled" not in str(record.msg))
    return True
