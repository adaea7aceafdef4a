"""Expressions of time in English sentences, and the dates they mean."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from outlay.memory.modules.rules.packages import ONE_AT_A_TIME, dates

if TYPE_CHECKING:
    from datetime import datetime

_DAY: Final = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_UNIT: Final = r"(?:minute|hour|day|night|week|weekend|month|year|decade)"
_COUNT: Final = (
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:a )?(?:few|couple(?: of)?)"
    r"|several|many)"
)
_SEASON: Final = r"(?:spring|summer|autumn|fall|winter)"
_YEAR: Final = r"(?:19|20)\d\d"
_NUMBER: Final = r"\d{1,2}(?:st|nd|rd|th)?"

EXPRESSION: Final = re.compile(
    "|".join([
        rf"\b{_YEAR}-\d\d-\d\d\b",
        rf"\b{_NUMBER} (?:of )?{_MONTH}\b(?:,? {_YEAR}\b)?",
        rf"\b{_MONTH}\.? {_NUMBER}\b(?:,? {_YEAR}\b)?",
        rf"\b{_MONTH},? {_YEAR}\b",
        rf"\b(?:last|next|this|in|since|until|by|during|early|late) {_MONTH}\b",
        r"\b(?:yesterday|today|tonight|tomorrow|last night|this (?:morning|afternoon|evening))\b",
        rf"\b{_COUNT} {_UNIT}s? (?:ago|before|earlier|later|from now)\b",
        rf"\b(?:last|next|this|past|coming|previous|following) (?:few )?(?:{_UNIT}s?|{_DAY}|{_SEASON})\b",
        rf"\b(?:for|since|within|in) (?:about |over |almost |nearly )?{_COUNT} {_UNIT}s?\b",
        rf"\b{_DAY}s?\b",
        r"\b\d{1,2}(?::\d\d)? ?[ap]\.?m\b",
        rf"\b{_YEAR}\b",
    ]),
    re.IGNORECASE,
)
_ABOUT: Final = re.compile(r"^(?:in|since|until|by|during|for|within|early|late)\s+", re.IGNORECASE)
_WEEK: Final = re.compile(
    r"^(last|past|previous|next|coming|following|this)\s+(week|weekend)$", re.IGNORECASE
)
_LENGTH: Final = re.compile(rf"^(?:for|since|within)\s.*{_UNIT}s?$", re.IGNORECASE)
_A_YEAR: Final = re.compile(rf"\b{_YEAR}\b|^{_YEAR}")
_CLOCK: Final = re.compile(r"^\d{1,2}(?::\d\d)? ?[ap]\.?m$", re.IGNORECASE)
_SIDE: Final = {"last": "before", "past": "before", "previous": "before", "this": "of"}
_FORM: Final = {"year": "%Y", "month": "%B %Y"}


def expressions(text: str) -> list[str]:
    """Give the expressions of time in `text`, as they stand there."""
    return [match[0] for match in EXPRESSION.finditer(text)]


def resolved(expression: str, said: str) -> str | None:
    """Give the date an expression means where it was said at the time `said`.

    As exact as the expression is: `7 May 2023`, `April 2023`, `2022`, `the week before 8 May 2023`. `None`
    where it means no date ("for two years", "8 pm"), or one that cannot be told.
    """
    if _LENGTH.match(expression) or _CLOCK.match(expression):
        return None
    day = day_of(said)
    if week := _WEEK.match(expression):
        side = _SIDE.get(week[1].lower(), "after")
        return f"the {week[2].lower()} {side} {_written(day)}" if day else None
    found, period = _parsed(_ABOUT.sub("", expression), day)
    if found is None:
        return None
    if period == "week":
        return f"around {_written(found)}"
    return found.strftime(_FORM[period]) if period in _FORM else _written(found)


def day_of(said: str) -> datetime | None:
    """Give the moment that a chunk's time means; `None` where it has none, or it is not a whole date."""
    return _parsed(said, None, whole=True)[0]


def day_written(said: str) -> str:
    """Give a chunk's time as a day, `8 May 2023`; as it stands where it is no date."""
    day = day_of(said)
    return _written(day) if day else said.strip()


def _written(day: datetime) -> str:
    return f"{day.day} {day:%B %Y}"


@lru_cache(maxsize=10_000)
def _parsed(text: str, base: datetime | None, *, whole: bool = False) -> tuple[datetime | None, str]:
    if base is None and not _A_YEAR.search(text):
        # It would be counted from the day of asking, and be another date tomorrow.
        return None, ""
    settings: dict[str, object] = {"REQUIRE_PARTS": ["day", "month", "year"]} if whole else {}
    if base is not None:
        settings["RELATIVE_BASE"] = base
    with ONE_AT_A_TIME:
        found = dates().DateDataParser(languages=["en"], settings=settings).get_date_data(text)
    return found.date_obj, found.period
