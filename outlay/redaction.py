"""Keys kept out of what is shown or recorded, and server text made safe for a terminal.

`mask` is called where foreign text enters (errors) and where a command line is recorded. It knows the
keys that models registered, those in the environment, and what looks like a key. A model's own words may
speak of keys, so replies only lose the known ones (`mask_known`), tool calls included. `printable` is
called where text goes to a terminal.
"""

from __future__ import annotations

import base64
import json
import os
import re
from threading import Lock
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, urlsplit
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HIDDEN: Final = "***"
MOST_CHARACTERS: Final = 50_000
"""Of a text that `mask` reads for what looks like a key; it drops the rest."""
LEAST_LENGTH: Final = 6
"""A registered key that is shorter is a placeholder such as `x`; masking it would destroy ordinary text."""
LEAST_IN_ENVIRONMENT: Final = 8
"""The same for environment variables, which hold more ordinary words."""
PLACEHOLDERS: Final = frozenset({
    "anything",
    "changeme",
    "lm-studio",
    "lmstudio",
    "no-key-required",
    "not-needed",
    "nothing",
    "ollama",
    "optional",
    "required",
    "sk-no-key-required",
})
"""Keys that servers without keys are given."""
ENVIRONMENT: Final = ("_API_KEY", "_TOKEN", "_SECRET", "_SECRET_KEY", "_ACCESS_KEY", "_PASSWORD")
"""Endings of the names of environment variables that hold keys."""

_VALUE: Final = r"[\w.~+/=*-]"
_IN_A_QUERY: Final = r"[\w.-]*(?:key|token|secret|passwd|password|auth|sig|signature|code)"
_IN_A_FIELD: Final = (
    r"(?:x-)?(?:goog-)?(?:api[-_]?key|access[-_]?token|auth[-_]?token|client[-_]?secret|password)"
)
# A lookahead or a failing match that reads to the end of the text from every place makes the work quadratic:
# so what may fail is bounded, and only what cannot fail any more takes a key to its end.
_DIGIT: Final = rf"(?={_VALUE}{{0,200}}\d)"
_SHAPES: Final = (
    (r"(?<=://)[^\s/'\"<>?#]+@", f"{HIDDEN}@"),
    (r"(?<![\w/@.:])(?!mailto:)[\w.%+~-]{1,100}:[^\s/@'\"]{1,300}@(?=[\w\[])", f"{HIDDEN}@"),
    (rf"(?i)([?&;]{_IN_A_QUERY}=)[^&\s'\"#<>]+", rf"\1{HIDDEN}"),
    (rf"(?i)\b(bearer\s+)(?=\S{{0,200}}[\d._-]){_VALUE}{{6,}}", rf"\1{HIDDEN}"),
    (rf"(?i)(authorization['\"]?\s*[:=]\s*['\"]?(?:basic|token|key)\s+){_VALUE}{{4,}}", rf"\1{HIDDEN}"),
    (rf"(?i)(\b{_IN_A_FIELD}['\"]?\s*[:=]\s*['\"]?){_DIGIT}{_VALUE}{{6,}}", rf"\1{HIDDEN}"),
    (r"(?<![A-Za-z0-9])sk-(?:(?=[\w*-]{0,200}[\d*])[\w*-]{8,}|[\w-]{16,})", HIDDEN),
    (r"(?<![A-Za-z0-9])(?:gsk|hf|r8|gh[pousr]|github_pat)_(?=\w{0,200}\d)\w{16,}", HIDDEN),
    (r"(?<![A-Za-z0-9])(?:xai|pplx|nvapi|glpat|xox[abprs])-(?=[\w-]{0,200}\d)[\w-]{12,}", HIDDEN),
    (r"(?<![A-Za-z0-9])(?:AIza[\w-]{30,}|(?:AKIA|ASIA)[A-Z0-9]{16}|ya29\.[\w-]{16,})", HIDDEN),
    (r"(?<![A-Za-z0-9])eyJ[\w-]{8,500}\.[\w-]{8,}(?:\.[\w-]*)?", HIDDEN),
)
_KEY_SHAPES: Final = tuple((re.compile(pattern), instead) for pattern, instead in _SHAPES)
_NAMES_A_KEY: Final = re.compile(r"(?i)key|token|secret|passw|auth|sig|code|cookie")

_COMMANDS: Final = re.compile(
    r"(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f]{0,4096}(?:\x07|\x1b\\|\x9c)"
)
"""OSC, DCS and the like; none begins inside another, so that many unfinished ones take no long time."""
_CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_HALVES: Final = re.compile("[\ud800-\udfff]")

_lock: Final = Lock()
_registered: Final[WeakKeyDictionary[object, frozenset[str]]] = WeakKeyDictionary()
_sorted: tuple[int, tuple[str, ...]] = (0, ())
"""How many holders there were, and all their secrets, the longest first."""


def register(
    holder: object,
    *,
    api_key: str | None = None,
    url: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Mask the keys of `holder`, and those in the environment at this moment, for as long as it exists.

    Args:
        holder: Who uses them; they are forgotten with it.
        api_key: As it is sent.
        url: Of a server; its password and the keys in its query are masked.
        headers: That are sent with each request; those that are named like a key's are masked.
    """
    global _sorted  # noqa: PLW0603 - a cache
    found = {
        secret
        for secret in (api_key, *_in_url(url or ""), *_in_headers(headers or {}))
        if secret and _is_worth_it(secret)
    }
    forms = frozenset(form for secret in (*found, *_in_environment()) for form in _forms(secret))
    with _lock:
        if forms:
            _registered[holder] = forms
        _sorted = (-1, ())


class Keys:
    """The keys that several objects share, such as copies of a model: masked as long as one of them exists.

    Args:
        api_key: See `register`.
        url: See `register`.
        headers: See `register`.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        url: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._given = (api_key, url, headers)
        self._register()

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._register()

    def _register(self) -> None:
        api_key, url, headers = self._given
        register(self, api_key=api_key, url=url, headers=headers)


def mask(text: str) -> str:
    """Replace known keys, and what looks like a key or like credentials in a URL, by `***`.

    Of a text longer than `MOST_CHARACTERS`, the rest is dropped.
    """
    if len(text) > MOST_CHARACTERS:
        text = f"{text[:MOST_CHARACTERS]}..."
    for secret in sorted(_in_environment(), key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    text = mask_known(text)
    for pattern, instead in _KEY_SHAPES:
        text = pattern.sub(instead, text)
    return text


def mask_known(text: str) -> str:
    """Replace registered keys by `***`, and nothing else.

    A key that is cut off at the end of `text` is masked too.
    """
    for secret in _known():
        text = text.replace(secret, HIDDEN)
        if cut := _begun(text, secret, LEAST_IN_ENVIRONMENT):
            text = text[:-cut] + HIDDEN
    return text


def masked(value: Any) -> Any:
    """Give a JSON value with `mask_known` applied to all of its texts."""
    if isinstance(value, str):
        return mask_known(value)
    if isinstance(value, dict):
        return {masked(key): masked(one) for key, one in value.items()}
    return [masked(one) for one in value] if isinstance(value, list | tuple) else value


def mask_causes(error: BaseException) -> None:
    """Mask what `error` and its causes say of themselves, so that a traceback shows no key."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        cause.args = tuple(mask(one) if isinstance(one, str) else one for one in cause.args)
        for name in ("message", "body", "text"):
            said = vars(cause).get(name)
            if isinstance(said, str):
                setattr(cause, name, mask(said))
        cause = cause.__cause__ or cause.__context__


class StreamMask:
    """`mask_known` for a text that comes in pieces: holds back what may be the beginning of a key."""

    def __init__(self) -> None:
        self._secrets = _known()
        self._held = ""

    def feed(self, piece: str) -> str:
        """Take the next piece, and give what may be shown."""
        if not self._secrets:
            return piece
        text = self._held + piece
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        held = max((_begun(text, secret, 1) for secret in self._secrets), default=0)
        self._held = text[len(text) - held :]
        return text[: len(text) - held]

    def end(self) -> str:
        """Give what was held back."""
        held, self._held = self._held, ""
        return mask_known(held)


def printable(text: str) -> str:
    """Drop what steers a terminal: control and bidirectional characters, and whole OSC and DCS commands.

    Line ends and tabs stay. Half a surrogate pair becomes a replacement character.
    """
    text = _COMMANDS.sub("", text)
    return _HALVES.sub("\N{REPLACEMENT CHARACTER}", _CONTROLS.sub("", text))


def _known() -> tuple[str, ...]:
    global _sorted  # noqa: PLW0603 - a cache
    size, secrets = _sorted
    if size != len(_registered):
        with _lock:
            held = {secret for forms in _registered.values() for secret in forms}
            secrets = tuple(sorted(held, key=len, reverse=True))
            _sorted = (len(_registered), secrets)
    return secrets


def _in_environment() -> Iterator[str]:
    for name, value in os.environ.items():
        if name.upper().endswith(ENVIRONMENT) and len(value) >= LEAST_IN_ENVIRONMENT and _is_worth_it(value):
            yield value


def _in_url(url: str) -> Iterator[str]:
    """Give the credentials in a URL, as they are written, decoded, and as basic authentication sends them."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
    except ValueError:
        return
    user, at, _ = parts.netloc.rpartition("@")
    if at:
        name, _, password = user.partition(":")
        yield from (user, password or name, unquote(password or name))
        pair = f"{unquote(name)}:{unquote(password)}"
        yield base64.b64encode(pair.encode("utf-8", "replace")).decode()
    yield from (value for name, value in parse_qsl(parts.query) if _NAMES_A_KEY.search(name))


def _in_headers(headers: Mapping[str, str]) -> Iterator[str]:
    for name, value in headers.items():
        if _NAMES_A_KEY.search(name) and isinstance(value, str):
            yield from (value, value.rpartition(" ")[2])


def _forms(secret: str) -> set[str]:
    """Give the ways in which a text may hold `secret`: as it is, quoted for a URL, or inside JSON."""
    return {
        secret,
        quote(secret, safe="", errors="replace"),
        quote_plus(secret, errors="replace"),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    }


def _is_worth_it(secret: str) -> bool:
    return len(secret) >= LEAST_LENGTH and secret.lower() not in PLACEHOLDERS


def _begun(text: str, secret: str, least: int) -> int:
    """Give how many characters at the end of `text` begin `secret`, 0 where they are fewer than `least`."""
    longest = min(len(text), len(secret) - 1)
    return next((n for n in range(longest, least - 1, -1) if text.endswith(secret[:n])), 0)
