"""The packages of the extra `memory`, loaded when they are needed."""

from __future__ import annotations

import warnings
from functools import cache
from importlib import import_module
from threading import RLock
from typing import Any, Final

from outlay.errors import ConfigurationError

ONE_AT_A_TIME: Final = RLock()
"""Held while one of them loads its tables, which none of them does safely from several threads."""


@cache
def parser() -> Any:
    """Give TextBlob's tagger and chunker of English, whose lexicon is part of the package.

    Raises:
        ConfigurationError: TextBlob is not installed.
    """
    with ONE_AT_A_TIME, warnings.catch_warnings():
        # Its tables are read from files that it leaves to the garbage collector to close.
        warnings.simplefilter("ignore", ResourceWarning)
        made = _package("textblob.en", "TextBlob").parser
        made.parse("Its tables are read with the first sentence.")
    return made


@cache
def stemmer() -> Any:
    """Give the Snowball stemmer of English.

    Raises:
        ConfigurationError: NLTK is not installed.
    """
    with ONE_AT_A_TIME:
        return _package("nltk.stem.snowball", "NLTK").SnowballStemmer("english")


def bm25() -> Any:
    """Give the module bm25s.

    Raises:
        ConfigurationError: It is not installed.
    """
    return _package("bm25s", "bm25s")


@cache
def stop_words() -> frozenset[str]:
    """Give the English words that say nothing about what a text is about.

    Raises:
        ConfigurationError: bm25s, whose list it is, is not installed.
    """
    return frozenset(_package("bm25s.stopwords", "bm25s").STOPWORDS_EN_PLUS)


def dates() -> Any:
    """Give the module of dateparser that says how exact a date is.

    Raises:
        ConfigurationError: dateparser is not installed.
    """
    return _package("dateparser.date", "dateparser")


def _package(module: str, name: str) -> Any:
    try:
        return import_module(module)
    except ModuleNotFoundError as exc:
        raise ConfigurationError(
            f"the tiers that ask no model need {name}: run `pip install 'outlay[memory]'`"
        ) from exc
