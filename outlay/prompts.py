r"""Data in prompts: texts that are not instructions, between tags that they cannot close.

A prompt holds the caller's instructions and texts that somebody else wrote: drafts, retrieved turns,
demonstrations, answers to be judged, what an environment shows. `delimited` puts such a text between tags. In
the text, it puts a backslash into whatever reads like a tag of `Tag` or like a control token of a chat
template: `</notes>` becomes `<\/notes>`. Removing one backslash from each gives the text back. The same text
always gives the same prompt, so that prompt caches and the replay store work.

A text that has a chat message of its own needs no tags: `inert` alone keeps it from ending its message.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable

    from outlay.model import Completion

Tag = Literal[
    "actions",
    "attempt",
    "context",
    "example",
    "excerpt",
    "first",
    "flaws",
    "notes",
    "observation",
    "plan",
    "question",
    "reference",
    "response",
    "second",
    "situation",
    "step",
    "steps",
]
"""The names of tags in prompts. Each is neutralised in every text, whichever tag the text stands in."""

_REPLY_TAGS: Final = ("answer", "think")
"""Names of tags that are looked for in replies: no text in a prompt may show one for a model to copy."""
_TEMPLATE_TAGS: Final = (
    *("s", "bos", "eos", "pad", "unk", "cls", "sep", "mask", "sop", "eop"),
    *("tools", "functions", "function", "parameter", "invoke", "image", "img", "audio", "video"),
)
"""Control tokens that are one word. Those of chat templates, of tool calls and of images."""
_TEMPLATE_FAMILIES: Final = (
    *("start_of", "end_of", "begin_of", "tool", "tools", "function", "arg", "scratch", "code", "jupyter"),
    *("image", "audio", "video", "vision", "fim", "file", "repo", "issue", "reserved", "special", "extra"),
    *("unused", "bos", "eos", "pad", "unk", "cls", "sep", "mask", "eop", "system", "user", "assistant"),
)
"""How control tokens of several words begin: `<tool_call>`, `<start_of_image>`, `<extra_id_0>`."""
_TEMPLATE_BRACKETS: Final = (
    *("inst", "system_prompt", "available_tools", "tool_results", "tool_calls", "tool_content"),
    *("args", "call_id", "model_settings", "think", "img", "img_break", "img_end", "audio"),
    *("prefix", "middle", "suffix", "gmask", "mask", "smask", "cls", "sep", "bos", "eos", "pad", "unk"),
)

_LESS: Final = (
    "<\uff1c\ufe64\u226e\u2039\u3008\u2329\u27e8\u02c2\u1438\u276e\u2770\u226a\u22d6\u00ab\u27ea\u300a\u29fc"
)
_GREATER: Final = ">\u203a\u3009\u232a\u27e9\u02c3\u1433\u276f\u2771\u226b\u22d7\u00bb\u27eb\u300b\u29fd"
_SLASH: Final = "/\u2044\u2215\u29f8\u2571\u27cb\u3033\u30ce\u2f03\u4e3f"
_BAR: Final = "|\u2223\u01c0\u2502\u2758\u00a6\u23d0\u05c0"
_LETTERS: Final = {
    "a": "\u0430\u0391\u03b1\u0251\u2c6d",
    "b": "\u0412\u0432\u0392\u03b2\u042c\u044c",
    "c": "\u0441\u03f2\u1d04",
    "d": "\u0501\u13e7",
    "e": "\u0435\u0395\u03b5\u0454\u04bd\u212e",
    "f": "\u03dc\u03dd\u0192\u0493",
    "g": "\u0261\u0581\u0260",
    "h": "\u04bb\u0570\u041d\u043d\u0397",
    "i": "l1\u0456\u0399\u03b9\u0131\u0269\u04cf\u0196\u04c0\u2113\u0627\u05d5",
    "k": "\u043a\u039a\u03ba",
    "m": "\u043c\u039c",
    "n": "\u0578\u057c\u039d\u03b7",
    "o": "0\u043e\u039f\u03bf\u0585\u03c3\u0647",
    "p": "\u0440\u03a1\u03c1",
    "q": "\u051b\u0563",
    "r": "\u0433\u0280",
    "s": "\u0455\u0405\u054f\ua731",
    "t": "\u0442\u03a4\u03c4",
    "u": "\u057d\u03c5\u028b",
    "v": "\u03bd\u0475\u0474",
    "w": "\u051d\u03c9\u0461",
    "x": "\u0445\u03a7\u03c7\u00d7",
    "y": "\u0443\u0423\u03a5\u03b3\u04af\u04ae",
}
"""What looks like each letter. `l` and `1` count as `i`, `0` as `o`, in names of tags too."""
_CONFUSABLE: Final = {
    like: plain
    for plain, all_alike in {"<": _LESS, ">": _GREATER, "/": _SLASH, "|": _BAR, **_LETTERS}.items()
    for like in all_alike
}
_IGNORED: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
"""Letters and symbols by category that show nothing."""
_LATIN: Final = re.compile(r"\bLETTER (?:(?:SMALL|CAPITAL|SCRIPT|OPEN) )*([A-Z])(?: WITH .*)?$")

_ENTITY: Final = r"&(?:it|\#o{0,8}6o|\#xo{0,8}3c);?"
"""An escaped `<`, as `_seen` shows it."""
_SUSPECT: Final = re.compile(rf"[{_LESS}\[\uff3b&]")
_NAMES: Final = "|".join((*get_args(Tag), *_REPLY_TAGS)).replace("l", "i")
_TOKENS: Final = "|".join(_TEMPLATE_TAGS).replace("l", "i")
_FAMILIES: Final = "|".join(_TEMPLATE_FAMILIES).replace("l", "i")
_BRACKETS: Final = "|".join(_TEMPLATE_BRACKETS).replace("l", "i")
_IMITATION: Final = re.compile(
    rf"""(?P<begins> < | {_ENTITY} ) \\* (?:
            / \\* (?:{_NAMES})
          | (?:{_NAMES}) [^<]{{0,40}}? (?: > | &gt )
          | \| [^<>|]{{1,40}} \|
          | /? (?:[a-z]{{1,20}}:)? (?: (?:{_TOKENS}) | (?:{_FAMILIES})_?[a-z\d_]{{1,40}} ) /? >
          | (?:function|parameter|invokename) = [^<>]{{1,60}} >
          | < \\* /? sys >
        )
      | (?P<bracket> \[ ) \\* (?:
            /? (?:{_BRACKETS} | (?:controi|unused_token)_[\dio]{{1,4}})
          | \| [a-z_]{{3,20}} \|
        ) \]""",
    re.VERBOSE,
)
_ECHO: Final = r"[ \t]*</?(?:{names})(?: \d{{1,4}})?>[ \t]*"


def delimited(tag: Tag, text: str, number: int | None = None) -> str:
    """Put `text` between `<tag>` and `</tag>`, on lines of their own.

    Args:
        tag: Names what the text is.
        text: Anything; see `inert` for what becomes of tags in it.
        number: Stands in the opening tag, where there are several of a kind.
    """
    opening = tag if number is None else f"{tag} {number}"
    return f"<{opening}>\n{inert(text)}\n</{tag}>"


def inert(text: str) -> str:
    r"""Put a backslash into whatever in `text` a model could take for a tag or a control token.

    That is, behind the first sign of it: `<\/notes>`, `<\|im_end|>`, `[\INST]`. Case, white space, characters
    that show nothing, accents, HTML entities and letters that look alike make no difference. Any number of
    backslashes there gets one more, so that no two texts become the same one.
    """
    if not _SUSPECT.search(text):
        return text
    skeleton, places = _skeleton(text)
    cuts = [0, *(places[match.end(match.lastgroup or 0) - 1] + 1 for match in _IMITATION.finditer(skeleton))]
    return "\\".join(text[begin:end] for begin, end in zip(cuts, [*cuts[1:], len(text)], strict=True))


def without_tags(text: str, tags: Iterable[Tag]) -> str:
    """Take tags that a model copied from its prompt out of its reply.

    Only tags at its beginning, at its end, or alone on a line: inside a line they are part of what it says.

    Args:
        text: The reply.
        tags: Those of its prompt.
    """
    if "<" not in text:
        return text
    alone, around = _echoes(tuple(tags))
    return around.sub("", alone.sub("", text))


def untagged(completion: Completion, tags: Iterable[Tag]) -> Completion:
    """Give `completion` with its text `without_tags`."""
    text = without_tags(completion.text, tags)
    return completion if text == completion.text else completion.model_copy(update={"text": text})


@lru_cache
def _echoes(tags: tuple[Tag, ...]) -> tuple[re.Pattern[str], re.Pattern[str]]:
    echo = _ECHO.format(names="|".join(tags))
    return re.compile(rf"^{echo}(?:\n|\Z)", re.MULTILINE), re.compile(rf"\A\s*{echo}|{echo}\s*\Z")


def _skeleton(text: str) -> tuple[str, list[int]]:
    """Give `text` as a careless reader sees it, and where in `text` each character of that comes from."""
    signs: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        seen = _seen(character)
        signs.append(seen)
        places += [place] * len(seen)
    return "".join(signs), places


@lru_cache(maxsize=4096)
def _seen(character: str) -> str:
    """Give what a character looks like, in ASCII where that is possible; empty where it shows nothing."""
    if character in _CONFUSABLE:
        return _CONFUSABLE[character]
    if character.isascii() and not character.isspace() and character.isprintable():
        return _CONFUSABLE.get(character.lower(), character.lower())
    if character in _IGNORED:
        return ""
    return "".join(map(_plain, unicodedata.normalize("NFKD", character)))


def _plain(part: str) -> str:
    if part in _CONFUSABLE:
        return _CONFUSABLE[part]
    if part in _IGNORED or unicodedata.category(part)[0] in "MZC":
        return ""
    latin = _LATIN.search(unicodedata.name(part, ""))
    letter = latin[1].lower() if latin else part.casefold()
    return _CONFUSABLE.get(letter, letter)
