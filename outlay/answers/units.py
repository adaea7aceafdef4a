"""Whether two units of measure are the same one."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple

_SPELLINGS: Final = """
dollar $ usd us buck / cent ¢ / euro € eur / pound £ gbp lb / yen ¥ / rupee ₹ rs inr / percent % pct
millisecond ms / second s sec / minute min / hour h hr / day / week wk / month / year yr / decade / century
meter m metre / kilometer km kilometre / centimeter cm centimetre / millimeter mm millimetre
mile mi / yard yd / foot ft feet / inch / gram g / kilogram kg kilo / milligram mg / ounce oz / ton tonne
liter l litre / milliliter ml millilitre / centiliter cl / deciliter dl / gallon gal / quart / pint / cup
degree deg / radian rad / celsius / fahrenheit / kelvin / kilobyte kb / megabyte mb / gigabyte gb
watt / kilowatt kw / hertz hz / dozen / pair
"""
_NAMES: Final = {
    spelling: names.split()[0] for names in re.split(r"\s/\s|\n", _SPELLINGS) for spelling in names.split()
}
"""The name of each unit by its spellings, in the singular."""
_SPEEDS: Final = {"mph": "mile", "kph": "kilometer", "kmh": "kilometer"}
_POWERS: Final = {"square": 2, "sq": 2, "cubic": 3, "cu": 3}
_PER: Final = frozenset({"/", "per", "a", "an", "each", "every"})
_SAYS_NOTHING: Final = frozenset(
    "unit of the in all total altogether more left only remaining now additional extra about".split()
)
_TOKEN: Final = re.compile(r"\\[a-z]+|[a-z]+|\^\s*\{?\s*\d|[/%$¢€£¥₹]")


class Unit(NamedTuple):
    """What stands with a number."""

    known: frozenset[tuple[str, int]]
    """Units of measure, each with its power."""
    words: frozenset[str]
    """Other words, such as what is counted."""


def alike(one: str, other: str) -> bool:
    """Whether what stands with a number is the same in two answers, or missing in one.

    Units of measure must be the same ones in any spelling, powers included: `km/h` is `kilometers per hour`,
    and no `km`. Of other words, one in common is enough: `10 apples` are `10 more red apples`.
    """
    first, second = _unit(one), _unit(other)
    if not any(first) or not any(second):
        return True
    if first.known or second.known:
        return first.known == second.known
    return not first.words.isdisjoint(second.words)


@lru_cache(maxsize=1024)
def _unit(text: str) -> Unit:
    tokens = _TOKEN.findall(re.sub(r"\bper cent\b", "%", text.casefold()))
    known: list[tuple[str, int]] = []
    words: set[str] = set()
    power, sign = 1, 1
    for token, following in zip(tokens, (*tokens[1:], ""), strict=False):
        name = _name(token, following)
        if token in _PER:
            sign = -1
        elif token in _POWERS:
            power = _POWERS[token]
        elif token.startswith("^") and known:
            known[-1] = (known[-1][0], int(token[-1]) * sign)
        elif token in _SPEEDS:
            known += [(_SPEEDS[token], 1), ("hour", -1)]
        elif name:
            known.append((name, power * sign))
            power = 1
        elif token.isalpha() and _singular(token) not in _SAYS_NOTHING:
            words.add(_singular(token))
    return Unit(frozenset(known), frozenset(words))


def _name(token: str, following: str) -> str | None:
    if token == "in":  # noqa: S105 - inches at the end of a unit, and a preposition elsewhere
        return None if following.isalpha() else "inch"
    return _NAMES.get(token) or _NAMES.get(_singular(token))


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("ches", "shes", "xes", "sses")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word
